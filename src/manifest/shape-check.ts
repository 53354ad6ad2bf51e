/** Checks a tree against its shape: issues with places and suggestions, and never a value. */
import { shownWord, suggest } from '../core/suggest.ts';
import type { Problems } from './problems.ts';
import type { MapShape, ScalarShape, Shape } from './shape.ts';
import type { MapNode, Node, ScalarNode } from './tree.ts';

/** Adds every difference from the shape to `problems`. */
export function checkShape(root: MapNode, shape: MapShape, problems: Problems): void {
  checkMap(root, shape, { label: 'the file', name: undefined }, problems);
}

interface Place {
  /** What messages call the value: its key. */
  readonly label: string;
  /** The secret it belongs to. */
  readonly name: string | undefined;
}

function check(node: Node, shape: Shape, place: Place, problems: Problems): void {
  if (node.kind === 'scalar' && node.value === null && shape.nullable === true) return;
  const fail = (expected: string, hint?: string): void =>
    problems.invalid(node.at, `${place.label} must be ${expected}`, { hint, name: place.name });
  switch (shape.kind) {
    case 'list':
      if (node.kind !== 'list') fail(`a list of ${shape.what}, such as [a, b]`);
      else if (node.items.length < shape.least) fail(`a list of ${shape.what} that is not empty`);
      else for (const item of node.items) check(item, shape.of, place, problems);
      break;
    case 'map':
      if (node.kind === 'map') checkMap(node, shape, place, problems);
      else fail(shape.expected);
      break;
    case 'table':
      if (node.kind !== 'map') fail('a mapping of names');
      else checkTable(node, shape, place, problems);
      break;
    case 'either': {
      const meant = shape.options.find((option) =>
        node.kind === 'scalar' ? isScalarShape(option) && fits(node.value, option) : option.kind === node.kind,
      );
      if (meant === undefined) fail(shape.expected);
      else check(node, meant, place, problems);
      break;
    }
    default:
      if (node.kind !== 'scalar' || !fits(node.value, shape)) fail(expectedOf(shape), hintFor(node, shape));
  }
}

function checkMap(node: MapNode, shape: MapShape, place: Place, problems: Problems): void {
  for (const [key, { keyAt, node: value }] of node.entries) {
    const inner = Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined;
    if (inner === undefined) {
      if (!shape.open) reportKey(key, keyAt, Object.keys(shape.keys), place, problems);
    } else if (!(shape.removable && value.kind === 'scalar' && value.value === null))
      check(value, inner, { label: key, name: place.name }, problems);
  }
  for (const key of shape.required) {
    const inner = shape.keys[key];
    if (node.entries.has(key) || inner === undefined || !isScalarShape(inner)) continue;
    problems.invalid(node.at, `the key ${key} is missing`, { hint: `${key} must be ${expectedOf(inner)}`, name: place.name });
  }
}

function checkTable(node: MapNode, shape: Extract<Shape, { kind: 'table' }>, { label }: Place, problems: Problems): void {
  for (const [name, entry] of node.entries) {
    if (!shape.names.pattern.test(name)) problems.invalid(entry.keyAt, shape.names.message);
    else {
      const place = label === 'secrets' ? { label: 'the entry', name } : { label: shownWord(name) ?? 'this', name: undefined };
      check(entry.node, shape.of, place, problems);
    }
  }
}

function reportKey(key: string, at: MapNode['at'], known: readonly string[], { name }: Place, problems: Problems): void {
  const shown = shownWord(key);
  const near = suggest(key, known);
  problems.invalid(at, shown === undefined ? 'a key is not known here' : `the key ${shown} is not known here`, {
    hint: near === undefined ? `known keys: ${known.join(', ')}` : `did you mean ${near}?`,
    name,
  });
}

function isScalarShape(shape: Shape): shape is ScalarShape {
  return shape.kind !== 'list' && shape.kind !== 'map' && shape.kind !== 'table' && shape.kind !== 'either';
}

function fits(value: ScalarNode['value'], shape: ScalarShape): boolean {
  switch (shape.kind) {
    case 'text':
      return typeof value === 'string' && shape.pattern?.test(value) !== false;
    case 'words':
      return typeof value === 'string' && shape.words.includes(value);
    case 'setting':
      return value !== null;
    case 'flag':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'number' && Number.isInteger(value) && value >= shape.least && value <= shape.most;
  }
}

function expectedOf(shape: ScalarShape): string {
  switch (shape.kind) {
    case 'text':
      return shape.expected;
    case 'words':
      return `one of ${shape.words.join(', ')}`;
    case 'setting':
      return 'a text, a number, true or false';
    case 'flag':
      return 'true or false';
    case 'number':
      return shape.least === shape.most ? `${shape.least}` : `a whole number from ${shape.least} to ${shape.most}`;
  }
}

function hintFor(node: Node, shape: ScalarShape): string | undefined {
  if (node.kind !== 'scalar') return undefined;
  if (shape.kind === 'number' && shape.least === shape.most) return 'this program reads no other version';
  if (shape.kind === 'setting') return 'write "" for an empty text';
  const near = shape.kind === 'words' && typeof node.value === 'string' ? suggest(node.value, shape.words) : undefined;
  return near === undefined ? undefined : `did you mean ${near}?`;
}
