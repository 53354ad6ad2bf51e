import { describe, expect, it } from 'vitest';

import { Fault } from '../../../src/core/fault.ts';
import { testHost } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';
import { canary, FakeAzure, hasToken, isToken, isVault, json, SIGN_IN_ENV, vaultError, type Rule, type Sent } from './fake-azure.ts';
import { faultOf, openSession, patch, shown } from './session.ts';

const setUp = async (options: Record<string, unknown> = {}) => {
  const azure = new FakeAzure();
  const host = testHost({ env: SIGN_IN_ENV, http: azure.http });
  return { azure, host, session: await openSession({ auth: [{ method: 'environment' }], ...options }, host), op: testOperation() };
};
const answering =
  (path: RegExp, answer: (sent: Sent) => ReturnType<Rule>): Rule =>
  (sent) =>
    isVault(sent) && hasToken(sent) && path.test(sent.path) ? answer(sent) : undefined;
const key = { key: 'team-kv/db' };
const said = (fault: Fault): string => JSON.stringify([fault.message, fault.detail, fault.stack]);
const version = '0'.repeat(32);

describe('answers of a vault', () => {
  it.each([
    [403, 'Forbidden', 'SecretDisabled', 'denied', 'db is disabled in team-kv', /--enabled true/],
    [403, 'Forbidden', 'ForbiddenByFirewall', 'denied', /firewall/, /network-rule/],
    [403, 'Forbidden', 'ForbiddenByConnection', 'denied', /private endpoint/, /private endpoint/],
    [403, 'Forbidden', 'ForbiddenByRbac', 'denied', /no role/, /Key Vault Secrets User/],
    [403, 'Forbidden', 'AccessDenied', 'denied', /access policy/, /set-policy --name team-kv/],
    [403, 'Forbidden', undefined, 'denied', 'team-kv refused access to db', /doctor/],
    [404, 'SecretNotFound', undefined, 'not-found', 'team-kv has no secret db', /list-deleted --vault-name team-kv/],
    [404, 'NotFound', undefined, 'protocol', 'what answers at team-kv.vault.azure.net is not a vault', /vaultUrl/],
    [409, 'Conflict', 'ObjectIsDeletedButRecoverable', 'conflict', /still holds its name/, /recover --vault-name team-kv --name db/],
    [409, 'Conflict', 'ObjectIsBeingDeleted', 'conflict', /being changed or deleted/, /wait/],
    [429, 'Throttled', undefined, 'throttled', /fewer requests/, /^$/],
    [500, 'InternalServerError', undefined, 'unavailable', 'team-kv answered 500 for db', /^$/],
    [503, 'Unavailable', undefined, 'unavailable', /answered 503/, /^$/],
    [408, 'Timeout', undefined, 'unavailable', /answered 408/, /^$/],
    [400, 'BadParameter', undefined, 'protocol', /malformed \(400\)/, /serviceVersion/],
    [302, 'Moved', undefined, 'protocol', /redirects/, /vaultUrl/],
  ])('maps %i %s %s to %s', async (status, code, inner, kind, message, hint) => {
    const { azure, session, op } = await setUp();
    const secret = canary();
    const headers = { 'retry-after': '3', location: 'https://evil.example/', 'x-ms-request-id': 'id-7' };
    azure.rules.push(answering(/secrets/, () => vaultError(status, code, inner, headers, `said ${secret}`)));
    const [outcome] = await session.resolve([key], op);
    const fault = outcome?.ok === false ? outcome.fault : undefined;
    expect(fault?.kind).toBe(kind);
    expect(fault?.message).toMatch(message);
    expect(fault?.detail.hint ?? '').toMatch(hint);
    expect(fault?.detail).toMatchObject({ status, requestId: 'id-7', retryAfterMs: 3000, backendCode: inner ?? code });
    expect(fault === undefined ? secret : said(fault)).not.toContain(secret);
    expect(azure.sent.filter(({ origin }) => origin.includes('evil'))).toEqual([]);
  });

  it('keeps the codes of a failed listing too, which the library drops', async () => {
    const { azure, session, op } = await setUp();
    azure.rules.push(answering(/versions/, () => vaultError(403, 'Forbidden', 'ForbiddenByRbac')));
    const [outcome] = await session.describe([key], op);
    expect(outcome?.ok === false && [outcome.fault.kind, outcome.fault.detail.backendCode]).toEqual(['denied', 'ForbiddenByRbac']);
  });

  it('prints only codes and ids that are plain words', async () => {
    const { azure, session, op } = await setUp();
    azure.rules.push(answering(/secrets/, () => vaultError(418, 'a\nb', 'x y', { 'x-ms-request-id': 'a\u001bb', 'retry-after': 'soon' })));
    const [outcome] = await session.resolve([key], op);
    expect(outcome?.ok === false && outcome.fault.detail).toEqual(
      expect.not.objectContaining({
        backendCode: expect.anything() as unknown,
        requestId: expect.anything() as unknown,
        retryAfterMs: expect.anything() as unknown,
      }),
    );
  });

  it('reads Retry-After as seconds, milliseconds or a date', async () => {
    for (const [headers, expected] of [
      [{ 'retry-after': '2' }, 2000],
      [{ 'retry-after-ms': '150', 'retry-after': '2' }, 150],
      [{ 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, expect.closeTo(60_000, -4)],
      [{ 'retry-after': new Date(0).toUTCString() }, 0],
    ] as const) {
      const { azure, session, op } = await setUp();
      azure.rules.push(answering(/secrets/, () => vaultError(429, 'Throttled', undefined, headers)));
      const [outcome] = await session.resolve([key], op);
      expect(outcome?.ok === false && outcome.fault.detail.retryAfterMs).toEqual(expected);
    }
  });

  it.each([
    ['not JSON', (text: string) => json(200, `{${text}`)],
    ['a page of a portal', (text: string) => json(200, `<html>${text}</html>`, { 'content-type': 'text/html' })],
    ['without a value', () => json(200, { id: `https://team-kv.vault.azure.net/secrets/db/${version}`, attributes: {} })],
    ['without an id', (text: string) => json(200, { value: text })],
    ['nothing', () => json(200, '')],
  ])('reports a success that is %s, without quoting it', async (_title, answer) => {
    const secret = canary();
    const { azure, session, op } = await setUp();
    azure.rules.push(answering(/secrets/, () => answer(secret)));
    const [outcome] = await session.resolve([key], op);
    expect(shown(outcome)).toBe('protocol: team-kv answered something that is not a secret of Key Vault');
    expect(outcome?.ok === false ? said(outcome.fault) : secret).not.toContain(secret);
  });

  it('keeps one failure to itself', async () => {
    const { azure, session, op } = await setUp();
    azure.secrets.set('one', '1').set('two', '2');
    azure.rules.push(answering(/\/two\//, () => vaultError(403, 'Forbidden', 'SecretDisabled')));
    const outcomes = await session.resolve([{ key: 'team-kv/one' }, { key: 'team-kv/two' }, { key: 'team-kv/three' }], op);
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.fault.kind))).toEqual(['ok', 'denied', 'not-found']);
  });

  it('refuses a value before its time, but not for a clock that is a little behind', async () => {
    for (const [seconds, expected] of [
      [3600, /^denied: db in team-kv is not valid before 20/],
      [20, /^value$/],
      [-3600, /^value$/],
    ] as const) {
      const { azure, session, op } = await setUp();
      const nbf = Math.floor(Date.now() / 1000) + seconds;
      azure.rules.push(
        answering(/secrets/, ({ origin }) => json(200, { id: `${origin}/secrets/db/${version}`, value: 'value', attributes: { nbf } })),
      );
      expect(shown((await session.resolve([key], op))[0])).toMatch(expected);
    }
  });
});

