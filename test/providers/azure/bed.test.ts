/** The adapter against the test bed's vault and Entra ID, over real TLS. Names are this file's own: others use the same vault. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

import { SecretValue } from '../../../src/core/secret-value.ts';
import { createHttpClient } from '../../../src/platform/http.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';
import { testOperation } from '../../support/operation.ts';
import { app, ask, azure, bedHost, facts, oidc, options, requests, signedIn, why } from './bed.ts';
import { canary } from './fake-azure.ts';
import { faultOf, openSession, patch, shown } from './session.ts';

const open = (env?: Record<string, string>, more: Record<string, unknown> = {}, http?: Host['http']) =>
  openSession({ ...options, ...more }, bedHost(env, http));
const fresh = (): { readonly key: string } => ({ key: `bed-${randomBytes(8).toString('hex')}` });
const op = testOperation();
/** Writes a version past the adapter. */
const write = async (name: string, body: object): Promise<void> => expect(await ask('PUT', `/secrets/${name}`, body)).toBe(200);

/** Reads in a process of its own, with this environment. */
const readInChild = async (
  names: readonly string[],
  env: Record<string, string>,
): Promise<{ shown: readonly string[]; stderr: string }> => {
  const child = execFile(process.execPath, ['--no-warnings', join(import.meta.dirname, 'read-child.ts')], { env });
  child.stdin?.end(JSON.stringify({ options, names }));
  const [stdout, stderr] = await Promise.all([text(child.stdout ?? Readable.from([])), text(child.stderr ?? Readable.from([]))]);
  return { shown: JSON.parse(stdout || '[]') as string[], stderr };
};

