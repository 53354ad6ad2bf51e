import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SecretValue } from '../../src/core/secret-value.ts';
import type { Finding, SearchContext } from '../../src/scan/finding.ts';
import { SearchPlan } from '../../src/scan/plan.ts';
import { tempDir } from '../e2e/support/home.ts';

export const planOf = (values: Readonly<Record<string, string | Buffer>>): SearchPlan =>
  new SearchPlan(
    Object.entries(values).map(([name, value]) => ({ name, value: SecretValue.fromBytes(Buffer.from(value as string)) })),
    { minLength: 6 },
  );

export interface Recorded extends SearchContext {
  readonly findings: Finding[];
  readonly warnings: string[];
}

/** A search that keeps what it is told. */
export function recorded(plan: SearchPlan, cwd: string, paths: readonly string[] = []): Recorded {
  const findings: Finding[] = [];
  const warnings: string[] = [];
  return {
    plan,
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd },
    paths,
    findings,
    warnings,
    found: (finding) => findings.push(finding),
    unsearched: (what, why) => warnings.push(`${what}: ${why}`),
  };
}

export interface Repository {
  readonly dir: string;
  git(...args: string[]): string;
  write(name: string, content: string | Buffer): void;
  commit(message: string): string;
}

/** A folder, with `git init` only when asked for. */
export function repository(init = true): Repository {
  const dir = tempDir('scan');
  const identity = {
    GIT_AUTHOR_NAME: 'n',
    GIT_AUTHOR_EMAIL: 'n@example.com',
    GIT_COMMITTER_NAME: 'n',
    GIT_COMMITTER_EMAIL: 'n@example.com',
  };
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: dir,
      env: { PATH: process.env['PATH'], HOME: dir, ...identity },
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  if (init) git('init', '--quiet', '--initial-branch=main');
  return {
    dir,
    git,
    write: (name, content) => {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), content);
    },
    commit: (message) => {
      git('add', '--all');
      git('commit', '--quiet', '--message', message);
      return git('rev-parse', 'HEAD');
    },
  };
}
