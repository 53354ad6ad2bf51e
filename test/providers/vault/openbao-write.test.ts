import { beforeAll, describe, expect, it } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import type { Patch } from '../../../src/provider-kit/contract.ts';
import type { VaultSession } from '../../../src/providers/vault/session.ts';
import { describeWith } from '../../bed/use.ts';
import { testOperation } from '../../support/operation.ts';
import { baoAt, rule, unique, type Bao } from './bao.ts';
import { faultOf, refOf, textOf } from './vault.ts';

const ROTATED_AT = new Date('2026-05-06T07:08:09.000Z');
const patchOf = (text: string | Buffer, field?: string): Patch => ({
  value: typeof text === 'string' ? SecretValue.fromText(text) : SecretValue.fromBytes(text),
  rotatedAt: ROTATED_AT,
  ...(field === undefined ? {} : { field }),
});

describeWith('openbao', 'writing to OpenBao', (facts) => {
  let bao: Bao;
  let kv1: string;
  let kv2: string;
  let strict: string;

  beforeAll(async () => {
    bao = baoAt(facts);
    kv1 = await bao.mountKv(1);
    kv2 = await bao.mountKv(2);
    strict = await bao.mountKv(2);
    await bao.api('POST', `${strict}config`, { cas_required: true });
  });

  const sessionWith = async (rules?: string) => {
    const opened = await bao.open(rules === undefined ? {} : { env: { VAULT_TOKEN: await bao.token(rules) } });
    return { ...opened, op: testOperation() };
  };
  const content = async (key: string, session?: VaultSession): Promise<unknown> => {
    const reader = session ?? (await bao.open()).session;
    return JSON.parse(textOf((await reader.resolve([{ key }], testOperation()))[0]));
  };
  const made = async (mount: string, data: object): Promise<string> => {
    const name = `doc-${unique()}`;
    await bao.api('POST', mount === kv1 ? mount + name : `${mount}data/${name}`, mount === kv1 ? data : { data, options: { cas: 0 } });
    return mount + name;
  };

  describe('one field of KV version 2', () => {
    it('makes the document, then keeps its neighbours, without reading a value', async () => {
      const key = `${kv2}new-${unique()}/deep`;
      const { session, op } = await sessionWith();
      expect(await session.put({ key }, patchOf('one', 'a'), { expect: undefined }, op)).toEqual({ version: '1' });
      expect(await session.put({ key }, patchOf('line\n"ä"', 'b.c/d'), { expect: undefined }, op)).toEqual({ version: '2' });
      expect(op.calls.map(({ what }) => what).filter((what) => what.startsWith('read'))).toEqual([]);
      expect(await content(key)).toEqual({ a: 'one', 'b.c/d': 'line\n"ä"' });
    });

    it('records when it was made, beside other custom metadata', async () => {
      const key = await made(kv2, { a: '1', b: '2' });
      await bao.api('POST', key.replace(kv2, `${kv2}metadata/`), { custom_metadata: { owner: 'payments' } });
      const { session, op } = await sessionWith();
      await session.put({ key }, patchOf('2', '/a'), { expect: undefined }, op);
      const { body } = await bao.api('GET', key.replace(kv2, `${kv2}metadata/`));
      expect(body.data?.['custom_metadata']).toEqual({ owner: 'payments', 'rotated.a': ROTATED_AT.toISOString() });
      const [described] = await session.describe([refOf(`vault://${key}#a`)], op);
      expect(described).toMatchObject({ value: { rotatedAt: { a: ROTATED_AT } } });
    });

    it('is written even where the date may not be', async () => {
      const key = await made(kv2, { a: '1' });
      const { session, host, op } = await sessionWith(rule(`${kv2}data/*`, 'patch'));
      expect(await session.put({ key }, patchOf('2', 'a'), { expect: undefined }, op)).toEqual({ version: '2' });
      expect(host.notices).toEqual([expect.stringContaining('its date is not recorded')]);
    });

    it('compares the version', async () => {
      const key = await made(kv2, { a: '1' });
      const { session, op } = await sessionWith();
      expect((await faultOf(session.put({ key }, patchOf('x', 'a'), { expect: '7' }, op))).kind).toBe('conflict');
      expect((await faultOf(session.put({ key: `${kv2}none-${unique()}` }, patchOf('x', 'a'), { expect: '7' }, op))).kind).toBe('conflict');
      expect((await faultOf(session.put({ key }, patchOf('x', 'a'), { expect: 'v1' }, op))).kind).toBe('conflict');
      expect(await session.put({ key }, patchOf('2', 'a'), { expect: '1' }, op)).toEqual({ version: '2' });
      expect((await faultOf(session.put({ key }, patchOf('x', 'a'), { expect: '1' }, op))).kind).toBe('conflict');
      expect(await content(key)).toEqual({ a: '2' });
    });

    it('that must be absent is added beside others, and never overwrites', async () => {
      const key = await made(kv2, { a: '1' });
      const { session, op } = await sessionWith();
      expect(await session.put({ key }, patchOf('2', 'b'), { expect: 'absent' }, op)).toEqual({ version: '2' });
      expect((await faultOf(session.put({ key }, patchOf('x', 'b'), { expect: 'absent' }, op))).kind).toBe('conflict');
      expect(await content(key)).toEqual({ a: '1', b: '2' });
    });

    it('of two writers at once, one that must be absent is made once', async () => {
      const key = `${kv2}race-${unique()}`;
      const { session, op } = await sessionWith();
      const results = await Promise.allSettled(
        ['1', '2', '3', '4'].map((value) => session.put({ key }, patchOf(value, 'a'), { expect: 'absent' }, op)),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('comes back after the document was deleted', async () => {
      for (const expect of [undefined, 'absent', '1']) {
        const key = await made(kv2, { a: '1', old: 'x' });
        await bao.api('DELETE', key.replace(kv2, `${kv2}data/`));
        const { session, op } = await sessionWith();
        await session.put({ key }, patchOf('2', 'a'), { expect }, op);
        if (JSON.stringify(await content(key)) !== '{"a":"2"}') throw new Error(`wrong content for ${String(expect)}`);
      }
    });

    it('goes into a mount that asks for check-and-set', async () => {
      const key = await made(strict, { a: '1' });
      const { session, op } = await sessionWith();
      expect(await session.put({ key }, patchOf('2', 'b'), { expect: undefined }, op)).toEqual({ version: '2' });
      expect(await session.put({ key: `${key}-new` }, patchOf('1', 'a'), { expect: undefined }, op)).toEqual({ version: '1' });
      expect(await content(key)).toEqual({ a: '1', b: '2' });
    });

    it('is read and written back where the token may not patch', async () => {
      const key = await made(kv2, { a: '1', keep: { n: [1, 2.5] } });
      const { session, op } = await sessionWith(rule(`${kv2}data/*`, 'create', 'update', 'read'));
      expect(await session.put({ key }, patchOf('2', 'a'), { expect: undefined }, op)).toEqual({ version: '2' });
      expect((await faultOf(session.put({ key }, patchOf('x', 'a'), { expect: '1' }, op))).kind).toBe('conflict');
      expect((await faultOf(session.put({ key }, patchOf('x', 'a'), { expect: 'absent' }, op))).kind).toBe('conflict');
      expect(await session.put({ key: `${key}-new` }, patchOf('1', 'a'), { expect: undefined }, op)).toEqual({ version: '1' });
      expect(await content(key)).toEqual({ a: '2', keep: { n: [1, 2.5] } });
    });

    it('may be made, but not changed, with the right to create only', async () => {
      const key = `${kv2}create-${unique()}`;
      const { session, op } = await sessionWith(rule(`${kv2}data/*`, 'create'));
      expect(await session.put({ key }, patchOf('1', 'a'), { expect: undefined }, op)).toEqual({ version: '1' });
      const fault = await faultOf(session.put({ key }, patchOf('2', 'a'), { expect: undefined }, op));
      expect(fault.kind).toBe('denied');
      expect(fault.detail.hint).toContain('"patch"');
      expect(await content(key)).toEqual({ a: '1' });
    });

    it('is refused without any right', async () => {
      const key = await made(kv2, { a: '1' });
      const { session, op } = await sessionWith(rule(`${kv2}metadata/*`, 'read'));
      for (const expectation of [undefined, 'absent', '1']) {
        expect((await faultOf(session.put({ key }, patchOf('2', 'b'), { expect: expectation }, op))).kind).toBe('denied');
      }
    });

    it('inside another one is written by its pointer', async () => {
      const key = await made(kv2, { a: { b: [{ c: '1' }], d: '2' } });
      const { session, op } = await sessionWith();
      await session.put({ key }, patchOf('new', '/a/b/0/c'), { expect: '1' }, op);
      expect(await content(key)).toEqual({ a: { b: [{ c: 'new' }], d: '2' } });
      expect((await faultOf(session.put({ key }, patchOf('x', '/no/such'), { expect: undefined }, op))).kind).toBe('no-field');
    });

    it('of a path with the data/ of the API is written, with a remark', async () => {
      const { session, host, op } = await sessionWith();
      await session.put({ key: `${kv2}data/a-${unique()}` }, patchOf('1', 'a'), { expect: undefined }, op);
      expect(host.notices).toEqual([expect.stringMatching(/if kv-\w+\/a-\w+ was meant/)]);
    });

    it('must be text', async () => {
      const { session, op } = await sessionWith();
      const fault = await faultOf(session.put({ key: `${kv2}x` }, patchOf(Buffer.from([0xff, 0xfe]), 'a'), { expect: undefined }, op));
      expect([fault.kind, fault.code]).toEqual(['unsupported', 'VALUE_INVALID']);
    });
  });

  it('writes a whole document, which must be a JSON object', async () => {
    const key = `${kv2}whole-${unique()}`;
    const { session, op } = await sessionWith();
    expect(await session.put({ key }, patchOf('{"a":"1","b":{"c":2}}'), { expect: 'absent' }, op)).toEqual({ version: '1' });
    expect((await faultOf(session.put({ key }, patchOf('{"a":"2"}'), { expect: 'absent' }, op))).kind).toBe('conflict');
    expect((await faultOf(session.put({ key }, patchOf('{"a":"2"}'), { expect: '5' }, op))).kind).toBe('conflict');
    expect(await session.put({ key }, patchOf('{"a":"2"}'), { expect: undefined }, op)).toEqual({ version: '2' });
    expect(await content(key)).toEqual({ a: '2' });
    await bao.api('DELETE', key.replace(kv2, `${kv2}data/`));
    expect(await session.put({ key }, patchOf('{"a":"3"}'), { expect: 'absent' }, op)).toEqual({ version: '3' });
    expect(await session.put({ key: `${strict}whole-${unique()}` }, patchOf('{"a":"2"}'), { expect: undefined }, op)).toEqual({
      version: '1',
    });
    for (const text of ['plain', '["a"]', '']) {
      expect((await faultOf(session.put({ key }, patchOf(text), { expect: undefined }, op))).code).toBe('VALUE_INVALID');
    }
  });

  it('writes KV version 1 by reading and writing back, with exact numbers', async () => {
    const name = `doc-${unique()}`;
    await bao.api('POST', kv1 + name, '{"big":12345678901234567890,"a":"1"}');
    const key = kv1 + name;
    const { session, op } = await sessionWith();
    expect(await session.put({ key }, patchOf('2', 'a'), { expect: undefined }, op)).toEqual({});
    expect(textOf((await session.resolve([{ key }], op))[0])).toContain('12345678901234567890');
    expect(await session.put({ key }, patchOf('3', 'b'), { expect: 'absent' }, op)).toEqual({});
    expect((await faultOf(session.put({ key }, patchOf('x', 'b'), { expect: 'absent' }, op))).kind).toBe('conflict');
    expect((await faultOf(session.put({ key }, patchOf('x', 'b'), { expect: '1' }, op))).kind).toBe('unsupported');
    expect(await content(key)).toMatchObject({ a: '2', b: '3' });
    await session.put({ key: `${key}-new` }, patchOf('1', 'a'), { expect: 'absent' }, op);
    expect(await content(`${key}-new`)).toEqual({ a: '1' });
    await session.put({ key }, patchOf('{"only":"this"}'), { expect: undefined }, op);
    expect(await content(key)).toEqual({ only: 'this' });
    expect((await faultOf(session.put({ key }, patchOf('{}'), { expect: 'absent' }, op))).kind).toBe('conflict');
  });

  it('does not write to other engines, unknown mounts or pinned references', async () => {
    const { session, op } = await sessionWith();
    expect((await faultOf(session.put({ key: 'sys/x' }, patchOf('1', 'a'), { expect: undefined }, op))).kind).toBe('unsupported');
    expect((await faultOf(session.put({ key: 'nowhere/x' }, patchOf('1', 'a'), { expect: undefined }, op))).kind).toBe('denied');
    expect((await faultOf(session.put({ key: `${kv2}x`, version: '1' }, patchOf('1', 'a'), { expect: undefined }, op))).kind).toBe(
      'unsupported',
    );
  });

  describe('removing', () => {
    it('takes one field out of KV version 2, and its date with it', async () => {
      const key = await made(kv2, { a: '1', b: '2' });
      const { session, op } = await sessionWith();
      await session.put({ key }, patchOf('2', 'a'), { expect: undefined }, op);
      await session.remove({ key, field: 'a' }, op);
      expect(await content(key)).toEqual({ b: '2' });
      const { body } = await bao.api('GET', key.replace(kv2, `${kv2}metadata/`));
      expect(body.data?.['custom_metadata'] ?? {}).toEqual({});
      expect((await faultOf(session.remove({ key, field: 'a' }, op))).kind).toBe('not-found');
      expect((await faultOf(session.remove({ key: `${key}-none`, field: 'a' }, op))).kind).toBe('not-found');
      expect(op.calls.map(({ what }) => what).filter((what) => what.startsWith('read'))).toEqual([]);
    });

    it('works without the right to patch or to look first', async () => {
      const key = await made(kv2, { a: '1', b: '2' });
      const { session, op } = await sessionWith(rule(`${kv2}data/*`, 'read', 'update'));
      await session.remove({ key, field: 'a' }, op);
      expect(await content(key)).toEqual({ b: '2' });
      expect((await faultOf(session.remove({ key, field: 'a' }, op))).kind).toBe('not-found');
    });

    it('takes a value out of another one', async () => {
      const key = await made(kv2, { a: { b: '1', c: '2' } });
      const { session, op } = await sessionWith();
      await session.remove({ key, field: '/a/b' }, op);
      expect(await content(key)).toEqual({ a: { c: '2' } });
    });

    it('takes a whole document of KV version 2 with all its versions', async () => {
      const key = await made(kv2, { a: '1' });
      const { session, op } = await sessionWith();
      await session.remove({ key }, op);
      expect((await bao.api('GET', key.replace(kv2, `${kv2}metadata/`))).status).toBe(404);
      expect((await faultOf(session.remove({ key }, op))).kind).toBe('not-found');
      const refused = await sessionWith(rule(`${kv2}metadata/*`, 'read'));
      expect((await faultOf(refused.session.remove({ key: await made(kv2, { a: '1' }) }, op))).kind).toBe('denied');
    });

    it('works in KV version 1, where a document without fields is gone', async () => {
      const key = await made(kv1, { a: '1', b: '2' });
      const { session, op } = await sessionWith();
      await session.remove({ key, field: 'a' }, op);
      expect(await content(key)).toEqual({ b: '2' });
      expect((await faultOf(session.remove({ key, field: 'a' }, op))).kind).toBe('not-found');
      await session.remove({ key, field: 'b' }, op);
      expect((await faultOf(session.remove({ key, field: 'b' }, op))).kind).toBe('not-found');
      const whole = await made(kv1, { a: '1' });
      await session.remove({ key: whole }, op);
      expect((await faultOf(session.remove({ key: whole }, op))).kind).toBe('not-found');
    });
  });
});
