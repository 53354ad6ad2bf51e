/** Who and where we are, as each record says it. */
import os from 'node:os';

type Env = Readonly<Record<string, string | undefined>>;

/** The user's name in the system; `uid:N` where there is none. */
export function actorOf(): string {
  try {
    return os.userInfo().username;
  } catch {
    return process.geteuid === undefined ? 'unknown' : `uid:${process.geteuid()}`;
  }
}

/** The system, and the variables that hold its project and its job. */
const SYSTEMS: readonly (readonly [marker: string, system: string, project: string, job: readonly string[]])[] = [
  ['GITHUB_ACTIONS', 'github', 'GITHUB_REPOSITORY', ['GITHUB_WORKFLOW', 'GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT']],
  ['GITLAB_CI', 'gitlab', 'CI_PROJECT_PATH', ['CI_PIPELINE_ID', 'CI_JOB_ID']],
  ['TF_BUILD', 'azure-pipelines', 'BUILD_REPOSITORY_NAME', ['BUILD_DEFINITIONNAME', 'BUILD_BUILDID']],
  ['BITBUCKET_BUILD_NUMBER', 'bitbucket', 'BITBUCKET_REPO_FULL_NAME', ['BITBUCKET_BUILD_NUMBER']],
  ['CIRCLECI', 'circleci', 'CIRCLE_PROJECT_REPONAME', ['CIRCLE_JOB', 'CIRCLE_BUILD_NUM']],
  ['BUILDKITE', 'buildkite', 'BUILDKITE_PIPELINE_SLUG', ['BUILDKITE_BUILD_NUMBER']],
  ['JENKINS_URL', 'jenkins', 'JOB_NAME', ['BUILD_NUMBER']],
];

/** `github acme/api deploy/123456/1`; undefined outside of CI. */
export function ciOf(env: Env): string | undefined {
  const isSet = (name: string): boolean => !['', '0', 'false', undefined].includes(env[name]?.toLowerCase());
  for (const [marker, system, project, job] of SYSTEMS) {
    if (!isSet(marker)) continue;
    const parts = job.flatMap((name) => (env[name] === undefined || env[name] === '' ? [] : [env[name]]));
    return [system, env[project], parts.join('/')].filter((part) => part !== undefined && part !== '').join(' ');
  }
  return isSet('CI') ? 'ci' : undefined;
}