describe('pages of a vault', () => {
  const page = (names: readonly string[], nextLink: string | null) =>
    json(200, { value: names.map((name) => ({ id: `https://team-kv.vault.azure.net/secrets/${name}`, attributes: {} })), nextLink });

  it('are followed, one request each, under the operation', async () => {
    const { azure, session, op } = await setUp();
    const next = 'https://team-kv.vault.azure.net:443/secrets?api-version=7.6&$skiptoken=abc';
    azure.rules.push(answering(/skiptoken/, () => page(['b'], null)));
    azure.rules.push(answering(/^\/secrets\?/, () => page(['a'], next)));
    expect((await session.list('team-kv/', op)).map((entry) => entry.key)).toEqual(['team-kv/a', 'team-kv/b']);
    expect(op.calls.map(({ what }) => what)).toEqual(['list team-kv', 'list team-kv']);
  });

  it('take the signal of their own request', async () => {
    const { azure, session } = await setUp();
    const control = new AbortController();
    azure.rules.push(
      answering(/skiptoken/, (sent) => (control.abort(), sent.signal.aborted ? new Fault('cancelled', 'stopped') : page([], null))),
    );
    azure.rules.push(answering(/^\/secrets\?/, () => page(['a'], 'https://team-kv.vault.azure.net/secrets?$skiptoken=abc')));
    expect((await faultOf(session.list('team-kv/', testOperation(control.signal)))).kind).toBe('cancelled');
  });

  it.each([
    'https://evil.example/secrets?$skiptoken=abc',
    'http://team-kv.vault.azure.net/secrets',
    'https://team-kv.vault.azure.net:444/secrets',
  ])('are not followed to %s', async (next) => {
    const { azure, session, op } = await setUp();
    azure.rules.push(answering(/^\/secrets\?/, () => page(['a'], next)));
    const fault = await faultOf(session.list('team-kv/', op));
    expect([fault.kind, fault.message]).toEqual(['protocol', 'the vault pointed to another address; nothing was sent there']);
    expect(azure.sent.filter(({ origin }) => origin === new URL(next).origin)).toEqual([]);
  });

  it('end when a page points to itself', async () => {
    const { azure, session, op } = await setUp();
    azure.rules.push(answering(/^\/secrets\?/, () => page(['a'], 'https://team-kv.vault.azure.net/secrets?$skiptoken=abc')));
    expect((await faultOf(session.list('team-kv/', op))).kind).toBe('protocol');
  });
});

