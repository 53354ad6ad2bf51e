/**
 * Finds the places of a text where a needle may begin, without reading every byte of it.
 *
 * Each needle begins with `window` bytes that a text shows in a row, save for longer runs of white space. So of any
 * `window` bytes at the beginning of a match, three in a row stand at a position that is sampled, whatever that
 * beginning is, when samples are no further apart than `window - 2`. Where the three belong to no needle's beginning,
 * no match begins at or shortly before them.
 */
import { CANONICAL, WRAP_DEPTH, type Automaton } from './automaton.ts';

/** Fewer bytes in a row are not worth it. */
const LEAST_WINDOW = 5;
const GRAM = 3;
const SPACE = 0x20;
const MULTIPLIER = 0x9e37_79b1;
/** Bits of a table's index: one entry in about 32 is used, as far as the processor's cache goes. */
const LEAST_BITS = 12;
const MOST_BITS = 17;
const SPARE_BITS = 5;

/** All bytes that a text may hold in place of a canonical one. */
const WHITE: readonly number[] = [...CANONICAL.keys()].filter((byte) => CANONICAL[byte] === SPACE);
const written = (byte: number): readonly number[] => (byte === SPACE ? WHITE : [byte]);

export class SkipFilter {
  /** By hash of three bytes: 0 when no needle's beginning has them, else 1 and how far before them it may start. */
  readonly #table: Uint8Array;
  readonly #shift: number;
  /** From a position to the furthest sample of it. */
  readonly #reach: number;
  /** After {@link next}: the first position of which it does not know whether a match may begin there. */
  unknown = 0;

  /** @param states number of grams to expect; more only make it say "maybe" more often */
  constructor(window: number, states: number) {
    const bits = Math.min(MOST_BITS, Math.max(LEAST_BITS, Math.ceil(Math.log2(states)) + SPARE_BITS));
    this.#shift = 32 - bits;
    this.#reach = window - GRAM;
    this.#table = new Uint8Array(2 ** bits);
  }

  /** Three bytes, the first one lowest, and how far before them a match may begin. */
  add(gram: number, before: number): void {
    const index = Math.imul(gram, MULTIPLIER) >>> this.#shift;
    if ((this.#table[index] as number) <= before) this.#table[index] = before + 1;
  }

  /** The next position from `from` on at which a match may begin. There is no escape sequence before `end`. */
  next(text: DataView, from: number, end: number): number {
    const table = this.#table;
    const shift = this.#shift;
    const reach = this.#reach;
    const step = reach + 1;
    // Four bytes are read, as there is no faster way to read three.
    const last = end - 4;
    let at = from + reach;
    for (; at <= last; at += step) {
      const before = table[Math.imul(text.getUint32(at, true) & 0xff_ffff, MULTIPLIER) >>> shift] as number;
      if (before !== 0) {
        this.unknown = at + 1;
        return at - before + 1;
      }
    }
    this.unknown = end;
    return at - reach;
  }
}

const filters = new WeakMap<Automaton, SkipFilter | 'none'>();

/** The filter of an automaton; undefined when a needle is so short that nothing can be skipped. */
export function skipFilter(automaton: Automaton): SkipFilter | undefined {
  let filter = filters.get(automaton);
  if (filter === undefined) {
    filter = buildFilter(automaton) ?? 'none';
    filters.set(automaton, filter);
  }
  return filter === 'none' ? undefined : filter;
}

function buildFilter({ depth, matchLength, firstEdge, edgeByte, edgeTarget, nextEdge }: Automaton): SkipFilter | undefined {
  // States are in the order of their depth: the first that ends a needle ends a shortest one.
  const shortest = depth.find((bytes, state) => state !== 0 && matchLength[state] === bytes);
  // White space inside a wrapping form is skipped from this depth on.
  const window = Math.min(WRAP_DEPTH, shortest ?? WRAP_DEPTH);
  if (window < LEAST_WINDOW) return undefined;
  const within = depth.findIndex((bytes) => bytes > window);
  const count = within < 0 ? depth.length : within;
  const filter = new SkipFilter(window, count);
  /** Of every state: its last three bytes, the last one lowest, and whether there is a space in all of them. */
  const trail = new Int32Array(count);
  const spaced = new Uint8Array(count);
  for (let state = 0; state < count; state++) {
    const bytes = trail[state] ?? 0;
    const long = depth[state] ?? 0;
    if (spaced[state] === 1) {
      for (const gram of stretched(bytes >> 16, (bytes >> 8) & 0xff, bytes & 0xff, long)) filter.add(gram, window - GRAM);
    } else if (long >= GRAM) {
      filter.add(gramOf(bytes >> 16, (bytes >> 8) & 0xff, bytes & 0xff), long - GRAM);
    }
    if (long === window) continue;
    for (let edge = firstEdge[state] ?? 0; edge !== 0; edge = nextEdge[edge] ?? 0) {
      const target = edgeTarget[edge] ?? 0;
      const byte = edgeByte[edge] ?? 0;
      trail[target] = ((bytes << 8) | byte) & 0xff_ffff;
      spaced[target] = spaced[state] === 1 || byte === SPACE ? 1 : 0;
    }
  }
  return filter;
}

const gramOf = (first: number, second: number, third: number): number => first | (second << 8) | (third << 16);

/**
 * Any three bytes that a text may end in after `depth` bytes of a needle, of which these are the last: one space may be
 * any run of white space. A space is never the first byte of a needle.
 */
function* stretched(first: number, second: number, third: number, depth: number): Generator<number> {
  const endings = new Set<string>();
  const add = (...bytes: readonly [number, number, number]): void => void endings.add(String.fromCharCode(...bytes));
  if (depth >= GRAM) add(first, second, third);
  if (third === SPACE) {
    add(second, SPACE, SPACE);
    add(SPACE, SPACE, SPACE);
  } else if (second === SPACE) {
    add(SPACE, SPACE, third);
  }
  for (const ending of endings) {
    for (const a of written(ending.charCodeAt(0)))
      for (const b of written(ending.charCodeAt(1))) for (const c of written(ending.charCodeAt(2))) yield gramOf(a, b, c);
  }
}