describe.skipIf(azure === undefined)(`azure-key-vault on a vault${why}`, () => {
  it.each([
    ['text', 'plain'],
    ['several lines', '-----BEGIN\r\nline\n\n-----END\n'],
    ['nothing', ''],
    ['what JSON and shells escape', `"'\\$\`\u0000\u2028é😀\ufeff`],
    ['the largest', 'x'.repeat(25_600)],
  ])('stores and reads %s byte for byte', async (_title, value) => {
    const session = await open();
    const key = fresh();
    const { version } = await session.put(key, patch(value), {}, op);
    const [outcome] = await session.resolve([key], op);
    expect(shown(outcome)).toBe(value);
    expect(
      outcome?.ok === true && [outcome.value.version, outcome.value.createdAt instanceof Date, typeof outcome.value.requestId],
    ).toEqual([version, true, 'string']);
    await session.close();
  });

  it('keeps the mark at the beginning of a text', async () => {
    const session = await open();
    const key = fresh();
    await session.put(key, { value: SecretValue.fromBytes(Buffer.from('efbbbf61', 'hex')), rotatedAt: new Date() }, {}, op);
    const [outcome] = await session.resolve([key], op);
    expect(outcome?.ok === true && outcome.value.bytes.reveal().toString('hex')).toBe('efbbbf61');
    await session.close();
  });

  it('refuses what is not text or too large, and quotes none of it', async () => {
    const session = await open();
    const secret = canary();
    const binary = await faultOf(
      session.put(fresh(), { value: SecretValue.fromBytes(Buffer.from([0xff, 0xfe])), rotatedAt: new Date() }, {}, op),
    );
    expect([binary.kind, binary.code]).toEqual(['unsupported', 'VALUE_INVALID']);
    const large = await faultOf(session.put(fresh(), patch(secret.repeat(1_000)), {}, op));
    expect(large.kind).toBe('protocol');
    expect(JSON.stringify([large.message, large.detail])).not.toContain(secret);
    await session.close();
  });

  it('reads 50 secrets at once with one request each and one challenge', async () => {
    const writer = await open();
    const { key: prefix } = fresh();
    const keys = Array.from({ length: 50 }, (_, index) => ({ key: `${prefix}-${index}` }));
    for (const key of keys) await writer.put(key, patch(key.key), {}, op);
    const session = await open();
    const before = (await requests()).length;
    expect((await session.resolve(keys, op)).map(shown)).toEqual(keys.map(({ key }) => key));
    const mine = (await requests()).slice(before).filter(({ path }) => path.startsWith(`/secrets/${prefix}`));
    expect([mine.filter(({ status }) => status === 401).length, mine.filter(({ status }) => status === 200).length, mine.length]).toEqual([
      1, 50, 51,
    ]);
    await Promise.all([writer.close(), session.close()]);
  });

  it('keeps versions: pinned reads, history, the newest is current', async () => {
    const session = await open();
    const key = fresh();
    const one = await session.put(key, patch('one'), {}, op);
    const two = await session.put(key, patch('two'), {}, op);
    const outcomes = await session.resolve([key, { ...key, version: one.version ?? '' }, { ...key, version: 'f'.repeat(32) }], op);
    expect(outcomes.map(shown)).toEqual(['two', 'one', expect.stringMatching(/^not-found: .* has no version f{32} of bed-/)]);
    expect((await session.versions(key, op)).map(({ version, current, state }) => [version, current, state])).toEqual([
      [two.version, true, 'enabled'],
      [one.version, false, 'enabled'],
    ]);
    const [shownNow, pinned, none] = await session.describe(
      [key, { ...key, version: one.version ?? '' }, { ...key, version: 'f'.repeat(32) }],
      op,
    );
    expect(shownNow?.ok === true && shownNow.value).toMatchObject({
      presence: 'present',
      version: two.version,
      versionCount: 2,
      enabled: true,
    });
    expect(pinned?.ok === true && pinned.value.version).toBe(one.version);
    expect(none?.ok === true && none.value.presence).toBe('absent');
    await session.close();
  });

  it('tells disabled, expired and absent apart', async () => {
    const session = await open();
    const [disabled, expired, none] = [fresh(), fresh(), fresh()];
    const past = Math.floor(Date.now() / 1000) - 86_400;
    await write(disabled.key, { value: 'x', attributes: { enabled: false } });
    await write(expired.key, { value: 'x', attributes: { exp: past } });
    const outcomes = await session.resolve([disabled, expired, none], op);
    const host = new URL(facts.vaultUrl).host;
    expect(outcomes.map(shown)).toEqual([
      `denied: ${disabled.key} is disabled in ${host}`,
      'x',
      `not-found: ${host} has no secret ${none.key}`,
    ]);
    expect(outcomes[1]?.ok === true && outcomes[1].value.expiresAt).toEqual(new Date(past * 1000));
    const metadata = await session.describe([disabled, expired], op);
    expect(metadata.map((outcome) => outcome.ok && [outcome.value.enabled, outcome.value.expiresAt?.getTime()])).toEqual([
      [false, undefined],
      [true, past * 1000],
    ]);
    expect((await session.versions(disabled, op))[0]?.state).toBe('disabled');
    await session.close();
  });

  it('writes one field and keeps its neighbours, tags and content type', async () => {
    const session = await open();
    const key = fresh();
    const exp = Math.floor(Date.now() / 1000) + 86_400;
    await write(key.key, {
      value: '{ "user": "app", "port": 5432 }',
      contentType: 'application/json',
      tags: { owner: 'payments' },
      attributes: { exp },
    });
    await session.put(key, patch('new', 'user'), {}, op);
    const [outcome] = await session.resolve([key], op);
    expect(shown(outcome)).toBe('{ "user": "new", "port": 5432 }');
    expect(outcome?.ok === true && outcome.value.expiresAt).toEqual(new Date(exp * 1000));
    const [metadata] = await session.describe([{ ...key, field: 'user' }], op);
    expect(metadata?.ok === true && metadata.value.rotatedAt).toEqual({ user: new Date('2026-01-02T03:04:05.000Z') });
    await session.remove({ ...key, field: 'user' }, op);
    expect(shown((await session.resolve([key], op))[0])).toBe('{ "port": 5432 }');
    const [after] = await session.describe([key], op);
    expect(after?.ok === true && after.value.rotatedAt).toBeUndefined();
    expect((await faultOf(session.remove({ ...key, field: 'user' }, op))).kind).toBe('no-field');
    await session.put(key, patch('whole'), {}, op);
    const last = (await session.resolve([key], op))[0];
    expect(last?.ok === true && [shown(last), last.value.expiresAt]).toEqual(['whole', undefined]);
    await session.close();
  });

  it('makes a document of a first field, and drops the dates of fields with a new document', async () => {
    const session = await open();
    const key = fresh();
    await session.put(key, patch('v', 'a'), { expect: 'absent' }, op);
    expect(shown((await session.resolve([key], op))[0])).toBe('{"a":"v"}');
    await session.put(key, patch('{"a":"w"}'), {}, op);
    const [metadata] = await session.describe([key], op);
    expect(metadata?.ok === true && metadata.value.rotatedAt).toBeUndefined();
    await session.close();
  });

  it('says when there is no room for the date of a field', async () => {
    const host = bedHost();
    const session = await openSession(options, host);
    const key = fresh();
    await write(key.key, { value: '{}', tags: Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`tag-${index}`, 'x'])) });
    await session.put(key, patch('v', 'a'), {}, op);
    expect(host.notices.join()).toContain('no room for another tag');
    expect(shown((await session.resolve([key], op))[0])).toBe('{"a":"v"}');
    await session.close();
  });

  it('refuses a write that expects another version, and writes nothing', async () => {
    const session = await open();
    const key = fresh();
    expect((await faultOf(session.put(key, patch('x'), { expect: 'a'.repeat(32) }, op))).kind).toBe('conflict');
    const { version = '' } = await session.put(key, patch('one'), { expect: 'absent' }, op);
    await session.put(key, patch('two'), { expect: version }, op);
    for (const expected of ['absent', version]) {
      const fault = await faultOf(session.put(key, patch('three'), { expect: expected }, op));
      expect([fault.kind, fault.message]).toEqual(['conflict', expect.stringContaining('nothing was written')]);
    }
    expect(shown((await session.resolve([key], op))[0])).toBe('two');
    expect(await session.versions(key, op)).toHaveLength(2);
    await session.close();
  });

  it.each(['put', 'put of a field', 'remove of a field'] as const)(
    '%s notices a write of somebody else in the same moment',
    async (verb) => {
      const other = await open();
      const key = fresh();
      const { version = '' } = await other.put(key, patch('{"a":"1","b":"2"}'), {}, op);
      let raced = false;
      const session = await open(signedIn, {}, (client) => {
        const real = createHttpClient(client, {});
        return {
          ...real,
          request: async (request) => {
            if (request.method === 'PUT' && !raced) {
              raced = true;
              await other.put(key, patch('{"a":"1","b":"theirs"}'), {}, op);
            }
            return real.request(request);
          },
        };
      });
      const change = {
        put: () => session.put(key, patch('mine'), { expect: version }, op),
        'put of a field': () => session.put(key, patch('mine', 'a'), {}, op),
        'remove of a field': () => session.remove({ ...key, field: 'a' }, op),
      }[verb];
      const fault = await faultOf(change());
      expect([fault.kind, fault.message]).toEqual(['conflict', expect.stringContaining('both versions are there')]);
      expect(await other.versions(key, op)).toHaveLength(3);
      await Promise.all([other.close(), session.close()]);
    },
  );

  it('removes, keeps the name taken, and says how to get it back', async () => {
    const session = await open();
    const key = fresh();
    await session.put(key, patch('x'), {}, op);
    await session.remove(key, op);
    expect((await session.resolve([key], op)).map((outcome) => outcome.ok || outcome.fault.kind)).toEqual(['not-found']);
    const [metadata] = await session.describe([key], op);
    expect(metadata?.ok === true && metadata.value.presence).toBe('absent');
    expect((await faultOf(session.versions(key, op))).kind).toBe('not-found');
    expect((await faultOf(session.remove(key, op))).kind).toBe('not-found');
    expect((await faultOf(session.remove({ ...key, field: 'a' }, op))).kind).toBe('not-found');
    const fault = await faultOf(session.put(key, patch('y'), {}, op));
    expect(fault.kind).toBe('conflict');
    expect(fault.detail.hint).toMatch(new RegExp(`secret recover .*--name ${key.key}, or purge`));
    await session.close();
  });

  it('lists names with a prefix over all pages, whatever their case', async () => {
    const session = await open();
    const { key: prefix } = fresh();
    const names = Array.from({ length: 27 }, (_, index) => `${prefix}-${index}`);
    await Promise.all(names.map((name) => session.put({ key: name }, patch('x'), {}, op)));
    const entries = await session.list(prefix.toUpperCase(), op);
    expect(entries.map(({ key }) => key).toSorted()).toEqual(names.toSorted());
    expect(entries[0]?.updatedAt).toBeInstanceOf(Date);
    await session.close();
  });

  it('works with an older version of the service', async () => {
    const session = await open(signedIn, { serviceVersion: '7.6' });
    const key = fresh();
    await session.put(key, patch('x'), {}, op);
    expect(shown((await session.resolve([key], op))[0])).toBe('x');
    expect((await requests()).some(({ path }) => path.includes(key.key) && /api(?:%2D|-)version=7\.6/.test(path))).toBe(true);
    await session.close();
  });

  it('gives nothing to a server whose certificate is not trusted', async () => {
    const session = await open(signedIn, { caFile: undefined });
    const [outcome] = await session.resolve([fresh()], op);
    expect(outcome?.ok === false && [outcome.fault.kind, outcome.fault.retryable]).toEqual(['unavailable', false]);
    expect(shown(outcome)).toContain('TLS');
    await session.close();
  });

  it('refuses to work where certificates are not checked', async () => {
    const session = await open({ ...signedIn, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(shown((await session.resolve([fresh()], op))[0])).toMatch(/^options: NODE_TLS_REJECT_UNAUTHORIZED/);
    await session.close();
  });
});

