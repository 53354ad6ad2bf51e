/**
 * Masks a stream. Whatever its pieces are, the output is the same; only what may still become a match is held back,
 * and never for a time.
 */
import { buildAutomaton, CANONICAL, LOOK, MAY_ESCAPE, next as nextState, type Automaton } from './automaton.ts';
import type { Needles } from './needles.ts';

/** What stands in place of a value: fixed, so that it tells nothing, and never searched itself. */
export const MASK: Buffer = Buffer.from('***');
/** Bytes of white space and escape sequences inside one match, at most: more is no match, and would be held back. */
const MAX_SKIPPED = 65_536;

interface Range {
  end: number;
  start: number;
  readonly owners: Set<number>;
  /** Whether its mask was written; later bytes of it are only swallowed. */
  written: boolean;
}

/** Where in an escape sequence the scan is. */
type Escape = 'none' | 'start' | 'csi' | 'string' | 'string-end';

/** Where a byte leads inside an escape sequence (ECMA-48); undefined when no sequence goes on like that. */
function escapeAfter(escape: Escape, byte: number): Escape | undefined {
  const printable = byte >= 0x20 && byte <= 0x7e;
  switch (escape) {
    case 'start':
      if (byte === 0x5b) return 'csi';
      // Operating system commands and the like: a string up to BEL or ESC backslash.
      if (byte === 0x5d || byte === 0x50 || byte === 0x5e || byte === 0x5f) return 'string';
      // Intermediate bytes, as in ESC ( B, go on; anything else printable ends it.
      return byte >= 0x20 && byte <= 0x2f ? 'start' : printable ? 'none' : undefined;
    case 'csi':
      return byte >= 0x40 && byte <= 0x7e ? 'none' : printable ? 'csi' : undefined;
    case 'string':
      return byte === 0x07 ? 'none' : byte === 0x1b ? 'string-end' : 'string';
    case 'string-end':
      return byte === 0x5c ? 'none' : 'string';
    case 'none':
      return undefined;
  }
}

/** The search of one set of values, shared by the streams that are masked. */
export class MaskPlan {
  readonly names: readonly string[];
  readonly automaton: Automaton;

  constructor(needles: Needles) {
    this.names = needles.names;
    this.automaton = buildAutomaton(needles.needles);
  }
}

export class Masker {
  readonly #names: readonly string[];
  readonly #automaton: Automaton;
  readonly #counts = new Map<string, number>();
  #state = 0;
  #escape: Escape = 'none';
  /** Absolute position of the next byte of the stream. */
  #at = 0;
  /** Absolute position of the next byte to pass on. */
  #passed = 0;
  /** Bytes of earlier pieces from `#passed` on. */
  #held: Buffer = Buffer.alloc(0);
  #heldFrom = 0;
  /** Matches that are not finished, in order. */
  #ranges: Range[] = [];
  /** Skipped bytes inside the current partial match: after how many counted bytes, and how many. */
  #skips: { readonly after: number; count: number }[] = [];
  #skipped = 0;

  constructor(plan: MaskPlan) {
    this.#names = plan.names;
    this.#automaton = plan.automaton;
  }

  /** How often each secret was masked, by name. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Takes the next piece of the stream and returns what may be passed on. The piece may be reused afterwards. */
  push(piece: Buffer): readonly Buffer[] {
    this.#scan(piece);
    this.#at += piece.length;
    return this.#pass(piece, this.#at - piece.length, this.#partialStart(this.#at));
  }

  /** The stream is over: what was held back is no match and is passed on. */
  end(): readonly Buffer[] {
    this.#state = 0;
    return this.#pass(Buffer.alloc(0), this.#at, this.#at);
  }