describe('reading only metadata', () => {
  it('asks no endpoint that returns a value', async () => {
    const { azure, session, op } = await setUp({ vaultUrl: 'https://team-kv.vault.azure.net' });
    azure.secrets.set('db', canary());
    await session.describe([{ key: 'db' }, { key: 'db', field: 'password' }, { key: 'none' }], op);
    await session.list('', op);
    await session.versions({ key: 'db' }, op);
    await session.doctor(op);
    expect(new Set(azure.paths((sent) => isVault(sent) && hasToken(sent)))).toEqual(
      new Set(['GET /secrets/db/versions', 'GET /secrets/none/versions', 'GET /secrets']),
    );
  });

  it('tells absent, denied and unreachable apart', async () => {
    const { azure, session, op } = await setUp();
    azure.secrets.set('there', 'x').set('denied', 'x').set('down', 'x');
    azure.rules.push(answering(/denied/, () => vaultError(403, 'Forbidden', 'ForbiddenByRbac')));
    azure.rules.push(answering(/down/, () => new Fault('unavailable', 'no way')));
    // The service gives an empty list for a name that it does not know.
    azure.rules.push(answering(/empty/, () => json(200, { value: [], nextLink: null })));
    const names = ['there', 'none', 'empty', 'denied', 'down'];
    const outcomes = await session.describe(
      names.map((name) => ({ key: `team-kv/${name}` })),
      op,
    );
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value.presence : outcome.fault.kind))).toEqual([
      'present',
      'absent',
      'absent',
      'denied',
      'unavailable',
    ]);
  });

  it('lists a document once for all its fields, whose presence only its value would show', async () => {
    const { azure, session, op } = await setUp();
    azure.secrets.set('db', '{}');
    const outcomes = await session.describe([{ ...key, field: 'a' }, { ...key, field: 'b' }, key], op);
    expect(outcomes.map((outcome) => outcome.ok && outcome.value.presence)).toEqual(['unknown', 'unknown', 'present']);
    expect(azure.paths((sent) => isVault(sent) && hasToken(sent))).toHaveLength(1);
  });
});

describe('doctor', () => {
  it('says who signed in how, that a client secret is long-lived, and that the vault answers', async () => {
    const { session, op } = await setUp({ vaultUrl: 'https://team-kv.vault.azure.net' });
    const report = await session.doctor(op);
    expect(report.identity).toBe(`${SIGN_IN_ENV.AZURE_CLIENT_ID} of tenant ${SIGN_IN_ENV.AZURE_TENANT_ID}`);
    expect(report.checks.map(({ title, status }) => `${title} ${status}`)).toEqual(['sign-in ok', 'credential warn', 'vault ok']);
  });

  it('tries to sign in where no vault is set', async () => {
    const { azure, session, op } = await setUp();
    expect((await session.doctor(op)).checks.map(({ status }) => status)).toEqual(['ok', 'warn']);
    expect([azure.tokens, azure.sent.filter(isVault).length]).toEqual([1, 0]);
  });

  it.each([
    [
      'signing in fails',
      (sent: Sent) => (isToken(sent) ? json(401, { error: 'invalid_client', error_description: 'AADSTS7000222: x' }) : undefined),
      ['sign-in fail'],
    ],
    [
      'listing is denied',
      answering(/secrets/, () => vaultError(403, 'Forbidden', 'ForbiddenByRbac')),
      ['sign-in ok', 'credential warn', 'vault warn'],
    ],
    ['the vault is down', answering(/secrets/, () => vaultError(503, 'Down')), ['sign-in ok', 'credential warn', 'vault fail']],
  ] as const)('reports it when %s', async (_title, rule, expected) => {
    const { azure, session, op } = await setUp({ vaultUrl: 'https://team-kv.vault.azure.net' });
    azure.rules.push(rule);
    const { checks } = await session.doctor(op);
    expect(checks.map(({ title, status }) => `${title} ${status}`)).toEqual(expected);
    for (const check of checks.filter(({ status }) => status === 'fail')) expect(check.message).toBeTruthy();
  });
});

