/** The manifest as plain nodes that know their places: what everything after YAML works on. */
import { isAlias, isMap, isScalar, isSeq, type Node as YamlNode } from 'yaml';
import type { Position } from '../core/errors.ts';
import { shownWord } from '../core/suggest.ts';
import type { Problems } from './problems.ts';
import { DEEPEST, readYaml, type YamlText } from './yaml-document.ts';

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly at: Position;
  readonly value: string | number | boolean | null;
  /** The value as it was written: `010` and `1.0` keep their form. */
  readonly text: string;
}

interface ListNode {
  readonly kind: 'list';
  readonly at: Position;
  readonly items: readonly Node[];
}

export interface MapEntry {
  readonly keyAt: Position;
  readonly node: Node;
}

export interface MapNode {
  readonly kind: 'map';
  readonly at: Position;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export type Node = ScalarNode | ListNode | MapNode;

/** What aliases may add up to: a few shared blocks, not a bomb. */
const MOST_ALIASED = 10_000;

interface Measured {
  readonly node: Node;
  readonly size: number;
  readonly height: number;
}

/**
 * Reads YAML (or JSON) whose root is a mapping. Everything that is wrong goes to `problems`; undefined when there is
 * no such root.
 * @param what names the file in messages: `the manifest`
 */
export function readTree(text: string, file: string, what: string, problems: Problems): MapNode | undefined {
  const yaml = readYaml(text, file, problems);
  return yaml === undefined ? undefined : treeOf(yaml, what, problems);
}

/** {@link readTree} of a text that is parsed already. */
export function treeOf(yaml: YamlText, what: string, problems: Problems): MapNode | undefined {
  const { contents } = yaml.document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    problems.invalid(yaml.at(0), `${what} is empty`, what === 'the manifest' ? { hint: 'secrets init' } : {});
    return undefined;
  }
  const root = new TreeReader(yaml, problems).read(contents, 0)?.node;
  if (root === undefined || root.kind === 'map') return root;
  problems.invalid(root.at, `${what} must be a mapping of keys to values`, { hint: 'begin with: version: 1' });
  return undefined;
}

class TreeReader {
  readonly #yaml: YamlText;
  readonly #problems: Problems;
  /** An anchor that is still being read is there without a value. */
  readonly #anchors = new Map<string, Measured | undefined>();
  #aliased = 0;

  constructor(yaml: YamlText, problems: Problems) {
    this.#yaml = yaml;
    this.#problems = problems;
  }

  read(node: YamlNode, depth: number): Measured | undefined {
    if (isAlias(node)) return this.#alias(node.source, this.#at(node), depth);
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const measured = this.#plain(node, depth);
    if (anchor !== undefined && measured !== undefined) this.#anchors.set(anchor, measured);
    return measured;
  }

