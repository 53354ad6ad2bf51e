/** Another program in the place of this process. */
import { existsSync } from 'node:fs';

export const canExecute = (): boolean => process.platform !== 'win32' && process.execve !== undefined;

/**
 * Replaces this process; only the first three descriptors go over. The file must be known to be executable and the
 * strings to fit: the runtime aborts when the call fails.
 * @throws Error where {@link canExecute} says no
 */
export function execute(file: string, argv: readonly string[], env: Readonly<Record<string, string | undefined>>): never {
  if (process.execve === undefined) throw new Error('this system cannot replace a process');
  return process.execve(file, argv, { ...env });
}

const SHELL = '/bin/sh';

/**
 * Ends this process even while a thread of it is writing to a reader that takes nothing, for which an ordinary exit
 * would wait. Where no shell can take its place and end with the code, it ends by SIGKILL.
 */
export function exitAtOnce(code: number): never {
  if (canExecute() && existsSync(SHELL)) execute(SHELL, ['sh', '-c', `exit ${code}`], {});
  process.kill(process.pid, 'SIGKILL');
  throw new Error('a process outlived SIGKILL');
}
