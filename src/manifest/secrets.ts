/** Merged definitions -> the model's secrets, with everything checked that only the whole can show. */
import { parseDuration } from '../core/duration.ts';
import type { Delivery, GenerateSpec, Milliseconds, PlacedReference, RotateSpec, SecretSource, SecretSpec } from '../core/model.ts';
import { ALPHABETS, DEFAULT_GENERATE } from '../core/model.ts';
import type { Definition, Definitions } from './definitions.ts';
import { withDerived } from './layers.ts';
import { SOURCES, type Fields } from './merge.ts';
import { checkProfileList } from './providers.ts';
import { readReference, type ReferenceContext } from './references.ts';
import { readTemplate, templateNames } from './template.ts';
import { entriesOf, textOf, textsOf, toPlain, under, type Node } from './tree.ts';

export interface SecretContext extends ReferenceContext {
  /** Names of all profiles. */
  readonly profiles: readonly string[];
  /** The profile in effect, after those it extends. */
  readonly chain: readonly string[];
}

/** Keys of `rotate` that mean the same for every rotator; the others belong to it. */
const ROTATE_KEYS: ReadonlySet<string> = new Set(['using', 'every', 'grace', 'admin']);
const HOOKS = ['before', 'after'];
const MATERIAL = ['length', 'alphabet', 'require'];
/** The own keys of rotators. */
const ROTATOR_KEYS: Readonly<Record<string, readonly string[]>> = {
  generate: [...MATERIAL, 'kind', 'bits', ...HOOKS],
  provider: HOOKS,
  postgres: [...MATERIAL, 'users', 'names', 'url', 'host', 'port', 'database', 'user', 'adminUser', 'sslmode', 'ca', ...HOOKS],
  exec: [...MATERIAL, 'kind', 'bits', 'command', 'pass', 'timeout', ...HOOKS],
};

/** @returns by name, in the order of the manifest. Entries whose source can't be read are reported and left out. */
export function readSecrets(definitions: Definitions, context: SecretContext): ReadonlyMap<string, SecretSpec> {
  const specs: SecretSpec[] = [];
  for (const definition of definitions.values()) {
    const spec = readSecret(definition, context);
    if (spec !== undefined) specs.push(spec);
  }
  const sensitive = sensitiveNames(specs, definitions);
  return new Map(specs.map((spec) => [spec.name, { ...spec, sensitive: sensitive.has(spec.name) }]));
}

function readSecret({ name, fields, layers }: Definition, context: SecretContext): SecretSpec | undefined {
  const node = (key: string): Node | undefined => fields.get(key)?.node;
  const at = (layers.at(-1) ?? layers[0]).at;
  checkCombination(name, fields, context);
  const profiles = node('profiles');
  if (profiles !== undefined) checkProfileList(profiles, context.profiles, context.problems, name);
  const source = readSource(name, fields, at, context);
  const rotate = readRotate(name, node('rotate'), context);
  const nearMax = textOf(under(node('lease'), 'nearMax'));
  const generated = flag(node('generate')) === true ? generateSpec(node('rotate')) : undefined;
  if (source === undefined) return undefined;
  return {
    name,
    at,
    source,
    required: flag(node('required')) ?? true,
    sensitive: false,
    ...optional('default', settingOf(node('default'), name, context)),
    ...optional('description', textOf(node('description'))),
    ...optional('owner', textOf(node('owner'))),
    ...optional('contact', textOf(node('contact'))),
    ...optional('runbook', textOf(node('runbook'))),
    consumers: textsOf(node('consumers')) ?? [],
    tags: textsOf(node('tags')) ?? [],
    ...optional('profiles', withDerived(textsOf(profiles), context.chain)),
    ...optional('maxAge', durationOf(node('maxAge'))),
    as: (textOf(node('as')) as Delivery | undefined) ?? 'env',
    ...optional('rotate', rotate),
    ...optional('generate', generated),
    ...(nearMax === undefined ? {} : { lease: { nearMax: nearMax as 'warn' | 'restart' | 'stop' } }),
    layers,
  };
}

