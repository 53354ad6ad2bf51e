/**
 * `secrets list`: one row per reference of the manifest in the profile in effect, or of all manifests below folders.
 * Metadata only.
 *
 * --json: `{ profile, secrets: [{ name, kind, provider, reference, version, createdAt, madeAt, ageSeconds, maxAgeSeconds,
 * dueAt, rotatesAt, expiresAt, lastUsedAt, owner, contact, runbook, tags, consumers, sharedWith: [{ manifest, name,
 * consumers }], required, state, code, message }] }`. `kind` is `reference`, `template` or `value`; a secret with several
 * references has several entries, in the order in which they are asked. `state` is `current`, `due`, `overdue`,
 * `expiring`, `expired`, `missing`, `disabled`, `pending` (a rotation is under way), `unknown`, `denied`, `unreachable`
 * or `failed`; `code` and `message` say why for the last three. `madeAt` is when the value was made, `dueAt` the earliest
 * of `maxAge`, `rotatesAt` and `expiresAt`. Times are RFC 3339 in UTC. What is not known is left out. With --workspace
 * each secret has `manifest` and `profile`, and there is `failed: [{ code, message, at }]` for manifests left out. With
 * --orphans: `{ unreferenced, notStored, notListed }`, as src/cli/orphans.ts says.
 */
import { Option, type Command } from 'commander';
import { throwIssues } from '../../core/errors.ts';
import { inProfile } from '../../manifest/index.ts';
import { parseWhere } from '../../run/where.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { csvText } from '../csv.ts';
import { failuresOf, named } from '../inventory.ts';
import { COLUMNS } from '../list-columns.ts';
import { rowJson } from '../list-json.ts';
import { exactCells, isUncertain, knownOf, listRows, parseOrder, sortRows, type ListRow } from '../list-rows.ts';
import { printRows } from '../list-table.ts';
import { whereOption, workspaceOption, type ChoiceOptions } from '../options.ts';
import { withSurvey, type Survey } from '../survey.ts';

interface ListOptions extends ChoiceOptions {
  readonly read?: boolean;
  readonly sort?: string;
  readonly csv?: boolean;
  readonly orphans?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'only these, names or references')
    .addOption(workspaceOption())
    .addOption(whereOption('only these'))
    .addOption(new Option('--sort <column>', 'order by a column; a - in front turns it round'))
    .addOption(new Option('--csv', 'every column as CSV').conflicts('json'))
    .addOption(
      new Option('--orphans', 'what is stored and not referred to, and what is referred to and not stored').conflicts([
        'csv',
        'sort',
        'where',
      ]),
    )
    .option('--read', 'also read values, and drop them at once, where nothing else tells whether they are there')
    .action(async (names: string[], options: ListOptions, self: Command) => list(open(self), names, options));
};

async function list(context: Context, names: readonly string[], options: ListOptions): Promise<void> {
  const where = parseWhere(options.where);
  const order = options.sort === undefined ? undefined : parseOrder(options.sort);
  const { workspace, read } = options;
  await withSurvey(context, names, { workspace, where, read, uses: true }, async (survey) => {
    const found = listRows(survey, where);
    if (options.orphans === true) {
      await (await import('../orphans.ts')).showOrphans(context, survey, found);
      throwIssues(survey.issues);
      return;
    }
    const rows = order === undefined ? found : sortRows(found, order);
    const { output } = context;
    if (output.json) output.resultJson(listJson(rows, survey, workspace !== undefined));
    else if (options.csv === true) output.result(csvText([COLUMNS, ...rows.map((row) => exactCells(knownOf(row)))]));
    else if (rows.length > 0) printRows(context, rows, workspace !== undefined);
    tell(context, survey, rows, names.length === 0 && where === undefined);
  });
}

function listJson(rows: readonly ListRow[], { parts, issues }: Survey, several: boolean): Record<string, unknown> {
  const secrets = rows.map((row) => rowJson(row, several));
  if (!several) return { profile: parts[0]?.manifest.profile, secrets };
  return { secrets, failed: issues.map(({ code, message, at }) => ({ code, message, at })) };
}

/** @throws SecretsError when nothing could be asked at all, and for manifests that had to be left out */
function tell(context: Context, { parts, issues }: Survey, rows: readonly ListRow[], whole: boolean): void {
  const { output } = context;
  const left = parts.flatMap(({ manifest }) =>
    [...manifest.secrets.values()].filter((spec) => !inProfile(spec, manifest.profile)).map((spec) => spec.name),
  );
  if (whole && left.length > 0) output.detail(`limited to other profiles: ${named(left)}`);
  if (rows.length === 0 && parts.length > 0) output.notice(whole ? emptyText(left.length > 0) : 'nothing matches');
  const asked = rows.filter(({ row }) => row.kind === 'reference');
  const failures = failuresOf(asked.map(({ row }) => row));
  if (asked.length > 0 && asked.every(({ row }) => row.kind === 'reference' && row.fault !== undefined))
    throwIssues([...failures, ...issues]);
  for (const failure of failures) output.warn(failure);
  const unknown = [...new Set(asked.filter(isUncertain).map(({ row }) => row.target.label))];
  if (unknown.length > 0)
    output.notice(`only reading tells whether ${named(unknown)} ${unknown.length === 1 ? 'is' : 'are'} there (--read)`);
  throwIssues(issues);
}

const emptyText = (others: boolean): string =>
  others ? 'no secret of the manifest is for this profile' : 'the manifest has no secrets yet';
