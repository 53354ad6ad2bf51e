import { randomBytes } from 'node:crypto';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { json, startServer } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { afterwards, fakeVault, kv2, type Fake, type Rule } from './fake.ts';
import { faultIn, faultOf, openVault, printed, textOf, type OpenOptions } from './vault.ts';

const canary = (): string => `canary-${randomBytes(12).toString('hex')}`;
const KEY = { key: 'secret/api' };

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-vault-'));
  afterwards(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Login {
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
}

const loginsOf = (fake: Fake): readonly Login[] =>
  fake.received
    .filter(({ url }) => url.endsWith('/login'))
    .map(({ url, body }) => ({ path: url.replace('/v1/auth/', ''), body: JSON.parse(body) as Record<string, string> }));

/** Gives a token for every login. */
const givesTokens =
  (tokens: string[], auth: Readonly<Record<string, unknown>> = {}): Rule =>
  ({ url }, response) => {
    if (!url.endsWith('/login')) return false;
    const token = canary();
    tokens.push(token);
    return json(response, 200, { auth: { client_token: token, token_type: 'service', ...auth } });
  };

async function signIn(given: Omit<OpenOptions, 'address'>, rule?: Rule) {
  const tokens: string[] = [];
  const own = givesTokens(tokens);
  const fake = await fakeVault((request, response) => {
    const ruled = rule?.(request, response) ?? false;
    return ruled === false ? own(request, response) : ruled;
  });
  const { session, host } = await openVault({ address: fake.url, ...given });
  afterwards(() => session.close());
  const resolve = async () => (await session.resolve([KEY], testOperation()))[0];
  return { fake, host, session, tokens, resolve };
}

describe('a token', () => {
  it('comes from VAULT_TOKEN, BAO_TOKEN, an AppRole or the token file, in this order', async () => {
    const dir = folder();
    writeFileSync(join(dir, '.vault-token'), 'from-file\n');
    const env: Record<string, string> = {
      HOME: dir,
      VAULT_TOKEN: 'from-vault',
      BAO_TOKEN: 'from-bao',
      VAULT_ROLE_ID: 'role',
      VAULT_SECRET_ID: 'from-secret-id',
    };
    const used: unknown[] = [];
    for (const next of ['VAULT_TOKEN', 'BAO_TOKEN', 'VAULT_SECRET_ID', undefined]) {
      const { fake, host, resolve, tokens } = await signIn({ env: { ...env } });
      expect((await resolve())?.ok).toBe(true);
      const token = fake.received.at(-1)?.headers['x-vault-token'];
      used.push([token === tokens[0] ? loginsOf(fake)[0]?.body['secret_id'] : token, host.credentials]);
      if (next !== undefined) delete env[next];
    }
    expect(used).toEqual([
      ['from-vault', ['VAULT_TOKEN']],
      ['from-bao', ['BAO_TOKEN']],
      ['from-secret-id', ['VAULT_SECRET_ID']],
      ['from-file', []],
    ]);
  });

  it('may come from another variable or file', async () => {
    const dir = folder();
    mkdirSync(join(dir, 'run'));
    writeFileSync(join(dir, 'run', 'sink'), ' from-sink \n');
    const byEnv = await signIn({
      env: { VAULT_TOKEN: 'no', CI_TOKEN: 'from-ci' },
      options: { auth: { method: 'token', env: 'CI_TOKEN' } },
    });
    await byEnv.resolve();
    expect(byEnv.fake.received.at(-1)?.headers['x-vault-token']).toBe('from-ci');
    expect(byEnv.host.credentials).toEqual(['CI_TOKEN']);
    const byFile = await signIn({
      env: { VAULT_TOKEN: 'no' },
      options: { auth: [{ method: 'token', file: 'run/sink' }] },
      host: { baseDir: dir },
    });
    await byFile.resolve();
    expect(byFile.fake.received.at(-1)?.headers['x-vault-token']).toBe('from-sink');
    expect(byFile.host.credentials).toEqual([]);
  });

  it.each(['line\nbreak', 'two words', 'quote\u201d', 'nul\u0000', 'space '])(
    'with an odd character is refused, not repeated and not sent',
    async (text) => {
      const { fake, resolve } = await signIn({ env: { VAULT_TOKEN: `canary-${text}` } });
      const fault = faultIn(await resolve());
      expect(fault.kind).toBe('unauthenticated');
      expect(fault.message).toContain('VAULT_TOKEN holds');
      expect(printed(fault)).not.toContain('canary-');
      expect(fake.connections()).toBe(0);
    },
  );

  it('that is not there is named for each method', async () => {
    const { fake, resolve } = await signIn({ env: { HOME: folder() } });
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toBe(
      'vault has no credentials to sign in with: token: no VAULT_TOKEN; token: no BAO_TOKEN; approle: no VAULT_ROLE_ID; token: no ~/.vault-token',
    );
    expect(fake.connections()).toBe(0);
  });

  it('that a person gave is never revoked', async () => {
    const { fake, resolve, session } = await signIn({ env: { VAULT_TOKEN: canary() } });
    await resolve();
    await session.close();
    expect(fake.asked().filter((one) => one.includes('revoke'))).toEqual([]);
  });

  it('is masked', async () => {
    const token = canary();
    const { host, resolve } = await signIn({ env: { VAULT_TOKEN: token } });
    await resolve();
    expect(host.sensitives.map((value) => value.reveal().toString())).toEqual([token]);
  });
});

describe('signing in', () => {
  it('by kubernetes, approle and jwt sends what each needs', async () => {
    const dir = folder();
    for (const name of ['sa', 'secret-id', 'id-token']) writeFileSync(join(dir, name), `from-${name}\n`);
    const cases = [
      [
        { method: 'kubernetes', role: 'api', tokenFile: 'sa' },
        { path: 'kubernetes/login', body: { role: 'api', jwt: 'from-sa' } },
      ],
      [
        { method: 'kubernetes', role: 'api', mount: 'k8s/prod', tokenFile: 'sa' },
        { path: 'k8s/prod/login', body: { role: 'api', jwt: 'from-sa' } },
      ],
      [
        { method: 'approle', roleId: 'r-1', secretIdFile: 'secret-id' },
        { path: 'approle/login', body: { role_id: 'r-1', secret_id: 'from-secret-id' } },
      ],
      [
        { method: 'jwt', from: { file: 'id-token' } },
        { path: 'jwt/login', body: { jwt: 'from-id-token' } },
      ],
      [
        { method: 'jwt', role: 'ci', mount: 'gitlab', from: { env: 'ID_TOKEN' } },
        { path: 'gitlab/login', body: { role: 'ci', jwt: 'from-env' } },
      ],
      [
        { method: 'jwt', role: 'ci' },
        { path: 'jwt/login', body: { role: 'ci', jwt: 'from-gitlab' } },
      ],
    ] as const;
    for (const [auth, login] of cases) {
      const { fake, resolve } = await signIn({
        env: { ID_TOKEN: 'from-env', VAULT_ID_TOKEN: 'from-gitlab' },
        options: { auth },
        host: { baseDir: dir },
      });
      expect((await resolve())?.ok).toBe(true);
      expect(loginsOf(fake)).toEqual([login]);
      expect(fake.received.find(({ url }) => url.endsWith('/login'))?.headers['x-vault-token']).toBeUndefined();
    }
  });

  it('reports variables with secrets, never the role id', async () => {
    const { host, resolve } = await signIn({
      env: { VAULT_ROLE_ID: 'role', VAULT_SECRET_ID: canary() },
      options: { auth: { method: 'approle' } },
    });
    await resolve();
    expect(host.credentials).toEqual(['VAULT_SECRET_ID']);
  });

  it('takes the first method that is present, and no other one after a refusal', async () => {
    const auth = [{ method: 'kubernetes', role: 'api', tokenFile: '/nowhere/token' }, { method: 'approle' }, { method: 'token' }];
    const { fake, resolve } = await signIn(
      { env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary(), VAULT_TOKEN: canary() }, options: { auth } },
      ({ url }, response) => (url.endsWith('/login') ? json(response, 400, { errors: ['invalid secret id'] }) : false),
    );
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toBe('vault refused the approle sign-in at auth/approle (400)');
    expect(fault.detail.hint).toContain('secret id has not expired or been used up');
    await resolve();
    expect(fake.asked()).toEqual(['POST auth/approle/login']);
  });

  it('uses operatorAuth for operators and rotateAuth for rotations', async () => {
    const options = { auth: { method: 'token', env: 'A' }, operatorAuth: { method: 'token', env: 'B' } };
    const token = async (more: object, role: 'workload' | 'operator' | 'rotate'): Promise<unknown> => {
      const { fake, resolve } = await signIn({ env: { A: 'a', B: 'b', C: 'c' }, options: { ...options, ...more }, host: { role } });
      await resolve();
      return fake.received.at(-1)?.headers['x-vault-token'];
    };
    expect(await token({}, 'workload')).toBe('a');
    expect(await token({}, 'operator')).toBe('b');
    expect(await token({}, 'rotate')).toBe('b');
    expect(await token({ rotateAuth: { method: 'token', env: 'C' } }, 'rotate')).toBe('c');
    expect(await token({ operatorAuth: undefined }, 'operator')).toBe('a');
  });

  it('happens once, however many ask', async () => {
    const { fake, session } = await signIn({ env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary() } });
    const keys = Array.from({ length: 10 }, (_, i) => ({ key: `secret/${i}` }));
    await Promise.all([session.resolve(keys, testOperation()), session.describe(keys, testOperation()), session.doctor(testOperation())]);
    expect(loginsOf(fake)).toHaveLength(1);
  });

  it('can be tried again after a failure that was no refusal', async () => {
    let down = true;
    const { resolve } = await signIn({ env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary() } }, ({ url }, response) =>
      down && url.endsWith('/login') ? json(response, 503, { errors: ['Vault is sealed'] }) : false,
    );
    expect(faultIn(await resolve()).kind).toBe('unavailable');
    down = false;
    expect((await resolve())?.ok).toBe(true);
  });

  it.each([
    [
      'a second factor',
      { auth: { client_token: '', mfa_requirement: { mfa_request_id: 'x' } } },
      'unauthenticated',
      'it asks for a second factor',
    ],
    ['no token', { auth: null }, 'protocol', 'without a token'],
  ])('that is answered with %s', async (_, body, kind, message) => {
    const { resolve } = await signIn({ env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary() } }, ({ url }, response) =>
      url.endsWith('/login') ? json(response, 200, body) : false,
    );
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe(kind);
    expect(fault.message).toContain(message);
  });

  it('never shows what it sent when the server repeats it', async () => {
    const secret = canary();
    for (const status of [400, 403, 404, 500]) {
      const { resolve } = await signIn({ env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: secret } }, ({ url, body }, response) =>
        url.endsWith('/login') ? json(response, status, { errors: [body] }) : false,
      );
      const fault = faultIn(await resolve());
      expect(fault.kind).toBe(status === 500 ? 'unavailable' : 'unauthenticated');
      expect(printed(fault)).not.toContain(secret);
    }
  });
});

