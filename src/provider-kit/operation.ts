/** The kit's {@link Operation}: the one way an adapter sends a request, with its limits and its retries. */
import { Fault } from '../core/fault.ts';
import { stopwatch, type Trace } from '../core/stopwatch.ts';
import pLimit, { type LimitFunction } from 'p-limit';
import type { CallOptions, Operation } from './contract.ts';
import type { Deadline } from './deadline.ts';

/** Requests in flight per provider, at most. */
const MAX_IN_FLIGHT = 32;
/** Tries of one read, the first included. */
const MAX_TRIES = 5;
const FIRST_GAP_MS = 250;
const MAX_GAP_MS = 5_000;

export interface OperationLimits {
  readonly deadline: Deadline;
  /** Time limit of one request in milliseconds. */
  readonly requestMs: number;
  /** Shared by all operations of a provider. */
  readonly gate: LimitFunction;
  readonly existingOnly?: boolean;
  /** Told of each request: its name, the try, what came of it, and how long it took. */
  readonly trace?: Trace;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

export const gateFor = (concurrency: number | undefined): LimitFunction => pLimit(Math.min(concurrency ?? MAX_IN_FLIGHT, MAX_IN_FLIGHT));

/** Faults that were already tried again as often as is sensible. */
const exhausted = new WeakSet<Fault>();
export const mayTryAgain = (fault: Fault): boolean => fault.retryable && !exhausted.has(fault);

export function createOperation(limits: OperationLimits): Operation {
  const { deadline, gate } = limits;
  return {
    // Asked each time, since a deadline that begins again has another.
    get signal() {
      return deadline.signal;
    },
    ...(limits.existingOnly === undefined ? {} : { existingOnly: limits.existingOnly }),
    call: (options, send) => {
      let tries = 0;
      return withRetries(limits, options, () =>
        gate(async () => {
          throwIfOver(deadline, options.what);
          tries++;
          return limits.trace === undefined
            ? attempt(limits, options, send)
            : traced(limits.trace, `${options.what}, try ${tries}`, () => attempt(limits, options, send));
        }),
      );
    },
  };
}

async function traced<T>(trace: Trace, what: string, send: () => Promise<T>): Promise<T> {
  const step = stopwatch(trace);
  try {
    const answer = await send();
    step(`${what}, ok`);
    return answer;
  } catch (error) {
    step(`${what}, ${asFault(error).kind}`);
    throw error;
  }
}

/** Repeats a retryable failure of a read: growing gaps with jitter, never past the deadline. */
export async function withRetries<T>(limits: OperationLimits, options: CallOptions, once: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await once();
    } catch (error) {
      const fault = asFault(error);
      if (options.kind === 'write' || !mayTryAgain(fault)) throw fault;
      const gap = gapBefore(tries, fault.detail.retryAfterMs, limits.random ?? Math.random);
      if (tries >= MAX_TRIES || gap >= limits.deadline.remaining()) throw givenUp(fault, tries, gap);
      await pause(gap, limits.deadline, options.what);
    }
  }
}

/**
 * The gap in milliseconds before the next try: a random point of the upper half of a window that doubles each time,
 * so that gaps grow and clients spread. Never shorter than what the backend asked for.
 */
export function gapBefore(tries: number, retryAfterMs: number | undefined, random: () => number): number {
  const window = Math.min(FIRST_GAP_MS * 2 ** (tries - 1), MAX_GAP_MS);
  const jittered = window / 2 + (window / 2) * random();
  return retryAfterMs === undefined ? jittered : retryAfterMs + jittered / 2;
}

async function attempt<T>(limits: OperationLimits, options: CallOptions, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { deadline, requestMs } = limits;
  // By hand: AbortSignal.any takes as long as all else here, and there may be hundreds of requests.
  const ending = new AbortController();
  const { signal } = ending;
  const timer = setTimeout(() => ending.abort(), requestMs);
  const onDeadline = (): void => ending.abort(deadline.signal.reason);
  deadline.signal.addEventListener('abort', onDeadline, { once: true });
  // An SDK that ignores its signal must not hold us: the abort itself ends the wait.
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    const seconds = Math.round(requestMs / 100) / 10;
    reject(deadline.fault(options.what) ?? new Fault('timeout', `no answer to '${options.what}' within ${seconds} s`));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([send(signal), ended]);
  } catch (error) {
    // An SDK's own words for an abort say less than the deadline knows.
    const over = signal.aborted ? deadline.fault(options.what) : undefined;
    throw over ?? asFault(error);
  } finally {
    clearTimeout(timer);
    deadline.signal.removeEventListener('abort', onDeadline);
    signal.removeEventListener('abort', onAbort);
    ended.catch(() => undefined);
  }
}

function pause(ms: number, deadline: Deadline, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(deadline.fault(what) ?? new Fault('cancelled', `interrupted during ${what}`));
    };
    const timer = setTimeout(() => {
      deadline.signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    deadline.signal.addEventListener('abort', onAbort, { once: true });
  });
}

function throwIfOver(deadline: Deadline, what: string): void {
  const fault = deadline.fault(what);
  if (fault !== undefined) throw fault;
}

function givenUp(fault: Fault, tries: number, gap: number): Fault {
  const asked = fault.detail.retryAfterMs;
  const why =
    asked !== undefined && gap >= asked && tries < MAX_TRIES
      ? `it asks to wait ${Math.ceil(asked / 1000)} s, longer than this run may take`
      : `given up after ${tries} ${tries === 1 ? 'try' : 'tries'}`;
  const final = new Fault(fault.kind, { ...fault.detail, message: `${fault.detail.message} (${why})` });
  exhausted.add(final);
  return final;
}

/** A part of the program is loaded when it is needed, and may be gone by then: after an update, say. */
export const isMissingPart = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND');

export const MISSING_PART = {
  message: 'a part of secrets is missing where it is installed',
  hint: 'run it again; if that does not help, install it again: npm install -g secretsrc',
} as const;

/** Whatever an adapter threw as a {@link Fault}; anything else is its bug, and its text may hold a value. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (isMissingPart(error)) {
    return new Fault('protocol', { code: 'INTERNAL', message: MISSING_PART.message, hint: MISSING_PART.hint, retryable: false });
  }
  return new Fault('protocol', {
    code: 'PROVIDER_BUG',
    message: 'the adapter failed in a way that its contract does not allow',
    retryable: false,
  });
}
