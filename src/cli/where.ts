/** `--where owner=ana,tag=db`: which secrets a command is about, by what is known of them. */
import { SecretsError } from '../core/errors.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { list } from './options.ts';
import type { Target } from './target.ts';

export const WHERE_KEYS = ['owner', 'provider', 'tag', 'state', 'consumer', 'name'] as const;

type WhereKey = (typeof WHERE_KEYS)[number];

/** Values by key: one of a key's values is enough, every key must be met. */
export type Where = ReadonlyMap<WhereKey, readonly string[]>;

/** Reads the option; may stand several times. @throws SecretsError USAGE */
export const whereOption = (text: string, before: Where = new Map()): Where => {
  const where = new Map(before);
  const pairs = list(text);
  if (pairs.length === 0) throw wrong('--where names nothing', '--where owner=NAME, or leave it out');
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const typed = at < 0 ? pair : pair.slice(0, at);
    const key = WHERE_KEYS.find((known) => known === typed);
    const value = pair.slice(at + 1);
    if (at <= 0 || value === '') throw wrong('--where takes key=value', `--where owner=NAME; keys: ${WHERE_KEYS.join(', ')}`);
    if (key === undefined)
      throw wrong(
        `--where has no key ${shownWord(typed) ?? 'of that name'}`,
        didYouMean(typed, WHERE_KEYS) ?? `keys: ${WHERE_KEYS.join(', ')}`,
      );
    where.set(key, [...(where.get(key) ?? []), value]);
  }
  return where;
};

const wrong = (message: string, hint: string): SecretsError => new SecretsError({ code: 'USAGE', message, hint });

/** Whether a target is meant. @param state how it stands; asked for only where the filter needs it */
export function isWhere(where: Where, { label, spec, references }: Target, state: (() => string) | undefined): boolean {
  const facts: Readonly<Record<WhereKey, () => readonly string[]>> = {
    owner: () => (spec.owner === undefined ? [] : [spec.owner]),
    provider: () => references.map(({ configured }) => configured.config.name),
    tag: () => spec.tags,
    state: () => (state === undefined ? [] : state().split(' ')),
    consumer: () => spec.consumers,
    name: () => [label],
  };
  return [...where].every(([key, values]) => facts[key]().some((fact) => values.includes(fact)));
}
