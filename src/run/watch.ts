/**
 * Watches the documents of a run for new versions, by metadata alone: no value is read until something has changed.
 *
 * One look at a time, for everything of a run together. Looks are spread, so that many hosts that started at once
 * don't ask at once for ever; a manager that fails is asked less and less often.
 */
import type { Milliseconds } from '../core/model.ts';

/** What stands for a version: equal as long as nothing has changed. undefined: it can't be known now. */
export type Stamp = string | undefined;

export interface WatchOptions {
  readonly interval: Milliseconds;
  /** Stamps of all documents, in one order. May throw: then nothing is known. */
  readonly look: () => Promise<readonly Stamp[]>;
  /** What the running program got, in that order; undefined where only the first look can say. */
  readonly known: readonly Stamp[];
  /**
   * Called with the positions that have changed; nothing is looked at before it is over. Must not throw.
   * @returns whether the change was dealt with; if not, the next look finds it again
   */
  readonly onChange: (changed: readonly number[]) => Promise<boolean>;
  /** Called when looking begins to fail, and with undefined when it works again. */
  readonly onTrouble: (error: unknown) => void;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** After a change, further ones often follow within moments: those of one rotation. */
export const SETTLE: Milliseconds = 2_000;
const MOST_SETTLING = 5;
const LONGEST_BACKOFF: Milliseconds = 10 * 60_000;

export class Watch {
  readonly #options: WatchOptions;
  #known: Stamp[];
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#known = [...options.known];
  }

  /** The first look comes at once: what changed while the program started counts too. */
  start(): void {
    this.#after(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #after(delay: Milliseconds): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#round(), delay);
  }

  async #round(): Promise<void> {
    const changed = new Set<number>();
    const before = [...this.#known];
    for (let settling = 0; settling < MOST_SETTLING; settling++) {
      const found = await this.#look();
      if (this.#stopped) return;
      if (found === undefined || found.length === 0) break;
      for (const position of found) changed.add(position);
      await new Promise<void>((resolve) => {
        this.#timer = setTimeout(resolve, SETTLE);
      });
      if (this.#stopped) return;
    }
    if (changed.size > 0 && !(await this.#options.onChange([...changed].sort((one, other) => one - other)))) {
      for (const position of changed) this.#known[position] = before[position];
    }
    this.#after(this.#pause());
  }

  /** The positions that differ from what is known, which they then become; undefined where looking failed. */
  async #look(): Promise<readonly number[] | undefined> {
    let stamps: readonly Stamp[];
    try {
      stamps = await this.#options.look();
    } catch (error) {
      if (this.#failures++ === 0 && !this.#stopped) this.#options.onTrouble(error);
      return undefined;
    }
    if (this.#failures > 0 && !this.#stopped) this.#options.onTrouble(undefined);
    this.#failures = 0;
    return stamps.flatMap((stamp, position) => {
      const before = this.#known[position];
      // That something can't be known for a while is no change.
      if (stamp === undefined || stamp === before) return [];
      this.#known[position] = stamp;
      return before === undefined ? [] : [position];
    });
  }

  /** Nine to eleven tenths of the interval, doubled for each failure in a row. */
  #pause(): Milliseconds {
    const { interval, random = Math.random } = this.#options;
    const backedOff = Math.min(interval * 2 ** Math.min(this.#failures, 20), Math.max(interval, LONGEST_BACKOFF));
    return Math.round(backedOff * (0.9 + random() * 0.2));
  }
}
