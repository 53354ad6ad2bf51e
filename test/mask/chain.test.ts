import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MaskChain } from '../../src/mask/chain.ts';
import { MaskPlan } from '../../src/mask/masker.ts';
import { needlesFor } from '../../src/mask/needles.ts';

const OLD = 'canary-0123456789abcdef';
const NEW = 'canary-fedcba9876543210';
const planFor = (...values: readonly string[]): MaskPlan =>
  new MaskPlan(
    needlesFor(
      values.map((value, index) => ({ name: `N${index}`, bytes: Buffer.from(value) })),
      { minLength: 6 },
    ),
  );
const FIRST = planFor(OLD);
const BOTH = planFor(OLD, NEW);

/** Masks the text, with the new value known from a position on. */
function masked(text: string, at: number, pieces = 1): { readonly output: string; readonly counts: unknown } {
  const chain = new MaskChain(FIRST);
  const out: Buffer[] = [];
  const push = (part: string): void => {
    for (let from = 0; from < part.length; from += pieces) out.push(...chain.push(Buffer.from(part.slice(from, from + pieces))));
  };
  push(text.slice(0, at));
  chain.extend(BOTH);
  push(text.slice(at));
  out.push(...chain.end());
  return { output: Buffer.concat(out).toString(), counts: Object.fromEntries(chain.counts) };
}

describe('MaskChain', () => {
  it('masks values that come later, and counts all', () => {
    expect(masked(`${OLD} ${NEW}\n${OLD} ${NEW}\n`, OLD.length + NEW.length + 2)).toEqual({
      output: `*** ${NEW}\n*** ***\n`,
      counts: { N0: 2, N1: 1 },
    });
  });

  it('loses no value that has begun when the other comes', () => {
    for (let at = 0; at <= OLD.length; at++) expect(masked(`a ${OLD} b ${NEW}`, 2 + at).output).toBe('a *** b ***');
  });

  it('masks a value that begins in what was held back for another', () => {
    // `canary-` may still become the old value when the new one gets known.
    expect(masked(NEW, 'canary-'.length).output).toBe('***');
  });

  it('passes everything else on as it is, in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('canary-', '0123', 'fedc', 'x', '\u001b[0m', '\n', OLD, NEW), { maxLength: 12 }),
        fc.nat(200),
        fc.integer({ min: 1, max: 9 }),
        (parts, at, pieces) => {
          const text = parts.join('');
          const whole = masked(text, Math.min(at, text.length), 1_000).output;
          expect(masked(text, Math.min(at, text.length), pieces).output).toBe(whole);
          expect(whole).not.toContain(OLD);
          if (!text.includes(OLD) && !text.includes(NEW)) expect(whole).toBe(text);
        },
      ),
    );
  });

  it('stays one search where nothing is held back', () => {
    const chain = new MaskChain(FIRST);
    for (let round = 0; round < 5; round++) {
      expect(Buffer.concat([...chain.push(Buffer.from(`${OLD}\n`))]).toString()).toBe('***\n');
      chain.extend(BOTH);
    }
    expect(Object.fromEntries(chain.counts)).toEqual({ N0: 5 });
  });
});
