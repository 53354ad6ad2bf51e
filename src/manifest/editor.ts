/** One text being edited: finds the place, changes it, and proves that nothing else changed. */
import { isDeepStrictEqual } from 'node:util';
import { isAlias, isScalar, type ParsedNode } from 'yaml';
import { SecretsError, throwIssues, type Position } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import { fillEmpty, insertPair, isEmptyValue, mapAt, pairOf, removePair, type NewPair } from './edit-map.ts';
import {
  applySplices,
  endOf,
  endOfPair,
  flowText,
  isJsonStyle,
  lineBreakOf,
  scalarText,
  type ParsedMap,
  type ParsedPair,
  type Splice,
} from './edit-text.ts';
import { Problems } from './problems.ts';
import { entriesOf, readTree, toPlain, treeOf, under, type MapNode } from './tree.ts';
import { readYaml, type YamlText } from './yaml-document.ts';

export interface EditOptions {
  /** The profile to edit; default: the base. */
  readonly profile?: string | undefined;
  /** As shown in positions; default: `.secretsrc`. */
  readonly file?: string | undefined;
}

type Path = readonly string[];
type Changed = Record<string, unknown>;

export class Editor {
  readonly #text: string;
  readonly #options: EditOptions;
  readonly #yaml: YamlText;
  readonly #tree: MapNode;
  readonly #root: ParsedMap;

  private constructor(text: string, options: EditOptions, yaml: YamlText, tree: MapNode, root: ParsedMap) {
    this.#text = text;
    this.#options = options;
    this.#yaml = yaml;
    this.#tree = tree;
    this.#root = root;
  }

  /** @throws SecretsError with everything that keeps the text from being read */
  static open(text: string, options: EditOptions): Editor {
    const problems = new Problems();
    const file = options.file ?? '.secretsrc';
    const yaml = readYaml(text, file, problems);
    const tree = yaml === undefined ? undefined : treeOf(yaml, 'the manifest', problems);
    throwIssues(problems.issues);
    const root = mapAt(yaml?.document.contents);
    if (yaml === undefined || tree === undefined || root === undefined) throw byHand({ file, line: 1, column: 1 });
    return new Editor(text, options, yaml, tree, root);
  }

  find(path: Path): ParsedPair | undefined {
    let map: ParsedMap | undefined = this.#root;
    let pair: ParsedPair | undefined;
    for (const key of path) {
      pair = map === undefined ? undefined : pairOf(map, key);
      map = mapAt(pair?.value);
    }
    return pair;
  }

  /** Whether a mapping with entries stands there. */
  isMapping(path: Path): boolean {
    return (mapAt(this.find(path)?.value)?.items.length ?? 0) > 0;
  }

