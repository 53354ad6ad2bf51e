/** Tables: aligned columns at a terminal and in a pipe alike, without tabs; headings and colour at a terminal only. */
import stringWidth from 'string-width';
import type { Output, Style } from './output.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

/** Prints rows; a cell that is empty shows as `-`, so that columns can be counted. */
export function printTable(output: Output, heading: readonly string[], rows: readonly (readonly (string | Cell)[])[]): void {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)).map((cell) => (cell.text === '' ? { ...cell, text: '-' } : cell)),
  );
  const widths = heading.map((title, column) => Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[column]?.text ?? '-'))));
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, column) => {
        const padding = column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - stringWidth(cell.text));
        return (cell.style === undefined ? cell.text : output.styled(cell.style, cell.text, 'stdout')) + padding;
      })
      .join('  ');
  const titles = heading.map((text): Cell => ({ text, style: 'bold' }));
  const lines = [titles, ...cells].map((row) => line(row).trimEnd());
  output.result(`${lines.join('\n')}\n`);
}
