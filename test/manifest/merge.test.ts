import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNull, mergeFields, mergeSecret, type Field, type Fields } from '../../src/manifest/merge.ts';

const at = { file: 'f', line: 1, column: 1 };
const field = (value: string | null): Field => ({
  node: { kind: 'scalar', at, value, text: value ?? '' },
  keyAt: at,
  dir: '.',
  personal: false,
});
const fields = (entries: Readonly<Record<string, string | null>>): Fields =>
  new Map(Object.entries(entries).map(([key, value]) => [key, field(value)]));
const plain = (merged: Fields): Record<string, string> =>
  Object.fromEntries([...merged].map(([key, { node }]) => [key, node.kind === 'scalar' ? String(node.value) : '']));

describe('mergeSecret', () => {
  it.each<[string, Record<string, string | null>, Record<string, string | null>, Record<string, string>]>([
    ['key by key', { ref: 'a', owner: 'x' }, { owner: 'y', tags: 't' }, { ref: 'a', owner: 'y', tags: 't' }],
    ['null removes', { ref: 'a', owner: 'x' }, { owner: null, tags: null }, { ref: 'a' }],
    ['value for ref', { ref: 'a', owner: 'x' }, { value: 'v' }, { value: 'v', owner: 'x' }],
    ['template for value', { value: 'v' }, { template: 't' }, { template: 't' }],
    ['ref for template', { template: 't', owner: 'x' }, { ref: 'a' }, { ref: 'a', owner: 'x' }],
    ['changed ref drops rotate', { ref: 'a', rotate: 'r', default: 'd' }, { ref: 'b' }, { ref: 'b', default: 'd' }],
    ['same ref keeps rotate', { ref: 'a', rotate: 'r' }, { ref: 'a', owner: 'x' }, { ref: 'a', rotate: 'r', owner: 'x' }],
    ['changed ref with its own rotate', { ref: 'a', rotate: 'r' }, { ref: 'b', rotate: 's' }, { ref: 'b', rotate: 's' }],
    [
      'another kind drops what belongs to a ref',
      { ref: 'a', rotate: 'r', generate: 'g', lease: 'l', default: 'd', as: 'none' },
      { value: 'v' },
      { value: 'v', as: 'none' },
    ],
    ['removed source', { ref: 'a', owner: 'x' }, { ref: null }, { owner: 'x' }],
    ['removed and replaced', { ref: 'a', rotate: 'r' }, { ref: null, value: 'v' }, { value: 'v' }],
  ])('%s', (_, lower, upper, merged) => {
    expect(plain(mergeSecret(fields(lower), fields(upper)))).toEqual(merged);
  });

  const value = fc.constantFrom('a', 'b', null);
  const keys = ['owner', 'tags', 'rotate', 'default', 'as'] as const;
  const others = fc.dictionary(fc.constantFrom(...keys), value);
  const source = fc.option(fc.tuple(fc.constantFrom('ref', 'template', 'value'), fc.constantFrom('a', 'b')), { nil: undefined });
  const entry = fc
    .tuple(others, source)
    .map(([rest, chosen]) => fields({ ...rest, ...(chosen === undefined ? {} : { [chosen[0]]: chosen[1] }) }));
  const base = entry.map((upper) => mergeSecret(new Map(), upper));

  it('over nothing, and nothing over it, change nothing', () => {
    fc.assert(
      fc.property(base, (lower) => {
        expect(plain(mergeSecret(lower, new Map()))).toEqual(plain(lower));
        expect(plain(mergeSecret(new Map(), lower))).toEqual(plain(lower));
      }),
    );
  });

  it('twice is once', () => {
    fc.assert(
      fc.property(base, entry, (lower, upper) => {
        const once = mergeSecret(lower, upper);
        expect(plain(mergeSecret(once, upper))).toEqual(plain(once));
      }),
    );
  });

  it('what the upper one says holds, and at most one source is left', () => {
    fc.assert(
      fc.property(base, entry, (lower, upper) => {
        const merged = mergeSecret(lower, upper);
        for (const [key, { node }] of upper) {
          expect(merged.get(key)?.node).toBe(isNull(node) ? undefined : node);
        }
        expect(['ref', 'template', 'value'].filter((key) => merged.has(key)).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('all removed is nothing', () => {
    fc.assert(
      fc.property(base, (lower) => {
        expect(plain(mergeFields(lower, new Map([...lower.keys()].map((key) => [key, field(null)]))))).toEqual({});
      }),
    );
  });
});
