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
/** And how long a talkative grandchild is listened to. */
const DRAIN_MS = 5_000;

export class Forwarder {
  readonly #source: Readable;
  readonly #masker: Masker;
  readonly #fd: number;
  readonly #onDamage: (how: Exclude<Forwarded, 'done'>) => void;
  #childEnded = false;
  #idle: NodeJS.Timeout | undefined;
  #cap: NodeJS.Timeout | undefined;
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
    this.#childEnded = true;
    this.#cap = setTimeout(() => this.#source.destroy(), DRAIN_MS);
    this.#watch();
  }

  async #forward(): Promise<Forwarded> {
    let how: Forwarded = 'done';
    try {
      for await (const piece of this.#source) {
        clearTimeout(this.#idle);
        if (how === 'unwritable') continue;
        how = await this.#pass(() => this.#masker.push(piece as Buffer));
        if (how === 'broken-pipe' || how === 'mask-failed') break;
        this.#watch();
      }
    } catch {
      // destroyed at the end of the drain: what came until then was forwarded
    }
    if (how === 'done') how = await this.#pass(() => this.#masker.end());
    clearTimeout(this.#idle);
    clearTimeout(this.#cap);
    // Closing our end tells a child that goes on writing, as a shell's pipeline would.
    this.#source.destroy();
    return how;
  }

  async #pass(mask: () => readonly Buffer[]): Promise<Forwarded> {
    let how: Forwarded;
    try {
      how = await writeAll(this.#fd, mask());
    } catch {
      how = 'mask-failed';
    }
    if (how !== 'done') this.#onDamage(how);
    return how;
  }

  #watch(): void {
    if (!this.#childEnded) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#source.destroy(), IDLE_MS);
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
