import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Search, type Hit } from '../../src/scan/search.ts';
import type { SearchPlan } from '../../src/scan/plan.ts';
import { planOf } from './support.ts';

function hitsIn(plan: SearchPlan, pieces: readonly Buffer[]): readonly Hit[] {
  const hits: Hit[] = [];
  const search = new Search(plan, (hit) => hits.push(hit));
  for (const piece of pieces) {
    // The caller may use its memory again.
    const reused = Buffer.from(piece);
    search.push(reused);
    reused.fill(0x2a);
  }
  search.end();
  return hits;
}

const inOne = (plan: SearchPlan, text: string | Buffer): readonly Hit[] => hitsIn(plan, [Buffer.from(text as string)]);

/** Every place of every value, overlapping ones together, the slow and obvious way. */
function naive(values: Readonly<Record<string, string>>, text: string): readonly Hit[] {
  const ranges = Object.entries(values)
    .flatMap(([name, value]) =>
      Array.from({ length: text.length }, (_, at) => at)
        .filter((at) => text.startsWith(value, at))
        .map((at) => ({ start: at, end: at + value.length, names: [name] })),
    )
    .sort((one, other) => one.start - other.start || other.end - one.end);
  const merged: { start: number; end: number; names: string[] }[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.start >= last.end) merged.push({ ...range, names: [...range.names] });
    else {
      last.end = Math.max(last.end, range.end);
      last.names.push(...range.names);
    }
  }
  return merged.map(({ start, names }) => {
    const before = text.slice(0, start).split('\n');
    const found = Object.keys(values).filter((name) => names.includes(name));
    return { names: found, offset: start, line: before.length, column: (before.at(-1) ?? '').length + 1 };
  });
}

describe('Search', () => {
  it('finds what a naive search finds, with line and column, in any pieces', () => {
    const values = { A: 'abcabcab', B: 'cabxxxxxx', C: 'bcabcabq' };
    const plan = planOf(values);
    const word = fc.constantFrom('abcabcab', 'cabxxxxxx', 'bcabcabq', 'a', 'abc', 'xxxxxx', '\n', '\n', 'é', ' - ');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.array(fc.nat(120), { maxLength: 6 }), (words, cuts) => {
        const text = Buffer.from(words.join(''));
        const points = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((one, other) => one - other), text.length];
        const pieces = points.slice(1).map((to, index) => text.subarray(points[index], to));
        const expected = naive(values, text.toString('latin1'));
        expect(hitsIn(plan, pieces)).toEqual(expected);
        expect(
          hitsIn(
            plan,
            Array.from(text, (byte) => Buffer.of(byte)),
          ),
        ).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('finds encodings, and values whose lines were broken in another way', () => {
    const plan = planOf({ A: 'canary-0123456789abcdef', PEM: 'canaryline-one\ncanaryline-two\ncanaryline-three' });
    const base64 = Buffer.from('user:canary-0123456789abcdef').toString('base64');
    expect(inOne(plan, `x\n  auth: ${base64}\n`)).toMatchObject([{ names: ['A'], line: 2 }]);
    expect(inOne(plan, Buffer.from('canary-0123456789abcdef').toString('hex'))).toMatchObject([{ names: ['A'], line: 1, column: 1 }]);
    expect(inOne(plan, 'k:\r\n    canaryline-one\r\n    canaryline-two\r\n    canaryline-three\r\n')).toEqual([
      { names: ['PEM'], offset: 8, line: 2, column: 5 },
    ]);
  });

  it('gives the byte alone in a binary file, also when its NUL comes after the value and in another piece', () => {
    const plan = planOf({ A: 'canary-0123456789abcdef' });
    const expected = [{ names: ['A'], offset: 2 }];
    expect(hitsIn(plan, [Buffer.from('\n\ncanary-0123456789abcdef'), Buffer.from('\0')])).toEqual(expected);
    expect(inOne(plan, '\n\ncanary-0123456789abcdef\0')).toEqual(expected);
    const late = `${'x'.repeat(8_000)}\ncanary-0123456789abcdef\0`;
    expect(inOne(plan, late)).toEqual([{ names: ['A'], offset: 8_001, line: 2, column: 1 }]);
  });

  it('names every secret whose value it is', () => {
    const plan = planOf({ WHOLE: 'canary-first\ncanary-second', COPY: 'canary-0123', LINE: 'canary-second', ORIGINAL: 'canary-0123' });
    expect(inOne(plan, 'canary-0123')).toMatchObject([{ names: ['COPY', 'ORIGINAL'] }]);
    expect(inOne(plan, 'x canary-second')).toMatchObject([{ names: ['LINE'] }]);
    expect(inOne(plan, 'canary-first\ncanary-second')).toMatchObject([{ names: ['WHOLE', 'LINE'] }]);
  });
});

describe('SearchPlan', () => {
  it('says which names it does not search for', () => {
    const plan = planOf({ PIN: '1234', MODE: 'production', KEY: 'canary-0123456789' });
    expect(plan.names).toEqual(['KEY']);
    expect(plan.unsearched).toEqual(['PIN', 'MODE']);
  });

  it('shows a path without a value in it and without anything that a terminal would act on', () => {
    const plan = planOf({ KEY: 'canary-0123456789' });
    expect(plan.shown('logs/canary-0123456789/a b.txt')).toBe('logs/***/a b.txt');
    expect(plan.shown('a\u001b[2Jb\n\u202ec')).toBe(String.raw`a\u001b[2Jb\u000a\u202ec`);
  });
});
