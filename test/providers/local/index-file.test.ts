import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/core/fault.ts';
import { formatIndex, parseIndex, pickVersion, type StoreIndex, type Version } from '../../../src/providers/local/index-file.ts';

const recipient = `age1${'q'.repeat(58)}`;
const version = (name: string, number: number, word = 'a'): Version => ({
  project: 'api',
  name,
  version: number,
  created: '2026-01-02T03:04:05.000Z',
  file: `${name}-${number}-${word.repeat(10)}.age`,
});
const personal: StoreIndex = {
  versions: [
    { ...version('a', 1), disabled: true },
    { ...version('a', 2), rotated: { user: '2026-01-02T03:04:05.000Z' } },
    version('b', 1),
    { ...version('b', 2), pending: { rotation: 'r1', field: 'user', base: 1 } },
  ],
  recipients: [recipient],
  custody: { kind: 'passphrase', file: `identity.${'a'.repeat(10)}.age` },
};

function outcome(text: string): StoreIndex | Fault {
  try {
    return parseIndex(text, '/store/index.json');
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

describe('the index', () => {
  it('is read as it was written, whatever the order of its lines', () => {
    const retired: StoreIndex = { ...personal, retired: { kind: 'identity', file: '/home/ana/key' } };
    for (const index of [personal, retired, { versions: [], recipients: [recipient] }])
      expect(parseIndex(formatIndex(index), 'x')).toEqual(index);
    expect(formatIndex({ ...personal, versions: personal.versions.toReversed() })).toBe(formatIndex(personal));
  });

  it('has one line for each version, each ending in a comma', () => {
    const lines = formatIndex(personal).split('\n');
    expect(lines.filter((line) => line.startsWith('{"project"'))).toHaveLength(4);
    expect(lines.filter((line) => line.startsWith('{"project"')).every((line) => line.endsWith('},'))).toBe(true);
    expect(lines.at(-1)).toBe('');
  });

  it('is refused with any bit flipped, or is the same', () => {
    const bytes = Buffer.from(formatIndex(personal));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), (bit) => {
        const bad = Buffer.from(bytes);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const got = outcome(bad.toString('utf8'));
        expect(got instanceof Fault ? got.code : got).toEqual(got instanceof Fault ? 'STORE_CORRUPT' : personal);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused when it is cut off anywhere', () => {
    const text = formatIndex(personal).trimEnd();
    for (let length = 0; length < text.length; length++) expect(outcome(text.slice(0, length))).toBeInstanceOf(Fault);
  });

  it.each([
    ['an empty file', '', 'not whole JSON'],
    ['other JSON', '[]', 'not the index'],
    ['a newer format', '{"format":2,"everything":"else"}', 'has format 2'],
    ['a merge conflict', `<<<<<<< ours\n${formatIndex(personal)}`, 'merge conflict'],
    ['a path out of the folder', formatIndex(personal).replace('a-1-aaaaaaaaaa.age', '../../etc/x.age'), 'damaged'],
    ['a name that is none', formatIndex(personal).replace('"name":"b"', '"name":"../b"'), 'damaged'],
    ['another custody', formatIndex(personal).replace('identity.a', 'identity.b'), 'custody'],
    ['an unknown key', formatIndex(personal).replace('{"format":1,', '{"format":1,"more":1,'), 'damaged'],
  ])('is refused for %s, in words', (_, text, words) => {
    const fault = outcome(text);
    expect(fault).toMatchObject({ kind: 'corrupt', message: expect.stringContaining(words) as string });
    expect((fault as Fault).message).toContain('/store/index.json');
  });

  it('gives the newest version, a pinned one, and refuses to choose between two of a merge', () => {
    expect(pickVersion(personal, 'api', 'a')?.version).toBe(2);
    expect(pickVersion(personal, 'api', 'a', '1')?.version).toBe(1);
    expect(pickVersion(personal, 'api', 'a', '3')).toBeUndefined();
    expect(pickVersion(personal, 'web', 'a')).toBeUndefined();
    const merged = { ...personal, versions: [...personal.versions, version('a', 2, 'b')] };
    expect(() => pickVersion(merged, 'api', 'a')).toThrow(expect.objectContaining({ kind: 'conflict' }) as Error);
    expect(() => pickVersion(merged, 'api', 'a', '2')).toThrow(Fault);
    expect(pickVersion(merged, 'api', 'a', '1')?.version).toBe(1);
    expect(pickVersion({ ...merged, versions: [...merged.versions, version('a', 3)] }, 'api', 'a')?.version).toBe(3);
  });
});
