import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { json, startServer } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { afterwards, fakeVault, kv2, MOUNT, type Rule } from './fake.ts';
import { faultIn, openVault, printed, refOf, textOf } from './vault.ts';

const TOKEN = `canary-${randomBytes(12).toString('hex')}`;
const env = { VAULT_TOKEN: TOKEN };

async function read(rule: Rule, reference = 'vault://secret/api#key') {
  const fake = await fakeVault(rule);
  const { session, host } = await openVault({ address: fake.url, env });
  afterwards(() => session.close());
  const [outcome] = await session.resolve([refOf(reference)], testOperation());
  return { outcome, fake, host, session };
}

/** Answers reads of documents, and leaves the rest. */
const documents =
  (answer: (response: ServerResponse) => unknown): Rule =>
  ({ url }, response) =>
    url.startsWith('/v1/secret/data/') ? answer(response) : false;

describe('reading', () => {
  it('gives the document as the server wrote it, with its version, date and request', async () => {
    const body =
      '{"request_id":"7a-1", "data":{"metadata":{"version":7,"created_time":"2026-01-02T03:04:05.678Z","deletion_time":""},"data":{"big":12345678901234567890, "exact":1.10, "text":"a\\u00e4\\n","nested":{"data":[1]}}},"auth":null}';
    const { outcome } = await read(documents((response) => response.end(body)));
    expect(textOf(outcome)).toBe('{"big":12345678901234567890, "exact":1.10, "text":"a\\u00e4\\n","nested":{"data":[1]}}');
    expect(outcome).toMatchObject({ value: { version: '7', createdAt: new Date('2026-01-02T03:04:05.678Z'), requestId: '7a-1' } });
    expect(outcome?.ok === true && 'expiresAt' in outcome.value).toBe(false);
  });

  it('asks for a pinned version, and says when a version will be deleted', async () => {
    const { outcome, fake } = await read(
      documents((response) => json(response, 200, kv2({ key: 'x' }, { version: 3, deletion_time: '2099-01-01T00:00:00Z' }))),
      'vault://secret/api?version=3#key',
    );
    expect(fake.asked()).toContain('GET secret/data/api?version=3');
    expect(outcome).toMatchObject({ value: { version: '3', expiresAt: new Date('2099-01-01T00:00:00Z') } });
  });

  it('sends token, namespace and user agent, and encodes the path', async () => {
    const fake = await fakeVault();
    const { session } = await openVault({ address: `${fake.url}/base`, env: { ...env, VAULT_NAMESPACE: 'team/a/' } });
    afterwards(() => session.close());
    await session.resolve([refOf('vault://secret/a b/c%3Fd%25#key')], testOperation());
    const [first] = fake.received;
    expect(first?.url).toBe('/base/v1/sys/internal/ui/mounts/secret/a%20b/c%3Fd%25');
    expect(first?.headers).toMatchObject({
      'x-vault-token': TOKEN,
      'x-vault-namespace': 'team/a',
      'x-vault-request': 'true',
      'user-agent': 'secrets/0.0.0 run/test',
    });
  });

  it('asks each mount once and each document once, all documents at the same time', async () => {
    const waiting: (() => void)[] = [];
    const fake = await fakeVault(({ url }, response) => {
      if (!url.startsWith('/v1/secret/data/')) return false;
      // Nothing is answered before all have arrived: one after the other would never end.
      waiting.push(() => json(response, 200, kv2({ key: url })));
      if (waiting.length === 20) for (const answer of waiting) answer();
      return true;
    });
    const { session } = await openVault({ address: fake.url, env });
    afterwards(() => session.close());
    const refs = Array.from({ length: 20 }, (_, i) => refOf(`vault://secret/app/${i}#key`));
    const outcomes = await session.resolve(refs, testOperation());
    expect(outcomes.map((outcome) => textOf(outcome))).toEqual(
      refs.map(({ key }) => JSON.stringify({ key: key.replace('secret/', '/v1/secret/data/') })),
    );
    expect(fake.received).toHaveLength(21);
    await session.resolve([refOf('vault://cubbyhole/x#key')], testOperation());
    expect(fake.asked().slice(21)[0]).toBe('GET sys/internal/ui/mounts/cubbyhole/x');
  });

  it('finds nested mounts with common beginnings, and mounts whose names begin alike', async () => {
    const mounts: Readonly<Record<string, string>> = {
      'team/a/kv/': '2',
      'team/b/kv/': '1',
      'team/c/': '1',
      'secretv2/': '2',
      'secret/': '1',
    };
    const fake = await fakeVault(({ url }, response) => {
      const path = url.replace('/v1/', '');
      const asked = path.replace('sys/internal/ui/mounts/', '');
      const mount = Object.keys(mounts).find((one) => `${asked}/`.startsWith(one));
      if (asked !== path && mount !== undefined)
        json(response, 200, { data: { path: mount, type: 'kv', options: { version: mounts[mount] } } });
      else if (path.includes('/data/')) json(response, 200, kv2({ at: path }));
      else json(response, 200, { data: { at: path } });
      return true;
    });
    const { session } = await openVault({ address: fake.url, env });
    afterwards(() => session.close());
    const keys = ['team/a/kv/x', 'team/a/kv/y/z', 'team/b/kv/x', 'team/b/kv/y', 'team/c/x', 'secret/x', 'secretv2/x', 'secretv2/y'];
    const outcomes = await session.resolve(
      keys.map((key) => ({ key })),
      testOperation(),
    );
    expect(outcomes.map((outcome) => (JSON.parse(textOf(outcome)) as { at: string }).at)).toEqual([
      'team/a/kv/data/x',
      'team/a/kv/data/y/z',
      'team/b/kv/x',
      'team/b/kv/y',
      'team/c/x',
      'secret/x',
      'secretv2/data/x',
      'secretv2/data/y',
    ]);
    expect(fake.asked().filter((one) => one.includes('ui/mounts'))).toHaveLength(5);
  });

  it('gives the lease of a credential that another engine made, and never asks twice for one', async () => {
    const made: Rule = ({ url }, response) => {
      if (url.includes('ui/mounts')) return json(response, 200, { data: { path: 'database/', type: 'database', options: null } });
      return json(response, 200, {
        lease_id: 'database/creds/app/1',
        lease_duration: 60,
        renewable: true,
        data: { username: 'u', password: 'p' },
      });
    };
    const fake = await fakeVault(made);
    const { session } = await openVault({ address: fake.url, env });
    const op = testOperation();
    const [outcome] = await session.resolve([refOf('vault://database/creds/app#password')], op);
    expect(outcome).toMatchObject({ value: { lease: { id: 'database/creds/app/1', durationMs: 60_000, renewable: true } } });
    expect(op.calls.find(({ what }) => what === 'read database/creds/app')?.kind).toBe('write');
  });

  it('does not let the kit repeat a credential whose answer was lost', async () => {
    const { outcome } = await read(({ url }, response) => {
      if (url.includes('ui/mounts')) return json(response, 200, { data: { path: 'database/', type: 'database' } });
      return response.socket?.destroy();
    }, 'vault://database/creds/app#password');
    expect([faultIn(outcome).kind, faultIn(outcome).retryable]).toEqual(['unavailable', false]);
  });
});

