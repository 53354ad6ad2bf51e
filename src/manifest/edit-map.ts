/** Adding a pair to a mapping of YAML text, and removing one, in the style in which the mapping is written. */
import { isMap, isScalar, type ParsedNode } from 'yaml';
import {
  blockLines,
  commaBetween,
  endOfPair,
  flowText,
  indentBefore,
  isJsonStyle,
  lineBreakOf,
  lineStart,
  nextLine,
  scalarText,
  type ParsedMap,
  type ParsedPair,
  type Plain,
  type Splice,
} from './edit-text.ts';

export interface NewPair {
  readonly key: string;
  readonly value: Plain;
  /** Lines of a comment to stand above, where the mapping has lines. */
  readonly comment?: readonly string[];
}

/** The pair of a mapping by its key. */
export function pairOf(map: ParsedMap, key: string): ParsedPair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** @returns the changes that add a pair at the end of a mapping, or undefined where its text can't take it */
export function insertPair(text: string, map: ParsedMap, pair: NewPair): readonly Splice[] | undefined {
  const last = map.items.at(-1);
  if (last === undefined) return undefined;
  return map.flow === true
    ? insertIntoFlow(text, map, last, pair)
    : insertLines(text, endOfPair(last), indentBefore(text, last.key.range[0]), pair);
}

/**
 * The changes that give a key without entries (nothing, `{}` or null behind its colon) its first one.
 * @param owner the pair whose value it is, in a block mapping
 */
export function fillEmpty(text: string, owner: ParsedPair, pair: NewPair): readonly Splice[] | undefined {
  const indent = indentBefore(text, owner.key.range[0]);
  const { value } = owner;
  if (indent === undefined) return undefined;
  const splices: Splice[] = [];
  if (value !== null && value.range[1] > value.range[0]) {
    const from = text[value.range[0] - 1] === ' ' ? value.range[0] - 1 : value.range[0];
    splices.push({ from, to: value.range[1], text: '' });
  }
  // Comments that are indented below the key belong to what it holds: the entry comes after them.
  let place = nextLine(text, endOfPair(owner));
  while (new RegExp(`^${indent} +#`).test(text.slice(place, nextLine(text, place)))) place = nextLine(text, place);
  const inserted = insertLines(text, place, `${indent}  `, pair);
  return inserted === undefined ? undefined : [...splices, ...inserted];
}

function insertLines(
  text: string,
  after: number,
  indent: string | undefined,
  { key, value, comment }: NewPair,
): readonly Splice[] | undefined {
  if (indent === undefined) return undefined;
  const lineBreak = lineBreakOf(text);
  const at = after > 0 && text[after - 1] === '\n' ? after : nextLine(text, after);
  const start = at === text.length && text !== '' && !text.endsWith('\n') ? lineBreak : '';
  const above = (comment ?? []).map((line) => `${indent}# ${line}${lineBreak}`).join('');
  return [{ from: at, to: at, text: `${start}${above}${blockLines(key, value, indent, lineBreak)}` }];
}

function insertIntoFlow(text: string, map: ParsedMap, last: ParsedPair, { key, value }: NewPair): readonly Splice[] {
  const json = isJsonStyle(map);
  const added = `${scalarText(key, json)}: ${flowText(value, json)}`;
  const end = endOfPair(last);
  const comma = commaBetween(text, end, map.range[1] - 1);
  const indent = indentBefore(text, last.key.range[0]);
  const behind = comma === undefined ? end : comma + 1;
  const separator: readonly Splice[] = comma === undefined ? [{ from: end, to: end, text: ',' }] : [];
  if (indent === undefined)
    return [
      ...separator.map((splice) => ({ ...splice, text: `, ${added}` })),
      ...(comma === undefined ? [] : [{ from: behind, to: behind, text: ` ${added}` }]),
    ];
  const rest = /^[^\S\n]*(?:#[^\n]*)?/.exec(text.slice(behind, map.range[1] - 1));
  const at = behind + (rest?.[0].trim() === '' ? 0 : (rest?.[0].trimEnd().length ?? 0));
  const line = { from: at, to: at, text: `${lineBreakOf(text)}${indent}${added}` };
  return at === end && comma === undefined ? [{ ...line, text: `,${line.text}` }] : [...separator, line];
}

/** @returns the changes that take a pair out of a mapping; `owner` is the pair whose value the mapping is */
export function removePair(text: string, map: ParsedMap, owner: ParsedPair, key: string): readonly Splice[] | undefined {
  const index = map.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === key);
  const pair = map.items[index];
  if (pair === undefined) return undefined;
  return map.flow === true ? removeFromFlow(text, map, index, pair) : removeLines(text, map, owner, pair);
}

function removeLines(text: string, map: ParsedMap, owner: ParsedPair, pair: ParsedPair): readonly Splice[] | undefined {
  if (indentBefore(text, pair.key.range[0]) === undefined) return undefined;
  const end = endOfPair(pair);
  const lines = { from: lineStart(text, pair.key.range[0]), to: text[end - 1] === '\n' ? end : nextLine(text, end), text: '' };
  if (map.items.length > 1) return [lines];
  const colon = text.indexOf(':', owner.key.range[1]);
  return [{ from: colon + 1, to: colon + 1, text: ' {}' }, lines];
}

function removeFromFlow(text: string, map: ParsedMap, index: number, pair: ParsedPair): readonly Splice[] {
  const before = map.items[index - 1];
  const next = map.items[index + 1];
  const [from, end] = [pair.key.range[0], endOfPair(pair)];
  const comma = commaBetween(text, end, next?.key.range[0] ?? map.range[1] - 1);
  const formerComma = before === undefined ? undefined : commaBetween(text, endOfPair(before), from);
  const alone = indentBefore(text, from) !== undefined && /^[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.test(text.slice((comma ?? end - 1) + 1));
  // The comma in front of the last entry goes with it: JSON allows none there.
  const former: readonly Splice[] =
    next === undefined && comma === undefined && formerComma !== undefined ? [{ from: formerComma, to: formerComma + 1, text: '' }] : [];
  if (alone) return [...former, { from: lineStart(text, from), to: nextLine(text, comma ?? end), text: '' }];
  if (next !== undefined && comma !== undefined) {
    const remark = text.slice(comma, next.key.range[0]).includes('#');
    return [{ from, to: remark ? comma + 1 : next.key.range[0], text: '' }];
  }
  if (former.length > 0 && formerComma !== undefined && /^\s*$/.test(text.slice(formerComma + 1, from)))
    return [{ from: formerComma, to: end, text: '' }];
  return [...former, { from, to: comma === undefined ? end : comma + 1, text: '' }];
}

/** The mapping at a value, or undefined where it holds none or none yet. */
export function mapAt(node: ParsedNode | null | undefined): ParsedMap | undefined {
  return isMap(node) ? node : undefined;
}

/** Whether nothing is there yet: no value, null, or a mapping without entries. */
export function isEmptyValue(node: ParsedNode | null): boolean {
  return node === null || (isScalar(node) && node.value === null) || (isMap(node) && node.items.length === 0);
}
