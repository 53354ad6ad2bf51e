/** Stopping the child: politely first, and for good when that takes too long. */
import type { ChildProcess } from 'node:child_process';
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
  readonly #child: ChildProcess;
  readonly #rules: StopRules;
  #timer: NodeJS.Timeout | undefined;
  #kill: NodeJS.Timeout | undefined;

  /** @param onOver called when the child's time is over, before it is asked to end */
  constructor(child: ChildProcess, rules: StopRules, onOver: () => void) {
    this.#child = child;
    this.#rules = rules;
    child.once('exit', () => this.end());
    if (rules.ttl !== undefined) this.#wait(Date.now() + rules.ttl, onOver);
  }

  /** Asks the child to end, now. */
  stop(killAfter: Milliseconds | undefined = this.#rules.killAfter): void {
    this.#child.kill(this.#rules.signal);
    if (killAfter === undefined || this.#kill !== undefined) return;
    this.#kill = setTimeout(() => this.#child.kill('SIGKILL'), killAfter);
  }

  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#kill);
  }

  #wait(until: number, onOver: () => void): void {
    const rest = until - Date.now();
    if (rest > 0) {
      this.#timer = setTimeout(() => this.#wait(until, onOver), Math.min(rest, LONGEST_TIMER));
      return;
    }
    onOver();
    this.stop(this.#rules.killAfter ?? DEFAULT_KILL_AFTER);
    // A stopped program gets its signals only when it goes on.
    if (process.platform !== 'win32') this.#child.kill('SIGCONT');
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
