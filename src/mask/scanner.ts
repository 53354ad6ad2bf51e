/** Finds the values of one plan in a stream. Whatever the stream's pieces are, the matches are the same. */
import { CANONICAL, LOOK, MAY_ESCAPE, next as nextState, type Automaton } from './automaton.ts';
import { skipFilter } from './skip.ts';

/** Bytes after which bytes are skipped: a short stream does without the table for that. */
const SKIP_FROM = 4_096;
const ESCAPE = 0x1b;

/** Bytes of white space and escape sequences inside one match, at most: more is no match, and would be held back. */
const MAX_SKIPPED = 65_536;

/** A stretch of the stream that holds values: overlapping ones together. Positions count from the stream's start. */
interface Match {
  start: number;
  /** Behind its last byte. */
  end: number;
  /** Indexes of the names whose values are in it. */
  readonly owners: Set<number>;
  /** For the user of the scanner: whether its beginning was dealt with. Stays true when the match grows. */
  begun: boolean;
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
      break;
  }
  return undefined;
}

export class Scanner {
  /** Matches in order. The user takes out those that are final: whose end is not behind {@link settled}. */
  readonly matches: Match[] = [];
  readonly #automaton: Automaton;
  #state = 0;
  #escape: Escape = 'none';
  /** The state of a search in the bytes of an escape sequence, such as a window's title, and shortly after it. */
  #inside = 0;
  /** Behind the last byte of that sequence. */
  #insideUntil = 0;
  #at = 0;
  /** Skipped bytes inside the current partial match: after how many counted bytes, and how many. */
  #skips: { readonly after: number; count: number }[] = [];
  #skipped = 0;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /** Position of the next byte of the stream. */
  get position(): number {
    return this.#at;
  }

  /** The stream is over: a partial match is none. */
  end(): void {
    this.#state = 0;
    this.#inside = 0;
  }

  /** Reads the next piece of the stream. The piece may be reused afterwards. */
  scan(piece: Buffer): void {
    const { rows, dense, depth } = this.#automaton;
    const { length } = piece;
    const filter = this.#at + length < SKIP_FROM ? undefined : skipFilter(this.#automaton);
    const view = new DataView(piece.buffer, piece.byteOffset, length);
    // Bytes before `known` have to be read; a partial match that begins at `plain` or later has no skipped bytes in it.
    let known = filter === undefined ? length : 0;
    let plain = 0;
    let escape = -1;
    let state = this.#state;
    for (let at = 0; at < length;) {
      if (this.#escape !== 'none') {
        this.#state = state;
        if (this.#readEscape(piece[at] ?? 0, this.#at + at)) at++;
        else state = this.#state;
        plain = at;
        continue;
      }
      if (filter !== undefined && this.#inside === 0 && at >= known && state < dense) {
        if (escape < at) escape = piece.indexOf(ESCAPE, at);
        if (escape < 0) escape = length;
        const from = at - (depth[state] as number);
        const start = from < plain ? at : filter.next(view, from, escape);
        known = from < plain ? at + 1 : filter.unknown;
        if (start > at) {
          state = 0;
          at = start;
        }
      }
      if (this.#inside !== 0) this.#readInside(piece[at] ?? 0, this.#at + at);
      else if (state < dense) {
        // The loop that reads nearly every byte that is not skipped: one look-up, one comparison.
        const end = Math.min(length, Math.max(known, at + 1));
        let entry = 0;
        for (; at < end; at++) {
          entry = rows[(state << 8) | (piece[at] as number)] as number;
          if (entry >= LOOK) break;
          state = entry;
        }
        if (at >= end) continue;
      }
      const byte = piece[at] as number;
      const to = nextState(this.#automaton, state, byte);
      this.#state = state;
      if (to === MAY_ESCAPE) {
        this.#escape = 'start';
        this.#inside = 0;
        this.#skip(this.#at + at);
      } else if (to === state && state !== 0 && CANONICAL[byte] === 0x20 && this.#automaton.stays[state] === 1) {
        if (!this.#skip(this.#at + at)) state = 0;
        plain = at + 1;
      } else {
        state = to;
        if (this.#automaton.matchLength[state] !== 0) {
          this.#found(state, this.#at + at + 1);
          // Where no longer value begins like this one, it is not held back for what follows, such as a moved cursor.
          while (state !== 0 && this.#automaton.firstEdge[state] === 0) state = this.#automaton.fail[state] ?? 0;
        }
      }
      at++;
    }
    this.#state = state;
    this.#at += length;
  }

  /** Position before which nothing can become part of a match any more. To be asked after each piece. */
  settled(): number {
    const end = this.#at;
    const depth = this.#automaton.depth[this.#state] ?? 0;
    const inside = end - (this.#automaton.depth[this.#inside] ?? 0);
    if (depth === 0) {
      this.#skips = [];
      return inside;
    }
    const start = Math.min(inside, this.#startOf(end, depth));
    const oldest = end - this.#skipped - depth;
    if (this.#skips.length > 0 && (this.#skips[0]?.after ?? 0) <= oldest) this.#skips = this.#skips.filter((skip) => skip.after > oldest);
    return start;
  }

  /**
   * Reads one byte of an escape sequence inside a partial match.
   * @returns false when it is none after all: the partial match is over, and the byte is to be read as any other
   */
  #readEscape(byte: number, position: number): boolean {
    const after = escapeAfter(this.#escape, byte);
    if (after === undefined || !this.#skip(position)) {
      this.#escape = 'none';
      // What looked like a sequence was text, and the search in it goes on as the only one.
      this.#state = this.#inside;
      this.#inside = 0;
      this.#skips = [];
      this.#skipped = 0;
      return false;
    }
    this.#escape = after;
    this.#insideUntil = position + 1;
    this.#readInside(byte, position);
    return true;
  }

  /**
   * Searches an escape sequence, and what follows, as it is: without sequences or longer white space in it. Over when
   * no partial match reaches into the sequence any more, which the other search finds then too.
   */
  #readInside(byte: number, position: number): void {
    const to = nextState(this.#automaton, this.#inside, byte);
    const stretched = to === this.#inside && CANONICAL[byte] === 0x20 && this.#automaton.stays[to] === 1;
    this.#inside = to === MAY_ESCAPE || stretched ? 0 : to;
    const { matchLength, depth } = this.#automaton;
    const length = matchLength[this.#inside] ?? 0;
    if (length !== 0) this.#add(this.#inside, position + 1 - length, position + 1);
    if (position + 1 - (depth[this.#inside] ?? 0) >= this.#insideUntil) this.#inside = 0;
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

  /** Position where the last `counted` counted bytes before `end` begin. */
  #startOf(end: number, counted: number): number {
    return this.#skips.length === 0 ? end - counted : end - counted - this.#skippedSince(end - this.#skipped - counted);
  }

  #found(state: number, end: number): void {
    this.#add(state, this.#startOf(end, this.#automaton.matchLength[state] ?? 0), end);
  }

  #add(state: number, start: number, end: number): void {
    const { matchOwner, nextMatch } = this.#automaton;
    const match: Match = { start, end, owners: new Set(), begun: false };
    for (let at = state; at !== 0; at = nextMatch[at] ?? 0) match.owners.add(matchOwner[at] ?? 0);
    for (let last = this.matches.at(-1); last !== undefined && last.end > match.start; last = this.matches.at(-1)) {
      match.start = Math.min(match.start, last.start);
      match.begun ||= last.begun;
      for (const owner of last.owners) match.owners.add(owner);
      this.matches.pop();
    }
    this.matches.push(match);
  }
}
