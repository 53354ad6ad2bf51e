/** What `import` will do with each entry of an env file, decided before anything is written. */
import { SecretsError, throwIssues, type Issue, type Position } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { schemeOf } from '../core/reference.ts';
import { didYouMean } from '../core/suggest.ts';
import { codeOfNamed, foreignRecipe, OWN_VARIABLES, parseDotenv, readTextFile, type DotenvEntry } from '../manifest/index.ts';
import { isDangerous } from '../run/dangerous-names.ts';
import { classify, type Classified } from './classify.ts';
import { referenceIn, type Destination } from './destination.ts';

export interface EnvFile {
  /** As it was named. */
  readonly shown: string;
  readonly text: string;
  /** One for each name, the last that the file has. */
  readonly entries: readonly DotenvEntry[];
}

/** @throws SecretsError IO if it can't be read, MANIFEST_INVALID with every line that is no NAME=value */
export function readEnvFile(path: string, shown: string): EnvFile {
  const read = readTextFile(path);
  const at = { file: shown, line: 1, column: 1 };
  if (!read.ok) throw new SecretsError({ code: codeOfNamed(read), message: read.message, hint: read.hint, at });
  const { entries, issues } = parseDotenv(read.text, shown);
  throwIssues(issues);
  return { shown, text: read.text, entries: [...new Map(entries.map((entry) => [entry.name, entry])).values()] };
}

/** What becomes of an entry. */
export type Fate =
  | { readonly kind: 'secret'; readonly reference: string; readonly edit: 'add' | 'replace' | 'none' }
  | { readonly kind: 'plain'; readonly edit: 'add' | 'none' }
  /** The file held a reference already. */
  | { readonly kind: 'reference'; readonly reference: string; readonly edit: 'add' | 'none' }
  /** Stays in the file. */
  | { readonly kind: 'left'; readonly why: string; readonly hint?: string };

export interface Planned {
  readonly entry: DotenvEntry;
  readonly fate: Fate;
}

export interface PlanInput {
  readonly manifest: Manifest;
  /** The profile that was asked for: its section takes the entries. */
  readonly profile: string | undefined;
  readonly destination: Destination;
  /** Names that are secrets; the others are plain. */
  readonly secrets: ReadonlySet<string>;
  /** Whether an entry stands in the section that takes the entries, or in the base where that is no profile's. */
  readonly isOwn: (spec: SecretSpec) => boolean;
}

/** Pure. */
export function planImport(entries: readonly DotenvEntry[], input: PlanInput): readonly Planned[] {
  const taken = new Set(
    [...input.manifest.secrets.values()].flatMap(({ source }) =>
      source.kind === 'references' ? source.references.map(({ reference }) => reference.text) : [],
    ),
  );
  return entries.map((entry) => ({ entry, fate: leftOut(entry, input.manifest) ?? fateOf(entry, input, taken) }));
}

/** Why an entry can't be taken over, whatever it is. */
export function leftOut({ name, value }: DotenvEntry, manifest: Manifest): Extract<Fate, { kind: 'left' }> | undefined {
  if (OWN_VARIABLES.has(name.toUpperCase())) return { kind: 'left', why: 'it is a setting of secrets itself' };
  if (isDangerous(name) && !manifest.env.allowDangerous.includes(name)) {
    return {
      kind: 'left',
      why: 'a variable of this name makes programs load or run other code',
      hint: `env: { allowDangerous: [${name}] } in the manifest allows it`,
    };
  }
  const recipe = isReferenceHere(value, manifest) ? undefined : foreignRecipe(value, true);
  return recipe === undefined ? undefined : { kind: 'left', why: recipe.message, hint: recipe.hint };
}

/** Whether a value is a reference of a provider that the manifest knows. */
export const isReferenceHere = (value: string, manifest: Manifest): boolean => manifest.providers.has(schemeOf(value) ?? '');

function fateOf({ name, value }: DotenvEntry, input: PlanInput, taken: Set<string>): Fate {
  const { manifest, profile, destination, secrets, isOwn } = input;
  const spec = manifest.secrets.get(name);
  const own = spec !== undefined && isOwn(spec) ? spec : undefined;
  if (own?.source.kind === 'template') return { kind: 'left', why: 'the manifest has a template for it' };
  if (isReferenceHere(value, manifest)) {
    if (own === undefined) return { kind: 'reference', reference: value, edit: 'add' };
    const same = own.source.kind === 'references' && own.source.references[0].reference.text === value;
    return same ? { kind: 'reference', reference: value, edit: 'none' } : { kind: 'left', why: 'the manifest has another source for it' };
  }
  // What the manifest calls a secret is one.
  if (own?.source.kind === 'references') return { kind: 'secret', reference: own.source.references[0].reference.text, edit: 'none' };
  if (!secrets.has(name)) {
    if (spec?.source.kind === 'value' && spec.source.value === value) return { kind: 'plain', edit: 'none' };
    return own === undefined
      ? { kind: 'plain', edit: 'add' }
      : { kind: 'left', why: 'the manifest has another value for it', hint: `change ${name} in the manifest` };
  }
  return {
    kind: 'secret',
    reference: freeReference(name, destination, manifest, profile, taken),
    edit: own === undefined ? 'add' : 'replace',
  };
}

/** Two names may not meet in one place. */
function freeReference(
  name: string,
  destination: Destination,
  manifest: Manifest,
  profile: string | undefined,
  taken: Set<string>,
): string {
  for (let count = 1; ; count++) {
    const reference = referenceIn(destination, count === 1 ? name : `${name}_${count}`, { project: manifest.project, profile });
    if (taken.has(reference)) continue;
    taken.add(reference);
    return reference;
  }
}

export interface Sorting {
  readonly plain?: readonly string[];
  readonly secret?: readonly string[];
}

/** Which kind each entry is, by its looks and by what was said about it. */
export function sortEntries(entries: readonly DotenvEntry[], said: Sorting): ReadonlyMap<string, Classified> {
  const names = entries.map(({ name }) => name);
  const issues = [...(said.plain ?? []), ...(said.secret ?? [])]
    .filter((name) => !names.includes(name))
    .map((name): Issue => ({
      code: 'USAGE',
      message: 'the file has no entry of a name given to --plain or --secret',
      hint: didYouMean(name, names) ?? names.join(', '),
    }));
  const both = (said.plain ?? []).filter((name) => said.secret?.includes(name) === true);
  for (const name of both)
    issues.push({ code: 'USAGE', name, message: 'it cannot be both --plain and --secret', hint: 'leave one of them out' });
  throwIssues(issues);
  return new Map(
    entries.map(({ name, value }) => {
      if (said.secret?.includes(name) === true) return [name, { kind: 'secret', why: '--secret' }];
      if (said.plain?.includes(name) === true) return [name, { kind: 'plain', why: '--plain' }];
      return [name, classify(name, value)];
    }),
  );
}

/** Entries that other tools would fill in with the values of others: here nothing is expanded. */
export const unexpanded = (entries: readonly DotenvEntry[]): readonly { readonly name: string; readonly at: Position }[] =>
  entries.filter(({ value }) => /\$\{[A-Za-z_]\w*[^}]*\}/.test(value)).map(({ name, valueAt }) => ({ name, at: valueAt }));
