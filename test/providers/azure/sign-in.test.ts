import { afterEach, describe, expect, it, vi } from 'vitest';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Fault } from '../../../src/core/fault.ts';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { Deadline } from '../../../src/provider-kit/deadline.ts';
import { createOperation, gateFor } from '../../../src/provider-kit/operation.ts';
import { testHost, type TestHost } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';
import {
  canary,
  clientSecret,
  entraError,
  FakeAzure,
  isToken,
  isVault,
  json,
  SIGN_IN_ENV,
  TENANT,
  vaultError,
  type Rule,
} from './fake-azure.ts';
import { openSession, shown } from './session.ts';

const setUp = async (options: Record<string, unknown> = {}, env: Record<string, string> = SIGN_IN_ENV) => {
  const azure = new FakeAzure();
  const host: TestHost = testHost({ env, http: azure.http });
  const session = await openSession({ auth: [{ method: 'service-principal' }], ...options }, host);
  return { azure, host, session };
};
const readOne = async (options: Record<string, unknown>, rule: Rule, env?: Record<string, string>) => {
  const { azure, session } = await setUp(options, env);
  azure.rules.push(rule);
  const [outcome] = await session.resolve([{ key: 'team-kv/db' }], testOperation());
  if (outcome === undefined || outcome.ok) throw new Error('expected a fault');
  return outcome.fault;
};
const said = (fault: Fault): string => JSON.stringify([fault.message, fault.detail, fault.stack]);

afterEach(() => vi.unstubAllEnvs());

