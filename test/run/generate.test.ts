import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALPHABETS, DEFAULT_GENERATE } from '../../src/core/model.ts';
import { generateValue } from '../../src/run/generate.ts';

const SIZE = { base64url: 64, alphanumeric: 62, hex: 16, ascii: 94 } as const;
const ALLOWED = { base64url: /^[\w-]*$/, alphanumeric: /^[A-Za-z0-9]*$/, hex: /^[0-9a-f]*$/, ascii: /^[!-~]*$/ } as const;

describe('generateValue', () => {
  it('makes values of the length and the characters asked for', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ALPHABETS), fc.integer({ min: 1, max: 300 }), (alphabet, length) => {
        const text = generateValue({ alphabet, length }).reveal().toString('latin1');
        expect(text).toHaveLength(length);
        expect(text).toMatch(ALLOWED[alphabet]);
      }),
    );
  });

  it.each(ALPHABETS)('takes each character of %s from equally many random bytes', (alphabet) => {
    // Every byte once, those that must be thrown away first: the others hit all characters equally often.
    const used = 256 - (256 % SIZE[alphabet]);
    let asked = 0;
    const everyByte = (size: number): Buffer =>
      asked++ === 0 ? Buffer.from(Array.from({ length: 256 }, (_, index) => (index + used) % 256)) : Buffer.alloc(size);
    const counts = new Map<number, number>();
    for (const byte of generateValue({ alphabet, length: used }, everyByte).reveal()) counts.set(byte, (counts.get(byte) ?? 0) + 1);
    expect(asked).toBe(1);
    expect(counts.size).toBe(SIZE[alphabet]);
    expect(new Set(counts.values()).size).toBe(1);
  });

  it('does not repeat itself', () => {
    const values = new Set(Array.from({ length: 50 }, () => generateValue(DEFAULT_GENERATE).reveal().toString('latin1')));
    expect(values.size).toBe(50);
  });

  it('overwrites the random bytes it used', () => {
    const given: Buffer[] = [];
    generateValue({ alphabet: 'hex', length: 32 }, (size) => {
      const bytes = Buffer.alloc(size, 7);
      given.push(bytes);
      return bytes;
    });
    expect(given.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });
});
