/**
 * Writes to a descriptor on the thread pool, so that a slow reader does not hold up signals. While one part is being
 * written the next one is gathered, and as much as came meanwhile is written at once.
 */
import { write } from 'node:fs';

/** Why nothing more can be written. */
export type OutletDamage =
  /** The reader has gone (EPIPE). */
  | 'broken-pipe'
  /** The descriptor can't be written, for example because a disk is full. */
  | 'unwritable';

/** Bytes that are gathered before more is refused. */
const MOST_GATHERED = 131_072;
/** Bytes of each of the two buffers at first: enough for what one read of a pipe brings. */
const FIRST_SIZE = 69_632;
/** Before the next try, in milliseconds, where somebody made the descriptor non-blocking and the pipe is full. */
const FULL_PIPE_MS = 5;

export class Outlet {
  readonly #fd: number;
  readonly #onWritten: (damage: OutletDamage | undefined) => void;
  /** What is to be written next, in the first `#length` bytes. */
  #gathered: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #length = 0;
  /** What is being written; otherwise free. */
  #other: Buffer = Buffer.alloc(0);
  #busy = false;
  #damaged = false;

  /** @param onWritten called when a part was written, or can't be; what follows that is dropped */
  constructor(fd: number, onWritten: (damage: OutletDamage | undefined) => void) {
    this.#fd = fd;
    this.#onWritten = onWritten;
  }

  /** Whether something is being written. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether nothing should be added until a part was written. */
  get full(): boolean {
    return this.#length >= MOST_GATHERED;
  }

  /** Copies these bytes, so that they may be reused, and has them written. */
  add(parts: readonly Buffer[]): void {
    if (this.#damaged) return;
    const total = parts.reduce((sum, part) => sum + part.length, this.#length);
    if (total > this.#gathered.length) this.#grow(total);
    for (const part of parts) {
      this.#gathered.set(part, this.#length);
      this.#length += part.length;
    }
    if (!this.#busy) this.#next();
  }

  /** Forgets what is gathered: only what is being written now still comes. */
  drop(): void {
    this.#length = 0;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(this.#gathered.length * 2, MOST_GATHERED * 2)));
    larger.set(this.#gathered.subarray(0, this.#length));
    this.#gathered = larger;
  }

  #next(): void {
    if (this.#length === 0) return;
    const [buffer, length] = [this.#gathered, this.#length];
    this.#gathered = this.#other;
    this.#other = buffer;
    this.#length = 0;
    this.#busy = true;
    this.#write(buffer, 0, length);
  }

  #write(buffer: Buffer, from: number, to: number): void {
    write(this.#fd, buffer, from, to - from, null, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#write(buffer, from, to), FULL_PIPE_MS);
      else if (error !== null) this.#written(error.code === 'EPIPE' ? 'broken-pipe' : 'unwritable');
      else if (from + written < to) this.#write(buffer, from + written, to);
      else this.#written(undefined);
    });
  }

  #written(damage: OutletDamage | undefined): void {
    this.#busy = false;
    if (damage !== undefined) {
      this.#damaged = true;
      this.drop();
    }
    this.#next();
    this.#onWritten(damage);
  }
}