describe('signing in to Azure', () => {
  it('costs one challenge and one token for 50 first reads at once', async () => {
    const { azure, host, session } = await setUp();
    const keys = Array.from({ length: 50 }, (_, index) => ({ key: `team-kv/secret-${index}` }));
    for (const { key } of keys) azure.secrets.set(key.slice('team-kv/'.length), key);
    const outcomes = await session.resolve(keys, testOperation());
    expect(outcomes.map(shown)).toEqual(keys.map(({ key }) => key));
    expect(azure.tokens).toBe(1);
    expect(azure.sent.filter(isVault)).toHaveLength(51);
    expect(host.credentials).toEqual(['AZURE_CLIENT_SECRET']);
  });

  it('gets through with one place for requests, and through a passing failure, under the kit', async () => {
    const { azure, session } = await setUp();
    const keys = Array.from({ length: 20 }, (_, index) => ({ key: `team-kv/secret-${index}` }));
    for (const { key } of keys) azure.secrets.set(key.slice('team-kv/'.length), key);
    let failures = 1;
    azure.rules.push((sent) => (isToken(sent) && failures-- > 0 ? entraError(429, 50196, { 'retry-after-ms': '1' }) : undefined));
    const deadline = new Deadline(10_000);
    const operation = createOperation({ deadline, requestMs: 5_000, gate: gateFor(1), random: () => 0 });
    expect((await session.resolve(keys, operation)).map(shown)).toEqual(keys.map(({ key }) => key));
    expect(azure.sent.filter(isToken)).toHaveLength(2);
    deadline.close();
  });

  it('costs one token for two vaults of a tenant at once, and one challenge each', async () => {
    const { azure, session } = await setUp();
    azure.secrets.set('db', 'value');
    const outcomes = await session.resolve([{ key: 'team-kv/db' }, { key: 'other-kv/db' }], testOperation());
    expect(outcomes.map(shown)).toEqual(['value', 'value']);
    expect(azure.tokens).toBe(1);
    expect(azure.sent.filter(isVault)).toHaveLength(4);
  });

  it('sends the body of each of two first writes at once', async () => {
    const { azure, session } = await setUp();
    const bodies: string[] = [];
    azure.rules.push((sent) => {
      if (sent.method !== 'PUT' || sent.headers?.['authorization'] === undefined) return undefined;
      bodies.push(String(sent.body));
      return json(200, { id: `${sent.origin}/secrets/db/${'1'.repeat(32)}`, attributes: {}, value: 'x' });
    });
    const write = (name: string) =>
      session.put({ key: `team-kv/${name}` }, { value: SecretValue.fromText(name), rotatedAt: new Date(0) }, {}, testOperation());
    await Promise.all([write('one'), write('two')]);
    expect(bodies.map((body) => (JSON.parse(body) as { value: string }).value).toSorted()).toEqual(['one', 'two']);
  });

  it('gives all that waited the same refusal, after one attempt', async () => {
    const { azure, session } = await setUp();
    azure.rules.push((sent) => (isToken(sent) ? entraError(401, 7000215) : undefined));
    const outcomes = await session.resolve(
      Array.from({ length: 50 }, (_, index) => ({ key: `team-kv/s-${index}` })),
      testOperation(),
    );
    expect(new Set(outcomes.map(shown))).toEqual(new Set(['unauthenticated: Entra ID refused the client secret (AADSTS7000215)']));
    expect(azure.sent.filter(isToken)).toHaveLength(1);
  });

  it('tries again after a failure, with the next call', async () => {
    const { azure, session } = await setUp();
    azure.secrets.set('db', 'value');
    let failures = 1;
    azure.rules.push((sent) => (isToken(sent) && failures-- > 0 ? entraError(503, 90033) : undefined));
    expect(shown((await session.resolve([{ key: 'team-kv/db' }], testOperation()))[0])).toMatch(
      /^unavailable: Entra ID has a passing problem/,
    );
    expect(shown((await session.resolve([{ key: 'team-kv/db' }], testOperation()))[0])).toBe('value');
  });

  it('renews a token that ends, and one that the vault refuses', async () => {
    let now = Date.now();
    const azure = new FakeAzure();
    azure.secrets.set('db', 'value');
    const session = await openSession({}, testHost({ env: SIGN_IN_ENV, http: azure.http, now: () => new Date(now) }));
    const read = async () => shown((await session.resolve([{ key: 'team-kv/db' }], testOperation()))[0]);
    expect([await read(), await read(), azure.tokens]).toEqual(['value', 'value', 1]);
    now += 3_500_000;
    azure.lifetime = 8_000;
    expect([await read(), azure.tokens]).toEqual(['value', 2]);
    azure.rules.push((sent) => (isVault(sent) ? vaultError(401, 'Unauthorized', undefined, {}, 'AKV10022: Invalid audience.') : undefined));
    expect(await read()).toBe('unauthenticated: team-kv does not accept the token that signing in gave (AKV10022)');
    azure.rules.pop();
    expect([await read(), azure.tokens]).toEqual(['value', 3]);
  });

  it('masks the token and the client secret', async () => {
    const { azure, host, session } = await setUp();
    await session.resolve([{ key: 'team-kv/db' }], testOperation());
    const sent = azure.sent.findLast(isVault)?.headers?.['authorization'] ?? '';
    const masked = host.sensitives.map((value) => value.reveal().toString());
    expect(masked).toContain(clientSecret);
    expect(masked).toContain(sent.replace('Bearer ', ''));
  });

  it('names this program to both servers', async () => {
    const { azure, host, session } = await setUp();
    await session.resolve([{ key: 'team-kv/db' }], testOperation());
    for (const { headers } of azure.sent) expect(headers?.['user-agent'] ?? headers?.['User-Agent']).toContain(host.userAgent);
  });

  it.each([
    [401, 7000215, 'unauthenticated', /client secret .*AADSTS7000215/],
    [401, 7000222, 'unauthenticated', /expired .*AADSTS7000222/],
    [400, 700016, 'unauthenticated', /no such application/],
    [400, 90002, 'unauthenticated', /no such tenant/],
    [401, 700213, 'unauthenticated', /subject/],
    [400, 53003, 'denied', /conditional access/],
    [400, 50196, 'throttled', /fewer requests/],
    [429, 1, 'throttled', /fewer requests/],
    [503, 1, 'unavailable', /answered 503/],
    [400, 123456, 'unauthenticated', /refused with 400 \(AADSTS123456\)/],
  ])('maps %i with AADSTS%i to %s, by number and never by text', async (status, number, kind, message) => {
    const secret = canary();
    const fault = await readOne({}, (sent) =>
      isToken(sent) ? entraError(status, number, { 'retry-after': '7' }, `said ${secret}`) : undefined,
    );
    expect(fault.kind).toBe(kind);
    expect(fault.message).toMatch(message);
    expect(fault.detail).toMatchObject({ status, retryAfterMs: 7000, requestId: 'request-1' });
    expect(said(fault)).not.toContain(secret);
  });

  it('sees an unknown tenant in the answer about its metadata', async () => {
    const fault = await readOne({ authorityHost: 'https://login.example', disableInstanceDiscovery: true }, (sent) =>
      sent.path.includes('openid-configuration') ? entraError(400, 90002) : undefined,
    );
    expect(fault.message).toBe('there is no such tenant (AADSTS90002)');
  });

  it('says so when the vault belongs to another tenant, and gets no token', async () => {
    const { azure, session } = await setUp();
    azure.tenant = '44444444-4444-4444-8444-444444444444';
    const [outcome] = await session.resolve([{ key: 'team-kv/db' }], testOperation());
    expect(shown(outcome)).toBe(
      'unauthenticated: the vault belongs to tenant 44444444-4444-4444-8444-444444444444, not to the one signed in to',
    );
    expect(azure.tokens).toBe(0);
    const allowed = await setUp({ additionallyAllowedTenants: [azure.tenant] });
    allowed.azure.tenant = azure.tenant;
    allowed.azure.secrets.set('db', 'value');
    expect(shown((await allowed.session.resolve([{ key: 'team-kv/db' }], testOperation()))[0])).toBe('value');
    expect(allowed.azure.sent.find(isToken)?.path).toContain(azure.tenant);
  });

  it('gives no token to a host outside the domain that the challenge names', async () => {
    const { azure, session } = await setUp({ vaultUrl: 'https://team.vault.example.com' });
    azure.rules.push((sent) =>
      sent.origin.endsWith('example.com')
        ? {
            ...vaultError(401, 'Unauthorized'),
            headers: {
              'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`,
            },
          }
        : undefined,
    );
    const [outcome] = await session.resolve([{ key: 'db' }], testOperation());
    expect(shown(outcome)).toBe('protocol: team.vault.example.com asks for a token of another service, so it gets none');
    expect(azure.tokens).toBe(0);
  });

  it('signs in where the cloud of the vaults does', async () => {
    for (const [options, env, expected] of [
      [{}, {}, 'https://login.microsoftonline.com'],
      [{ vaultDomain: 'vault.azure.cn' }, {}, 'https://login.chinacloudapi.cn'],
      [{ vaultDomain: 'vault.usgovcloudapi.net' }, {}, 'https://login.microsoftonline.us'],
      [{}, { AZURE_AUTHORITY_HOST: 'https://login.env.example' }, 'https://login.env.example'],
      [
        { authorityHost: 'https://login.option.example' },
        { AZURE_AUTHORITY_HOST: 'https://login.env.example' },
        'https://login.option.example',
      ],
    ] as const) {
      const { azure, session } = await setUp({ ...options, disableInstanceDiscovery: true }, { ...SIGN_IN_ENV, ...env });
      await session.resolve([{ key: 'team-kv/db' }], testOperation());
      expect(azure.sent.find(isToken)?.origin).toBe(expected);
    }
  });

  it('refuses an authority without https', async () => {
    const fault = await readOne({}, () => undefined, { ...SIGN_IN_ENV, AZURE_AUTHORITY_HOST: 'http://login.example' });
    expect([fault.kind, fault.message]).toEqual(['options', 'AZURE_AUTHORITY_HOST is not an address with https://']);
  });

  it('passes on why there was no connection', async () => {
    const refused = new Fault('unavailable', { message: 'no TLS', retryable: false });
    expect(await readOne({}, (sent) => (sent.origin.includes('login.') ? refused : undefined))).toBe(refused);
    expect(await readOne({}, (sent) => (isVault(sent) ? refused : undefined))).toBe(refused);
  });

  it('reports an answer that is no token, without quoting it', async () => {
    const secret = canary();
    for (const body of [`<html>${secret}</html>`, { message: secret }]) {
      const fault = await readOne({}, (sent) => (isToken(sent) ? json(200, body) : undefined));
      expect(fault.kind).toBe('protocol');
      expect(said(fault)).not.toContain(secret);
    }
  });

  it('ends at once when its operation is cancelled', async () => {
    const { azure, session } = await setUp();
    const control = new AbortController();
    azure.rules.push((sent) =>
      isToken(sent)
        ? new Promise((resolve) => {
            sent.signal.addEventListener('abort', () => resolve(new Fault('cancelled', 'stopped')));
            control.abort();
          })
        : undefined,
    );
    const outcomes = await session.resolve([{ key: 'team-kv/a' }, { key: 'team-kv/b' }], testOperation(control.signal));
    expect(outcomes.map((outcome) => outcome.ok || outcome.fault.kind)).toEqual(['cancelled', 'cancelled']);
  });

  it('keeps going for one operation when another one that signs in is cancelled', async () => {
    const { azure, session } = await setUp();
    azure.secrets.set('db', 'value');
    const control = new AbortController();
    let first = true;
    azure.rules.push((sent) => {
      if (!isToken(sent) || !first) return undefined;
      first = false;
      return new Promise((resolve) => {
        sent.signal.addEventListener('abort', () => resolve(new Fault('cancelled', 'stopped')));
        setImmediate(() => control.abort());
      });
    });
    const [cancelled, other] = await Promise.all([
      session.resolve([{ key: 'team-kv/db' }], testOperation(control.signal)),
      session.resolve([{ key: 'team-kv/db' }], testOperation()),
    ]);
    expect(shown(cancelled[0])).toMatch(/^cancelled/);
    expect(shown(other[0])).toBe('value');
  });
});

