/**
 * Stage 8: passes signals on, waits, and ends as the child did.
 *
 * The handlers are installed before the child exists (`Relay`), so that no signal falls between.
 */
import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { hasTerminal, inForeground } from '../platform/terminal.ts';
import type { Stopping } from './stopping.ts';

/** How a child ended. */
export type Ending = { readonly code: number } | { readonly signal: NodeJS.Signals };

/** Passed on to the child. Those of job control (TSTP, TTIN, TTOU, CONT) are left to the kernel and the shell. */
const FORWARDED: readonly NodeJS.Signals[] =
  process.platform === 'win32'
    ? ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']
    : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];

/** Sent by a terminal to its whole foreground group: our child has it already. */
const FROM_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGBREAK']);

export interface AttachOptions {
  /** Whether the child has a terminal of its own, so that ours sends it nothing. */
  readonly ownSession?: boolean;
  /** Whether it leads a process group that gets every signal as a whole. */
  readonly ownGroup?: boolean;
  /** How the child is asked to end, in place of a SIGTERM passed on as it is. */
  readonly stopping?: Pick<Stopping, 'stop'>;
}

const ENDING: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGBREAK']);

/** Receives signals from the start; before there is a child they end the preparation, afterwards they go to it. */
export class Relay {
  readonly #onEarly: (signal: NodeJS.Signals) => void;
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #child: ChildProcess | undefined;
  /** What arrived while the child was being started; undefined before and after that. */
  #held: NodeJS.Signals[] | undefined;
  #ended = false;
  #asked = false;
  #ownSession = false;
  #ownGroup = false;
  #stopping: AttachOptions['stopping'];
  readonly #late = Promise.withResolvers<NodeJS.Signals>();

  /** @param onEarly called for a signal that arrives while there is no child */
  constructor(onEarly: (signal: NodeJS.Signals) => void) {
    this.#onEarly = onEarly;
    for (const signal of FORWARDED) {
      const handler = (): void => this.#receive(signal);
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  /** Settles with a signal that asks us to end after the child has ended, while its last output is passed on. */
  get late(): Promise<NodeJS.Signals> {
    return this.#late.promise;
  }

  /** Whether a signal that asks to end has come since the child was started: then no other takes its place. */
  get asked(): boolean {
    return this.#asked;
  }

  /** The child is about to be started: from now on signals are kept until it is there. */
  hold(): void {
    this.#held = [];
  }

  /** From now on signals are the child's, and so are those that were kept. */
  attach(child: ChildProcess, options: AttachOptions = {}): void {
    this.#child = child;
    this.#ownSession = options.ownSession ?? false;
    this.#ownGroup = options.ownGroup ?? false;
    this.#stopping = options.stopping;
    this.#ended = false;
    this.#asked = false;
    child.once('exit', () => {
      // Of two children, while one takes the other's place, only the newer one's end counts.
      if (this.#child === child) this.#ended = true;
    });
    const held = this.#held ?? [];
    this.#held = undefined;
    // Also what a terminal sends to the whole group: it may have come before the child was in it.
    for (const signal of held) {
      if (signal === 'SIGTERM' && this.#stopping !== undefined) this.#stopping.stop();
      else this.send(signal);
    }
  }

  /** Gives the signals their default meaning back. */
  release(): void {
    for (const [signal, handler] of this.#handlers) process.removeListener(signal, handler);
    this.#handlers.clear();
  }

  #receive(signal: NodeJS.Signals): void {
    if (ENDING.has(signal)) this.#asked = true;
    if (this.#held !== undefined) {
      this.#held.push(signal);
      return;
    }
    if (this.#ended) {
      if (ENDING.has(signal)) this.#late.resolve(signal);
      return;
    }
    if (this.#child === undefined) {
      if (signal !== 'SIGWINCH') this.#onEarly(signal);
      return;
    }
    if (signal === 'SIGTERM' && this.#stopping !== undefined) {
      this.#stopping.stop();
      return;
    }
    if (this.#ownSession) {
      // Its window size is set on its own terminal, which tells it.
      if (signal !== 'SIGWINCH') this.send(signal);
      return;
    }
    if (FROM_TERMINAL.has(signal) && inForeground()) return;
    // A hang-up of the terminal reaches the group by itself; one that somebody sent to us alone does not.
    if (signal === 'SIGHUP' && inForeground() && !hasTerminal()) return;
    this.send(signal);
  }

  /** Gives the child, or its group, a signal. Nothing happens where there is no child or none any more. */
  send(signal: NodeJS.Signals): void {
    if (this.#child !== undefined && !this.#ended) signalChild(this.#child, this.#ownGroup, signal);
  }
}

/** Gives a child, or the group that it leads, a signal. Nothing happens where it has ended. */
export function signalChild(child: ChildProcess, ownGroup: boolean, signal: NodeJS.Signals): void {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(ownGroup ? -pid : pid, signal);
  } catch {
    // It is gone already, or became another user's, whom we may not signal.
  }
}

/** Waits for the child's own end, not for grandchildren that hold its streams. */
export async function supervise(child: ChildProcess): Promise<Ending> {
  if (child.exitCode !== null) return { code: child.exitCode };
  if (child.signalCode !== null) return { signal: child.signalCode };
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 1 } : { signal }));
  });
}

const DUMPS_CORE: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>([
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
]);

/** The status that shells give for a signal. */
export const statusOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/**
 * Ends this process as the child ended: with its code, or by the same signal, so that a shell sees what it would have
 * seen without us.
 */
export function endAs(ending: Ending): never {
  if ('code' in ending) process.exit(ending.code);
  const { signal } = ending;
  // As PID 1 a signal without a handler does nothing, and Windows has none.
  if (process.pid !== 1 && process.platform !== 'win32') {
    // The child's core is its own matter; ours would hold the values.
    if (!DUMPS_CORE.has(signal) || spawnSync('prlimit', ['--core=0', '--pid', String(process.pid)], { stdio: 'ignore' }).status === 0) {
      raise(signal);
    }
  }
  process.exit(statusOf(signal));
}

function raise(signal: NodeJS.Signals): void {
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') {
    // Adding and removing a listener leaves the default disposition, also where the runtime ignores the signal.
    const nothing = (): void => undefined;
    process.on(signal, nothing);
    process.removeAllListeners(signal);
  }
  process.kill(process.pid, signal);
  // The signal is delivered before kill() returns, or within a moment to another thread of ours.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
}