  keysAt(key: string): readonly string[] {
    return [...entriesOf(under(this.#tree, key)).keys()];
  }

  /** Adds a pair to the mapping at a path, making the mapping and those around it where they are missing. */
  insert(path: Path, pair: NewPair): string {
    let map = this.#root;
    for (const [depth, key] of path.entries()) {
      const found = pairOf(map, key);
      const next = path[depth + 1];
      const missing = found === undefined ? { below: path.slice(0, depth), key } : undefined;
      const empty = found !== undefined && isEmptyValue(found.value);
      if (missing !== undefined || (empty && next !== undefined)) {
        const { below, key: section } = missing ?? { below: path.slice(0, depth + 1), key: next ?? key };
        return Editor.open(this.insert(below, { key: section, value: {} }), this.#options).insert(path, pair);
      }
      if (found === undefined) break;
      if (empty) return this.#finish(this.#fill(map, found, pair), found.key, path, (at) => (at[pair.key] = pair.value));
      const inner = mapAt(found.value);
      if (inner === undefined) throw byHand(this.#at(found.key));
      map = inner;
    }
    return this.#finish(insertPair(this.#text, map, pair), map, path, (at) => (at[pair.key] = pair.value));
  }

  /** Puts a text where the value of an existing pair is. */
  setValue(path: Path, value: string): string {
    const pair = this.#pair(path);
    const old = pair.value;
    if (isAlias(old)) throw byHand(this.#at(old));
    const json = isQuoted(pair.key);
    const written = scalarText(value, json || isQuoted(old));
    const colon = this.#text.indexOf(':', pair.key.range[1]);
    const splice =
      old === null || old.range[0] === old.range[1]
        ? { from: colon + 1, to: colon + 1, text: ` ${written}` }
        : { from: old.range[0], to: endOf(old), text: written + this.#endOfBlock(endOf(old)) };
    return this.#finish([splice], pair.key, path.slice(0, -1), (at) => (at[path.at(-1) ?? ''] = value));
  }

  /** Puts another key and value where a pair is. */
  replacePair(path: Path, key: string, value: string): string {
    const pair = this.#pair(path);
    const json = isQuoted(pair.key);
    const end = endOfPair(pair);
    const text = `${scalarText(key, json)}: ${scalarText(value, json)}${this.#endOfBlock(end)}`;
    return this.#finish([{ from: pair.key.range[0], to: end, text }], pair.key, path.slice(0, -1), (at) => {
      delete at[path.at(-1) ?? ''];
      at[key] = value;
    });
  }

  /** Removes a pair of the mapping at a path. */
  remove(path: Path, key: string): string {
    const owner = this.#pair(path);
    const map = mapAt(owner.value);
    return this.#finish(map === undefined ? undefined : removePair(this.#text, map, owner, key), owner.key, path, (at) => {
      delete at[key];
    });
  }

  refuse(message: string, hint: string, name?: string): SecretsError {
    return new SecretsError({ code: 'USAGE', message, hint, name });
  }

  unknown(name: string): SecretsError {
    const known = this.keysAt('secrets');
    return this.refuse('the manifest has no secret of this name', didYouMean(name, known) ?? 'secrets list shows them', name);
  }

  #pair(path: Path): ParsedPair {
    const pair = this.find(path);
    if (pair === undefined) throw byHand(this.#at(this.#root));
    return pair;
  }

  #fill(map: ParsedMap, owner: ParsedPair, pair: NewPair): readonly Splice[] | undefined {
    if (map.flow !== true) return fillEmpty(this.#text, owner, pair);
    const colon = this.#text.indexOf(':', owner.key.range[1]);
    const written = flowText({ [pair.key]: pair.value }, isJsonStyle(map));
    const { value } = owner;
    return value === null || value.range[0] === value.range[1]
      ? [{ from: colon + 1, to: colon + 1, text: ` ${written}` }]
      : [{ from: value.range[0], to: value.range[1], text: written }];
  }

  /** A block text ends with its line break, which its replacement needs too. */
  #endOfBlock(end: number): string {
    return this.#text[end - 1] === '\n' ? lineBreakOf(this.#text) : '';
  }

  #finish(splices: readonly Splice[] | undefined, near: ParsedNode, path: Path, change: (at: Changed) => void): string {
    const refusal = byHand(this.#at(near));
    if (splices === undefined) throw refusal;
    const result = applySplices(this.#text, splices);
    const problems = new Problems();
    const tree = readTree(result, '.secretsrc', 'the manifest', problems);
    const expected = toPlain(this.#tree) as Changed;
    change(path.reduce((at, key) => (at[key] ??= {}) as Changed, expected));
    if (tree === undefined || problems.failed || !isDeepStrictEqual(plainObjects(toPlain(tree)), plainObjects(expected))) throw refusal;
    return result;
  }

  #at(node: ParsedNode): Position {
    return this.#yaml.at(node.range[0]);
  }
}

function byHand(at: Position): SecretsError {
  return new SecretsError({
    code: 'MANIFEST_INVALID',
    message: 'this place cannot be edited without changing more than was asked for',
    hint: 'edit it by hand',
    at,
  });
}

const isQuoted = (node: ParsedNode | null): boolean => isScalar(node) && node.type === 'QUOTE_DOUBLE';

/** The same data with ordinary objects, so that only what it holds is compared. */
const plainObjects = (data: unknown): unknown => JSON.parse(JSON.stringify(data)) as unknown;
