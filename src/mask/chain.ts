/** Masking of one stream by a set of values that grows while it flows. */
import { Masker, type MaskPlan } from './masker.ts';

export class MaskChain {
  /** Each masks what the one before it lets through. */
  #maskers: readonly Masker[];
  /** Of maskers that are gone. */
  readonly #before = new Map<string, number>();

  constructor(plan: MaskPlan) {
    this.#maskers = [new Masker(plan)];
  }

  /** How often each secret was masked, by name. */
  get counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#before);
    for (const masker of this.#maskers) for (const [name, count] of masker.counts) counts.set(name, (counts.get(name) ?? 0) + count);
    return counts;
  }

  /**
   * From the next byte on the values of this plan are masked too.
   * @param plan has all values of the plans before it, so that maskers which hold nothing back can go
   */
  extend(plan: MaskPlan): void {
    if (this.#maskers.every((masker) => masker.idle)) {
      for (const [name, count] of this.counts) this.#before.set(name, count);
      this.#maskers = [new Masker(plan)];
    } else this.#maskers = [...this.#maskers, new Masker(plan)];
  }

  /** As {@link Masker.push}. */
  push(piece: Buffer): readonly Buffer[] {
    const [only, second] = this.#maskers;
    return only !== undefined && second === undefined ? only.push(piece) : this.#through([piece], 0);
  }

  /** As {@link Masker.end}. */
  end(): readonly Buffer[] {
    return this.#maskers.flatMap((masker, index) => this.#through(masker.end(), index + 1));
  }

  #through(pieces: readonly Buffer[], from: number): readonly Buffer[] {
    return this.#maskers.slice(from).reduce((out, masker) => out.flatMap((piece) => masker.push(piece)), pieces);
  }
}
