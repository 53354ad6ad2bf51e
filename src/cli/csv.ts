/** Tables as RFC 4180 has them, for spreadsheets too. */

/** What a spreadsheet would take for a formula, and calculate. */
const FORMULA = /^[=+\-@\t\r]/;

/** Rows with CRLF behind each. A cell that could be a formula gets a `'` in front, which spreadsheets take for text. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