function readSource(name: string, fields: Fields, at: SecretSpec['at'], context: SecretContext): SecretSource | undefined {
  const [ref, template, value] = SOURCES.map((key) => fields.get(key)?.node);
  if (ref !== undefined) {
    const nodes = ref.kind === 'list' ? ref.items : [ref];
    const [first, ...rest] = nodes.map((item) => placed(item, name, context)).filter((reference) => reference !== undefined);
    return first === undefined ? undefined : { kind: 'references', references: [first, ...rest] };
  }
  if (template !== undefined) {
    const text = textOf(template);
    return text === undefined
      ? undefined
      : { kind: 'template', parts: readTemplate(text, template.at, name, context.problems), at: template.at };
  }
  if (value !== undefined) {
    const text = settingOf(value, name, context);
    return text === undefined ? undefined : { kind: 'value', value: text, at: value.at };
  }
  context.problems.invalid(at, 'it has no ref, no template and no value', {
    name,
    hint: 'add ref: local://NAME, or value: TEXT for a plain setting',
  });
  return undefined;
}

/** Reports keys that mean nothing for this kind of source. */
function checkCombination(name: string, fields: Fields, { problems }: SecretContext): void {
  const kind = SOURCES.find((key) => fields.has(key));
  if (kind === undefined || kind === 'ref') return;
  for (const key of ['default', 'rotate', 'generate', 'lease']) {
    const field = fields.get(key);
    if (field !== undefined)
      problems.invalid(field.keyAt, `${key} needs a ref, and this entry has a ${kind}`, { name, hint: `remove ${key}` });
  }
}

function readRotate(name: string, node: Node | undefined, context: SecretContext): RotateSpec | undefined {
  const using = textOf(under(node, 'using'));
  if (node === undefined || using === undefined) return undefined;
  const own = ROTATOR_KEYS[using];
  const options: Record<string, unknown> = {};
  for (const [key, entry] of entriesOf(node)) {
    if (ROTATE_KEYS.has(key)) continue;
    options[key] = toPlain(entry.node);
    if (own !== undefined && !own.includes(key))
      context.problems.invalid(entry.keyAt, `the rotator ${using} has no such key`, {
        name,
        hint: `keys of rotate here: ${[...ROTATE_KEYS, ...own].join(', ')}`,
      });
  }
  const admin = under(node, 'admin');
  return {
    using,
    ...optional('every', durationOf(under(node, 'every'))),
    ...optional('grace', durationOf(under(node, 'grace'))),
    ...optional('admin', admin === undefined ? undefined : placed(admin, name, context)),
    options,
    at: node.at,
  };
}

function generateSpec(rotate: Node | undefined): GenerateSpec {
  if (textOf(under(rotate, 'using')) !== 'generate') return DEFAULT_GENERATE;
  const length = under(rotate, 'length');
  const alphabet = textOf(under(rotate, 'alphabet'));
  return {
    length: length?.kind === 'scalar' && typeof length.value === 'number' ? length.value : DEFAULT_GENERATE.length,
    alphabet: ALPHABETS.find((known) => known === alphabet) ?? DEFAULT_GENERATE.alphabet,
  };
}

/** What the manifest says; else a reference is sensitive, a plain value is not, and a template is if a part of it is. */
function sensitiveNames(specs: readonly SecretSpec[], definitions: Definitions): ReadonlySet<string> {
  const said = (name: string): boolean | undefined => flag(definitions.get(name)?.fields.get('sensitive')?.node);
  const users = new Map<string, string[]>();
  for (const spec of specs) {
    for (const target of templateNames(spec)) users.set(target, [...(users.get(target) ?? []), spec.name]);
  }
  const sensitive = new Set<string>();
  const queue = specs.filter((spec) => said(spec.name) ?? spec.source.kind === 'references').map((spec) => spec.name);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (sensitive.has(name)) continue;
    sensitive.add(name);
    for (const user of users.get(name) ?? []) if (said(user) !== false) queue.push(user);
  }
  return sensitive;
}

function placed(node: Node, name: string, context: SecretContext): PlacedReference | undefined {
  const text = textOf(node);
  return text === undefined ? undefined : readReference(text, node.at, context, name);
}

/** A plain setting as it was written. */
function settingOf(node: Node | undefined, name: string, { problems }: SecretContext): string | undefined {
  if (node?.kind !== 'scalar' || node.value === null) return undefined;
  if (node.text.includes('\0'))
    problems.invalid(node.at, 'the value holds a NUL character', { name, hint: 'no environment can carry it: remove it' });
  return node.text;
}

function durationOf(node: Node | undefined): Milliseconds | undefined {
  const text = textOf(node);
  return text === undefined ? undefined : parseDuration(text);
}

function flag(node: Node | undefined): boolean | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}
