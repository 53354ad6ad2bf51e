import { done, failed, Fault } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';

/** What `run` gives, or the Fault that it throws; anything else stays thrown. */
export async function outcomeOf<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return done(await run());
  } catch (error) {
    if (error instanceof Fault) return failed(error);
    throw error;
  }
}
