/**
 * The table of `list`. In a pipe it always has the same columns; a terminal shows more of them where there is room and
 * something to say.
 */
import type { Context } from './context.ts';
import { printColumns, shortId, type Column } from './columns.ts';
import { failedText, STATE_STYLES } from './inventory.ts';
import { knownOf, type Known, type ListRow } from './list-rows.ts';
import type { Cell } from './table.ts';
import { ageText, dayText } from './when.ts';

interface Shown extends Column {
  readonly cell: (known: Known, listed: ListRow, atTerminal: boolean) => string | Cell;
  /** `several`: where several manifests are shown; `room`: at a terminal, where some row has it. */
  readonly only?: 'several' | 'room';
}

const day = (date: Date | undefined): string => (date === undefined ? '' : dayText(date));

const SHOWN: readonly Shown[] = [
  { title: 'MANIFEST', only: 'several', cell: ({ manifest }) => manifest ?? '' },
  { title: 'PROFILE', only: 'several', spare: 6, cell: ({ profile }) => profile ?? '' },
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'PROVIDER', spare: 8, cell: ({ provider }) => provider ?? '' },
  { title: 'REFERENCE', spare: 1, cell: ({ kind, reference }) => reference ?? kind },
  { title: 'VERSION', spare: 4, cell: ({ version = '' }, _listed, atTerminal) => (atTerminal ? shortId(version) : version) },
  { title: 'CREATED', only: 'room', spare: 13, cell: ({ created }) => day(created) },
  { title: 'ROTATED', only: 'room', spare: 12, cell: ({ rotated }) => day(rotated) },
  { title: 'AGE', spare: 2, cell: ageCell },
  { title: 'DUE', spare: 3, cell: ({ due }, { part }) => dueCell(due, part.inventory.now) },
  { title: 'NEXT ROTATION', only: 'room', spare: 11, cell: ({ next }, { part }) => dueCell(next, part.inventory.now) },
  { title: 'EXPIRES', only: 'room', spare: 9, cell: ({ expires }) => day(expires) },
  { title: 'LAST USED', only: 'room', spare: 10, cell: ({ used }) => day(used) },
  { title: 'OWNER', spare: 5, cell: ({ owner }) => owner ?? '' },
  { title: 'CONSUMERS', only: 'room', spare: 8, cell: ({ consumers }) => consumers.replaceAll(' ', ',') },
  { title: 'SHARED', only: 'room', spare: 7, cell: ({ shared }) => (shared === undefined ? '' : `by ${shared}`) },
  { title: 'STATE', cell: stateCell },
];

export function printRows({ output }: Context, rows: readonly ListRow[], several: boolean): void {
  const atTerminal = output.options.columns !== undefined;
  const known = rows.map((listed) => ({ listed, facts: knownOf(listed) }));
  const columns = SHOWN.map((column) => ({
    column,
    cells: known.map(({ listed, facts }) => column.cell(facts, listed, atTerminal)),
  })).filter(({ column, cells }) =>
    column.only === 'several' ? several : column.only !== 'room' || (atTerminal && cells.some((cell) => cell !== '')),
  );
  printColumns(
    output,
    columns.map(({ column }) => column),
    rows.map((_, index) => columns.map(({ cells }) => cells[index] ?? '')),
  );
}

/** `12d`, and at a terminal how old it may become: `12d of 90d`. */
function ageCell({ age, maxAge }: Known, _listed: ListRow, atTerminal: boolean): string {
  if (age === undefined) return '';
  return maxAge === undefined || !atTerminal ? ageText(age) : `${ageText(age)} of ${maxAge}`;
}

const dueCell = (date: Date | undefined, now: Date): string | Cell =>
  date !== undefined && date <= now ? { text: dayText(date), style: 'red' } : day(date);

/** That something optional is missing is no cause for alarm. */
function stateCell({ state: text }: Known, { row, state }: ListRow): Cell {
  if (row.kind === 'reference' && row.fault !== undefined) return { text: failedText(row.fault.code), style: 'red' };
  const style = state === 'denied' || state === 'unreachable' ? 'red' : STATE_STYLES[state];
  if (row.kind !== 'reference' || state !== 'missing') return { text, style };
  const { required, default: fallback } = row.target.spec;
  if (required && fallback === undefined) return { text, style };
  return { text: fallback === undefined ? text : 'missing, has a default', style: 'dim' };
}