describe('what is not there', () => {
  it.each([
    ['absent', { errors: [] }, 'vault answered 404 for secret/api: there is nothing'],
    [
      'a version that never was',
      { errors: [] },
      'vault answered 404 for version 9 of secret/api: there is nothing',
      'vault://secret/api?version=9#key',
    ],
    [
      'deleted',
      kv2(null, { version: 4, deletion_time: '2026-03-04T05:06:07Z' }),
      'version 4 of secret/api was deleted on 2026-03-04 05:06 UTC',
    ],
    ['destroyed', kv2(null, { version: 4, destroyed: true }), 'version 4 of secret/api was destroyed: its value is gone'],
  ])('%s', async (_, body, message, reference = 'vault://secret/api#key') => {
    const { outcome } = await read(
      documents((response) => json(response, 404, body)),
      reference,
    );
    expect(faultIn(outcome).kind).toBe('not-found');
    expect(faultIn(outcome).message).toBe(message);
    expect(faultIn(outcome).detail.requestId).toBe(
      'request_id' in (body as object) ? (body as { request_id: string }).request_id : undefined,
    );
  });

  it('names the data/ of the API in a path', async () => {
    const { outcome } = await read(
      documents((response) => json(response, 404, { errors: [] })),
      'vault://secret/data/api#key',
    );
    expect(faultIn(outcome).message).toContain('data/ and metadata/ belong to the API of KV version 2');
    expect(faultIn(outcome).detail.hint).toBe('write secret/api instead of secret/data/api');
  });

  it('has no versions outside of KV version 2', async () => {
    const kv1: Rule = ({ url }, response) =>
      url.includes('ui/mounts') ? json(response, 200, { data: { ...MOUNT, options: { version: '1' } } }) : false;
    const { outcome, fake } = await read(kv1, 'vault://secret/api?version=1#key');
    expect(faultIn(outcome).kind).toBe('ref');
    expect(fake.received).toHaveLength(1);
  });
});

