/**
 * Git as a reader of its own data. Nothing that a repository's configuration names is started: only plumbing is used,
 * with its monitor, hooks and transports switched off.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { SecretsError } from '../core/errors.ts';

export interface Git {
  /** Where it is run. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What git needs of the environment: its user's own configuration, which says among others whom that user trusts. */
const KEPT = ['PATH', 'HOME', 'USERPROFILE', 'XDG_CONFIG_HOME', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_NOSYSTEM', 'SystemRoot', 'TMPDIR', 'TEMP'];
/** Where a hook says the commit in the making is. A wrong one would have us search another index. */
const PLACES = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_COMMON_DIR', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES'];
const FIXED = {
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  // A partial clone would fetch what is missing, by programs that its configuration names.
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
};
const SAFE = ['--no-pager', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];

/** Git for the repository that a folder is in, whatever the environment says. */
export const gitIn = (cwd: string, env: Git['env']): Git => ({ cwd, env: { ...picked(env, KEPT), ...FIXED } });

/** Git for the repository that the environment or the working directory says. */
export const gitHere = (cwd: string, env: Git['env']): Git => ({ cwd, env: { ...picked(env, [...KEPT, ...PLACES]), ...FIXED } });

const picked = (env: Git['env'], names: readonly string[]): Git['env'] =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

type GitProcess = ChildProcessByStdio<Writable, Readable, null>;

export function startGit(git: Git, args: readonly string[]): { readonly child: GitProcess; readonly ended: Promise<number | undefined> } {
  const child = spawn('git', [...SAFE, ...args], { cwd: git.cwd, env: git.env, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('close', (code) => resolve(code ?? undefined));
    child.once('error', () => reject(new SecretsError({ code: 'DEPENDENCY_MISSING', message: 'git cannot be started', hint: NO_GIT })));
  });
  // Whoever reads the output learns of it there.
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined);
  return { child, ended };
}

const NO_GIT = 'install git, or search without it: secrets scan --ignored PATH';

/**
 * What git prints, in records that end with a byte. A consumer that stops early stops git.
 * @throws SecretsError DEPENDENCY_MISSING without git, IO when it fails
 */
export async function* gitRecords(git: Git, args: readonly string[], end: 0 | 10): AsyncGenerator<Buffer, void> {
  const { child, ended } = startGit(git, args);
  child.stdin.end();
  try {
    yield* recordsOf(child.stdout, end);
    if ((await ended) !== 0) throw gitFailed(args.find((word) => !word.startsWith('-')));
  } finally {
    child.kill();
  }
}

/** The one line that git prints; undefined when it says no. @throws SecretsError DEPENDENCY_MISSING without git */
export async function gitLine(git: Git, args: readonly string[]): Promise<string | undefined> {
  const { child, ended } = startGit(git, args);
  child.stdin.end();
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout) pieces.push(piece as Buffer);
  return (await ended) === 0
    ? Buffer.concat(pieces)
        .toString('utf8')
        .replace(/\r?\n$/, '')
    : undefined;
}

export const gitFailed = (what = ''): SecretsError =>
  new SecretsError({
    code: 'IO',
    message: `git ${what} failed, so the search is not complete`,
    hint: 'git fsck looks for damage; a PATH must be inside of this repository',
  });

async function* recordsOf(stream: Readable, end: number): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of stream) {
    const bytes = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
    let from = 0;
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, from)) {
      yield bytes.subarray(from, at);
      from = at + 1;
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) yield rest;
}
