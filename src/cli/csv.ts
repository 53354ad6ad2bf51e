/** Tables as RFC 4180 has them, for spreadsheets too. */
import { asCellText, inQuotes, quotedCell } from '../core/csv.ts';

/** Rows with CRLF behind each. A cell that could be a formula gets a `'` in front, which spreadsheets take for text. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(text: string): string {
  const safe = asCellText(text);
  return safe === text ? quotedCell(text) : inQuotes(safe);
}
