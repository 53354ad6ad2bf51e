/**
 * `--where owner=ana,state=overdue`: which references a command is about. Pairs with different fields must all match, of
 * pairs with the same field one; `!=` leaves out. `*` stands for anything, an empty value for "has none", `\,` for a
 * comma. One rule for every command that takes it. No I/O.
 */
import { SecretsError } from '../core/errors.ts';
import { globPattern } from '../core/glob.ts';
import { POLICY_FIELDS, type SecretSpec } from '../core/model.ts';
import type { Reference } from '../core/reference.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { STATES } from './condition.ts';

/** States that a reference has when its manager can't be asked. */
export const FAILED_STATES = ['denied', 'unreachable', 'failed'] as const;

const FIELDS = [
  'name',
  'provider',
  'reference',
  'owner',
  'contact',
  'tag',
  'consumer',
  'state',
  'profile',
  'manifest',
  'rotate',
  'lacks',
] as const;

export type WhereField = (typeof FIELDS)[number];

export const WHERE_FIELDS: readonly WhereField[] = FIELDS;

/** Fields that only their manager knows. */
const ASKED: ReadonlySet<WhereField> = new Set(['state']);

/** The words that these fields can have; anything may be asked of the others. */
const WORDS: Readonly<Partial<Record<WhereField, readonly string[]>>> = {
  state: [...STATES, ...FAILED_STATES],
  lacks: POLICY_FIELDS,
};

interface Pair {
  readonly field: WhereField;
  readonly not: boolean;
  readonly pattern: RegExp;
}

/** Every pair that was asked for; never empty. */
export type Where = readonly [Pair, ...Pair[]];

/** What is judged: the values that a reference has for each field, none where it has nothing. */
export type Facts = Readonly<Partial<Record<WhereField, readonly string[]>>>;

/**
 * @param texts what stands behind each `--where`
 * @returns undefined where there is none: everything is meant
 * @throws SecretsError USAGE for what can't be understood, and for an empty text: it would mean everything
 */
export function parseWhere(texts: readonly string[] | undefined): Where | undefined {
  if (texts === undefined) return undefined;
  const pairs = texts.flatMap((text) => text.split(/(?<!\\),/).map((pair) => pair.trim())).filter((pair) => pair !== '');
  const [first, ...rest] = pairs.map(parsePair);
  if (first === undefined) throw wrong('--where asks for nothing', EXAMPLE);
  return [first, ...rest];
}

const EXAMPLE = '--where owner=ana,state=overdue, or leave it out';

function parsePair(pair: string): Pair {
  const match = /^([A-Za-z]+)(!?)=(.*)$/s.exec(pair);
  if (match === null) throw wrong('--where takes FIELD=VALUE or FIELD!=VALUE', EXAMPLE);
  const [, word = '', not, value = ''] = match;
  const field = FIELDS.find((known) => known === word);
  if (field === undefined) {
    throw wrong(`--where knows no field ${shownWord(word) ?? 'of that name'}`, didYouMean(word, FIELDS) ?? `it takes ${FIELDS.join(', ')}`);
  }
  const words = WORDS[field];
  const text = value.replaceAll('\\,', ',').trim();
  if (words !== undefined && !words.some((one) => globPattern(text).test(one)))
    throw wrong(`--where ${field}= takes one of ${words.join(', ')}`, didYouMean(text, words));
  return { field, not: not === '!', pattern: globPattern(text) };
}

const wrong = (message: string, hint: string | undefined): SecretsError =>
  new SecretsError({ code: 'USAGE', message, ...(hint === undefined ? {} : { hint }) });

/** Whether its manager must be asked before the question can be answered. */
export const needsState = (where: Where | undefined): boolean => where?.some(({ field }) => ASKED.has(field)) ?? false;

/** @param ask fields to judge by; default: all of them */
export function matches(where: Where | undefined, facts: Facts, ask: (field: WhereField) => boolean = () => true): boolean {
  for (const pairs of Map.groupBy(where ?? [], ({ field, not }) => `${field}${not ? '!' : ''}`).values()) {
    const [{ field, not } = { field: 'name' as const, not: false }] = pairs;
    if (!ask(field)) continue;
    const values = facts[field] ?? [];
    const one = pairs.some(({ pattern }) => (values.length === 0 ? pattern.test('') : values.some((value) => pattern.test(value))));
    if (one === not) return false;
  }
  return true;
}

/** Whether everything but what its manager knows matches: the others need not be asked about. */
export const mayMatch = (where: Where | undefined, facts: Facts): boolean => matches(where, facts, (field) => !ASKED.has(field));

/** What an entry of a manifest, and one of its references, say about themselves. */
export function factsOf(spec: SecretSpec, reference?: Reference, more: Facts = {}): Facts {
  const some = (text: string | undefined): readonly string[] => (text === undefined ? [] : [text]);
  return {
    name: [spec.name],
    provider: some(reference?.provider),
    reference: some(reference?.text),
    owner: some(spec.owner),
    contact: some(spec.contact),
    tag: spec.tags,
    consumer: spec.consumers,
    rotate: some(spec.rotate?.using),
    lacks: POLICY_FIELDS.filter((field) => !hasField(spec, field)),
    ...more,
  };
}

/** Whether an entry says anything for a field that a policy may ask for. */
export function hasField(spec: SecretSpec, field: (typeof POLICY_FIELDS)[number]): boolean {
  const value = spec[field];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '';
}
