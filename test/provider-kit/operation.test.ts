import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { Deadline } from '../../src/provider-kit/deadline.ts';
import { createOperation, gapBefore, gateFor } from '../../src/provider-kit/operation.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const operation = (ms = 30_000, requestMs = 10_000, cancel?: AbortSignal): ReturnType<typeof createOperation> =>
  createOperation({ deadline: new Deadline(ms, cancel), requestMs, gate: gateFor(undefined), random: () => 0.5 });

/** Fails with each fault in turn, then answers; records when it was asked. */
function flaky(...faults: Fault[]): { send: () => Promise<string>; at: number[] } {
  const at: number[] = [];
  return {
    at,
    send: async () => {
      at.push(Math.round(performance.now()));
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return 'answer';
    },
  };
}

async function outcome<T>(promise: Promise<T>): Promise<T | { kind: string; message: string }> {
  const settled = promise.catch((error: unknown) =>
    error instanceof Fault ? { kind: error.kind, message: error.message } : { kind: 'other', message: String(error) },
  );
  await vi.runAllTimersAsync();
  return settled;
}

const unavailable = (): Fault => new Fault('unavailable', 'no answer');

describe('Operation.call', () => {
  it('A34 repeats a read with growing gaps until it succeeds', async () => {
    const { send, at } = flaky(unavailable(), unavailable(), unavailable());
    expect(await outcome(operation().call({ what: 'read' }, send))).toBe('answer');
    const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(gaps).toHaveLength(3);
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
  });

  it('A34 gives a permanent failure up after a bounded number of tries', async () => {
    const { send, at } = flaky(...Array.from({ length: 50 }, unavailable));
    expect(await outcome(operation().call({ what: 'read' }, send))).toEqual({
      kind: 'unavailable',
      message: 'no answer (given up after 5 tries)',
    });
    expect(at).toHaveLength(5);
  });

  it('A33 waits at least as long as it is asked to', async () => {
    const { send, at } = flaky(new Fault('throttled', { message: 'slow down', retryAfterMs: 1_000 }));
    expect(await outcome(operation().call({ what: 'read' }, send))).toBe('answer');
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('A33 does not wait for what the deadline does not allow', async () => {
    const { send, at } = flaky(new Fault('throttled', { message: 'slow down', retryAfterMs: 3_600_000 }));
    expect(await outcome(operation().call({ what: 'read' }, send))).toMatchObject({
      kind: 'throttled',
      message: expect.stringContaining('3600 s'),
    });
    expect(at).toHaveLength(1);
  });

  it('never repeats a write, a denial, or what the adapter calls final', async () => {
    const write = flaky(unavailable());
    expect(await outcome(operation().call({ what: 'write', kind: 'write' }, write.send))).toMatchObject({ kind: 'unavailable' });
    expect(write.at).toHaveLength(1);
    for (const fault of [new Fault('denied', 'no'), new Fault('unavailable', { message: 'TLS', retryable: false })]) {
      const { send, at } = flaky(fault);
      await outcome(operation().call({ what: 'read' }, send));
      expect(at).toHaveLength(1);
    }
  });

  it('A36 ends at the deadline, also when the adapter ignores its signal', async () => {
    const began = performance.now();
    expect(await outcome(operation(3_000).call({ what: 'read' }, () => new Promise(() => undefined)))).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('3 s'),
    });
    expect(performance.now() - began).toBe(3_000);
  });

  it('limits one request and tries again', async () => {
    let tries = 0;
    const send = (): Promise<string> => (++tries === 1 ? new Promise(() => undefined) : Promise.resolve('answer'));
    expect(await outcome(operation(30_000, 1_000).call({ what: 'read' }, send))).toBe('answer');
  });

  it('ends at once when it is cancelled', async () => {
    const cancel = new AbortController();
    const call = operation(30_000, 10_000, cancel.signal).call({ what: 'read' }, () => new Promise(() => undefined));
    cancel.abort();
    expect(await outcome(call)).toMatchObject({ kind: 'cancelled' });
  });

  it('A12 keeps nothing of what an adapter throws that is no fault', async () => {
    const canary = 'canary-0123456789abcdef';
    const thrown = Object.assign(new Error(canary), { body: canary });
    const error = await operation()
      .call({ what: 'read' }, () => Promise.reject(thrown))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'PROVIDER_BUG' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(canary);
  });

  it('A38 sends at most 32 requests at once', async () => {
    let inFlight = 0;
    let most = 0;
    const op = operation();
    const send = async (): Promise<void> => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setTimeout(resolve, 10));
      inFlight--;
    };
    await outcome(Promise.all(Array.from({ length: 100 }, () => op.call({ what: 'read' }, send))));
    expect(most).toBe(32);
  });
});

describe('gapBefore', () => {
  it('doubles its window, spreads over the upper half, and has a cap', () => {
    expect([1, 2, 3].map((tries) => gapBefore(tries, undefined, () => 0))).toEqual([125, 250, 500]);
    expect([1, 2, 3].map((tries) => gapBefore(tries, undefined, () => 1))).toEqual([250, 500, 1_000]);
    expect(gapBefore(20, undefined, () => 1)).toBe(5_000);
  });
});

describe('Deadline', () => {
  it('stands still while a person is asked', async () => {
    const deadline = new Deadline(1_000);
    await vi.advanceTimersByTimeAsync(400);
    const asked = deadline.paused(() => new Promise((resolve) => setTimeout(resolve, 5_000)));
    await vi.advanceTimersByTimeAsync(5_000);
    await asked;
    expect(deadline.signal.aborted).toBe(false);
    expect(Math.round(deadline.remaining())).toBe(600);
    await vi.advanceTimersByTimeAsync(600);
    expect(deadline.signal.aborted).toBe(true);
  });
});
