/**
 * The child's standard streams: passed through as they are, or masked on the way.
 *
 * `auto` masks everything but terminals. `always` masks terminals too: the child then gets a pseudo-terminal in place
 * of ours, which is put in raw mode, so that every key reaches the child's terminal and takes effect there.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Transform, type Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { Forwarder, type Forwarded } from '../mask/forward.ts';
import { MaskChain } from '../mask/chain.ts';
import type { MaskPlan } from '../mask/masker.ts';
import type { StdioEntry } from '../platform/descriptors.ts';
import { isSuspendable, SUSPEND_KEY } from '../platform/pty-suspend.ts';
import { isTerminal, pipedStreams, STREAM_FD, STREAM_NAMES, type StreamName } from '../platform/output-kind.ts';
import { readPipe, type PipeEnds } from '../platform/pipe.ts';
import { openPty, type Pty } from '../platform/pty.ts';
import { makeRaw } from '../platform/terminal.ts';

export interface StreamSummary {
  /** How often each secret was masked, by stream and name. */
  readonly masked: ReadonlyMap<StreamName, ReadonlyMap<string, number>>;
}

export type Damage = Exclude<Forwarded, 'done'>;

/** Milliseconds from the start of the program to what its output will need. */
const AHEAD_MS = 10;

export class Streams {
  /** Whether the system gave no real pipe, so that the child gets a socket. */
  readonly sockets: boolean;
  /** Whether a terminal should be masked, and no pseudo-terminal is to be had. */
  readonly ptyMissing: boolean;
  readonly #plan: MaskPlan;
  readonly #piped: readonly StreamName[];
  readonly #terminals: readonly StreamName[];
  /** Both piped streams are one file, so one pipe serves for both and their order is kept. */
  readonly #together: boolean;
  readonly #pipes: readonly PipeEnds[];
  readonly #pty: Pty | undefined;
  /** Fills the number of the pseudo-terminal's own end in the child, which must not have it. */
  readonly #filler: number | undefined;
  readonly #forwarders = new Map<StreamName, Forwarder>();
  readonly #masks: MaskChain[] = [];
  #keyboard: Keyboard | undefined;

  /** @param pipes as many as `pipedStreams` needs, which are closed with this; undefined where there are none to be had */
  constructor(plan: MaskPlan, mode: 'auto' | 'always', pipes: readonly PipeEnds[] | undefined) {
    this.#plan = plan;
    const { names, together } = pipedStreams();
    this.#piped = names;
    this.#together = together;
    const terminals = mode === 'always' ? STREAM_NAMES.filter(isTerminal) : [];
    const [terminal] = terminals;
    this.#pty = terminal === undefined ? undefined : openPty(process[terminal].columns, process[terminal].rows);
    this.ptyMissing = terminals.length > 0 && this.#pty === undefined;
    this.#terminals = this.#pty === undefined ? [] : terminals;
    this.#filler = this.#pty === undefined ? undefined : openSync('/dev/null', 'r');
    this.sockets = pipes === undefined;
    this.#pipes = pipes ?? [];
  }

  /** Whether the child's keyboard is the pseudo-terminal too: it then needs a session of its own. */
  get ownSession(): boolean {
    return this.#pty !== undefined && isatty(0);
  }

