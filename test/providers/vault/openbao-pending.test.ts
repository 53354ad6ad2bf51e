import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { beforeAll, expect, it } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import type { ParsedRef, Patch } from '../../../src/provider-kit/contract.ts';
import type { VaultSession } from '../../../src/providers/vault/session.ts';
import { describeWith } from '../../bed/use.ts';
import { testOperation } from '../../support/operation.ts';
import { baoAt, rule, unique, type Bao } from './bao.ts';
import { faultOf, refOf, textOf } from './vault.ts';

const canary = (): string => `canary-${randomBytes(8).toString('hex')}`;
const patchOf = (text: string, field?: string): Patch => ({
  value: SecretValue.fromText(text),
  rotatedAt: new Date(),
  ...(field === undefined ? {} : { field }),
});
const op = testOperation();

describeWith('openbao', 'pending values in OpenBao', (facts) => {
  let bao: Bao;
  let kv: string;
  beforeAll(async () => {
    bao = baoAt(facts);
    kv = await bao.mountKv(2);
  });

  const seeded = async (data: object): Promise<{ readonly name: string; readonly ref: ParsedRef }> => {
    const name = `doc-${unique()}`;
    await bao.must('POST', `${kv}data/${name}`, { data });
    return { name, ref: refOf(`vault://${kv}${name}#a`) };
  };
  const content = async (session: VaultSession, { key }: ParsedRef): Promise<unknown> =>
    JSON.parse(textOf((await session.resolve([{ key }], op))[0]));

  it('promotes once when the first attempt got no further than the write', async () => {
    const { name, ref } = await seeded({ a: '1', b: '2' });
    const { session } = await bao.open();
    const value = canary();
    const { base } = await session.pending.create(ref, patchOf(value, 'a'), 'r1', op);
    // What promote does, up to the moment when it is killed.
    await session.put({ key: ref.key }, patchOf(value, 'a'), { expect: base }, op);
    expect(await session.pending.promote(ref, 'r1', { expect: base }, op)).toEqual({ version: '2' });
    expect(await content(session, ref)).toEqual({ a: value, b: '2' });
    expect((await bao.api('GET', `${kv}metadata/${name}.pending`)).status).toBe(404);
  });

  it('promotes a whole document, numbers with their digits', async () => {
    const { ref: one } = await seeded({ a: '1' });
    const ref = { key: one.key };
    const { session } = await bao.open();
    const value = '{"n": 1234567890, "text": "canary-x", "deep": {"list": [1, null]}}';
    await session.pending.create(ref, patchOf(value), 'r1', op);
    expect((await session.pending.find(ref, op))?.field).toBeUndefined();
    expect((await session.pending.read(ref, 'r1', op)).bytes.reveal().toString()).toBe(value);
    expect(await session.pending.promote(ref, 'r1', { expect: '1' }, op)).toEqual({ version: '2' });
    expect(await content(session, ref)).toEqual(JSON.parse(value));
    expect(await faultOf(session.pending.create(ref, patchOf('no object'), 'r2', op))).toMatchObject({ kind: 'unsupported' });
  });

  it('takes a sibling whose versions were deleted for none', async () => {
    const { name, ref } = await seeded({ a: '1' });
    const { session } = await bao.open();
    await session.pending.create(ref, patchOf(canary(), 'a'), 'r1', op);
    await bao.must('DELETE', `${kv}data/${name}.pending`);
    expect(await session.pending.find(ref, op)).toBeUndefined();
    const value = canary();
    await session.pending.create(ref, patchOf(value, 'a'), 'r2', op);
    expect((await session.pending.read(ref, 'r2', op)).bytes.reveal().toString()).toBe(value);
  });

  it('makes a first value again where the current version was deleted', async () => {
    const { name, ref } = await seeded({ a: '1' });
    await bao.must('DELETE', `${kv}data/${name}`);
    const { session } = await bao.open();
    const value = canary();
    expect((await session.pending.create(ref, patchOf(value, 'a'), 'r1', op)).base).toBeUndefined();
    expect(await session.pending.promote(ref, 'r1', { expect: 'absent' }, op)).toEqual({ version: '2' });
    expect(await content(session, ref)).toEqual({ a: value });
  });

  it('works with the rights that the documentation lists, and names a rule that is missing', async () => {
    const { name, ref } = await seeded({ a: '1', b: '2' });
    const rules = [
      rule(`${kv}data/${name}`, 'read', 'create', 'patch'),
      rule(`${kv}metadata/${name}`, 'read', 'patch'),
      rule(`${kv}subkeys/${name}`, 'read'),
      rule(`${kv}data/${name}.pending`, 'create', 'read', 'update'),
      rule(`${kv}subkeys/${name}.pending`, 'read'),
      rule(`${kv}metadata/${name}.pending`, 'read', 'delete'),
      rule('sys/internal/ui/mounts', 'read'),
    ];
    const sessionWith = async (list: readonly string[]): Promise<VaultSession> =>
      (await bao.open({ env: { VAULT_TOKEN: await bao.token(list.join('')) } })).session;
    const session = await sessionWith(rules);
    await session.pending.create(ref, patchOf(canary(), 'a'), 'r1', op);
    await session.pending.abandon(ref, 'r1', op);
    const value = canary();
    await session.pending.create(ref, patchOf(value, 'a'), 'r2', op);
    const less = await sessionWith(rules.filter((one) => !one.includes(`metadata/${name}.pending`)));
    const fault = await faultOf(less.pending.promote(ref, 'r2', {}, op));
    expect(fault.detail.hint).toContain(`path "${kv}metadata/${name}.pending" { capabilities = ["delete"] }`);
    await session.pending.promote(ref, 'r2', {}, op);
    expect(await content(session, ref)).toEqual({ a: value, b: '2' });
  });

  it('refuses references to pending values, and KV version 1', async () => {
    expect(() => refOf('vault://secret/api.pending#a')).toThrow(/kept for values of rotations/);
    expect(refOf('vault://secret/api.pendings#a').key).toBe('secret/api.pendings');
    const kv1 = await bao.mountKv(1);
    const { session } = await bao.open();
    const ref = { key: `${kv1}api`, field: 'a' };
    for (const call of [session.pending.find(ref, op), session.pending.create(ref, patchOf('x', 'a'), 'r', op)])
      expect(await faultOf(call)).toMatchObject({ kind: 'unsupported', message: expect.stringContaining('KV version 1') as string });
  });

  it('brings no destroyed version back, and says so', async () => {
    const { name, ref } = await seeded({ a: '1' });
    await bao.must('POST', `${kv}data/${name}`, { data: { a: '2' } });
    const { session } = await bao.open();
    await session.setState({ key: ref.key }, '1', 'destroyed', op);
    await session.setState({ key: ref.key }, '1', 'destroyed', op);
    expect(await faultOf(session.setState({ key: ref.key }, '1', 'enabled', op))).toMatchObject({ kind: 'unsupported' });
    expect((await session.versions({ key: ref.key }, op)).map(({ state }) => state)).toEqual(['enabled', 'destroyed']);
  });
});