describe.skipIf(azure === undefined)(`signing in at Entra ID${why}`, () => {
  const outcomeWith = async (env: Record<string, string>, more: Record<string, unknown> = {}): Promise<string> => {
    const session = await open(env, more);
    const [outcome] = await session.resolve([fresh()], op);
    await session.close();
    return shown(outcome);
  };

  it('maps a wrong secret, an unknown app and an unknown tenant', async () => {
    expect(await outcomeWith({ ...signedIn, AZURE_CLIENT_SECRET: canary() })).toMatch(
      /^unauthenticated: .*client secret \(AADSTS7000215\)/,
    );
    expect(await outcomeWith({ ...signedIn, AZURE_CLIENT_ID: '33333333-3333-4333-8333-333333333333' })).toMatch(
      /^unauthenticated: .*\(AADSTS700016\)/,
    );
    const unknown = '44444444-4444-4444-8444-444444444444';
    expect(await outcomeWith({ ...signedIn, AZURE_TENANT_ID: unknown })).toMatch(/^unauthenticated: the vault belongs to tenant 1{8}-/);
    const session = await open({ ...signedIn, AZURE_TENANT_ID: unknown }, { vaultUrl: undefined });
    expect((await session.doctor(op)).checks.map(({ message }) => message)).toEqual(['there is no such tenant (AADSTS90002)']);
    await session.close();
  });

  // Each in a process of its own: the library keeps the first endpoint and its tokens for as long as a process lives.
  it('uses a managed identity of an app', { timeout: 30_000 }, async () => {
    const env = { IDENTITY_ENDPOINT: facts.identityEndpoint, IDENTITY_HEADER: facts.identityHeader };
    expect((await readInChild(['none'], env)).shown).toEqual([expect.stringMatching(/^not-found/)]);
    expect((await readInChild(['none'], { ...env, IDENTITY_HEADER: 'other' })).shown).toEqual([
      'unauthenticated: signing in with the managed identity was refused with 401',
    ]);
  });

  it('uses a managed identity of a machine', { timeout: 30_000 }, async () => {
    const env = { AZURE_POD_IDENTITY_AUTHORITY_HOST: facts.imdsUrl };
    expect((await readInChild(['none'], env)).shown).toEqual([expect.stringMatching(/^not-found/)]);
    expect((await readInChild(['none'], { ...env, AZURE_CLIENT_ID: '33333333-3333-4333-8333-333333333333' })).shown).toEqual([
      expect.stringMatching(/^unauthenticated: signing in with the managed identity was refused with 400/),
    ]);
  });

  it.skipIf(oidc === undefined)('uses a federated token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'azure-federated-'));
    const subject = `repo:example/${randomBytes(6).toString('hex')}`;
    const mint = async (claims: object): Promise<string> => {
      const answer = await fetch(`${oidc?.controlUrl ?? ''}/mint`, { method: 'POST', body: JSON.stringify({ claims, expiresIn: 300 }) });
      return ((await answer.json()) as { token: string }).token;
    };
    await fetch(`${facts.controlUrl}/_bed/federated`, { method: 'POST', body: JSON.stringify({ issuer: oidc?.issuer, subject }) });
    const withToken = async (claims: object): Promise<string> => {
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, await mint(claims), { mode: 0o600 });
      return outcomeWith({ ...app, AZURE_FEDERATED_TOKEN_FILE: tokenFile });
    };
    const aud = 'api://AzureADTokenExchange';
    expect(await withToken({ sub: subject, aud })).toMatch(/^not-found/);
    expect(await withToken({ sub: 'repo:evil/app', aud })).toMatch(/^unauthenticated: .*subject \(AADSTS700213\)/);
    expect(await withToken({ sub: subject, aud: 'other' })).toMatch(/^unauthenticated: .*audience \(AADSTS700212\)/);
    expect(await outcomeWith({ ...app, AZURE_FEDERATED_TOKEN_FILE: join(folder, 'none') })).toMatch(
      /^unauthenticated: a federated token could not be used/,
    );
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(azure === undefined)(`the client libraries${why}`, () => {
  it('print nothing, whatever the environment asks of them', { timeout: 30_000 }, async () => {
    const key = fresh();
    const writer = await open();
    await writer.put(key, patch('value'), {}, op);
    await writer.close();
    const loud = {
      AZURE_LOG_LEVEL: 'verbose',
      TYPESPEC_RUNTIME_LOG_LEVEL: 'verbose',
      DEBUG: '*',
      NODE_DEBUG: 'undici',
      HTTPS_PROXY: '127.0.0.1:9',
    };
    const { shown: read, stderr } = await readInChild([key.key, 'none'], { ...signedIn, ...loud });
    expect(read).toEqual(['value', expect.stringMatching(/^not-found/)]);
    expect(stderr).toBe('');
  });
});