describe('signing in on a virtual machine', () => {
  it('uses the metadata service of Azure, and of no other cloud', async () => {
    const machine = 'http://169.254.169.254';
    const { azure, session } = await setUp({ auth: undefined }, {});
    azure.secrets.set('db', 'value');
    let status = 404;
    azure.rules.push((sent) => {
      if (sent.origin !== machine) return undefined;
      if (sent.headers?.['metadata'] === undefined && sent.headers?.['Metadata'] === undefined) return json(status, {});
      return json(200, { access_token: 'token', expires_in: '3600', expires_on: '4000000000', resource: 'x', token_type: 'Bearer' });
    });
    const read = async () => shown((await session.resolve([{ key: 'team-kv/db' }], testOperation()))[0]);
    expect(await read()).toMatch(/^unauthenticated: there is nothing to sign in to Azure with/);
    status = 400;
    expect(await read()).toBe('value');
    expect(azure.sent.filter(({ origin }) => origin === machine).every(({ client }) => client.insecureHttp === true)).toBe(true);
    expect(azure.sent.filter(({ origin }) => origin !== machine).some(({ client }) => client.insecureHttp === true)).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('signing in with the Azure CLI', () => {
  const withAz = async (script: string): Promise<{ shown: string; fault?: Fault; azure: FakeAzure; args: string }> => {
    const folder = mkdtempSync(join(tmpdir(), 'azure-cli-'));
    try {
      writeFileSync(join(folder, 'az'), `#!/bin/sh\necho "$@" > '${folder}/args'\n${script}\n`);
      chmodSync(join(folder, 'az'), 0o755);
      const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
      // The library looks for az by itself.
      vi.stubEnv('PATH', PATH);
      const { azure, session } = await setUp({ auth: [{ method: 'cli', subscription: 'dev' }] }, { PATH });
      azure.secrets.set('db', 'value');
      const [outcome] = await session.resolve([{ key: 'team-kv/db' }], testOperation());
      const args = readFileSync(join(folder, 'args'), 'utf8');
      return { shown: shown(outcome), azure, args, ...(outcome?.ok === false ? { fault: outcome.fault } : {}) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('uses its token', async () => {
    const token = canary();
    const got = await withAz(`echo '{"accessToken":"${token}","expires_on":4000000000}'`);
    expect(got.shown).toBe('value');
    expect(got.azure.sent.findLast(isVault)?.headers?.['authorization']).toBe(`Bearer ${token}`);
    expect(got.args).toContain(`--resource https://vault.azure.net --tenant ${TENANT} --subscription dev`);
    expect(got.azure.tokens).toBe(0);
  });

  it.each([
    [`echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`, /the Azure CLI is not signed in/, /^az login$/],
    [`echo "ERROR: AADSTS700082: The refresh token has expired" >&2; exit 1`, /the Azure CLI is not signed in/, /^az login$/],
    [`echo "ERROR: AADSTS53003: blocked" >&2; exit 1`, /conditional access .*AADSTS53003/, /administrator/],
    ['echo nothing', /the Azure CLI gave no token/, /^az account get-access-token/],
  ])('maps %s', async (script, message, hint) => {
    const secret = canary();
    const got = await withAz(`echo "${secret}" >&2\n${script}`);
    expect(got.shown).toMatch(message);
    expect(got.fault?.detail.hint).toMatch(hint);
    expect(got.fault === undefined ? secret : said(got.fault)).not.toContain(secret);
  });
});