  #scan(piece: Buffer): void {
    const { rows, dense } = this.#automaton;
    const { length } = piece;
    let state = this.#state;
    for (let at = 0; at < length;) {
      if (this.#escape !== 'none') {
        this.#state = state;
        if (this.#readEscape(piece[at] ?? 0, this.#at + at)) at++;
        else state = 0;
        continue;
      }
      if (state < dense) {
        // The loop that reads nearly every byte: one look-up, one comparison.
        let entry = 0;
        for (; at < length; at++) {
          entry = rows[(state << 8) | (piece[at] as number)] as number;
          if (entry >= LOOK) break;
          state = entry;
        }
        if (at >= length) break;
      }
      const byte = piece[at] as number;
      const to = nextState(this.#automaton, state, byte);
      this.#state = state;
      if (to === MAY_ESCAPE) {
        this.#escape = 'start';
        this.#skip(this.#at + at);
      } else if (to === state && state !== 0 && CANONICAL[byte] === 0x20 && this.#automaton.stays[state] === 1) {
        if (!this.#skip(this.#at + at)) state = 0;
      } else {
        state = to;
        if (this.#automaton.matchLength[state] !== 0) this.#found(state, this.#at + at + 1);
      }
      at++;
    }
    this.#state = state;
  }

  /**
   * Reads one byte of an escape sequence inside a partial match.
   * @returns false when it is none after all: the partial match is over, and the byte is to be read as any other
   */
  #readEscape(byte: number, position: number): boolean {
    const after = escapeAfter(this.#escape, byte);
    if (after === undefined || !this.#skip(position)) {
      this.#escape = 'none';
      this.#state = 0;
      return false;
    }
    this.#escape = after;
    return true;
  }

  /** Leaves the byte at this position out of the count. @returns false when it is too much for one match */
  #skip(position: number): boolean {
    const after = position - this.#skipped;
    const last = this.#skips.at(-1);
    if (last?.after === after) last.count++;
    else this.#skips.push({ after, count: 1 });
    this.#skipped++;
    return this.#skippedSince(after - (this.#automaton.depth[this.#state] ?? 0)) <= MAX_SKIPPED;
  }

  /** Bytes that were skipped after more than so many counted bytes. */
  #skippedSince(counted: number): number {
    let sum = 0;
    for (let index = this.#skips.length - 1; index >= 0; index--) {
      const skip = this.#skips[index];
      if (skip === undefined || skip.after <= counted) break;
      sum += skip.count;
    }
    return sum;
  }

  /** Absolute position where the last `counted` counted bytes before `end` begin. */
  #startOf(end: number, counted: number): number {
    return this.#skips.length === 0 ? end - counted : end - counted - this.#skippedSince(end - this.#skipped - counted);
  }

  #partialStart(end: number): number {
    const depth = this.#automaton.depth[this.#state] ?? 0;
    if (depth === 0) {
      this.#skips = [];
      return end;
    }
    const start = this.#startOf(end, depth);
    const oldest = end - this.#skipped - depth;
    if (this.#skips.length > 0 && (this.#skips[0]?.after ?? 0) <= oldest) this.#skips = this.#skips.filter((skip) => skip.after > oldest);
    return start;
  }

  #found(state: number, end: number): void {
    const range: Range = {
      start: this.#startOf(end, this.#automaton.matchLength[state] ?? 0),
      end,
      owners: new Set([this.#automaton.matchOwner[state] ?? 0]),
      written: false,
    };
    for (let last = this.#ranges.at(-1); last !== undefined && last.end > range.start; last = this.#ranges.at(-1)) {
      range.start = Math.min(range.start, last.start);
      range.written ||= last.written;
      for (const owner of last.owners) range.owners.add(owner);
      this.#ranges.pop();
    }
    this.#ranges.push(range);
  }

  /** Passes on what stands before `limit`, with masks; the rest is held back. */
  #pass(piece: Buffer, pieceFrom: number, limit: number): readonly Buffer[] {
    const out: Buffer[] = [];
    const forward = (to: number): void => {
      if (to <= this.#passed) return;
      if (this.#passed < pieceFrom) out.push(this.#held.subarray(this.#passed - this.#heldFrom, Math.min(to, pieceFrom) - this.#heldFrom));
      if (to > pieceFrom) out.push(piece.subarray(Math.max(this.#passed, pieceFrom) - pieceFrom, to - pieceFrom));
      this.#passed = to;
    };
    for (let range = this.#ranges[0]; range !== undefined && (range.written || range.start < limit); range = this.#ranges[0]) {
      if (!range.written) {
        forward(range.start);
        out.push(MASK);
        range.written = true;
      }
      this.#passed = Math.max(this.#passed, Math.min(range.end, this.#at));
      if (range.end > limit) break;
      this.#ranges.shift();
      for (const owner of range.owners) this.#count(this.#names[owner] ?? '');
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
