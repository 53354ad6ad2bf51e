/** Another program in the place of this process. */

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
