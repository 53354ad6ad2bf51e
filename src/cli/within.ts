/** Waiting with an end: what a run still does when its program is gone must not hold the person up. */
import type { Run } from '../run/prepare.ts';

/** Two seconds are enough to give tokens back; a manager that hangs must not hold the program. */
export const closeQuickly = (run: Run): Promise<void> => within(2_000, run.close());

export async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // The timer keeps the process alive: with nothing left to do it would end by itself, and with another code.
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]).catch(() => undefined);
  clearTimeout(timer);
}