describe('a token that ends', () => {
  const REFUSED = { errors: ['permission denied'] };
  const login = { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary() };

  it('is replaced by one new sign-in for all, and the reads repeated', async () => {
    const ended = new Set<string>();
    const { fake, session, tokens } = await signIn({ env: login }, ({ headers }, response) =>
      ended.has(String(headers['x-vault-token'])) ? json(response, 403, REFUSED) : false,
    );
    const keys = Array.from({ length: 8 }, (_, i) => ({ key: `secret/${i}` }));
    await session.resolve(keys.slice(0, 1), testOperation());
    ended.add(tokens[0] ?? '');
    const outcomes = await session.resolve(keys, testOperation());
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(loginsOf(fake)).toHaveLength(2);
    expect(fake.asked().filter((one) => one.includes('lookup-self'))).toHaveLength(1);
  });

  it('and whose successor is refused too, fails without a third', async () => {
    const { fake, resolve } = await signIn({ env: login }, ({ url }, response) =>
      url.endsWith('/login') ? false : json(response, 403, REFUSED),
    );
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toContain('no longer accepts the token it gave at auth/approle');
    expect(loginsOf(fake)).toHaveLength(2);
  });

  it('and came from outside is unauthenticated, not denied', async () => {
    const { fake, resolve } = await signIn({ env: { VAULT_TOKEN: canary() } }, (_, response) => json(response, 403, REFUSED));
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toContain('does not accept the token of VAULT_TOKEN');
    expect(fake.asked()).toEqual(['GET sys/internal/ui/mounts/secret/api', 'GET auth/token/lookup-self', 'GET sys/internal/ui/mounts']);
  });

  it('is not suspected where it may not look itself up but is good', async () => {
    const { resolve } = await signIn({ env: { VAULT_TOKEN: canary() } }, ({ url }, response) =>
      url.includes('lookup-self') || url.includes('/data/') ? json(response, 403, REFUSED) : false,
    );
    expect(faultIn(await resolve()).kind).toBe('denied');
  });
});

