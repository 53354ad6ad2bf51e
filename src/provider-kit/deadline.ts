/** One time limit for a whole operation; its clock stands still while a person is asked. */
import { Fault } from '../core/fault.ts';
import { monotonicMs } from '../core/monotonic.ts';

export class Deadline {
  #controller = new AbortController();
  readonly #totalMs: number;
  #remainingMs: number;
  #startedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #pauses = 0;
  #state: 'running' | 'over' | 'cancelled' = 'running';

  /** @param ms time limit in milliseconds @param cancel ends the operation from outside, for example on SIGINT */
  constructor(ms: number, cancel?: AbortSignal) {
    this.#totalMs = ms;
    this.#remainingMs = ms;
    this.#startedAt = monotonicMs();
    this.#start();
    if (cancel?.aborted === true) this.#end('cancelled');
    else cancel?.addEventListener('abort', () => this.#end('cancelled'), { once: true });
  }

  /** Aborted when the time is over or the operation was cancelled. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds left. */
  remaining(): number {
    if (this.#state !== 'running') return 0;
    return this.#pauses > 0 ? this.#remainingMs : Math.max(0, this.#remainingMs - (monotonicMs() - this.#startedAt));
  }

  /** Stops the clock while `ask` runs. */
  async paused<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#pauses++ === 0) {
      this.#remainingMs = Math.max(0, this.#remainingMs - (monotonicMs() - this.#startedAt));
      clearTimeout(this.#timer);
    }
    try {
      return await ask();
    } finally {
      if (--this.#pauses === 0 && this.#state === 'running') {
        this.#startedAt = monotonicMs();
        this.#start();
      }
    }
  }

  /** The fault that says how the operation ended; undefined while it runs. */
  fault(what: string): Fault | undefined {
    if (this.#state === 'running') return undefined;
    if (this.#state === 'cancelled') return new Fault('cancelled', { message: `interrupted during ${what}` });
    const seconds = Math.round(this.#totalMs / 100) / 10;
    return new Fault('timeout', {
      message: `no answer to '${what}' within the time limit of ${seconds} s`,
      hint: 'secrets doctor, or a longer --timeout',
    });
  }

  /** Begins again with all of its time, for a further operation of the same sessions. One that was cancelled stays so. */
  restart(): void {
    if (this.#state === 'cancelled') return;
    clearTimeout(this.#timer);
    if (this.#state === 'over') this.#controller = new AbortController();
    this.#state = 'running';
    this.#remainingMs = this.#totalMs;
    this.#startedAt = monotonicMs();
    this.#start();
  }

  /** Stops the timer, so that the process can end. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#timer = setTimeout(() => this.#end('over'), this.#remainingMs);
  }

  #end(state: 'over' | 'cancelled'): void {
    if (this.#state !== 'running') return;
    this.#state = state;
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}
