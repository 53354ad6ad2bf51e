/** Finds values in the source text of valid JSON by their place, without building objects from it. */

/** A stretch of the source: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Member {
  readonly name: string;
  /** Where the white space in front of the key begins: behind the brace or comma. */
  readonly lead: number;
  readonly key: Span;
  readonly value: Span;
}

export type Kind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

const KINDS: Readonly<Record<string, Kind>> = { '{': 'object', '[': 'array', '"': 'string', t: 'boolean', f: 'boolean', n: 'null' };

export const textOf = (source: string, span: Span): string => source.slice(span.start, span.end);

export const kindOf = (source: string, span: Span): Kind => KINDS[source.charAt(span.start)] ?? 'number';

/** The one value that a JSON text consists of. */
export const rootOf = (source: string): Span => valueAt(source, 0);

/** The members of an object, names that stand twice included. */
export function* membersOf(source: string, object: Span): Generator<Member> {
  let at = object.start + 1;
  for (;;) {
    const lead = at;
    const keyStart = skipSpace(source, at);
    if (source[keyStart] !== '"') return;
    const key = { start: keyStart, end: endOfString(source, keyStart) };
    const value = valueAt(source, skipSpace(source, key.end) + 1);
    yield { name: JSON.parse(textOf(source, key)) as string, lead, key, value };
    const next = skipSpace(source, value.end);
    if (source[next] !== ',') return;
    at = next + 1;
  }
}

/** The elements of a list. */
export function* elementsOf(source: string, list: Span): Generator<Span> {
  let at = list.start + 1;
  if (source[skipSpace(source, at)] === ']') return;
  for (;;) {
    const value = valueAt(source, at);
    yield value;
    const next = skipSpace(source, value.end);
    if (source[next] !== ',') return;
    at = next + 1;
  }
}

/** A value without the white space between its tokens; numbers and escapes stay as they are written. */
export function compact(source: string, span: Span): string {
  const parts: string[] = [];
  let at = skipSpace(source, span.start);
  while (at < span.end) {
    const end = source[at] === '"' ? endOfString(source, at) : endOfRun(source, at, span.end);
    parts.push(source.slice(at, end));
    at = skipSpace(source, end);
  }
  return parts.join('');
}

function valueAt(source: string, from: number): Span {
  const start = skipSpace(source, from);
  const first = source[start];
  if (first === '"') return { start, end: endOfString(source, start) };
  if (first === '{' || first === '[') return { start, end: endOfNested(source, start) };
  let end = start;
  while (end < source.length && !/[\s,\]}]/.test(source.charAt(end))) end += 1;
  return { start, end };
}

/** Counts brackets instead of recursing, so that no depth can exhaust the stack. */
function endOfNested(source: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const character = source[at];
    if (character === '"') {
      at = endOfString(source, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') depth -= 1;
    at += 1;
  } while (depth > 0 && at < source.length);
  return at;
}

function endOfString(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== '"') at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The end of a run without strings and white space. */
function endOfRun(source: string, from: number, limit: number): number {
  let at = from + 1;
  while (at < limit && !/[\s"]/.test(source.charAt(at))) at += 1;
  return at;
}

function skipSpace(source: string, from: number): number {
  let at = from;
  while (source[at] === ' ' || source[at] === '\n' || source[at] === '\r' || source[at] === '\t') at += 1;
  return at;
}
