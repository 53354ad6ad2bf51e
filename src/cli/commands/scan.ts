/**
 * `secrets scan`: finds copies of this manifest's values, in any of their encodings, in files, in what is staged and in
 * the history; or, with --duplicates, one value behind two references. It says where, never the value or what is around
 * it. Exit 1 when there is one, 0 when there is none; a value that can't be fetched is an error of its own.
 *
 * --json: `{ ok, profile, names, notSearched, searched: { files, staged, objects }, findings, unsearched, failed }`.
 * `names` were searched for, `notSearched` have no value, one that is made anew at each reading, or one that is too short
 * or too common. `searched` counts files,
 * staged files, and objects of the history, each only if asked for. A finding is
 * `{ place, file, commit, tag, line, column, offset, names }` with place `file`, `staged` or `history`; without `file` it
 * is the text of the commit or tag itself. Line and column count from 1, columns and `offset` in bytes; a binary file has
 * neither line nor column. `unsearched` are `{ what, why }`, `failed` are `{ code, name, provider, message }`.
 * With --duplicates: `{ ok, profile, names, duplicates: [{ names, references }], failed }`.
 */
import type { Command } from 'commander';
import { SecretsError, throwIssues, type Issue } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { duplicatesOf, type Duplicate } from '../../scan/duplicates.ts';
import { searchFiles } from '../../scan/files.ts';
import type { Finding, SearchContext } from '../../scan/finding.ts';
import { searchHistory, searchStaged } from '../../scan/history.ts';
import { SearchPlan } from '../../scan/plan.ts';
import { fetchChosen, madeByReadingText, valuesOf, type FetchedValues } from '../../scan/values.ts';
import { record } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { named } from '../inventory.ts';
import { shortPath } from '../output.ts';
import { addSelectOptions, selectOptionsOf, type SelectArguments } from '../select-options.ts';
import { withRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';

interface ScanOptions extends SelectArguments {
  readonly staged?: boolean;
  readonly history?: boolean;
  readonly ignored?: boolean;
  readonly duplicates?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  addSelectOptions(command)
    .argument('[paths...]', 'only these files and folders')
    .option('--staged', 'search what is staged for the next commit, for a pre-commit hook')
    .option('--history', 'search every version of every file that git has')
    .option('--ignored', 'also search files that git ignores')
    .option('--duplicates', 'look for one value behind two references instead')
    .action(async (paths: string[], options: ScanOptions, self: Command) => scan(open(self), paths, options));
};

async function scan(context: Context, paths: readonly string[], options: ScanOptions): Promise<void> {
  refuseMixed(paths, options);
  const { manifest, fetched } = await fetchValues(context, options);
  const found =
    options.duplicates === true ? reportDuplicates(context, manifest, fetched) : await search(context, paths, options, manifest, fetched);
  if (!found) throwIssues(fetched.failures);
  else {
    process.exitCode = 1;
    const [first, ...rest] = fetched.failures;
    if (first !== undefined) context.output.error(new SecretsError([first, ...rest]));
  }
}

function refuseMixed(paths: readonly string[], { staged, history, ignored, duplicates }: ScanOptions): void {
  const fail = (message: string, hint: string): never => {
    throw new SecretsError({ code: 'USAGE', message, hint });
  };
  if (duplicates === true && (paths.length > 0 || staged === true || history === true || ignored === true)) {
    fail('--duplicates compares the values with each other and searches no files', 'secrets scan --duplicates');
  }
  if (ignored === true && (staged === true || history === true)) {
    fail('git keeps nothing of ignored files', 'leave --ignored out, or scan twice');
  }
}

/** Only the fetching needs the sessions, so they are closed before a search that may take long. */
async function fetchValues(context: Context, options: SelectArguments): Promise<{ manifest: Manifest; fetched: FetchedValues }> {
  return withRun(context, async ({ manifest }, run) => {
    const resolution = await withSpinner(context, 'fetching the values', () => fetchChosen(manifest, run, selectOptionsOf(options)));
    await record(run, manifest, 'use');
    return { manifest, fetched: valuesOf(resolution) };
  });
}

/** @returns whether a copy was found */
async function search(
  context: Context,
  paths: readonly string[],
  options: ScanOptions,
  manifest: Manifest,
  { values, absent, madeByReading, failures }: FetchedValues,
): Promise<boolean> {
  const { output, cwd, env } = context;
  const plan = new SearchPlan(values, manifest.mask);
  const missing = absent.map(({ name }) => name);
  if (plan.unsearched.length > 0) output.warn({ message: `${named(plan.unsearched)}: too short or too common to be searched for` });
  if (missing.length > 0) output.notice(`${named(missing)} ${missing.length === 1 ? 'has' : 'have'} no value yet, so none is searched for`);
  if (madeByReading.length > 0) output.notice(madeByReadingText(madeByReading, 'searched for'));
  const findings: Finding[] = [];
  const totals = { places: 0, names: new Set<string>() };
  const unsearched: { readonly what: string; readonly why: string }[] = [];
  const searching: SearchContext = {
    plan,
    cwd,
    env,
    paths,
    found: (finding) => {
      totals.places++;
      for (const name of finding.names) totals.names.add(name);
      const { file, tag } = finding;
      const shown = {
        ...finding,
        ...(file === undefined ? {} : { file: plan.shown(shortPath(file, cwd)) }),
        ...(tag === undefined ? {} : { tag: plan.shown(tag) }),
      };
      if (output.json) findings.push(shown);
      else output.result(`${placeText(context, shown)}\n`);
    },
    unsearched: (what, why, hint) => {
      const shown = plan.shown(shortPath(what, cwd));
      unsearched.push({ what: shown, why });
      output.warn({ message: `${shown} is not searched: ${why}`, ...(hint === undefined ? {} : { hint }) });
    },
  };
  const searched = plan.names.length === 0 ? {} : await searchPlaces(searching, options);
  if (output.json) {
    const notSearched = [...plan.unsearched, ...missing, ...madeByReading.map(({ name }) => name)];
    const ok = totals.places === 0 && failures.length === 0;
    const failed = failuresJson(failures);
    output.resultJson({ ok, profile: manifest.profile, names: plan.names, notSearched, searched, findings, unsearched, failed });
  } else sum(context, plan, searched, totals);
  return totals.places > 0;
}

/** How many of each were searched; undefined where that was not asked for. */
interface Searched {
  readonly files?: number;
  readonly staged?: number;
  readonly objects?: number;
}

async function searchPlaces(searching: SearchContext, { staged, history, ignored = false }: ScanOptions): Promise<Searched> {
  if (staged !== true && history !== true) return { files: await searchFiles(searching, ignored) };
  return {
    ...(staged === true ? { staged: await searchStaged(searching) } : {}),
    ...(history === true ? { objects: await searchHistory(searching) } : {}),
  };
}

function placeText({ output }: Context, { file, commit, tag, line, column, offset, names }: Finding): string {
  const at = [tag === undefined ? commit?.slice(0, 12) : `tag ${tag}`, file, line, column].filter((part) => part !== undefined).join(':');
  const note = file === undefined ? ' (in its own text)' : line === undefined ? ` (binary, byte ${offset})` : '';
  return `${at}: ${output.styled('red', names.join(', '), 'stdout')}${note}`;
}

function sum(
  { output }: Context,
  plan: SearchPlan,
  searched: Searched,
  { places, names }: { readonly places: number; readonly names: ReadonlySet<string> },
): void {
  if (plan.names.length === 0) {
    output.notice('there is no value to search for, so nothing was searched');
    return;
  }
  const where = [
    ...(searched.files === undefined ? [] : [counted(searched.files, 'file')]),
    ...(searched.staged === undefined ? [] : [counted(searched.staged, 'staged file')]),
    ...(searched.objects === undefined ? [] : [`${counted(searched.objects, 'object')} of the history`]),
  ].join(' and ');
  const what = counted(plan.names.length, 'value');
  if (places === 0) {
    output.notice(`searched ${where} for ${what}: no copy found`);
    return;
  }
  const list = plan.names.filter((name) => names.has(name));
  output.notice(`searched ${where} for ${what}: ${named(list)} found in ${counted(places, 'place')}`);
  const takeOut = searched.objects === undefined ? `take ${list.length === 1 ? 'it' : 'them'} out there; ` : '';
  output.notice(`${takeOut}a value that others could read is to be replaced: secrets set ${list[0] ?? 'NAME'}`);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** @returns whether there is one */
function reportDuplicates({ output }: Context, manifest: Manifest, { values, failures }: FetchedValues): boolean {
  const duplicates = duplicatesOf(values);
  const found = duplicates.length > 0;
  if (output.json) {
    const ok = !found && failures.length === 0;
    const names = values.map(({ name }) => name);
    output.resultJson({ ok, profile: manifest.profile, names, duplicates, failed: failuresJson(failures) });
    return found;
  }
  for (const duplicate of duplicates) output.result(`${duplicateText(duplicate)}\n`);
  if (!found) output.notice(`compared ${counted(values.length, 'value')}: no two references have the same`);
  else output.notice('give each its own value, or let the names share one reference: secrets set NAME --generate');
  return found;
}

const failuresJson = (failures: readonly Issue[]): readonly Pick<Issue, 'code' | 'name' | 'provider' | 'message'>[] =>
  failures.map(({ code, name, provider, message }) => ({ code, name, provider, message }));

const duplicateText = ({ names, references }: Duplicate): string => `${names.join(', ')}: one value behind ${references.join(' and ')}`;