describe('a server that does not tell its mounts', () => {
  const hidden =
    (answers: Readonly<Record<string, readonly [number, unknown]>>): Rule =>
    ({ url }, response) => {
      if (url.includes('ui/mounts/')) return json(response, 403, { errors: ['permission denied'] });
      if (url.includes('auth/token') || url.endsWith('ui/mounts')) return false;
      const [status, body] = answers[url.replace('/v1/', '')] ?? [404, { errors: [] }];
      return json(response, status, body);
    };

  it('is read as KV version 2, then as it is', async () => {
    expect(textOf((await read(hidden({ 'secret/data/api': [200, kv2({ key: 'two' })] }))).outcome)).toBe('{"key":"two"}');
    expect(textOf((await read(hidden({ 'secret/api': [200, { data: { key: 'one' } }] }))).outcome)).toBe('{"key":"one"}');
  });

  it('tells absent from denied', async () => {
    expect(faultIn((await read(hidden({}))).outcome).kind).toBe('not-found');
    expect(faultIn((await read(hidden({ 'secret/data/api': [403, { errors: [] }] }))).outcome).kind).toBe('denied');
    const gone = await read(hidden({ 'secret/data/api': [404, kv2(null, { destroyed: true })] }));
    expect(faultIn(gone.outcome).message).toContain('destroyed');
  });
});

