/** What a scan looks for: each value once, with the names of all secrets that have it. */
import { MaskPlan, Masker } from '../mask/masker.ts';
import { needlesFor, type NeedleLimits } from '../mask/needles.ts';
import type { Automaton } from '../mask/automaton.ts';
import type { NamedValue } from './values.ts';

export class SearchPlan {
  /** Names that are searched for. */
  readonly names: readonly string[];
  /** Names whose value is too short or too common to be searched for. */
  readonly unsearched: readonly string[];
  readonly #mask: MaskPlan;
  /** The names of each owner. */
  readonly #groups: readonly (readonly string[])[];

  constructor(values: readonly Pick<NamedValue, 'name' | 'value'>[], limits: NeedleLimits) {
    // Shorter ones first: a value that is also a line of another one is called by its own name.
    const groups = groupEqual(values).toSorted(([one], [other]) => one.value.size - other.value.size);
    const needles = needlesFor(
      groups.map(([first], index) => ({ name: String(index), bytes: first.value.reveal() })),
      limits,
    );
    const left = new Set(needles.unmasked.flatMap((index) => groups[Number(index)] ?? []));
    this.#groups = groups.map((group) => group.map(({ name }) => name));
    this.#mask = new MaskPlan(needles);
    this.names = values.filter((value) => !left.has(value)).map(({ name }) => name);
    this.unsearched = values.filter((value) => left.has(value)).map(({ name }) => name);
  }

  get automaton(): Automaton {
    return this.#mask.automaton;
  }

  /** The names behind a match, in the manifest's order. */
  namesOf(owners: Iterable<number>): readonly string[] {
    const found = new Set([...owners].flatMap((owner) => this.#groups[owner] ?? []));
    return this.names.filter((name) => found.has(name));
  }

  /** A text such as a path without the values in it, and safe for a terminal. */
  shown(text: string): string {
    const masker = new Masker(this.#mask);
    const masked = Buffer.concat([...masker.push(Buffer.from(text)), ...masker.end()]).toString('utf8');
    return masked.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
}

/** Control characters, and those that change the direction of what follows. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** The values in groups of equal ones, in the order of their first. */
export function groupEqual<T extends Pick<NamedValue, 'value'>>(values: readonly T[]): readonly (readonly [T, ...T[]])[] {
  const groups: [T, ...T[]][] = [];
  for (const value of values) {
    const group = groups.find(([first]) => first.value.equals(value.value));
    if (group === undefined) groups.push([value]);
    else group.push(value);
  }
  return groups;
}
