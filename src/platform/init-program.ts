/**
 * Being PID 1. Orphaned processes become children of PID 1, which has to wait for them, and the runtime can't wait for
 * what it did not start. A small init program can: it takes our place and starts us again.
 */
import { spawnSync } from 'node:child_process';
import { findCommand } from './command.ts';
import { execute } from './execute.ts';

export interface InitProgram {
  readonly file: string;
  /** Its name and options, to be followed by a program. */
  readonly argv: readonly [string, ...string[]];
}

/** In the order they are looked for, each with the options under which it signals its own child only. */
const KNOWN: readonly (readonly [string, ...string[]])[] = [
  ['tini', '--'],
  ['dumb-init', '--single-child', '--'],
  ['catatonit', '--'],
];

/** Where packages and container runtimes put them, besides PATH. */
const USUAL_FOLDERS = '/usr/bin:/sbin:/usr/sbin:/usr/local/bin';

/** @returns one that can be executed here; undefined if there is none */
export function findInit(searchPath: string | undefined): InitProgram | undefined {
  for (const argv of KNOWN) {
    const found = findCommand(argv[0], searchPath === undefined ? USUAL_FOLDERS : `${searchPath}:${USUAL_FOLDERS}`, '/');
    // Tried out, because a call that replaces this process and fails aborts it.
    if (found.ok && spawnSync(found.file, ['--version'], { stdio: 'ignore' }).status === 0) return { file: found.file, argv };
  }
  return undefined;
}

/** Replaces this process by `init`, which starts the same call again. */
export function restartUnder(init: InitProgram): never {
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return execute(init.file, [...init.argv, ...self], process.env);
}