describe('every failure', () => {
  const CANARY = `canary-${randomBytes(12).toString('hex')}`;
  const echo = (words: string): unknown => ({ errors: [`${words} ${CANARY} ${TOKEN}`] });

  it.each([
    [400, 'something', 'protocol', false, 'it does not understand the request'],
    [400, 'Upgrading from non-versioned to versioned data', 'unavailable', true, 'is being upgraded'],
    [400, 'unknown role', 'not-found', false, 'no such role'],
    [403, 'permission denied', 'denied', false, 'permission denied'],
    [404, 'namespace not found', 'options', false, 'there is no namespace'],
    [404, 'no handler for route', 'not-found', false, 'no secrets engine is mounted there'],
    [405, 'unsupported operation', 'unsupported', false, 'no such operation'],
    [412, 'x', 'unavailable', true, 'not yet caught up'],
    [413, 'x', 'unsupported', false, 'too large'],
    [418, 'x', 'protocol', false, 'an unexpected status'],
    [429, 'x', 'throttled', true, 'too many requests'],
    [472, 'x', 'unavailable', true, 'disaster recovery'],
    [473, 'x', 'unavailable', true, 'performance standby'],
    [500, 'x', 'unavailable', true, 'it failed'],
    [501, 'x', 'unavailable', false, 'not initialised'],
    [502, 'x', 'unavailable', true, 'it failed'],
    [503, 'x', 'unavailable', true, 'overloaded or in maintenance'],
    [503, 'Vault is sealed', 'unavailable', true, 'it is sealed'],
  ])('%i %s is %s', async (status, words, kind, retryable, message) => {
    const { outcome } = await read(documents((response) => json(response, status, echo(words))));
    const fault = faultIn(outcome);
    expect([fault.kind, fault.retryable, fault.detail.status]).toEqual([kind, retryable, status]);
    expect(fault.message).toContain(`vault answered ${status} for secret/api: `);
    expect(fault.message).toContain(message);
    expect(printed(fault)).not.toContain('canary-');
  });

  it.each([
    ['an answer that is no JSON', `${CANARY}<html>`],
    ['JSON that is no object', JSON.stringify([CANARY])],
    ['JSON without data', JSON.stringify({ x: CANARY })],
    ['data that is no object', JSON.stringify({ data: CANARY })],
    ['fields that are no object', JSON.stringify({ data: { data: CANARY, metadata: { version: 1 } } })],
    ['broken JSON', `{"data":{"data":{"key":"${CANARY}"`],
  ])('%s is a protocol fault', async (_, body) => {
    const { outcome } = await read(documents((response) => response.end(body)));
    expect(faultIn(outcome).kind).toBe('protocol');
    expect(printed(faultIn(outcome))).not.toContain('canary-');
  });

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['Fri, 02 Jan 2026 00:00:30 GMT', 30_000],
    ['Fri, 02 Jan 2026 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('Retry-After: %s', async (header, ms) => {
    const fake = await fakeVault(documents((response) => json(response, 429, {}, { 'retry-after': header })));
    const { session } = await openVault({ address: fake.url, env, host: { now: () => new Date('2026-01-02T00:00:00Z') } });
    afterwards(() => session.close());
    const [outcome] = await session.resolve([refOf('vault://secret/api#key')], testOperation());
    expect(faultIn(outcome).detail.retryAfterMs).toBe(ms);
  });

  it('of one document leaves the others', async () => {
    const fake = await fakeVault(({ url }, response) =>
      url.endsWith('/bad') ? json(response, 403, echo('x')) : url.endsWith('/none') ? json(response, 404, {}) : false,
    );
    const { session } = await openVault({ address: fake.url, env });
    afterwards(() => session.close());
    const outcomes = await session.resolve(
      ['secret/a', 'secret/bad', 'secret/none', 'secret/b'].map((key) => ({ key })),
      testOperation(),
    );
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.fault.kind))).toEqual(['ok', 'denied', 'not-found', 'ok']);
    expect(faultIn(outcomes[1]).detail.hint).toContain('path "secret/data/bad" { capabilities = ["read"] }');
  });
});

describe('a redirect', () => {
  const redirect = (location: string, status = 307): Rule => documents((response) => response.writeHead(status, { location }).end());

  it('to another address is refused, and the token never gets there', async () => {
    const other = await startServer((_, response) => json(response, 200, kv2({ key: 'stolen' })));
    afterwards(() => other.close());
    for (const status of [301, 302, 303, 307, 308]) {
      const { outcome } = await read(redirect(`${other.url}/v1/secret/data/api`, status));
      const fault = faultIn(outcome);
      expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
      expect(fault.message).toContain(`redirects to another address (127.0.0.1:${other.port})`);
    }
    expect(other.connections()).toBe(0);
  });

  it('to another scheme, host name or nowhere is refused too', async () => {
    for (const location of ['https://127.0.0.1/v1/x', '//localhost/v1/x', 'file:///etc/passwd', '', 'http://[']) {
      expect(faultIn((await read(redirect(location))).outcome).kind).toBe('unavailable');
    }
  });

  it('to the same address is followed once', async () => {
    const { outcome, fake } = await read(({ url }, response) =>
      url === '/v1/secret/data/api' ? response.writeHead(307, { location: '/v1/secret/data/moved' }).end() : false,
    );
    expect(textOf(outcome)).toContain('moved');
    expect(fake.received.at(-1)?.headers['x-vault-token']).toBe(TOKEN);
  });

  it('in a circle ends', async () => {
    const { outcome, fake } = await read(redirect('/v1/secret/data/api'));
    expect(faultIn(outcome).message).toContain('in a circle');
    expect(fake.received).toHaveLength(3);
  });
});