describeWith(['openbao', 'postgres'], 'static roles of OpenBao', ({ openbao, postgres }) => {
  it('are rotated by the server, and the new password logs in', async () => {
    const bao = baoAt(openbao);
    const [mount, user] = [`db-${unique()}`, `static_${unique()}`];
    const admin = new pg.Client({ connectionString: postgres.url });
    await admin.connect();
    await admin.query(`create role ${user} login password '${canary()}'`);
    try {
      await bao.must('POST', `sys/mounts/${mount}`, { type: 'database' });
      await bao.must('POST', `${mount}/config/pg`, {
        plugin_name: 'postgresql-database-plugin',
        allowed_roles: '*',
        username: postgres.user,
        password: postgres.password,
        connection_url: `postgresql://{{username}}:{{password}}@${postgres.host}:${postgres.port}/${postgres.database}?sslmode=disable`,
      });
      await bao.must('POST', `${mount}/static-roles/app`, { db_name: 'pg', username: user, rotation_period: '24h' });
      const { session } = await bao.open();
      const ref = refOf(`vault://${mount}/static-creds/app#password`);
      const password = async (): Promise<string> => {
        const text = textOf((await session.resolve([{ key: ref.key }], op))[0]);
        return (JSON.parse(text) as { password: string }).password;
      };
      const before = await password();
      expect(await session.rotate({ key: ref.key }, op)).toEqual({});
      const after = await password();
      expect(after).not.toBe(before);
      const client = new pg.Client({ ...postgres, user, password: after });
      await client.connect();
      await client.end();
      expect(await faultOf(session.rotate({ key: `${mount}/creds/app` }, op))).toMatchObject({ kind: 'unsupported' });
    } finally {
      await bao.api('DELETE', `sys/mounts/${mount}`);
      await admin.query(`drop role ${user}`).catch(() => undefined);
      await admin.end();
    }
  });
});
