/**
 * Forwards one masked stream to a descriptor: back-pressure kept, nothing lost, closed when it can't be masked.
 */
import type { Readable } from 'node:stream';
import { monotonicMs } from '../core/monotonic.ts';
import type { MaskChain } from './chain.ts';
import { Outlet, type OutletDamage } from './outlet.ts';

/** How forwarding ended. After `unwritable` everything else was read and dropped. */
export type Forwarded =
  | 'done'
  | OutletDamage
  /** The masker failed: nothing that came then or later was forwarded. */
  | 'mask-failed';

/** How long the pipe may be silent after the child's end, in milliseconds: a grandchild may hold it for ever. */
const IDLE_MS = 250;
/** And how long a talkative grandchild is listened to, not counting the time that our own reader takes. */
const DRAIN_MS = 5_000;
/** More than a pipe can hold when the child ends, in bytes: what follows is not the child's any more. */
const MOST_HELD = 2 * 1_048_576;

export class Forwarder {
  readonly #source: Readable;
  readonly #masker: Pick<MaskChain, 'push' | 'end' | 'counts'>;
  readonly #outlet: Outlet;
  readonly #onDamage: (how: Exclude<Forwarded, 'done'>) => void;
  readonly #finished = Promise.withResolvers<Forwarded>();
  #how: Forwarded = 'done';
  /** Whether no more comes from the source. */
  #over = false;
  #endedAt: number | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Since when our reader takes its time, if it does; and since the child's end, for how long before that. */
  #writingSince: number | undefined;
  #writingMs = 0;
  /** Since the child's end. */
  #lateBytes = 0;
  #pieces = 0;

  /**
   * @param source its pieces are only looked at while it emits them
   * @param onDamage called at once when forwarding stops early
   */
  constructor(
    source: Readable,
    masker: Pick<MaskChain, 'push' | 'end' | 'counts'>,
    fd: number,
    onDamage: (how: Exclude<Forwarded, 'done'>) => void,
  ) {
    this.#source = source;
    this.#masker = masker;
    this.#onDamage = onDamage;
    this.#outlet = new Outlet(fd, (damage) => this.#written(damage));
    source.on('data', (piece: Buffer) => this.#take(piece));
    // Without an end when it is destroyed, and with an error when a terminal's last program has gone.
    for (const event of ['end', 'close', 'error']) source.once(event, () => this.#end());
  }

  /** Settles when everything is forwarded or forwarding stopped. Never rejects. */
  get finished(): Promise<Forwarded> {
    return this.#finished.promise;
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#masker.counts;
  }

  /** The child has ended: what it wrote is still forwarded, but a grandchild is not waited for long. */
  childEnded(): void {
    this.#endedAt = monotonicMs();
    this.#watch();
  }

  /** Forwards nothing after what is being written now. */
  stop(): void {
    this.#outlet.drop();
    this.#finish(this.#how);
  }

  #take(piece: Buffer): void {
    if (this.#over) return;
    clearTimeout(this.#idle);
    this.#pieces++;
    if (this.#endedAt !== undefined) this.#lateBytes += piece.length;
    if (this.#how === 'done') this.#pass(() => this.#masker.push(piece));
    if (this.#outlet.full) this.#source.pause();
    this.#watch();
  }

  #pass(mask: () => readonly Buffer[]): void {
    try {
      this.#outlet.add(mask());
    } catch {
      this.#finish('mask-failed');
      this.#onDamage('mask-failed');
      return;
    }
    if (this.#outlet.busy) this.#writingSince ??= monotonicMs();
  }

  /** Everything has come. */
  #end(): void {
    if (this.#over) return;
    if (this.#how === 'done') this.#pass(() => this.#masker.end());
    this.#finish(this.#how);
  }

  #finish(how: Forwarded): void {
    this.#how = how;
    this.#over = true;
    clearTimeout(this.#idle);
    // Closing our end tells a child that goes on writing, as a shell's pipeline would.
    this.#source.destroy();
    if (!this.#outlet.busy) this.#finished.resolve(how);
  }

  #written(damage: OutletDamage | undefined): void {
    const now = monotonicMs();
    if (this.#endedAt !== undefined && this.#writingSince !== undefined)
      this.#writingMs += now - Math.max(this.#writingSince, this.#endedAt);
    this.#writingSince = this.#outlet.busy ? now : undefined;
    if (damage !== undefined && this.#how === 'done') {
      this.#how = damage;
      this.#onDamage(damage);
    }
    if (this.#over || damage === 'broken-pipe') return void this.#finish(this.#how);
    if (this.#source.isPaused()) this.#source.resume();
    this.#watch();
  }

  /** Limits the wait for the next piece; a reader of ours that takes its time is not the grandchild's fault. */
  #watch(): void {
    if (this.#endedAt === undefined || this.#over) return;
    const now = monotonicMs();
    const writingMs = this.#writingMs + (this.#writingSince === undefined ? 0 : now - Math.max(this.#writingSince, this.#endedAt));
    const elapsed = now - this.#endedAt;
    const waited = this.#lateBytes > MOST_HELD ? elapsed : elapsed - writingMs;
    clearTimeout(this.#idle);
    if (waited > DRAIN_MS) return void this.#source.destroy();
    if (this.#outlet.busy) return;
    const pieces = this.#pieces;
    // After a pause of our own the time may be over although something is there: the system is asked once more.
    const ask = (): void => void setImmediate(() => this.#pieces === pieces && this.#source.destroy());
    this.#idle = setTimeout(ask, IDLE_MS);
  }
}
