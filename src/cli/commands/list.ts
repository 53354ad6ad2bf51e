/**
 * `secrets list`: one row per reference of the manifest in the profile in effect. Metadata only.
 *
 * --json: `{ profile, secrets: [{ name, kind, provider, reference, version, madeAt, ageSeconds, dueAt, expiresAt,
 * owner, contact, runbook, tags, consumers, required, state, code, message }] }`. `kind` is `reference`, `template`
 * or `value`; a secret with several references has several entries, in the order in which they are asked. `state` is
 * `current`, `due`, `overdue`, `expiring`, `expired`, `missing`, `disabled`, `pending`, `unknown`, `denied`, `unreachable` or `failed`; `code` and
 * `message` say why for the last three. Times are RFC 3339 in UTC. What is not known is left out.
 */
import type { Command } from 'commander';
import { throwIssues } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import type { State } from '../../run/condition.ts';
import { inProfile } from '../../manifest/index.ts';
import { printColumns, shortId } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import {
  asking,
  failedState,
  failedText,
  failuresOf,
  named,
  standingOf,
  STATE_STYLES,
  stateOf,
  takeInventory,
  type Inventory,
  type Row,
} from '../inventory.ts';
import { withSpinner } from '../spinner.ts';
import type { Cell } from '../table.ts';
import { allTargets, partsOf, withTargets, type Target } from '../target.ts';
import { ageText, dayText } from '../when.ts';

interface ListOptions {
  readonly read?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'only these, names or references')
    .option('--read', 'also read values, and drop them at once, where nothing else tells whether they are there')
    .action(async (names: string[], options: ListOptions, self: Command) => list(open(self), names, options));
};

async function list(context: Context, names: readonly string[], options: ListOptions): Promise<void> {
  await withTargets(context, names, async (chosen, manifest, run) => {
    const targets = names.length > 0 ? chosen : await allTargets(manifest);
    const all = [...targets, ...(await partsOf(targets, manifest))];
    const inventory = await withSpinner(context, asking(all), () => takeInventory(all, manifest, run.sessions, options));
    const rows = inventory.rows.filter((row) => targets.includes(row.target));
    if (context.output.json) context.output.resultJson({ profile: manifest.profile, secrets: rows.map((row) => rowJson(row, inventory)) });
    else if (rows.length > 0) printRows(context, rows, inventory);
    tell(context, manifest, rows, names.length === 0);
  });
}

function printRows(context: Context, rows: readonly Row[], inventory: Inventory): void {
  printColumns(
    context.output,
    [
      { title: 'NAME' },
      { title: 'PROVIDER', spare: 6 },
      { title: 'REFERENCE', spare: 1 },
      { title: 'VERSION', spare: 4 },
      { title: 'AGE', spare: 2 },
      { title: 'DUE', spare: 3 },
      { title: 'OWNER', spare: 5 },
      { title: 'STATE' },
    ],
    rows.map((row) => cells(row, inventory, context.output.options.columns !== undefined)),
  );
}

function cells(row: Row, inventory: Inventory, atTerminal: boolean): readonly (string | Cell)[] {
  const { target } = row;
  const owner = target.spec.owner ?? '';
  if (row.kind !== 'reference') {
    const { state } = standingOf(target, inventory.rows);
    return [target.label, '', row.kind, '', '', '', owner, { text: state, style: STATE_STYLES[state] }];
  }
  const { reference } = row.reference.placed;
  const head = [target.label, reference.provider, reference.text];
  if (row.fault !== undefined) return [...head, '', '', '', owner, { text: failedText(row.fault.code), style: 'red' }];
  const { ageMs, dueAt, state } = row.condition;
  const version = row.metadata.version ?? '';
  return [
    ...head,
    atTerminal ? shortId(version) : version,
    ageMs === undefined ? '' : ageText(ageMs),
    dueAt === undefined ? '' : dueAt <= inventory.now ? { text: dayText(dueAt), style: 'red' } : dayText(dueAt),
    owner,
    stateCell(row.target, state),
  ];
}

/** That something optional is absent is no cause for alarm. */
function stateCell({ spec }: Target, state: State): Cell {
  if (state !== 'missing' || !spec.required) return { text: state, style: state === 'missing' ? 'dim' : STATE_STYLES[state] };
  return spec.default === undefined ? { text: state, style: 'red' } : { text: 'missing, has a default', style: 'dim' };
}

function rowJson(row: Row, inventory: Inventory): Record<string, unknown> {
  const { owner, contact, runbook, tags, consumers, required } = row.target.spec;
  const about = { owner, contact, runbook, tags, consumers, required };
  const name = row.target.name;
  if (row.kind !== 'reference') return { name, kind: row.kind, ...about, state: standingOf(row.target, inventory.rows).state };
  const { reference } = row.reference.placed;
  const head = { name, kind: row.kind, provider: reference.provider, reference: reference.text };
  if (row.fault !== undefined) {
    return { ...head, ...about, state: failedState(row.fault.code), code: row.fault.code, message: row.fault.detail.message };
  }
  const { condition, metadata } = row;
  return {
    ...head,
    version: metadata.version,
    madeAt: condition.madeAt,
    ageSeconds: condition.ageMs === undefined ? undefined : Math.floor(condition.ageMs / 1000),
    dueAt: condition.dueAt,
    expiresAt: metadata.expiresAt,
    ...about,
    state: condition.state,
  };
}

/** @throws SecretsError when nothing could be asked at all */
function tell(context: Context, manifest: Manifest, rows: readonly Row[], whole: boolean): void {
  const { output } = context;
  if (whole) {
    const left = [...manifest.secrets.values()].filter((spec) => !inProfile(spec, manifest.profile)).map((spec) => spec.name);
    if (left.length > 0) output.detail(`limited to other profiles: ${named(left)}`);
    if (rows.length === 0)
      output.notice(left.length > 0 ? 'no secret of the manifest is for this profile' : 'the manifest has no secrets yet');
  }
  const asked = rows.filter((row) => row.kind === 'reference');
  const failures = failuresOf(rows);
  if (asked.length > 0 && asked.every((row) => row.fault !== undefined)) throwIssues(failures);
  for (const failure of failures) output.warn(failure);
  const unknown = asked.filter((row) => stateOf(row) === 'unknown').map((row) => row.target.label);
  if (unknown.length > 0)
    output.notice(`only reading tells whether ${named(unknown)} ${unknown.length === 1 ? 'is' : 'are'} there (--read)`);
}
