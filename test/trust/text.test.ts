import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, fieldsOf, lineOf, valueOf, word } from '../../src/trust/text.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', ' ', '"', '\\', '{}', 'a b', '\u001b[2J', 'null', '"a" b'),
);
const json = fc.jsonValue();

/** The same data with the keys of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, shuffled(inner)]),
  );
}

describe('lines', () => {
  it('are equal only for equal fields', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.array(text, { minLength: 1, maxLength: 4 }), (one, other) => {
        const same = one.length === other.length && one.every((field, index) => field === other[index]);
        expect(lineOf('kind', ...one.map(word)) === lineOf('kind', ...other.map(word))).toBe(same);
      }),
    );
  });

  it('can be taken apart again', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text.map(word), json.map(canonical)), { minLength: 1 }), (fields) => {
        expect(fieldsOf(lineOf('kind', ...fields))).toEqual(['kind', ...fields]);
      }),
    );
    fc.assert(
      fc.property(text, (plain) => {
        expect(valueOf(word(plain))).toBe(plain);
      }),
    );
  });

  it('are printable ASCII on one line', () => {
    fc.assert(
      fc.property(text, json, (plain, value) => {
        expect(`${word(plain)}${canonical(value)}`).toMatch(/^[ -~]*$/);
      }),
    );
  });
});

describe('canonical', () => {
  it('is the same in any order of keys, and another for other data', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        expect(canonical(shuffled(one))).toBe(canonical(one));
        expect(canonical(one) === canonical(other)).toBe(JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));
      }),
    );
  });

  it('keeps apart what JSON would mix up', () => {
    const values = [null, 'null', true, 'true', 1, '1', Infinity, -Infinity, NaN, [], {}, [[]], [null], { a: null }];
    expect(new Set(values.map(canonical)).size).toBe(values.length);
  });

  it('shows no user and password of an address, and still tells them apart', () => {
    const [one, other] = [
      canonical('https://ana:canary-1f@vault.example.com/x@y'),
      canonical('https://ana:canary-2f@vault.example.com/x@y'),
    ];
    expect(one).not.toMatch(/ana|canary/);
    expect(one).toContain('@vault.example.com/x@y');
    expect(one).not.toBe(other);
    expect(canonical('https://vault.example.com/a@b')).toBe('"https://vault.example.com/a@b"');
  });
});

/** What JSON can't tell apart (-0) counts as equal here as well. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'string' && /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(value)) return canonical(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
