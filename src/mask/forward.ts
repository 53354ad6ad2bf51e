/**
 * Forwards one masked stream to a descriptor: back-pressure kept, nothing lost, closed when it can't be masked.
 */
import { writev } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Masker } from './masker.ts';

/** How forwarding ended. */
export type Forwarded =
  | 'done'
  /** The reader has gone (EPIPE). */
  | 'broken-pipe'
  /** The descriptor can't be written, for example because a disk is full; what followed was read and dropped. */
  | 'unwritable'
  /** The masker failed: nothing was forwarded after that. */
  | 'mask-failed';

/** How long the pipe may be silent after the child's end, in milliseconds: a grandchild may hold it for ever. */
const IDLE_MS = 250;
/** And how long a talkative grandchild is listened to, not counting the time that our own reader takes. */
const DRAIN_MS = 5_000;
/** More than a pipe can hold when the child ends, in bytes: what follows is not the child's any more. */
const MOST_HELD = 2 * 1_048_576;

export class Forwarder {
  readonly #source: Readable;
  readonly #masker: Masker;
  readonly #fd: number;
  readonly #onDamage: (how: Exclude<Forwarded, 'done'>) => void;
  #endedAt: number | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Since the child's end: milliseconds that our reader took, and bytes that came. */
  #writingMs = 0;
  #lateBytes = 0;
  #pieces = 0;
  #writing = false;
  /** Settles when everything is forwarded or forwarding stopped. Never rejects. */
  readonly finished: Promise<Forwarded>;

  /** @param onDamage called at once when forwarding stops early */
  constructor(source: Readable, masker: Masker, fd: number, onDamage: (how: Exclude<Forwarded, 'done'>) => void) {
    this.#source = source;
    this.#masker = masker;
    this.#fd = fd;
    this.#onDamage = onDamage;
    this.finished = this.#forward();
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#masker.counts;
  }

  /** The child has ended: what it wrote is still forwarded, but a grandchild is not waited for long. */
  childEnded(): void {
    this.#endedAt = performance.now();
    this.#watch();
  }

  /** Forwards nothing after what is being written now. */
  stop(): void {
    this.#source.destroy();
  }

  async #forward(): Promise<Forwarded> {
    let how: Forwarded = 'done';
    try {
      for await (const piece of this.#source) {
        clearTimeout(this.#idle);
        this.#pieces++;
        if (this.#endedAt !== undefined) this.#lateBytes += (piece as Buffer).length;
        if (how !== 'unwritable') how = await this.#pass(() => this.#masker.push(piece as Buffer));
        if (how === 'broken-pipe' || how === 'mask-failed') break;
        this.#watch();
      }
    } catch {
      // destroyed at the end of the drain: what came until then was forwarded
    }
    if (how === 'done') how = await this.#pass(() => this.#masker.end());
    clearTimeout(this.#idle);
    // Closing our end tells a child that goes on writing, as a shell's pipeline would.
    this.#source.destroy();
    return how;
  }

  async #pass(mask: () => readonly Buffer[]): Promise<Forwarded> {
    let how: Forwarded;
    const began = performance.now();
    this.#writing = true;
    try {
      how = await writeAll(this.#fd, mask());
    } catch {
      how = 'mask-failed';
    }
    this.#writing = false;
    if (this.#endedAt !== undefined) this.#writingMs += performance.now() - Math.max(began, this.#endedAt);
    if (how !== 'done') this.#onDamage(how);
    return how;
  }

  /** Limits the wait for the next piece; a reader of ours that takes its time is not the grandchild's fault. */
  #watch(): void {
    if (this.#endedAt === undefined || this.#writing) return;
    const elapsed = performance.now() - this.#endedAt;
    const waited = this.#lateBytes > MOST_HELD ? elapsed : elapsed - this.#writingMs;
    clearTimeout(this.#idle);
    if (waited > DRAIN_MS) return void this.#source.destroy();
    const pieces = this.#pieces;
    // After a pause of our own the time may be over although something is there: the system is asked once more.
    const ask = (): void => void setImmediate(() => this.#pieces === pieces && this.#source.destroy());
    this.#idle = setTimeout(ask, IDLE_MS);
  }
}

/** Writes on the thread pool, so that a slow reader does not hold up signals. */
async function writeAll(fd: number, pieces: readonly Buffer[]): Promise<Forwarded> {
  let left = pieces.filter((piece) => piece.length > 0);
  while (left.length > 0) {
    const { code, written } = await new Promise<{ readonly code: string | undefined; readonly written: number }>((resolve) => {
      writev(fd, left.slice(0, 512), (error, count) =>
        resolve({ code: error === null ? undefined : (error.code ?? 'unknown'), written: error === null ? count : 0 }),
      );
    });
    if (code === 'EAGAIN') {
      // Somebody made the pipe non-blocking, and it is full.
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    if (code === 'EPIPE') return 'broken-pipe';
    if (code !== undefined) return 'unwritable';
    left = after(left, written);
  }
  return 'done';
}

function after(pieces: readonly Buffer[], written: number): Buffer[] {
  let rest = written;
  return pieces.flatMap((piece) => {
    const cut = Math.min(rest, piece.length);
    rest -= cut;
    return cut === piece.length ? [] : [piece.subarray(cut)];
  });
}