  /** Our descriptors, which have to stay open until the child has its own. */
  get fds(): readonly number[] {
    return [
      ...this.#pipes.flatMap(({ readFd, writeFd }) => [readFd, writeFd]),
      ...(this.#pty === undefined ? [] : [this.#pty.masterFd, this.#pty.slaveFd]),
      ...(this.#filler === undefined ? [] : [this.#filler]),
    ];
  }

  /** The child's first three streams for spawn. */
  get stdio(): readonly [StdioEntry, StdioEntry, StdioEntry] {
    const entry = (name: StreamName): StdioEntry => {
      if (this.#pty !== undefined && this.#terminals.includes(name)) return this.#pty.slaveFd;
      const index = this.#piped.indexOf(name);
      if (index < 0) return 'inherit';
      return this.sockets ? 'pipe' : (this.#pipes[this.#together ? 0 : index]?.writeFd ?? 'inherit');
    };
    return [this.ownSession && this.#pty !== undefined ? this.#pty.slaveFd : 'inherit', entry('stdout'), entry('stderr')];
  }

  /** Descriptors of the child by number, besides the first three. */
  get fillers(): ReadonlyMap<number, number> {
    return this.#pty === undefined || this.#filler === undefined ? new Map() : new Map([[this.#pty.masterFd, this.#filler]]);
  }

  /**
   * Starts to forward. Our copies of the child's ends are closed, those of a terminal when it has ended, so that its end
   * is seen.
   * @param onDamage called when a stream can't be forwarded any more
   */
  start(child: ChildProcess, onDamage: (stream: StreamName, how: Damage) => void): void {
    for (const { writeFd } of this.#pipes) closeSync(writeFd);
    const piped = this.#together && !this.sockets ? this.#piped.slice(0, 1) : this.#piped;
    piped.forEach((name, index) => {
      const pipe = this.#pipes[index];
      this.#forward(name, pipe === undefined ? child[name] : readPipe(pipe.readFd), onDamage);
    });
    const terminal = this.#terminals[0];
    if (this.#pty !== undefined && terminal !== undefined) {
      const { slaveFd } = this.#pty;
      // Open as long as the child lives: otherwise one that closes its streams and goes on, if only to exit, would look
      // like the end, and our closing of the terminal would kill it.
      child.once('exit', () => closeSync(slaveFd));
      if (this.#filler !== undefined) closeSync(this.#filler);
      const master = new ReadStream(this.#pty.masterFd);
      this.#forward(terminal, master, onDamage);
      this.#keyboard = new Keyboard(this.#pty, master, process[terminal], this.ownSession ? child : undefined);
    }
    // While the program starts, and not for one that ends before it prints anything.
    let ahead: NodeJS.Timeout | undefined;
    // Counted from when the loop has looked at the child once: starting it alone may take as long.
    setImmediate(() => {
      if (child.exitCode === null && child.signalCode === null) ahead = setTimeout(() => this.#prepare(), AHEAD_MS).unref();
    });
    child.once('exit', () => {
      clearTimeout(ahead);
      for (const forwarder of this.#forwarders.values()) forwarder.childEnded();
    });
  }

  /** Makes the search before the first output has to wait for it. */
  #prepare(): void {
    try {
      void this.#plan.automaton;
    } catch {
      // the first output meets the same failure, which ends the program
    }
  }

  #forward(name: StreamName, source: Readable | null, onDamage: (stream: StreamName, how: Damage) => void): void {
    if (source === null) return;
    const mask = new MaskChain(this.#plan);
    this.#masks.push(mask);
    this.#forwarders.set(name, new Forwarder(source, mask, STREAM_FD[name], (how) => onDamage(name, how)));
  }

  /** Frees what was opened when there is no child after all. */
  abandon(): void {
    for (const fd of this.fds) closeSync(fd);
  }

  /** From now on the values of this plan are masked too. It has all values of the plan before it. */
  extend(plan: MaskPlan): void {
    for (const mask of this.#masks) mask.extend(plan);
  }

  /** Passes nothing more on, so that `finish` is over as soon as what is being written now was taken. */
  stop(): void {
    for (const forwarder of this.#forwarders.values()) forwarder.stop();
  }

  /** Waits until everything that the child wrote is forwarded, and gives the terminal back. */
  async finish(): Promise<StreamSummary> {
    const masked = new Map<StreamName, ReadonlyMap<string, number>>();
    for (const [name, forwarder] of this.#forwarders) {
      await forwarder.finished;
      if (forwarder.counts.size > 0) masked.set(name, forwarder.counts);
    }
    this.#keyboard?.release();
    return { masked };
  }
}

/** Milliseconds after which a stop that we asked for would have happened. */
const NOT_STOPPED_MS = 50;

/** Passes keys and the size of our terminal on to the child's. */
class Keyboard {
  readonly #input: ReadStream | undefined;
  /** One of the process's own streams, since only these notice a change of size. */
  readonly #screen: NodeJS.WriteStream;
  readonly #onResize: () => void;
  #onContinue: () => void = () => undefined;
  readonly #restore: () => void;
  #suspended = false;

  /** @param child whose keyboard this is; none when only its output goes to the terminal */
  constructor(pty: Pty, master: ReadStream, screen: NodeJS.WriteStream, child: ChildProcess | undefined) {
    this.#screen = screen;
    this.#onResize = () => pty.resize(this.#screen.columns, this.#screen.rows);
    this.#screen.on('resize', this.#onResize);
    this.#input = child === undefined ? undefined : new ReadStream(0);
    this.#restore = () => this.#input?.setRawMode(false);
    const pid = child?.pid;
    if (this.#input === undefined || pid === undefined) return;
    makeRaw(this.#input);
    process.once('exit', this.#restore);
    // After a stop and `fg` the shell has put its own mode back.
    this.#onContinue = () => {
      this.#restore();
      if (this.#input !== undefined) makeRaw(this.#input);
      this.#onResize();
      if (this.#suspended) signalGroup(pid, 'SIGCONT');
      this.#suspended = false;
    };
    process.on('SIGCONT', this.#onContinue);
    const keys = new Transform({
      transform: (typed: Buffer, _encoding, done) => {
        const at = typed.indexOf(SUSPEND_KEY);
        if (at < 0 || !isSuspendable(pid, pty.masterFd)) return void done(null, typed);
        this.#suspend(pid);
        done(null, Buffer.concat([typed.subarray(0, at), typed.subarray(at + 1)]));
      },
    });
    this.#input.pipe(keys).pipe(master);
  }

  /** Stops the program, and us with everything that the shell started together with us. */
  #suspend(pid: number): void {
    signalGroup(pid, 'SIGSTOP');
    this.#suspended = true;
    this.#restore();
    process.kill(0, 'SIGTSTP');
    // Where no shell could continue us, the kernel does not stop us: then nothing is stopped.
    setTimeout(() => this.#suspended && this.#onContinue(), NOT_STOPPED_MS);
  }

  release(): void {
    this.#screen.removeListener('resize', this.#onResize);
    process.removeListener('SIGCONT', this.#onContinue);
    this.#input?.unpipe();
    this.#restore();
    this.#input?.destroy();
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // it was killed meanwhile
  }
}
