/** Letting a program die with this process, however this one ends: the kernel's parent-death signal. */
import { spawnSync } from 'node:child_process';
import { findCommand } from './command.ts';

/**
 * What to put in front of a program's path and arguments. Tried out first, since not every setpriv knows the option.
 * @returns undefined where the system has no such signal or no program that sets it
 */
export function dieWithParent(searchPath: string | undefined): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  const found = findCommand('setpriv', searchPath, '/');
  if (!found.ok) return undefined;
  // SIGKILL, since nobody is left who could end a program that ignores a polite signal.
  const prefix = [found.file, '--pdeathsig', 'KILL', '--'];
  const [program = '', ...args] = prefix;
  return spawnSync(program, [...args, program, '--version'], { stdio: 'ignore', env: {} }).status === 0 ? prefix : undefined;
}