describe('closing', () => {
  const login = { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: canary() };
  const revocations = (fake: Fake): readonly unknown[] =>
    fake.received.filter(({ url }) => url.endsWith('revoke-self')).map(({ headers }) => headers['x-vault-token']);

  it('revokes the token that signing in made, and only once', async () => {
    const { fake, resolve, session, tokens } = await signIn({ env: login });
    await resolve();
    await session.close();
    await session.close();
    expect(revocations(fake)).toEqual(tokens);
  });

  it('does nothing where nobody signed in', async () => {
    const { fake, session } = await signIn({ env: login });
    await session.close();
    expect(fake.connections()).toBe(0);
  });

  it('leaves a batch token', async () => {
    const { fake, resolve, session } = await signIn({ env: login }, givesTokens([], { token_type: 'batch' }));
    await resolve();
    await session.close();
    expect(revocations(fake)).toEqual([]);
  });

  it('revokes the token on which a lease lives, which ends the lease', async () => {
    const { fake, resolve, session } = await signIn({ env: login }, ({ url }, response) => {
      if (url.includes('ui/mounts')) return json(response, 200, { data: { path: 'secret/', type: 'database' } });
      return url.includes('secret/api') ? json(response, 200, { lease_id: 'x/1', lease_duration: 9, data: { password: 'p' } }) : false;
    });
    await resolve();
    await session.close();
    expect(revocations(fake)).toHaveLength(1);
  });

  it('is bounded in time, and never fails', async () => {
    const { resolve, session } = await signIn({ env: login }, ({ url }) => url.endsWith('revoke-self'));
    await resolve();
    const began = performance.now();
    await session.close();
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});

describe('GitHub Actions', () => {
  const auth = { method: 'jwt', role: 'ci', from: 'github-actions', audience: 'https://vault.example.com/x?y&z' };

  async function actions(status: number, body: unknown) {
    const github = await startServer((_, response) => json(response, status, body));
    afterwards(() => github.close());
    const requestToken = canary();
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/idtoken?api-version=2.0`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken };
    return { github, requestToken, ...(await signIn({ env, options: { auth } })) };
  }

  it('gives an identity token for the audience', async () => {
    const jwt = canary();
    const { fake, github, host, requestToken, resolve } = await actions(200, { value: jwt });
    expect(textOf(await resolve())).toContain('secret/data/api');
    expect(github.received[0]?.url).toBe('/idtoken?api-version=2.0&audience=https%3A%2F%2Fvault.example.com%2Fx%3Fy%26z');
    expect(github.received[0]?.headers['authorization']).toBe(`Bearer ${requestToken}`);
    expect(github.received[0]?.headers['x-vault-token']).toBeUndefined();
    expect(loginsOf(fake)).toEqual([{ path: 'jwt/login', body: { role: 'ci', jwt } }]);
    expect(host.credentials).toEqual(['ACTIONS_ID_TOKEN_REQUEST_TOKEN']);
    expect(host.sensitives.map((value) => value.reveal().toString())).toEqual(expect.arrayContaining([requestToken, jwt]));
  });

  it.each([
    [401, {}, 'unauthenticated'],
    [200, { nothing: true }, 'unauthenticated'],
    [503, {}, 'unavailable'],
    [429, {}, 'unavailable'],
  ])('that answers %i %j is %s', async (status, body, kind) => {
    const { fake, requestToken, resolve } = await actions(status, body);
    const fault = faultIn(await resolve());
    expect(fault.kind).toBe(kind);
    expect(printed(fault)).not.toContain(requestToken);
    expect(fake.connections()).toBe(0);
  });

  it('over plain http from elsewhere is refused before anything is sent', async () => {
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://actions.example.com/x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: canary() };
    const { host, resolve } = await signIn({ env, options: { auth } });
    expect(faultIn(await resolve()).kind).toBe('options');
    expect(host.credentials).toEqual([]);
  });

  it('without the permission says which one', async () => {
    const { resolve } = await signIn({ env: { GITHUB_ACTIONS: 'true' }, options: { auth } });
    expect(faultIn(await resolve()).message).toContain('id-token: write');
  });
});

describe('a session that hangs', () => {
  it('settles when it is aborted', async () => {
    const { session } = await signIn({ env: { VAULT_TOKEN: canary() } }, () => true);
    const abort = new AbortController();
    const running = session.resolve([KEY], testOperation(abort.signal));
    abort.abort();
    expect(faultIn((await running)[0]).kind).toBe('cancelled');
    expect((await faultOf(session.list('secret/', testOperation(AbortSignal.abort())))).kind).toBe('cancelled');
  });

  it('may be asked again', async () => {
    let silent = true;
    const { session } = await signIn({ env: { VAULT_TOKEN: canary() } }, ({ url }, response) => {
      if (silent) return true;
      return url.includes('/data/') ? json(response, 200, kv2({ key: 'x' })) : false;
    });
    const abort = new AbortController();
    const running = session.resolve([KEY], testOperation(abort.signal));
    abort.abort();
    await running;
    silent = false;
    expect(textOf((await session.resolve([KEY], testOperation()))[0])).toBe('{"key":"x"}');
  });
});
