import { randomBytes } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../bed/use.ts';
import { testOperation } from '../../support/operation.ts';
import { baoAt, rule, unique, type Bao } from './bao.ts';
import { checked, faultIn, faultOf, openVault, printed, refOf, textOf } from './vault.ts';

const op = testOperation();

describeWith('openbao', 'reading from OpenBao', (facts) => {
  let bao: Bao;
  let kv1: string;
  let kv2: string;

  beforeAll(async () => {
    bao = baoAt(facts);
    kv1 = await bao.mountKv(1);
    kv2 = await bao.mountKv(2, `team-${unique()}/nested/kv`);
    await bao.api('POST', `${kv2}data/app/db`, { data: { pass: 'one' } });
    await bao.api('POST', `${kv2}data/app/db`, { data: { pass: 'two', user: 'u', nest: { a: [1], b: { c: 'x' } } } });
    await bao.api('POST', `${kv1}app/db`, '{"pass":"p","big":12345678901234567890}');
  });

  it('finds KV version 1 and 2 by itself, nested mounts too, with exact numbers', async () => {
    const { session } = await bao.open();
    const outcomes = await session.resolve([{ key: `${kv2}app/db` }, { key: `${kv1}app/db` }, { key: `${kv2}app/db`, version: '1' }], op);
    expect(JSON.parse(textOf(outcomes[0]))).toMatchObject({ pass: 'two', nest: { b: { c: 'x' } } });
    expect(outcomes[0]).toMatchObject({
      value: { version: '2', createdAt: expect.any(Date), requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    expect(textOf(outcomes[1])).toContain('12345678901234567890');
    expect(outcomes[1]).not.toHaveProperty('value.version');
    expect(textOf(outcomes[2])).toBe('{"pass":"one"}');
  });

  it('gives multi-line, empty, large and non-ASCII values back as they are', async () => {
    const { session } = await bao.open();
    const values = { lines: 'a\r\nb\n', empty: '', large: randomBytes(32 * 1024).toString('hex'), text: 'ä漢😀"\\\u2028', null: null };
    await bao.api('POST', `${kv2}data/values`, { data: values });
    const [outcome] = await session.resolve([{ key: `${kv2}values` }], op);
    expect(JSON.parse(textOf(outcome))).toEqual(values);
  });

  it('reads another engine as it is', async () => {
    const mount = `totp-${unique()}`;
    await bao.api('POST', `sys/mounts/${mount}`, { type: 'totp' });
    await bao.api('POST', `${mount}/keys/me`, { generate: true, issuer: 'x', account_name: 'y' });
    const { session } = await bao.open();
    const [outcome] = await session.resolve([{ key: `${mount}/code/me` }], op);
    expect((JSON.parse(textOf(outcome)) as { code: string }).code).toMatch(/^\d{6}$/);
    const described = await session.describe([refOf(`vault://${mount}/code/me#code`)], op);
    expect(described).toMatchObject([{ ok: true, value: { presence: 'unknown' } }]);
  });

  it('keeps absent, deleted, destroyed, denied and unmounted apart', async () => {
    for (const name of ['deleted', 'destroyed']) await bao.api('POST', `${kv2}data/${name}`, { data: { pass: 'x' } });
    await bao.api('DELETE', `${kv2}data/deleted`);
    await bao.api('POST', `${kv2}destroy/destroyed`, { versions: [1] });
    const { session } = await bao.open({
      env: { VAULT_TOKEN: await bao.token(rule(`${kv2}data/d*`, 'read') + rule(`${kv2}data/none`, 'read')) },
    });
    const names = ['none', 'deleted', 'destroyed', 'app/db'];
    const outcomes = await session.resolve([...names.map((name) => ({ key: kv2 + name })), { key: 'nowhere/x' }], op);
    expect(outcomes.map((outcome) => faultIn(outcome).kind)).toEqual(['not-found', 'not-found', 'not-found', 'denied', 'denied']);
    const messages = outcomes.map((outcome) => faultIn(outcome).message);
    expect(messages[0]).toContain('there is nothing');
    expect(messages[1]).toMatch(/version 1 of .* was deleted on \d{4}-/);
    expect(messages[2]).toContain('was destroyed');
    expect(faultIn(outcomes[3]).detail.hint).toContain(`path "${kv2}data/app/db"`);
    const root = await bao.open();
    const [unmounted] = await root.session.resolve([{ key: 'nowhere/x' }], op);
    expect(faultIn(unmounted).kind).toBe('not-found');
  });

  it('needs no right but that on the document', async () => {
    const { session } = await bao.open({ env: { VAULT_TOKEN: await bao.token(rule(`${kv2}data/app/db`, 'read')) } });
    expect(textOf((await session.resolve([{ key: `${kv2}app/db` }], op))[0])).toContain('two');
  });

  it('tells a path with the data/ of the API', async () => {
    const { session } = await bao.open();
    const [outcome] = await session.resolve([{ key: `${kv2}data/app/db` }], op);
    expect(faultIn(outcome).detail.hint).toBe(`write ${kv2}app/db instead of ${kv2}data/app/db`);
  });

  it('stays inside a namespace', async () => {
    const namespace = `ns-${unique()}`;
    await bao.api('POST', `sys/namespaces/${namespace}`, {});
    const inside = baoAt(facts, namespace);
    const mount = await inside.mountKv(2);
    await inside.api('POST', `${mount}data/a`, { data: { x: 'inside' } });
    const key = { key: `${mount}a` };
    expect(textOf((await (await inside.open()).session.resolve([key], op))[0])).toBe('{"x":"inside"}');
    expect(faultIn((await (await bao.open()).session.resolve([key], op))[0]).kind).toBe('not-found');
    const wrong = await baoAt(facts, 'no-such-namespace').open();
    const fault = faultIn((await wrong.session.resolve([key], op))[0]);
    expect([fault.kind, fault.message]).toEqual(['options', expect.stringContaining('there is no namespace no-such-namespace')]);
    const report = await (await inside.open()).session.doctor(op);
    expect(report.checks.map(({ status }) => status)).not.toContain('fail');
  });

  it('is told to wait by a quota', async () => {
    const mount = await bao.mountKv(1);
    await bao.api('POST', `${mount}a`, { x: '1' });
    await bao.api('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true });
    await bao.api('POST', `sys/quotas/rate-limit/${mount.slice(0, -1)}`, { path: mount, rate: 1, interval: '60s' });
    const { session } = await bao.open();
    const outcomes = await session.resolve([{ key: `${mount}a` }, { key: `${mount}b` }, { key: `${mount}c` }], op);
    await bao.api('DELETE', `sys/quotas/rate-limit/${mount.slice(0, -1)}`);
    const throttled = outcomes.flatMap((outcome) => (outcome.ok || outcome.fault.kind !== 'throttled' ? [] : [outcome.fault]));
    expect(throttled.length).toBeGreaterThanOrEqual(1);
    expect(throttled[0]?.detail.retryAfterMs).toBeGreaterThanOrEqual(0);
  });

  it('checks the certificate, and sends no token before', async () => {
    const env = { VAULT_TOKEN: `canary-${unique()}` };
    const open = async (options: Record<string, unknown>) =>
      (await openVault({ address: facts.tlsUrl, options, env: { VAULT_TOKEN: facts.token } })).session;
    const good = await open({ caFile: facts.caFile, clientCertFile: facts.clientCertFile, clientKeyFile: facts.clientKeyFile });
    expect((await good.resolve([{ key: `${kv2}app/db` }], op))[0]?.ok).toBe(true);
    await good.close();
    const bad = await open({});
    const began = performance.now();
    const fault = faultIn((await bad.resolve([{ key: `${kv2}app/db` }], op))[0]);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
    expect(printed(fault)).not.toContain(env.VAULT_TOKEN);
  });

  it('refuses a switched off check of certificates', async () => {
    for (const env of [
      { VAULT_SKIP_VERIFY: '1' },
      { BAO_SKIP_VERIFY: 'true' },
      { VAULT_SKIP_VERIFY: 'yes' },
      { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    ]) {
      expect((await faultOf(openVault({ address: facts.tlsUrl, env }))).kind).toBe('options');
    }
    await expect(openVault({ address: facts.tlsUrl, env: { VAULT_SKIP_VERIFY: 'false' } })).resolves.toBeDefined();
  });

  it('describes without the right to read a value', async () => {
    await bao.api(
      'PATCH',
      `${kv2}metadata/app/db`,
      { custom_metadata: { 'rotated.pass': '2026-05-06T07:08:09Z', owner: 'x' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    const token = await bao.token(rule(`${kv2}metadata/*`, 'read', 'list') + rule(`${kv2}subkeys/*`, 'read') + rule(`${kv1}*`, 'list'));
    const { session } = await bao.open({ env: { VAULT_TOKEN: token } });
    const ref = (key: string, field: string): ReturnType<typeof refOf> => refOf(`vault://${key}#${field}`);
    const described = await session.describe(
      [
        ref(`${kv2}app/db`, 'pass'),
        ref(`${kv2}app/db`, 'nope'),
        ref(`${kv2}app/db`, '/nest/b/c'),
        ref(`${kv2}app/db`, '/nest/b/d'),
        ref(`${kv2}app/db`, '/nest/a/0'),
        ref(`${kv2}none`, 'pass'),
        refOf(`vault://${kv2}app/db?version=1#user`),
        refOf(`vault://${kv2}app/db?version=9#user`),
        ref(`${kv1}app/db`, 'pass'),
        ref(`${kv1}app/none`, 'pass'),
      ],
      op,
    );
    expect(described.map((outcome) => (outcome.ok ? outcome.value.presence : outcome.fault.kind))).toEqual([
      'present',
      'absent',
      'present',
      'absent',
      'unknown',
      'absent',
      'absent',
      'absent',
      'unknown',
      'absent',
    ]);
    expect(described[0]).toMatchObject({
      value: {
        version: '2',
        versionCount: 2,
        fields: ['nest', 'pass', 'user'],
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
        rotatedAt: { pass: new Date('2026-05-06T07:08:09Z') },
      },
    });
  });

  it('describes with one of the two rights, and says that it needs one', async () => {
    const presence = async (rules: string, field: string): Promise<unknown> => {
      const { session } = await bao.open({ env: { VAULT_TOKEN: await bao.token(rules) } });
      const [outcome] = await session.describe([refOf(`vault://${kv2}app/db#${field}`)], op);
      return outcome?.ok === true ? outcome.value.presence : outcome?.fault.detail.hint;
    };
    expect(await presence(rule(`${kv2}metadata/*`, 'read'), 'pass')).toBe('unknown');
    expect(await presence(rule(`${kv2}subkeys/*`, 'read'), 'pass')).toBe('present');
    expect(await presence(rule(`${kv2}subkeys/*`, 'read'), 'nope')).toBe('absent');
    expect(await presence(rule(`${kv2}data/*`, 'read'), 'pass')).toContain(`path "${kv2}metadata/app/db"`);
  });

  it('lists documents below a prefix, in every mount that it reaches', async () => {
    const mount = await bao.mountKv(2, `list-${unique()}/kv`);
    const other = await bao.mountKv(1, `${mount.split('/')[0]}/kw`);
    for (const name of ['a', 'ab/c', 'ab/d/e', 'b']) await bao.api('POST', `${mount}data/${name}`, { data: { x: '1' } });
    await bao.api('POST', `${other}z`, { x: '1' });
    const { session } = await bao.open();
    const keys = async (prefix: string): Promise<readonly string[]> => (await session.list(prefix, op)).map(({ key }) => key).toSorted();
    const all = ['a', 'ab/c', 'ab/d/e', 'b'].map((name) => mount + name);
    expect(await keys(mount)).toEqual(all);
    expect(await keys(mount.slice(0, -1))).toEqual(all);
    expect(await keys(`${mount}ab/`)).toEqual([`${mount}ab/c`, `${mount}ab/d/e`]);
    expect(await keys(`${mount}a`)).toEqual(all.slice(0, 3));
    expect(await keys(`${mount}ab/d`)).toEqual([`${mount}ab/d/e`]);
    expect(await keys(`${mount}none/`)).toEqual([]);
    expect(await keys(`${mount.split('/')[0]}/`)).toEqual([...all, `${other}z`]);
    expect(await keys('')).toEqual(expect.arrayContaining([...all, `${kv1}app/db`]));
  });

  it('says what it could not list', async () => {
    const mount = await bao.mountKv(2);
    for (const name of ['open/x', 'shut/y']) await bao.api('POST', `${mount}data/${name}`, { data: { x: '1' } });
    const token = await bao.token(rule(`${mount}metadata/`, 'list') + rule(`${mount}metadata/open/`, 'list'));
    const { session, host } = await bao.open({ env: { VAULT_TOKEN: token } });
    expect(await session.list(mount, op)).toEqual([{ key: `${mount}open/x` }]);
    expect(host.notices).toEqual([expect.stringContaining(`${mount}shut/ may not be listed`)]);
    expect((await faultOf(session.list(`${mount}shut/`, op))).kind).toBe('denied');
  });

  it('knows the versions', async () => {
    const key = `${kv2}versions-${unique()}`;
    for (const x of ['1', '2', '3', '4']) await bao.api('POST', key.replace(kv2, `${kv2}data/`), { data: { x } });
    await bao.api('POST', key.replace(kv2, `${kv2}delete/`), { versions: [2] });
    await bao.api('POST', key.replace(kv2, `${kv2}destroy/`), { versions: [1] });
    const { session } = await bao.open({ env: { VAULT_TOKEN: await bao.token(rule(`${kv2}metadata/*`, 'read')) } });
    const versions = await session.versions({ key }, op);
    expect(versions.map(({ version, state, current }) => [version, state, current])).toEqual([
      ['4', 'enabled', true],
      ['3', 'enabled', false],
      ['2', 'deleted', false],
      ['1', 'destroyed', false],
    ]);
    expect(versions[0]?.createdAt).toBeInstanceOf(Date);
    expect((await faultOf(session.versions({ key: `${kv2}none` }, op))).kind).toBe('not-found');
    expect((await faultOf((await bao.open()).session.versions({ key: `${kv1}app/db` }, op))).kind).toBe('unsupported');
  });

  it('reports health, identity and a root token', async () => {
    const { session } = await bao.open();
    const report = await session.doctor(op);
    expect(report.identity).toBe('token');
    expect(report.checks.map(({ title, status }) => `${title} ${status}`)).toEqual(['server ok', 'sign-in ok', 'rights warn']);
    const lookup = await bao.open({ env: { VAULT_TOKEN: await bao.token(rule(`${kv2}data/*`, 'read')) } });
    expect((await lookup.session.doctor(op)).checks).toMatchObject([
      { status: 'ok' },
      { status: 'ok', message: expect.stringContaining('may not look itself up') },
    ]);
    const wrong = await bao.open({ env: { VAULT_TOKEN: 'canary-wrong' } });
    expect((await wrong.session.doctor(op)).checks).toMatchObject([{ status: 'ok' }, { title: 'sign-in', status: 'fail' }]);
    const lifetime = async (ttl: string): Promise<unknown> => {
      const token = await bao.token(rule(`${kv2}data/*`, 'read'), { no_default_policy: false, ttl });
      return (await (await bao.open({ env: { VAULT_TOKEN: token } })).session.doctor(op)).checks
        .slice(2)
        .map(({ title, status, message }) => `${title} ${status} ${message}`);
    };
    expect(await lifetime('768h')).toEqual(['lifetime warn the token of VAULT_TOKEN is long-lived']);
    expect(await lifetime('24h')).toEqual([]);
    expect(await lifetime('100s')).toEqual([expect.stringMatching(/^lifetime warn the token of VAULT_TOKEN ends in \d+ s$/)]);
  });

  it('tells two addresses, namespaces and principals apart, and holds no credential', async () => {
    const { default: provider } = await import('../../../src/providers/vault/index.ts');
    const { host } = await bao.open();
    const identity = async (options: Record<string, unknown>): Promise<string> =>
      provider.identity(await checked({ address: facts.url, ...options }), host);
    const auth = { method: 'token', env: 'OTHER' };
    const all = await Promise.all([{}, { address: facts.tlsUrl }, { namespace: 'a' }, { auth }, { caFile: facts.caFile }].map(identity));
    expect(new Set(all).size).toBe(5);
    expect(await identity({})).toBe(all[0]);
    expect(all.join()).not.toContain(facts.token);
  });
});
