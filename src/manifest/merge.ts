/**
 * The merge rules. An entry merges key by key over the one below it; `ref`, `template` and `value` replace each other
 * as one group; a changed `ref` drops an inherited `rotate`; `null` removes.
 */
import type { Position } from '../core/errors.ts';
import type { Node } from './tree.ts';

/** One key of an entry: what it says, and in which folder relative paths begin. */
export interface Field {
  readonly node: Node;
  readonly keyAt: Position;
  readonly dir: string;
  /** Whether the user's own `config.yaml` says it. */
  readonly personal: boolean;
}

export type Fields = ReadonlyMap<string, Field>;

export const SOURCES = ['ref', 'template', 'value'] as const;

/** What belongs to one kind of source, and goes when another kind takes its place. */
const BOUND_TO_REF = ['rotate', 'generate', 'lease', 'default'] as const;

/** Key by key; null removes. */
export function mergeFields(lower: Fields, upper: Fields): Fields {
  const merged = new Map(lower);
  for (const [key, field] of upper) {
    if (isNull(field.node)) merged.delete(key);
    else merged.set(key, field);
  }
  return merged;
}

/** {@link mergeFields} with what is special about a secret's entry. */
export function mergeSecret(lower: Fields, upper: Fields): Fields {
  const source = SOURCES.map((key) => upper.get(key)).find((field) => field !== undefined && !isNull(field.node));
  if (source === undefined) return mergeFields(lower, upper);
  const base = new Map(lower);
  for (const key of SOURCES) base.delete(key);
  const [former, ref] = [lower.get('ref'), upper.get('ref')];
  if (ref === undefined) for (const key of BOUND_TO_REF) base.delete(key);
  else if (former === undefined || !sameNode(former.node, ref.node)) base.delete('rotate');
  return mergeFields(base, upper);
}

export const isNull = (node: Node): boolean => node.kind === 'scalar' && node.value === null;

/** Whether two nodes say the same; places don't count. A single reference equals a list of it alone. */
function sameNode(one: Node, other: Node): boolean {
  if (one.kind === 'scalar' && other.kind === 'scalar') return one.value === other.value && one.text === other.text;
  if (one.kind === 'map' && other.kind === 'map') {
    return (
      one.entries.size === other.entries.size &&
      [...one.entries].every(([key, entry]) => {
        const twin = other.entries.get(key);
        return twin !== undefined && sameNode(entry.node, twin.node);
      })
    );
  }
  const [left, right] = [itemsOf(one), itemsOf(other)];
  if (left === undefined || right === undefined) return false;
  return left.length === right.length && left.every((item, index) => sameNode(item, right[index] ?? item));
}

function itemsOf(node: Node): readonly Node[] | undefined {
  return node.kind === 'list' ? node.items : node.kind === 'scalar' ? [node] : undefined;
}
