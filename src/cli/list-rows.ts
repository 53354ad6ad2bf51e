/** The rows of `list`: filtered and sorted, with what is known of each as text, as JSON and as a key to sort by. */
import { SecretsError } from '../core/errors.ts';
import { formatDuration } from '../core/duration.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { STATES, type State } from '../run/condition.ts';
import { FAILED_STATES, factsOf, matches, type Where } from '../run/where.ts';
import { COLUMNS, type ColumnName } from './list-columns.ts';
import { failedState, standingOf, stateOf, type FailedState, type Row } from './inventory.ts';
import { sharedUses, type Use } from './sharing.ts';
import type { Survey, Surveyed } from './survey.ts';

export interface ListRow {
  readonly row: Row;
  readonly part: Surveyed;
  readonly state: State | FailedState;
  /** Other entries that use the same value. */
  readonly shared: readonly Use[];
}

/** Every row of what was asked for that `where` matches, in the manifests' order. */
export function listRows({ parts, run }: Survey, where: Where | undefined): readonly ListRow[] {
  const uses = parts.flatMap((part) => part.inventory.rows.map((row): Use => ({ row, file: part.file })));
  const shared = sharedUses(uses, run.sessions);
  return parts.flatMap((part) => {
    const asked = new Set(part.targets);
    return part.inventory.rows.flatMap((row): readonly ListRow[] => {
      if (!asked.has(row.target)) return [];
      const state = stateText(row, part);
      const reference = row.kind === 'reference' ? row.reference.placed.reference : undefined;
      if (!matches(where, factsOf(row.target.spec, reference, { ...part.place, state: [state] }))) return [];
      return [{ row, part, state, shared: shared.get(row) ?? [] }];
    });
  });
}

function stateText(row: Row, { inventory }: Surveyed): State | FailedState {
  if (row.kind === 'reference') return row.fault === undefined ? row.condition.state : failedState(row.fault.code);
  const { state } = standingOf(row.target, inventory.rows);
  return state === 'failed' ? 'unknown' : state;
}

/** One row's facts under the names that `--sort` and `--csv` use; what is not known is undefined. */
export interface Known {
  readonly manifest: string | undefined;
  readonly profile: string | undefined;
  readonly name: string;
  readonly kind: string;
  readonly provider: string | undefined;
  readonly reference: string | undefined;
  readonly version: string | undefined;
  readonly created: Date | undefined;
  readonly rotated: Date | undefined;
  /** Milliseconds. */
  readonly age: number | undefined;
  readonly maxAge: string | undefined;
  readonly due: Date | undefined;
  readonly next: Date | undefined;
  readonly expires: Date | undefined;
  readonly used: Date | undefined;
  readonly owner: string | undefined;
  readonly contact: string | undefined;
  readonly consumers: string;
  readonly shared: number | undefined;
  readonly tags: string;
  readonly state: string;
}

export function knownOf({ row, part, state, shared }: ListRow): Known {
  const { spec, label } = row.target;
  const { placed } = row.kind === 'reference' ? row.reference : {};
  const { metadata, condition } = row.kind === 'reference' && row.fault === undefined ? row : {};
  return {
    manifest: part.file,
    profile: part.manifest.profile,
    name: label,
    kind: row.kind,
    provider: placed?.reference.provider,
    reference: placed?.reference.text,
    version: metadata?.version,
    created: metadata?.createdAt,
    rotated: condition?.madeAt,
    age: condition?.ageMs,
    maxAge: spec.maxAge === undefined ? undefined : formatDuration(spec.maxAge),
    due: condition?.dueAt,
    next: condition?.rotatesAt,
    expires: metadata?.expiresAt,
    used: later(metadata?.lastUsedAt, placed === undefined ? undefined : part.uses.get(placed.reference.text)),
    owner: spec.owner,
    contact: spec.contact,
    consumers: spec.consumers.join(' '),
    shared: shared.length === 0 ? undefined : shared.length + 1,
    tags: spec.tags.join(' '),
    state,
  };
}

/** What the manager says, or the audit log of this machine. */
const later = (one: Date | undefined, other: Date | undefined): Date | undefined =>
  one === undefined || (other !== undefined && other > one) ? other : one;

/** What needs a look comes first. */
const URGENCY: readonly string[] = ['expired', 'missing', 'overdue', 'disabled', ...FAILED_STATES, 'expiring', 'due', 'pending', 'unknown'];

export interface Order {
  readonly column: ColumnName;
  readonly reverse: boolean;
}

/** @throws SecretsError USAGE */
export function parseOrder(text: string): Order {
  const reverse = text.startsWith('-');
  const word = reverse ? text.slice(1) : text;
  const column = COLUMNS.find((known) => known.toLowerCase() === word.toLowerCase());
  if (column !== undefined) return { column, reverse };
  throw new SecretsError({
    code: 'USAGE',
    message: `--sort knows no column ${shownWord(word) ?? 'of that name'}`,
    hint: didYouMean(word, COLUMNS) ?? `it takes ${COLUMNS.join(', ')}; a - in front turns the order round`,
  });
}

/** What is not known comes last in both directions; equal rows keep their order. */
export function sortRows(rows: readonly ListRow[], { column, reverse }: Order): readonly ListRow[] {
  const keyed = rows.map((row) => ({ row, key: keyOf(knownOf(row), column) }));
  return keyed
    .toSorted(({ key: one }, { key: other }) => {
      if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? 1 : -1;
      return (reverse ? -1 : 1) * compare(one, other);
    })
    .map(({ row }) => row);
}

type Key = string | number | undefined;

function keyOf(known: Known, column: ColumnName): Key {
  const value = known[column];
  if (value instanceof Date) return value.getTime();
  if (column === 'state') return URGENCY.includes(known.state) ? URGENCY.indexOf(known.state) : URGENCY.length + STATES.length;
  return value === '' ? undefined : value;
}

/** Text as people order it: numbers in it by their value, so that v10 comes behind v9. */
const TEXT = new Intl.Collator('en', { numeric: true });

const compare = (one: string | number, other: string | number): number =>
  typeof one === 'number' && typeof other === 'number' ? one - other : TEXT.compare(String(one), String(other));

/** One row as text, exact, for programs: dates as RFC 3339, the age in seconds. */
export function exactCells(known: Known): readonly string[] {
  return COLUMNS.map((column) => {
    const value = known[column];
    if (value === undefined) return '';
    if (value instanceof Date) return value.toISOString();
    return column === 'age' ? String(Math.floor(Number(value) / 1000)) : String(value);
  });
}

/** Whether only reading a value would tell whether it is there. */
export const isUncertain = ({ row }: ListRow): boolean =>
  row.kind === 'reference' && row.fault === undefined && row.metadata.presence === 'unknown' && stateOf(row) === 'unknown';
