/** Made values: every class that is asked for, every character as likely as the others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALPHABETS } from '../../src/core/model.ts';
import { CHARACTER_CLASSES, makeMaterial, materialOf } from '../../src/rotation/material.ts';

describe('makeMaterial', () => {
  it('has the length and every class that is asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 64 }), fc.subarray([...CHARACTER_CLASSES]), (length, require) => {
        const text = makeMaterial(materialOf({ length, alphabet: 'ascii', require }))
          .reveal()
          .toString();
        expect(text).toHaveLength(length);
        const patterns = { upper: /[A-Z]/, lower: /[a-z]/, digit: /\d/, symbol: /[^A-Za-z0-9]/ };
        for (const one of require) expect(text).toMatch(patterns[one]);
      }),
    );
  });

  it('favours no character at any place, also where a class is required', () => {
    const counts = new Map<string, number>();
    const runs = 4_000;
    for (let run = 0; run < runs; run++) {
      const text = makeMaterial(materialOf({ length: 16, alphabet: 'hex', require: ['digit'] }))
        .reveal()
        .toString();
      counts.set(text.charAt(0), (counts.get(text.charAt(0)) ?? 0) + 1);
    }
    // 16 characters, 250 of each expected; five standard deviations are about 77.
    expect(counts.size).toBe(16);
    for (const count of counts.values()) expect(Math.abs(count - runs / 16)).toBeLessThan(90);
  });

  it('refuses options that mean nothing or can not be met', () => {
    for (const options of [
      { length: 4 },
      { length: '40' },
      { kind: 'dsa' },
      { bits: 512, kind: 'rsa' },
      { require: ['emoji'] },
      { require: 'digit' },
      { alphabet: 'hex', require: ['upper'] },
      { alphabet: 'alphanumeric', require: ['symbol'] },
    ])
      expect(() => materialOf(options)).toThrow(expect.objectContaining({ kind: 'options' }) as Error);
    for (const alphabet of ALPHABETS) expect(materialOf({ alphabet }).alphabet).toBe(alphabet);
  });
});
