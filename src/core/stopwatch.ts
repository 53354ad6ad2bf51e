/** Times the steps of something, for whoever wants to be told. */

/** One line about something that happened. */
export type Trace = (message: string) => void;

/** Not `performance.now()`: the first use of that loads a module of its own. */
const now = (): bigint => process.hrtime.bigint();

/** @returns to be called after each step: says what it was and how long it took */
export function stopwatch(trace: Trace | undefined): (step: string) => void {
  if (trace === undefined) return () => undefined;
  let before = now();
  return (step) => {
    const after = now();
    trace(`${step}: ${(Number(after - before) / 1e6).toFixed(1)} ms`);
    before = after;
  };
}
