/**
 * Masks a stream. Whatever its pieces are, the output is the same; only what may still become a match is held back,
 * and never for a time.
 */
import { buildAutomaton, type Automaton } from './automaton.ts';
import type { Needles } from './needles.ts';
import { Scanner } from './scanner.ts';

/** What stands in place of a value: fixed, so that it tells nothing, and never searched itself. */
const MASK: Buffer = Buffer.from('***');

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * The search of one set of values, shared by the streams that are masked. It is made when it is first needed: for
 * hundreds of values it takes as long as a program takes to start, and many programs print nothing.
 */
export class MaskPlan {
  readonly #needles: Needles | (() => Needles);
  #made: { readonly names: readonly string[]; readonly automaton: Automaton } | undefined;

  constructor(needles: Needles | (() => Needles)) {
    this.#needles = needles;
  }

  get names(): readonly string[] {
    return this.#search().names;
  }

  get automaton(): Automaton {
    return this.#search().automaton;
  }

  #search(): { readonly names: readonly string[]; readonly automaton: Automaton } {
    if (this.#made === undefined) {
      const { names, needles } = typeof this.#needles === 'function' ? this.#needles() : this.#needles;
      this.#made = { names, automaton: buildAutomaton(needles) };
    }
    return this.#made;
  }
}

export class Masker {
  readonly #plan: MaskPlan;
  #made: Scanner | undefined;
  readonly #counts = new Map<string, number>();
  /** Absolute position of the next byte to pass on. */
  #passed = 0;
  /** Bytes of earlier pieces from `#passed` on. */
  #held: Buffer = NOTHING;
  #heldFrom = 0;

  constructor(plan: MaskPlan) {
    this.#plan = plan;
  }

  get #scanner(): Scanner {
    this.#made ??= new Scanner(this.#plan.automaton);
    return this.#made;
  }

  /** How often each secret was masked, by name. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Whether nothing of the stream so far can become a match any more. */
  get idle(): boolean {
    return this.#held.length === 0 && (this.#made?.idle ?? true);
  }

  /** Takes the next piece of the stream and returns what may be passed on. The piece may be reused afterwards. */
  push(piece: Buffer): readonly Buffer[] {
    const from = this.#scanner.position;
    this.#scanner.scan(piece);
    return this.#pass(piece, from, this.#scanner.settled());
  }

  /** The stream is over: what was held back is no match and is passed on. */
  end(): readonly Buffer[] {
    if (this.#made === undefined) return [];
    this.#scanner.end();
    return this.#pass(NOTHING, this.#scanner.position, this.#scanner.position);
  }

  /** Passes on what stands before `limit`, with masks; the rest is held back. */
  #pass(piece: Buffer, pieceFrom: number, limit: number): readonly Buffer[] {
    const { matches, position } = this.#scanner;
    // As nearly always: nothing was held back, and nothing is to be.
    if (matches.length === 0 && this.#passed === pieceFrom && limit === position) {
      this.#passed = limit;
      this.#heldFrom = limit;
      this.#held = NOTHING;
      return [piece];
    }
    const out: Buffer[] = [];
    const forward = (to: number): void => {
      if (to <= this.#passed) return;
      if (this.#passed < pieceFrom) out.push(this.#held.subarray(this.#passed - this.#heldFrom, Math.min(to, pieceFrom) - this.#heldFrom));
      if (to > pieceFrom) out.push(piece.subarray(Math.max(this.#passed, pieceFrom) - pieceFrom, to - pieceFrom));
      this.#passed = to;
    };
    for (let match = matches[0]; match !== undefined && (match.begun || match.start < limit); match = matches[0]) {
      if (!match.begun) {
        forward(match.start);
        out.push(MASK);
        match.begun = true;
      }
      // Later bytes of it are only swallowed.
      this.#passed = Math.max(this.#passed, Math.min(match.end, position));
      if (match.end > limit) break;
      matches.shift();
      for (const owner of match.owners) this.#count(this.#plan.names[owner] ?? '');
    }
    forward(limit);
    const rest = [
      this.#passed < pieceFrom ? this.#held.subarray(this.#passed - this.#heldFrom) : undefined,
      piece.subarray(Math.max(0, this.#passed - pieceFrom)),
    ];
    this.#held = Buffer.concat(rest.filter((part) => part !== undefined));
    this.#heldFrom = this.#passed;
    return out;
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
