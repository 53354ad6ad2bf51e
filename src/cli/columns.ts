/** Tables that fit: at a narrow terminal the less important columns are left out. */
import stringWidth from 'string-width';
import type { Output } from './output.ts';
import { printTable, type Cell } from './table.ts';

export interface Column {
  readonly title: string;
  /** From 1; the higher, the earlier it is left out. A column without it always stays. */
  readonly spare?: number;
}

const GAP = 2;

export function printColumns(output: Output, columns: readonly Column[], rows: readonly (readonly (string | Cell)[])[]): void {
  const kept = fittingColumns(columns, rows, output.options.columns);
  printTable(
    output,
    kept.map((index) => columns[index]?.title ?? ''),
    rows.map((row) => kept.map((index) => row[index] ?? '')),
  );
}

/**
 * Indexes of the columns that fit.
 * @param width columns of the terminal; undefined: all fit
 */
export function fittingColumns(
  columns: readonly Column[],
  rows: readonly (readonly (string | Cell)[])[],
  width: number | undefined,
): readonly number[] {
  const widths = columns.map(({ title }, index) => Math.max(stringWidth(title), ...rows.map((row) => cellWidth(row[index]))));
  if (width === undefined) return [...columns.keys()];
  // The most important first; one that is too wide leaves its room to those behind it.
  const ranked = [...columns.entries()].sort(([, one], [, other]) => (one.spare ?? 0) - (other.spare ?? 0));
  const kept: number[] = [];
  let used = -GAP;
  for (const [index, { spare }] of ranked) {
    const more = GAP + (widths[index] ?? 0);
    if (spare !== undefined && used + more > width) continue;
    kept.push(index);
    used += more;
  }
  return kept.sort((one, other) => one - other);
}

const cellWidth = (cell: string | Cell | undefined): number => stringWidth(typeof cell === 'object' ? cell.text : (cell ?? '')) || 1;

/** A long version id as it is shown at a terminal. */
export const shortId = (id: string): string => (id.length > 12 ? `${id.slice(0, 8)}…` : id);
