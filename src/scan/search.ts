/** Searches one file, or anything else that is read in pieces, for the values of a plan, and says where they stand. */
import { Scanner } from '../mask/scanner.ts';
import type { SearchPlan } from './plan.ts';

/** A place in a text; both count from 1, the column in bytes, as grep and git count. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** One place where values stand. */
export interface Hit extends Partial<Place> {
  /** Names of the secrets, in the manifest's order. */
  readonly names: readonly string[];
  /** Bytes before it. Line and column are left out in a binary file, in which they mean nothing. */
  readonly offset: number;
}

/** A file with a NUL in so many bytes from its start is binary: the rule of git and grep. */
const BINARY_WINDOW = 8_000;
const LINE_FEED = 0x0a;

export class Search {
  readonly #plan: SearchPlan;
  readonly #report: (hit: Hit) => void;
  readonly #scanner: Scanner;
  readonly #lines = new Lines();
  /** Where matches begin that may still grow, by their position. */
  readonly #begun = new Map<number, Place>();
  /** Hits in a file of which it is not known yet whether it is binary. */
  #waiting: Required<Hit>[] = [];
  #binary = false;

  /** @param report called once for each place, in order */
  constructor(plan: SearchPlan, report: (hit: Hit) => void) {
    this.#plan = plan;
    this.#report = report;
    this.#scanner = new Scanner(plan.automaton);
  }

  /** Takes the next piece, which may be reused afterwards. */
  push(piece: Buffer): void {
    const from = this.#scanner.position;
    if (from < BINARY_WINDOW) this.#binary ||= piece.subarray(0, BINARY_WINDOW - from).includes(0);
    if (!this.#binary) this.#lines.add(piece, from);
    this.#scanner.scan(piece);
    this.#take(this.#scanner.settled(), this.#scanner.position >= BINARY_WINDOW);
  }

  /** The file is over. */
  end(): void {
    this.#scanner.end();
    this.#take(this.#scanner.position, true);
  }

  #take(settled: number, kindIsKnown: boolean): void {
    const { matches } = this.#scanner;
    for (const { start } of matches) if (!this.#begun.has(start)) this.#begun.set(start, this.#lines.at(start));
    for (let match = matches[0]; match !== undefined && match.end <= settled; match = matches[0]) {
      matches.shift();
      const place = this.#begun.get(match.start) ?? this.#lines.at(match.start);
      this.#waiting.push({ names: this.#plan.namesOf(match.owners), offset: match.start, ...place });
    }
    if (matches.length === 0) this.#begun.clear();
    if (!this.#binary) this.#lines.forget(settled);
    if (!kindIsKnown || this.#waiting.length === 0) return;
    for (const { names, offset, ...place } of this.#waiting) this.#report({ names, offset, ...(this.#binary ? {} : place) });
    this.#waiting = [];
  }
}

/** Lines of a text by position; breaks are kept only as far back as may be asked for. */
class Lines {
  #breaks: number[] = [];
  /** Number of the line in which the kept breaks begin, and where it starts. */
  #line = 1;
  #start = 0;

  add(piece: Buffer, from: number): void {
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) this.#breaks.push(from + at);
  }

  at(position: number): Place {
    const before = this.#before(position);
    const start = before === 0 ? this.#start : (this.#breaks[before - 1] ?? 0) + 1;
    return { line: this.#line + before, column: position - start + 1 };
  }

  /** Nothing before this position will be asked for. */
  forget(position: number): void {
    const before = this.#before(position);
    if (before === 0) return;
    this.#line += before;
    this.#start = (this.#breaks[before - 1] ?? 0) + 1;
    this.#breaks = this.#breaks.slice(before);
  }

  /** How many of the kept breaks stand before a position. */
  #before(position: number): number {
    if ((this.#breaks.at(-1) ?? -1) < position) return this.#breaks.length;
    let [low, high] = [0, this.#breaks.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#breaks[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
