/** Tables that fit: at a narrow terminal the less important columns are left out. */
import stringWidth from 'string-width';
import type { Output } from './output.ts';
import { printTable, type Cell } from './table.ts';

export interface Column {
  readonly title: string;
  /** The column with the highest number is left out first; a column without one always stays. */
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
  const kept = new Set(columns.keys());
  const total = (): number => [...kept].reduce((sum, index) => sum + (widths[index] ?? 0) + GAP, -GAP);
  while (width !== undefined && total() > width) {
    const least = [...kept]
      .filter((index) => columns[index]?.spare !== undefined)
      .sort((one, other) => (columns[other]?.spare ?? 0) - (columns[one]?.spare ?? 0))[0];
    if (least === undefined) break;
    kept.delete(least);
  }
  // What was left out for the sake of a wider one may fit again.
  for (const index of [...columns.keys()].sort((one, other) => (columns[one]?.spare ?? 0) - (columns[other]?.spare ?? 0))) {
    if (width !== undefined && total() + GAP + (widths[index] ?? 0) <= width) kept.add(index);
  }
  return [...kept].sort((one, other) => one - other);
}

const cellWidth = (cell: string | Cell | undefined): number => stringWidth(typeof cell === 'object' ? cell.text : (cell ?? '')) || 1;

/** A long version id as it is shown at a terminal. */
export const shortId = (id: string): string => (id.length > 12 ? `${id.slice(0, 8)}…` : id);
