/** What is skipped unread must make no difference. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Masker, MaskPlan } from '../../src/mask/masker.ts';
import { needlesFor } from '../../src/mask/needles.ts';
import { skipFilter } from '../../src/mask/skip.ts';

interface Case {
  readonly needles: readonly { readonly text: string; readonly wraps: boolean }[];
  readonly text: string;
  readonly cuts: readonly number[];
}

const planOf = (needles: Case['needles']): MaskPlan =>
  new MaskPlan({
    names: needles.map((_, index) => `N${index}`),
    needles: needles.map(({ text, wraps }, owner) => ({ bytes: Buffer.from(text, 'latin1'), owner, wraps })),
    unmasked: [],
  });

/** The output after each piece and at the end, and what was counted. */
function masked(plan: MaskPlan, pieces: readonly string[]): { readonly soFar: readonly string[]; readonly counts: unknown } {
  const masker = new Masker(plan);
  let output = '';
  const add = (parts: readonly Buffer[]): string => (output += Buffer.concat(parts).toString('latin1'));
  const soFar = pieces.map((piece) => add(masker.push(Buffer.from(piece, 'latin1'))));
  return { soFar: [...soFar, add(masker.end())], counts: masker.counts };
}

/** More than a scanner reads byte by byte at the beginning of each stream, of a byte that is in no needle. */
function leadFor(needles: Case['needles']): string {
  const free = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index));
  return (free.find((character) => needles.every(({ text }) => !text.includes(character))) ?? '').repeat(5_000);
}

/** Byte by byte nothing can be skipped; pieces with enough before them are skipped through. */
function expectSame({ needles, text, cuts }: Case): void {
  const plan = planOf(needles);
  const lead = leadFor(needles);
  const points = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
  const slow = masked(plan, [...text]);
  const fast = masked(plan, [lead, ...points.slice(1).map((to, index) => text.slice(points[index], to))]);
  const expected = points.slice(1).map((to) => (to === 0 ? '' : (slow.soFar[to - 1] ?? '')));
  expect(fast.soFar.map((output) => output.slice(lead.length))).toEqual(['', ...expected, slow.soFar.at(-1)]);
  expect(fast.counts).toEqual(slow.counts);
}

/** Needles of few letters, and a text made of their parts, so that it is full of matches, and of beginnings of some. */
const caseOf = (letters: readonly string[], between: readonly string[]): fc.Arbitrary<Case> =>
  fc
    .array(fc.record({ text: fc.string({ unit: fc.constantFrom(...letters), minLength: 5, maxLength: 14 }), wraps: fc.boolean() }), {
      minLength: 1,
      maxLength: 6,
    })
    // Without its white space it must be long enough to be skipped for.
    .filter((needles) => needles.every(({ text }) => text.replaceAll(/\s+/g, ' ').trim().length >= 5))
    .chain((needles) => {
      const part = fc
        .tuple(fc.constantFrom(...needles), fc.nat(14), fc.nat(14))
        .map(([{ text }, from, to]) => text.slice(Math.min(from, to), Math.max(from, to)));
      const whole = fc.constantFrom(...needles).map(({ text }) => text);
      const other = fc.string({ unit: fc.constantFrom(...letters, ...between), maxLength: 10 });
      const text = fc.array(fc.oneof(part, whole, other), { maxLength: 24 }).map((parts) => parts.join(''));
      return fc.record({ needles: fc.constant(needles), text, cuts: fc.array(fc.nat(200), { maxLength: 5 }) });
    });

describe('skipping', () => {
  it.each([
    ['two letters', ['a', 'b'], ['c']],
    ['many letters', [...'abcdefghijklmnop'], [...'qrst']],
    ['white space', ['a', 'b', ' '], [' ', '\n', '\t', '\r', '   ', '\n \n ', ' '.repeat(20), 'c']],
    ['white space at the brim', ['a', 'b', 'c', 'd', 'e', '\n'], ['\n\t\n', ' ', '\r\n']],
    ['escape sequences', ['a', 'b', 'm'], ['\u001b[31m', '\u001b]8;;ab\u001b\\', '\u001b', '\u001b(B', '[', ']', '\u0007', ';']],
    ['both', ['a', 'b', ' '], ['\u001b[0m', '\u001b', ' ', '\n  ', 'm', '[']],
    ['escape sequences in the needles', ['a', 'b', '\u001b', '['], ['m', ' ', '\u001b[1m']],
    ['all bytes', Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)), ['\u0000']],
  ])('A5 A7 equals reading every byte, in any pieces: %s', (_, letters, between) => {
    fc.assert(fc.property(caseOf(letters, between), expectSame), { numRuns: 1_000 });
  });

  it('A5 finds a value at any distance from the start of a piece, with any neighbours', () => {
    const secret = `canary-${randomBytes(8).toString('hex')}`;
    const plan = new MaskPlan(needlesFor([{ name: 'S', bytes: Buffer.from(secret) }], { minLength: 6 }));
    const lead = leadFor([{ text: secret, wraps: false }]);
    for (let before = 0; before < 40; before++) {
      for (const byte of ['.', 'c', secret.at(-1) ?? '', ' ', '\u001b']) {
        const text = `${byte.repeat(before)}${secret}${byte.repeat(before)}`;
        expect(masked(plan, [lead, text]).soFar.at(-1)).toBe(`${lead}${byte.repeat(before)}***${byte.repeat(before)}`);
      }
    }
  });

  it('is left out when a needle is too short for it, and reads what it has to', () => {
    expect(skipFilter(planOf([{ text: 'long enough', wraps: false }]).automaton)).toBeDefined();
    expect(skipFilter(planOf([{ text: 'a      b', wraps: false }]).automaton)).toBeUndefined();
    const filter = skipFilter(planOf([{ text: 'canary-0123', wraps: false }]).automaton);
    const text = Buffer.from(`${'.'.repeat(1_000)}canary-0123${'.'.repeat(1_000)}`);
    const start = filter?.next(new DataView(text.buffer, text.byteOffset, text.length), 0, text.length) ?? 0;
    expect(start).toBeLessThanOrEqual(1_000);
    expect(start).toBeGreaterThan(990);
  });

  it('takes a short time to prepare for many needles', () => {
    const values = Array.from({ length: 50 }, (_, index) => ({ name: `S${index}`, bytes: randomBytes(24) }));
    const { automaton } = new MaskPlan(needlesFor(values, { minLength: 6 }));
    const began = performance.now();
    skipFilter(automaton);
    expect(performance.now() - began).toBeLessThan(100);
  });
});
