/**
 * Small changes to YAML text, by the places of its nodes: what is not changed stays byte for byte, comments included.
 */
import { isAlias, isPair, isScalar, type Pair, type ParsedNode, type YAMLMap } from 'yaml';

/** What can be written as YAML on one line or several. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export type ParsedPair = Pair<ParsedNode, ParsedNode | null>;
export type ParsedMap = YAMLMap.Parsed;

/** One replacement of the text between two offsets. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export function applySplices(text: string, splices: readonly Splice[]): string {
  return splices
    .toSorted((one, other) => other.from - one.from)
    .reduce((result, { from, to, text: inserted }) => result.slice(0, from) + inserted + result.slice(to), text);
}

export const lineBreakOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');

/** Offset of the first character of the line. */
export const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Offset behind the line's break, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

/** The spaces in front of a node that begins its line; undefined where something else stands there. */
export function indentBefore(text: string, offset: number): string | undefined {
  const before = text.slice(lineStart(text, offset), offset);
  return /^ *$/.test(before) ? before : undefined;
}

/** Where a node's content ends: behind its last character, which for a block text is a line break. */
export function endOf(node: ParsedNode): number {
  if (isScalar(node) || isAlias(node) || node.flow === true || node.items.length === 0) return node.range[1];
  const last = node.items.at(-1);
  return isPair(last) ? endOfPair(last) : endOf(last as ParsedNode);
}

export function endOfPair(pair: ParsedPair): number {
  return pair.value === null ? pair.key.range[1] : Math.max(endOf(pair.value), pair.key.range[1]);
}

/** Offset of the comma between two places, comments skipped; undefined where there is none. */
export function commaBetween(text: string, from: number, to: number): number | undefined {
  for (let place = from; place < to; place += 1) {
    if (text[place] === ',') return place;
    if (text[place] === '#') place = nextLine(text, place) - 1;
  }
  return undefined;
}

/** Whether a mapping is written as JSON: its keys are in double quotes. */
export function isJsonStyle(map: ParsedMap): boolean {
  const key = map.items.at(0)?.key;
  return map.flow === true && isScalar(key) && key.type === 'QUOTE_DOUBLE';
}

/** A text as YAML: without quotes where that is the same in every context, else in double quotes. */
export function scalarText(value: string | number | boolean | null, json = false): string {
  if (typeof value !== 'string') return String(value);
  const plain = !json && /^[A-Za-z_/][\w\-./:@+#?=&%$~]*$/.test(value) && !/:$|^(?:true|false|null|inherit)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}

/** A value on one line. */
export function flowText(value: Plain, json = false): string {
  if (isList(value)) return `[${value.map((item) => flowText(item, json)).join(', ')}]`;
  if (value === null || typeof value !== 'object') return scalarText(value, json);
  const pairs = Object.entries(value).map(([key, inner]) => `${scalarText(key, json)}: ${flowText(inner, json)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

/** A pair as lines of a block mapping, each with its line break. */
export function blockLines(key: string, value: Plain, indent: string, lineBreak: string): string {
  if (value !== null && typeof value === 'object' && !isList(value) && Object.keys(value).length > 0) {
    const inner = Object.entries(value).map(([name, below]) => blockLines(name, below, `${indent}  `, lineBreak));
    return `${indent}${scalarText(key)}:${lineBreak}${inner.join('')}`;
  }
  return `${indent}${scalarText(key)}: ${flowText(value)}${lineBreak}`;
}

const isList = (value: Plain): value is readonly Plain[] => Array.isArray(value);
