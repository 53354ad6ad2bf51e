/** Node's own debug output, which NODE_DEBUG asks for and which shows whole environments (`child_process`). */

/** A line of it: the section, this process's id, possibly in colour, a colon. */
// oxlint-disable-next-line no-control-regex -- a colour begins with an escape
const DEBUG_LINE = /^[A-Z0-9_./-]+ (?:\u001b\[\d+m)?(\d+)(?:\u001b\[\d+m)?: /;

/**
 * Keeps that output of this process, and nothing else, off stderr. Node reads the variable before any code runs, so
 * removing it from the environment would change nothing here; programs started later still get it.
 * @returns lets it through again
 */
export function silenceNodeDebug(): () => void {
  if ((process.env['NODE_DEBUG'] ?? '') === '') return () => undefined;
  const { stderr } = process;
  const before = stderr.write;
  const write = before.bind(stderr) as (...all: readonly unknown[]) => boolean;
  const filtered = (chunk: unknown, ...rest: readonly unknown[]): boolean => {
    const isDebug = typeof chunk === 'string' && DEBUG_LINE.exec(chunk)?.[1] === String(process.pid);
    return isDebug || write(chunk, ...rest);
  };
  stderr.write = filtered;
  return () => {
    stderr.write = before;
  };
}
