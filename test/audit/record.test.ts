import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followsText, isAuthentic, macAtEnd, parseFollows, sign } from '../../src/audit/chain.ts';
import { canonical, FIELD_NAMES, parseRecord, type ChainedRecord } from '../../src/audit/record.ts';

const uuid = fc.uuid();
const time = fc.date({ min: new Date(0), max: new Date('2099-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
const text = fc.string({ unit: 'binary', maxLength: 2_000 });
const record = fc.record(
  {
    v: fc.constant(1 as const),
    ts: time,
    seq: fc.nat(),
    run: uuid,
    event: fc.constantFrom('resolve', 'rotate.created', 'recovered'),
    actor: text,
    host: text,
    identity: text,
    ci: text,
    project: text,
    profile: text,
    reason: text,
    name: text,
    reference: text,
    version: text,
    request: text,
    result: fc.constantFrom('ok', 'denied', 'absent', 'failed'),
    code: text,
    ms: fc.double({ noNaN: true }),
  },
  { requiredKeys: ['v', 'ts', 'seq', 'run', 'event', 'actor', 'host', 'result'] },
) as fc.Arbitrary<ChainedRecord>;

describe('a record', () => {
  it('holds the fields of the list in their order, and nothing else of what is given', () => {
    const other = fc.dictionary(
      fc.string().filter((name) => !(FIELD_NAMES as readonly string[]).includes(name) && name !== '__proto__'),
      fc.constant('canary-5f1d'),
    );
    fc.assert(
      fc.property(record, other, (given, more) => {
        const line = canonical({ ...more, ...given });
        const names = Object.keys(JSON.parse(line) as object);
        expect(names).toEqual(FIELD_NAMES.filter((name) => names.includes(name)));
        expect(line).not.toContain('canary');
      }),
    );
  });

  it('is one line in which nothing acts on a terminal, however long and wild its texts are', () => {
    fc.assert(
      fc.property(record, (given) => {
        const line = canonical(given);
        // oxlint-disable-next-line no-control-regex
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
        expect(line.length).toBeLessThan(32_768);
      }),
    );
  });

  it('is read back as it was given, as far as it fits', () => {
    fc.assert(
      fc.property(record, (given) => {
        const parsed = parseRecord(canonical(given));
        expect(parsed).toMatchObject({ ts: given.ts, seq: given.seq, run: given.run, event: given.event, result: given.result });
        expect(canonical(parsed as ChainedRecord)).toBe(canonical(given));
      }),
    );
  });

  it('takes a word only in its form', () => {
    const base = {
      v: 1,
      ts: '2026-11-24T10:00:00.000Z',
      seq: 0,
      run: '00000000-0000-4000-8000-000000000000',
      event: 'resolve',
      actor: 'a',
      host: 'h',
      result: 'failed',
    } as const;
    const line = canonical({ ...base, code: 'not a code\n', request: 'x y', source: 'Provider' as never, trust: 'pinned' });
    expect(Object.keys(JSON.parse(line) as object)).toEqual(['v', 'ts', 'seq', 'run', 'event', 'actor', 'host', 'trust', 'result']);
  });

  it.each(['', '{}', '[]', 'null', '{"v":2}', '{"v":1,"ts":"x"}', '{"v":1'])('is not %j', (line) => {
    expect(parseRecord(line)).toBeUndefined();
  });
});

describe('the signature', () => {
  const key = { kid: 'abcd1234', key: createSecretKey(Buffer.alloc(32, 7)) };

  it('is that of every byte of the line', () => {
    fc.assert(
      fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, place, change) => {
        const { line, mac } = sign(given, key);
        const bytes = Buffer.from(line);
        expect(isAuthentic(bytes, key.key)).toBe(true);
        expect(macAtEnd(bytes)).toBe(mac);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(isAuthentic(bytes, key.key)).toBe(false);
      }),
    );
  });

  it('needs its key', () => {
    const { line } = sign({ v: 1, ts: '', seq: 0, run: '', event: 'use', actor: '', host: '', result: 'ok' }, key);
    expect(isAuthentic(Buffer.from(line), createSecretKey(Buffer.alloc(32, 8)))).toBe(false);
  });
});

describe('what a record follows', () => {
  const mac = fc.stringMatching(/^[\w-]{43}$/);
  const tail = fc.record(
    { mac: fc.oneof(mac, fc.constant('')), offset: fc.nat(), part: fc.nat({ max: 999_999_999 }) },
    { requiredKeys: ['mac', 'offset'] },
  );

  it('is read as it is written', () => {
    const follows = fc.oneof(fc.record({ own: mac }), fc.record({ tail }), fc.record({ own: mac, tail }));
    fc.assert(
      fc.property(follows, (given) => {
        expect(parseFollows(followsText(given))).toEqual(given);
      }),
    );
  });

  it.each(['', 'x', '@', '@-1', 'a b c', `${'a'.repeat(43)}@1 x`, `@1 ${'a'.repeat(43)}`])('is not %j', (text) => {
    expect(parseFollows(text)).toBeUndefined();
  });
});
