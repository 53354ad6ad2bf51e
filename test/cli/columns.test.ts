import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fittingColumns, type Column } from '../../src/cli/columns.ts';

const column = fc.record({
  title: fc.string({ minLength: 1, maxLength: 12 }),
  spare: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
});
const columns = fc
  .array(column, { minLength: 1, maxLength: 8 })
  .map((all) => all.map(({ title, spare }): Column => (spare === undefined ? { title } : { title, spare })));
const width = (all: readonly Column[], kept: readonly number[]): number =>
  kept.reduce((sum, index) => sum + Math.max(1, all[index]?.title.length ?? 0) + 2, -2);

describe('fittingColumns', () => {
  it('keeps all in a pipe', () => {
    expect(fittingColumns([{ title: 'A' }, { title: 'B', spare: 1 }], [['x', 'y'.repeat(500)]], undefined)).toEqual([0, 1]);
  });

  it('leaves out only spare columns, until the rest fits, and keeps the order', () => {
    fc.assert(
      fc.property(
        columns.filter((all) => all.every(({ title }) => /^[\x20-\x7e]*$/.test(title))),
        fc.integer({ min: 1, max: 100 }),
        (all, terminal) => {
          const kept = fittingColumns(all, [], terminal);
          expect(kept).toEqual([...kept].sort((one, other) => one - other));
          const needed = [...all.keys()].filter((index) => all[index]?.spare === undefined);
          expect(kept).toEqual(expect.arrayContaining(needed));
          expect(kept.length === needed.length || width(all, kept) <= terminal).toBe(true);
          // Nothing is left out that would fit as well.
          const left = [...all.keys()].filter((index) => !kept.includes(index));
          expect(left.filter((index) => width(all, [...kept, index]) <= terminal)).toEqual([]);
        },
      ),
    );
  });

  it('leaves out the most spare one first', () => {
    const all = [{ title: 'NAME' }, { title: 'AGE', spare: 2 }, { title: 'DUE', spare: 1 }];
    expect(fittingColumns(all, [], 14)).toEqual([0, 1, 2]);
    expect(fittingColumns(all, [], 13)).toEqual([0, 2]);
    expect(fittingColumns(all, [], 8)).toEqual([0]);
  });

  it('measures cells as well as titles', () => {
    expect(fittingColumns([{ title: 'A' }, { title: 'B', spare: 1 }], [['x', { text: 'yyyy' }]], 6)).toEqual([0]);
  });
});
