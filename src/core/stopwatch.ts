/** Times the steps of something, for whoever wants to be told. */
import { monotonicMs } from './monotonic.ts';

/** One line about something that happened. */
export type Trace = (message: string) => void;

/** @returns to be called after each step: says what it was and how long it took */
export function stopwatch(trace: Trace | undefined): (step: string) => void {
  if (trace === undefined) return () => undefined;
  let before = monotonicMs();
  return (step) => {
    const after = monotonicMs();
    trace(`${step}: ${(after - before).toFixed(1)} ms`);
    before = after;
  };
}
