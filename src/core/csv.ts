/** Cells as RFC 4180 has them, for spreadsheets too. */

/** What a spreadsheet would take for a formula, and calculate. */
const FORMULA = /^[=+\-@\t\r]/;

/** A text that a spreadsheet shows and does not calculate: a `'` in front makes it text. */
export const asCellText = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** The text as a cell, in quotes where it needs them. */
export const quotedCell = (text: string): string => (/[",\r\n]/.test(text) ? inQuotes(text) : text);

export const inQuotes = (text: string): string => `"${text.replaceAll('"', '""')}"`;
