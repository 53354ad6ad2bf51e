import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SETTLE, Watch, type Stamp } from '../../src/run/watch.ts';

const INTERVAL = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Made {
  readonly watch: Watch;
  /** What the next looks see. */
  now: readonly Stamp[] | Error;
  looks: number;
  readonly changes: (readonly number[])[];
  readonly troubles: unknown[];
}

function made(
  known: readonly Stamp[],
  more: { readonly random?: () => number; readonly hold?: Promise<void>; readonly done?: () => boolean } = {},
): Made {
  const self: Made = { watch: undefined as never, now: known, looks: 0, changes: [], troubles: [] };
  const watch = new Watch({
    interval: INTERVAL,
    known,
    random: more.random ?? (() => 0.5),
    look: () => {
      self.looks++;
      return self.now instanceof Error ? Promise.reject(self.now) : Promise.resolve(self.now);
    },
    onChange: async (changed) => {
      self.changes.push(changed);
      await more.hold;
      return more.done?.() ?? true;
    },
    onTrouble: (error) => self.troubles.push(error),
  });
  return Object.assign(self, { watch });
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('Watch', () => {
  it('looks at once, then once an interval', async () => {
    const one = made(['1']);
    one.watch.start();
    await pass(0);
    expect(one.looks).toBe(1);
    await pass(INTERVAL * 10);
    expect(one.looks).toBe(11);
    expect(one.changes).toEqual([]);
  });

  it('spreads its looks by a tenth to either side', async () => {
    for (const [random, ms] of [
      [0, 54_000],
      [1, 66_000],
    ] as const) {
      const one = made(['1'], { random: () => random });
      one.watch.start();
      await pass(ms - 1);
      expect(one.looks).toBe(1);
      await pass(1);
      expect(one.looks).toBe(2);
      one.watch.stop();
    }
  });

  it('says once what has changed, together with what changes just after', async () => {
    const one = made(['1', '1', '1']);
    one.watch.start();
    await pass(0);
    one.now = ['1', '2', '1'];
    await pass(INTERVAL);
    expect(one.changes).toEqual([]);
    one.now = ['2', '2', '1'];
    await pass(SETTLE);
    expect(one.changes).toEqual([]);
    await pass(SETTLE);
    expect(one.changes).toEqual([[0, 1]]);
    await pass(INTERVAL * 5);
    expect(one.changes).toHaveLength(1);
  });

  it('waits no longer for a secret that never settles', async () => {
    const one = made(['1']);
    let version = 1;
    one.watch.start();
    await pass(0);
    const changing = setInterval(() => (one.now = [String(++version)]), 500);
    await pass(INTERVAL + SETTLE * 5);
    expect(one.changes).toEqual([[0]]);
    clearInterval(changing);
  });

  it('counts what changed while the program started, and takes the first look for what is not known', async () => {
    const one = made(['1', undefined]);
    one.now = ['2', '7'];
    one.watch.start();
    await pass(SETTLE);
    expect(one.changes).toEqual([[0]]);
  });

  it('takes what cannot be known for a while for no change', async () => {
    const one = made(['1']);
    one.watch.start();
    one.now = [undefined];
    await pass(INTERVAL * 2);
    one.now = ['1'];
    await pass(INTERVAL * 2);
    expect(one.changes).toEqual([]);
    one.now = ['2'];
    await pass(INTERVAL * 2);
    expect(one.changes).toEqual([[0]]);
  });

  it('asks a manager that fails less often, says so once, and once that it is back', async () => {
    const one = made(['1']);
    const fault = new Error('down');
    one.now = fault;
    one.watch.start();
    await pass(0);
    const at: number[] = [];
    for (let minute = 1; minute <= 60; minute++) {
      const before = one.looks;
      await pass(INTERVAL);
      if (one.looks > before) at.push(minute);
    }
    expect(at).toEqual([2, 6, 14, 24, 34, 44, 54]);
    expect(one.troubles).toEqual([fault]);
    one.now = ['2'];
    await pass(INTERVAL * 10 + SETTLE);
    expect(one.troubles).toEqual([fault, undefined]);
    expect(one.changes).toEqual([[0]]);
  });

  it('looks at nothing while a change is dealt with, and not after it was stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = made(['1'], { hold: promise });
    one.now = ['2'];
    one.watch.start();
    await pass(SETTLE);
    const { looks } = one;
    await pass(INTERVAL * 3);
    expect([one.looks, one.changes]).toEqual([looks, [[0]]]);
    resolve();
    await pass(INTERVAL);
    expect(one.looks).toBe(looks + 1);
    one.watch.stop();
    await pass(INTERVAL * 3);
    expect(one.looks).toBe(looks + 1);
  });

  it('finds a change again that could not be dealt with', async () => {
    let done = false;
    const one = made(['1', '1'], { done: () => done });
    one.now = ['2', '1'];
    one.watch.start();
    await pass(SETTLE);
    await pass(INTERVAL + SETTLE);
    expect(one.changes).toEqual([[0], [0]]);
    done = true;
    await pass((INTERVAL + SETTLE) * 4);
    expect(one.changes).toEqual([[0], [0], [0]]);
  });

  it('says nothing of a look that was under way when it was stopped', async () => {
    const one = made(['1']);
    one.now = ['2'];
    one.watch.start();
    await pass(0);
    one.watch.stop();
    await pass(SETTLE * 2);
    expect(one.changes).toEqual([]);
  });
});
