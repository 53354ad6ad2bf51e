/** What the layers say about each name, merged: the step between files and model. */
import type { Layer } from '../core/model.ts';
import { didYouMean } from '../core/suggest.ts';
import type { LayerPart } from './layers.ts';
import { isNull, mergeSecret, SOURCES, type Field, type Fields } from './merge.ts';
import { checkName } from './names.ts';
import type { Overlay } from './overlay.ts';
import type { Problems } from './problems.ts';
import { entriesOf, textOf, under, type MapEntry, type Node, type ScalarNode } from './tree.ts';

export interface Definition {
  readonly name: string;
  readonly fields: Fields;
  /** From the base up; never empty. */
  readonly layers: readonly [Layer, ...Layer[]];
}

export type Definitions = ReadonlyMap<string, Definition>;

/**
 * @param extended parts of each extended file, the furthest first: what `inherit` takes from
 * @param own parts of the manifest and of `.secretsrc.local`: only what these list is in effect
 */
export function readDefinitions(
  extended: readonly (readonly LayerPart[])[],
  own: readonly LayerPart[],
  overlays: readonly Overlay[],
  problems: Problems,
): Definitions {
  let inherited: Definitions | undefined;
  for (const parts of extended) inherited = define(parts, inherited, problems);
  const definitions = new Map(define(own, inherited, problems));
  for (const overlay of overlays) definitions.set(overlay.name, overlaid(definitions.get(overlay.name), overlay));
  return definitions;
}

function define(parts: readonly LayerPart[], inherited: Definitions | undefined, problems: Problems): Definitions {
  const defined = new Map<string, Definition>();
  for (const part of parts) {
    for (const [name, entry] of entriesOf(under(part.node, 'secrets'))) {
      if (!checkName(name, entry.keyAt, problems)) continue;
      const layer: Layer = { label: part.label, at: entry.keyAt };
      const lower = defined.get(name);
      if (isNull(entry.node)) {
        if (part.over) defined.delete(name);
      } else if (textOf(entry.node) === 'inherit') {
        const taken = inherited?.get(name);
        if (taken === undefined) reportInherit(name, entry.node, inherited, problems);
        else defined.set(name, over(over(lower, name, taken.fields, taken.layers), name, new Map(), [layer]));
      } else defined.set(name, over(lower, name, fieldsOf(name, entry, part, problems), [layer]));
    }
  }
  return defined;
}

function over(lower: Definition | undefined, name: string, fields: Fields, layers: Definition['layers']): Definition {
  const merged = mergeSecret(lower?.fields ?? new Map(), fields);
  return { name, fields: merged, layers: lower === undefined ? layers : [...lower.layers, ...layers] };
}

function reportInherit(name: string, node: Node, inherited: Definitions | undefined, problems: Problems): void {
  if (inherited === undefined)
    problems.invalid(node.at, 'inherit needs a file to inherit from', { name, hint: 'add extends: FILE to the manifest' });
  else
    problems.invalid(node.at, 'the extended file does not define it', {
      name,
      hint: didYouMean(name, inherited.keys()) ?? 'define it there, or write a reference here',
    });
}

/** The keys of an entry; a text alone is its reference. */
function fieldsOf(name: string, { keyAt, node }: MapEntry, part: LayerPart, problems: Problems): Fields {
  const origin = { dir: part.file.dir, personal: false };
  if (node.kind !== 'map') return new Map([['ref', { node, keyAt, ...origin }]]);
  const [, second] = SOURCES.map((key) => node.entries.get(key)).filter((entry) => entry !== undefined && !isNull(entry.node));
  if (second !== undefined)
    problems.invalid(second.keyAt, 'an entry has one of ref, template and value', { name, hint: 'keep one of them' });
  const [value, sensitive] = [node.entries.get('value'), node.entries.get('sensitive')];
  if (value !== undefined && sensitive?.node.kind === 'scalar' && sensitive.node.value === true)
    problems.invalid(sensitive.node.at, 'a value written in the manifest is not secret', {
      name,
      hint: `store it with: secrets set ${name}`,
    });
  return new Map([...node.entries].map(([key, entry]): [string, Field] => [key, { ...entry, ...origin }]));
}

/** Given on the command line or in an env file, so it is injected whatever the manifest's entry says about that. */
function overlaid(lower: Definition | undefined, { name, kind, text, at, label }: Overlay): Definition {
  const scalar = (value: ScalarNode['value']): Field => ({
    node: { kind: 'scalar', at, value, text: typeof value === 'string' ? value : '' },
    keyAt: at,
    dir: '.',
    personal: false,
  });
  const removed = ['as', 'profiles', 'default', 'required'].map((key): [string, Field] => [key, scalar(null)]);
  // A plain text for what the manifest calls a secret stays one: it is masked.
  const stays = kind === 'value' && lower !== undefined && !lower.fields.has('value') && !lower.fields.has('sensitive');
  const fields = new Map<string, Field>([...removed, [kind, scalar(text)]]);
  if (stays) fields.set('sensitive', scalar(true));
  return over(lower, name, fields, [{ label, at }]);
}
