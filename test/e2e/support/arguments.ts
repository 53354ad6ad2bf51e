/** Reads the arguments of every process again and again, as anybody on the machine could. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks. */
const PAUSE_MS = 5;

export interface ArgumentSampler {
  /** Stops; gives every argument list that was seen, its arguments separated by spaces. */
  stop(): Promise<readonly string[]>;
}

export function sampleArguments(): ArgumentSampler {
  const seen = new Set<string>();
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      for (const pid of readdirSync('/proc')) {
        if (!/^\d+$/.test(pid)) continue;
        try {
          seen.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '));
        } catch {
          // it is gone meanwhile
        }
      }
      await sleep(PAUSE_MS);
    }
  };
  const looking = look();
  return {
    stop: async () => {
      stop.abort();
      await looking;
      return [...seen];
    },
  };
}