  #alias(name: string, at: Position, depth: number): Measured | undefined {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#problems.invalid(
        at,
        this.#anchors.has(name) ? 'an alias (*name) stands inside what it names' : 'an alias (*name) has no anchor (&name) above it',
        { hint: 'put quotes around a text that begins with *' },
      );
      return undefined;
    }
    this.#aliased += target.size;
    if (this.#aliased > MOST_ALIASED || depth + target.height > DEEPEST) {
      this.#problems.invalid(at, 'the aliases add up to far too much', { hint: 'write the entries out, or use extends' });
      return undefined;
    }
    return target;
  }

  #plain(node: YamlNode, depth: number): Measured | undefined {
    const at = this.#at(node);
    if (isScalar(node)) {
      const { value } = node;
      if (typeof value === 'string') return leaf({ kind: 'scalar', at, value, text: value });
      if (value === null) return leaf({ kind: 'scalar', at, value, text: '' });
      if (typeof value === 'number' || typeof value === 'boolean')
        return leaf({ kind: 'scalar', at, value, text: node.source ?? String(value) });
      this.#problems.invalid(at, 'a value of this type is not used in a manifest', { hint: 'put quotes around it' });
      return undefined;
    }
    let size = 1;
    let height = 0;
    const child = (inner: YamlNode): Node | undefined => {
      const measured = this.read(inner, depth + 1);
      if (measured === undefined) return undefined;
      size += measured.size;
      height = Math.max(height, measured.height + 1);
      return measured.node;
    };
    if (isSeq(node)) {
      const items = node.items.map((item) => child(item as YamlNode)).filter((item) => item !== undefined);
      return { node: { kind: 'list', at, items }, size, height };
    }
    if (!isMap(node)) return undefined;
    const entries = new Map<string, MapEntry>();
    for (const { key, value } of node.items as readonly { key: YamlNode; value: YamlNode | null }[]) {
      const keyAt = this.#at(key);
      const name = this.#key(key, keyAt);
      const inner = value === null ? nothing(keyAt) : child(value);
      if (name === undefined || inner === undefined) continue;
      const former = entries.get(name);
      if (former === undefined) entries.set(name, { keyAt, node: inner });
      else {
        const shown = shownWord(name);
        this.#problems.invalid(keyAt, shown === undefined ? 'a key stands twice' : `the key ${shown} stands twice`, {
          hint: `the other one is in line ${former.keyAt.line}: remove one of them`,
        });
      }
    }
    return { node: { kind: 'map', at, entries }, size, height };
  }

  #key(key: YamlNode, at: Position): string | undefined {
    if (isScalar(key) && key.value !== null) {
      const text = typeof key.value === 'string' ? key.value : (key.source ?? '');
      if (text === '<<')
        this.#problems.invalid(at, 'merge keys (<<) are not part of YAML 1.2', { hint: 'write the entries out, or use extends' });
      else if (text === '__proto__') this.#problems.invalid(at, 'this key is not usable', { hint: 'choose another name' });
      else return text;
      return undefined;
    }
    this.#problems.invalid(at, 'a key must be text', { hint: 'put quotes around it' });
    return undefined;
  }

  #at(node: YamlNode): Position {
    return this.#yaml.at(node.range?.[0] ?? 0);
  }
}

const leaf = (node: ScalarNode): Measured => ({ node, size: 1, height: 0 });
const nothing = (at: Position): ScalarNode => ({ kind: 'scalar', at, value: null, text: '' });

/** The node as plain data. Objects have no prototype, so that any key is only a key. */
export function toPlain(node: Node, text: (scalar: ScalarNode) => unknown = (scalar) => scalar.value): unknown {
  if (node.kind === 'scalar') return text(node);
  if (node.kind === 'list') return node.items.map((item) => toPlain(item, text));
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, entry] of node.entries) plain[key] = toPlain(entry.node, text);
  return plain;
}

/** The entries of a mapping; none for a section that is left empty or is something else. */
export function entriesOf(node: Node | undefined): ReadonlyMap<string, MapEntry> {
  return node?.kind === 'map' ? node.entries : NONE;
}

const NONE: ReadonlyMap<string, MapEntry> = new Map();

/** What stands under a key of a mapping. */
export function under(node: Node | undefined, key: string): Node | undefined {
  return entriesOf(node).get(key)?.node;
}

/** A text, else undefined. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

/** The texts of a list, else undefined. */
export function textsOf(node: Node | undefined): readonly string[] | undefined {
  if (node?.kind !== 'list') return undefined;
  return node.items.map((item) => textOf(item)).filter((text) => text !== undefined);
}

/** The node at a path of keys and indexes, as far as it exists, and whether all of it did. */
export function follow(root: Node, path: readonly PropertyKey[]): { readonly node: Node; readonly at: Position; readonly whole: boolean } {
  let node = root;
  let at = root.at;
  for (const key of path) {
    const entry = node.kind === 'map' ? node.entries.get(String(key)) : undefined;
    const next = node.kind === 'list' ? node.items[Number(key)] : entry?.node;
    if (next === undefined) return { node, at, whole: false };
    node = next;
    at = node.at;
  }
  return { node, at, whole: true };
}
