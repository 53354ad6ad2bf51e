import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvText } from '../../src/cli/csv.ts';

/** A reader after RFC 4180. */
function parse(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

describe('csvText', () => {
  it('quotes what needs it and ends rows with CRLF', () => {
    expect(
      csvText([
        ['name', 'a,b'],
        ['say "x"', 'two\nlines'],
      ]),
    ).toBe('name,"a,b"\r\n"say ""x""","two\nlines"\r\n');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('keeps a spreadsheet from calculating %j', (cell) => {
    expect(csvText([[cell]])).toBe(`"'${cell}"\r\n`);
  });

  it('is read back as it was, but for the mark in front of formulas', () => {
    const table = fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(table, (rows) => {
        const marked = rows.map((row) => row.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)));
        expect(parse(csvText(rows))).toEqual(marked);
      }),
    );
  });
});
