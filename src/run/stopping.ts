/** Stopping the child: politely first, and for good when that takes too long. */
import { constants } from 'node:os';
import type { Milliseconds } from '../core/model.ts';

export interface StopRules {
  /** Asks the child to end. */
  readonly signal: NodeJS.Signals;
  /** From asking to SIGKILL; undefined: the child is only asked, except when its time is over. */
  readonly killAfter: Milliseconds | undefined;
  /** How long the child may run. */
  readonly ttl: Milliseconds | undefined;
}

export const DEFAULT_KILL_AFTER: Milliseconds = 10_000;

/** The clock is looked at this often at least, so that the time a machine sleeps counts too. */
const LONGEST_TIMER: Milliseconds = 60_000;

export class Stopping {
  readonly #rules: StopRules;
  readonly #send: (signal: NodeJS.Signals) => void;
  readonly #onOver: () => void;
  #clock: NodeJS.Timeout | undefined;
  #kill: NodeJS.Timeout | undefined;

  /**
   * @param send gives the child a signal
   * @param onOver called when the child's time is over, before it is asked to end
   */
  constructor(rules: StopRules, send: (signal: NodeJS.Signals) => void, onOver: () => void) {
    this.#rules = rules;
    this.#send = send;
    this.#onOver = onOver;
  }

  /** The child has started, and its time runs. */
  begin(): void {
    if (this.#rules.ttl !== undefined) this.#wait(Date.now() + this.#rules.ttl);
  }

  /** Asks the child to end, now. */
  stop(killAfter: Milliseconds | undefined = this.#rules.killAfter): void {
    this.#send(this.#rules.signal);
    if (killAfter === undefined || this.#kill !== undefined) return;
    this.#kill = setTimeout(() => this.#send('SIGKILL'), killAfter);
  }

  /** Asks the child to end, now, and sees to it that it does, also if it is suspended. */
  stopForGood(): void {
    this.stop(this.#rules.killAfter ?? DEFAULT_KILL_AFTER);
    // A stopped program gets its signals only when it goes on.
    if (process.platform !== 'win32') this.#send('SIGCONT');
  }

  /** The child has ended. */
  end(): void {
    clearTimeout(this.#clock);
    clearTimeout(this.#kill);
  }

  #wait(until: number): void {
    const rest = until - Date.now();
    if (rest > 0) {
      this.#clock = setTimeout(() => this.#wait(until), Math.min(rest, LONGEST_TIMER));
      return;
    }
    this.#onOver();
    this.stopForGood();
  }
}

const NO_STOP: ReadonlySet<string> = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGCHLD', 'SIGWINCH', 'SIGURG']);

/** `TERM`, `SIGTERM` or `15`; undefined for what is no signal of this system or asks nobody to end. */
export function parseSignal(text: string): NodeJS.Signals | undefined {
  const upper = text.toUpperCase();
  const found = Object.entries(constants.signals).find(
    ([name, number]) => name === upper || name === `SIG${upper}` || String(number) === text,
  )?.[0];
  return found === undefined || NO_STOP.has(found) ? undefined : (found as NodeJS.Signals);
}
