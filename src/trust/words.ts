/** A trust set in plain words, for a person who decides. Pure; the text is printable ASCII. */
import { canonical, fieldsOf, valueOf, word } from './text.ts';
import type { TrustSet } from './trust-set.ts';

/** Entries of one kind, under a title. */
export interface Group {
  readonly title: string;
  readonly entries: readonly string[];
}

/** What each kind of line means. */
type Meaning = (fields: readonly string[], former: TrustSet) => { readonly title: keyof typeof TITLES; readonly text: string };

/** In the order in which they are shown. */
const TITLES = {
  project: 'The project, whose values in your local store it reads',
  reads: 'Reads',
  sends: 'Signs in and sends requests as these providers say',
  runs: 'Starts on your machine',
  extends: 'Takes definitions from',
  rotates: 'Rotates values with',
  weakens: 'Weakens',
} as const;

const MEANINGS: Readonly<Record<string, Meaning>> = {
  project: ([project = '']) => ({ title: 'project', text: project }),
  prefix: ([prefix = '']) => ({ title: 'reads', text: /[/"]$/.test(prefix) ? `all under ${prefix}` : prefix }),
  reference: ([reference = '']) => ({ title: 'reads', text: reference }),
  extends: ([file = '']) => ({ title: 'extends', text: file }),
  provider: providerMeaning,
  rotate: ([using = '', options = '']) => ({
    title: using === 'exec' ? 'runs' : 'rotates',
    text: using === 'exec' ? `for rotation: ${optionsText(options)}` : `${using}: ${optionsText(options)}`,
  }),
  unmasked: ([name = '']) => weakens(`shows the value of ${name} in the output (sensitive: false)`),
  'env.pass': ([name = '']) => weakens(`passes your ${name} on to the program (env.pass)`),
  'env.keep': ([name = '']) => weakens(`keeps your environment's ${name} in place of the secret (env.keep)`),
  'env.allowDangerous': ([name = '']) => weakens(`sets ${name}, which can make programs run other code (env.allowDangerous)`),
  'mask.mode': () => weakens('masks nothing in the output (mask.mode)'),
  'mask.minLength': ([length = '']) => weakens(`masks no value shorter than ${length} bytes (mask.minLength)`),
  'audit.without': () => weakens('keeps no audit log on this machine (audit.sinks)'),
  'audit.sink': ([sink = '']) => weakens(`sends the audit log to ${textOf(sink)} (audit.sinks)`),
};

const weakens = (text: string) => ({ title: 'weakens' as const, text });

/**
 * @param lines those to be told
 * @param former what was trusted before: of a provider that is in both only the changes are told
 */
export function inWords(lines: TrustSet, former: TrustSet = []): readonly Group[] {
  const entries = new Map<keyof typeof TITLES, string[]>();
  for (const line of lines) {
    const [kind = '', ...fields] = fieldsOf(line);
    const { title, text } = MEANINGS[kind]?.(fields, former) ?? { title: 'weakens' as const, text: line };
    entries.set(title, [...(entries.get(title) ?? []), text]);
  }
  return (Object.keys(TITLES) as (keyof typeof TITLES)[]).flatMap((key) => {
    const found = entries.get(key);
    return found === undefined ? [] : [{ title: TITLES[key], entries: found }];
  });
}

/** One line for an error: what weighs most, and how much more there is. */
export function inShort(lines: TrustSet, former: TrustSet = []): string {
  const all = inWords(lines, former).flatMap(({ title, entries }) => entries.map((text) => ({ title, text })));
  const weight = [TITLES.runs, TITLES.sends, TITLES.weakens, TITLES.reads] as readonly string[];
  const order = (title: string): number => (weight.includes(title) ? weight.indexOf(title) : weight.length);
  const sorted = all.toSorted((one, other) => order(one.title) - order(other.title));
  const shown = sorted.slice(0, MOST_IN_SHORT).map(({ title, text }) => `${WORDS[title] ?? ''}${short(text)}`);
  return `${shown.join('; ')}${all.length > shown.length ? `; and ${all.length - shown.length} more` : ''}`;
}

const MOST_IN_SHORT = 3;
/** What stands in front of an entry where its title does not. */
const WORDS: Readonly<Record<string, string>> = {
  [TITLES.project]: 'project ',
  [TITLES.reads]: 'reads ',
  [TITLES.sends]: 'provider ',
  [TITLES.runs]: 'starts ',
  [TITLES.extends]: 'extends ',
  [TITLES.rotates]: 'rotates with ',
};

/** Longer text is cut; the whole is what `secrets trust --show` prints. */
const short = (text: string): string => (text.length > 160 ? `${text.slice(0, 157)}...` : text);

/** A provider: its options, or what changed in them. */
function providerMeaning([name = '', use = '', options = '', dir]: readonly string[], former: TrustSet): ReturnType<Meaning> {
  const title = use === 'exec' || /^"?npm:/.test(use) ? 'runs' : 'sends';
  const label = `${name}${use === name ? '' : ` (${use})`}`;
  const from = dir === undefined ? '' : `, paths from ${dir}`;
  const old = former.map(fieldsOf).find(([kind, other]) => kind === 'provider' && other === name);
  const text = old?.[2] === use && old[4] === dir ? changesText(options, old[3] ?? '') : `${optionsText(options)}${from}`;
  return { title, text: `${label}: ${text === '' ? 'no options' : text}` };
}

function optionsText(field: string): string {
  const options = optionsOf(field);
  if (options === undefined) return field;
  return Object.entries(options)
    .map(([key, value]) => `${word(key)} ${showValue(value)}`)
    .join(', ');
}

function changesText(field: string, formerField: string): string {
  const [now, before] = [optionsOf(field), optionsOf(formerField)];
  if (now === undefined || before === undefined) return optionsText(field);
  return [...new Set([...Object.keys(now), ...Object.keys(before)])]
    .sort()
    .flatMap((key) => {
      const [value, old] = [key in now ? showValue(now[key]) : undefined, key in before ? showValue(before[key]) : undefined];
      if (value === old) return [];
      if (value === undefined) return [`${word(key)} removed (was ${old ?? ''})`];
      return [`${word(key)} ${value} (${old === undefined ? 'new' : `was ${old}`})`];
    })
    .join(', ');
}

/** Undefined for options that JSON can't hold. */
function optionsOf(field: string): Readonly<Record<string, unknown>> | undefined {
  const value = valueOf(field);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
}

const showValue = (value: unknown): string => (typeof value === 'string' ? word(value) : canonical(value));

/** A canonical text without its quotes where it needs none. */
const textOf = (field: string): string => {
  const value = valueOf(field);
  return typeof value === 'string' ? word(value) : field;
};