describe('writing', () => {
  it.each(['put', 'remove'] as const)('%s refuses a pinned version and sends nothing', async (verb) => {
    const { azure, session, op } = await setUp();
    const pinned = { ...key, version };
    const call = async () => (verb === 'put' ? session.put(pinned, patch('x'), {}, op) : session.remove(pinned, op));
    expect((await faultOf(call())).kind).toBe('unsupported');
    expect(azure.sent).toEqual([]);
  });

  it('sends a write once, and marks it as one', async () => {
    const { azure, session, op } = await setUp();
    azure.rules.push((sent) => (sent.method === 'PUT' && hasToken(sent) ? vaultError(503, 'Down') : undefined));
    expect((await faultOf(session.put(key, patch('x'), {}, op))).kind).toBe('unavailable');
    expect(azure.sent.filter((sent) => sent.method === 'PUT')).toHaveLength(1);
    expect(op.calls.filter(({ kind }) => kind === 'write').map(({ what }) => what)).toEqual(['write db in team-kv']);
  });

  it.each([
    [
      'a field',
      'password',
      {
        contentType: 'application/json',
        tags: { owner: 'ana', 'rotated.user': 'then', 'rotated.password': '2026-01-02T03:04:05.000Z' },
        attributes: { exp: 2_000_000_000, nbf: 1 },
      },
    ],
    ['a whole value', undefined, { contentType: 'application/json', tags: { owner: 'ana' }, attributes: {} }],
  ])('of %s carries over what still holds', async (_title, field, expected) => {
    const { azure, session, op } = await setUp();
    const bundle = {
      id: `https://team-kv.vault.azure.net/secrets/db/${version}`,
      contentType: 'application/json',
      tags: { owner: 'ana', 'rotated.user': 'then' },
      attributes: { enabled: true, exp: 2_000_000_000, nbf: 1 },
    };
    azure.rules.push(answering(/versions/, () => json(200, { value: [bundle] })));
    azure.rules.push(
      answering(/secrets/, (sent) =>
        sent.method === 'GET' ? json(200, { ...bundle, value: '{}' }) : json(200, { ...bundle, value: 'x' }),
      ),
    );
    await session.put(key, patch('x', field), {}, op);
    const body = JSON.parse(String(azure.sent.findLast((sent) => sent.method === 'PUT')?.body)) as object;
    expect(body).toEqual({ ...expected, value: field === undefined ? 'x' : '{"password":"x"}' });
  });

  it('drops an expiry date that the library would write wrongly, and says so', async () => {
    const { azure, host, session, op } = await setUp();
    const bundle = { id: `https://team-kv.vault.azure.net/secrets/db/${version}`, value: '{}', attributes: { exp: 4_000_000_000 } };
    azure.rules.push(answering(/versions/, () => json(200, { value: [bundle] })));
    azure.rules.push(answering(/secrets/, () => json(200, bundle)));
    await session.put(key, patch('x', 'password'), {}, op);
    const { attributes } = JSON.parse(String(azure.sent.findLast((sent) => sent.method === 'PUT')?.body)) as { attributes: object };
    expect(attributes).toEqual({});
    expect(host.notices.join()).toContain('--vault-name team-kv --name db --expires DATE');
  });

  it('takes a deletion as begun when only the question about its progress fails', async () => {
    const { azure, session, op } = await setUp();
    const deleted = (sent: Sent) =>
      json(200, { id: `${sent.origin}/secrets/db/${version}`, recoveryId: `${sent.origin}/deletedsecrets/db`, attributes: {} });
    let asked = 0;
    azure.rules.push((sent) => {
      if (!isVault(sent) || !hasToken(sent)) return undefined;
      if (sent.method === 'DELETE') return deleted(sent);
      return asked++ === 0 ? vaultError(503, 'Down') : deleted(sent);
    });
    await session.remove(key, op);
    expect(asked).toBe(2);
  });
});
