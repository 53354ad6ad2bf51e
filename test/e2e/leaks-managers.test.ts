/** What Azure, the keychain and the managers together may not let out; Vault and AWS have tests of their own. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { atEnd } from './support/at-end.ts';
import { canary } from './support/canary.ts';
import { expectClean } from './support/clean.ts';
import type { CliResult } from './support/cli.ts';
import { echoes } from './support/echoes.ts';
import { everyUse } from './support/every-use.ts';
import { faultServer } from './support/fault-server.ts';
import { tempDir } from './support/home.ts';
import { azureCredentials, azureEntry, everyManager, keychainEnvironment, MANAGERS } from './support/managers.ts';
import { LOUD, NOISE } from './support/noise.ts';
import { child, project } from './support/project.ts';
import { signedIn, vaultServer } from './support/vault-server.ts';

const timesNamed = ({ stderr }: CliResult, name: string): number =>
  stderr.split('\n').filter((line) => line.includes('not passed on') && new RegExp(`\\b${name}\\b`).test(line)).length;

describeWith(MANAGERS, 'all managers', (managers) => {
  it('A10 no command says a value or a credential at the highest verbosity', async () => {
    const every = await everyManager(managers);
    const imported = canary();
    const secret = [imported, ...Object.values(every.values), ...Object.values(every.credentials)];
    for (const { args, input, code = 0 } of everyUse(every, imported)) {
      const env = { ...every.env, ...NOISE };
      const result = await every.one.run([...LOUD, ...args], { env, ...(input === undefined ? {} : { input }) });
      expect.soft(result.code, `${args.join(' ')}: ${result.stderr}`).toBe(code);
      const revealed = args[0] === 'get';
      if (revealed) expect(result.stdout).toBe(every.values[args[1] ?? '']);
      expectClean(result.stderr + (revealed ? '' : result.stdout), ...secret);
    }
  }, 180_000);

  it('A13 the child gets no credential that was used, and keeps selectors and addresses', async () => {
    const { one, env, values, writable, credentials } = await everyManager(managers);
    for (const name of writable) expect(await one.run(['set', name], { env, input: values[name] ?? '' })).toMatchObject({ code: 0 });
    const result = await one.environment([], { env });
    expect(result.code, result.stderr).toBe(0);
    for (const [name, value] of Object.entries(values)) expect(result.env?.get(name)?.toString(), name).toBe(value);
    for (const name of Object.keys(credentials)) {
      expect(result.env?.has(name), name).toBe(false);
      expect(timesNamed(result, name), name).toBe(1);
    }
    const kept = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR'];
    for (const name of kept) expect(result.env?.get(name)?.toString(), name).toBe(env[name]);
    expectClean(result.stderr, ...Object.values(credentials));
    const failed = await one.run(['run', '--', process.execPath, child('exit-with.mjs'), '3'], { env });
    for (const name of Object.keys(credentials)) expect(timesNamed(failed, name), name).toBe(2);
    const passed = await one.environment(['--pass-env', 'AZURE_CLIENT_SECRET'], { env });
    expect(passed.env?.get('AZURE_CLIENT_SECRET')?.toString()).toBe(env['AZURE_CLIENT_SECRET']);
    expect(timesNamed(passed, 'AZURE_CLIENT_SECRET')).toBe(0);
    // Where only the keychain was asked, everything else stays.
    const only = await one.environment(['--only', 'FROM_KEYCHAIN'], { env });
    for (const [name, value] of Object.entries(credentials)) expect(only.env?.get(name)?.toString(), name).toBe(value);
  });
});

describe('other ways to sign in', () => {
  const server = (): ReturnType<typeof vaultServer> => vaultServer((asked) => (asked.includes('login') ? signedIn(canary()) : undefined));

  it.each([
    ['method: approle', { VAULT_SECRET_ID: canary() }, { VAULT_ROLE_ID: 'api' }],
    ['method: jwt, role: api, from: github-actions', { ACTIONS_ID_TOKEN_REQUEST_TOKEN: canary() }, { GITHUB_REPOSITORY: 'a/b' }],
    ['method: jwt, role: api, from: { env: VAULT_ID_TOKEN }', { VAULT_ID_TOKEN: canary() }, { CI_JOB_NAME: 'build' }],
  ])('A13 the child does not get what %s used', async (auth, credentials, kept) => {
    const github = await faultServer([{ body: { value: `${canary()}.${canary()}.${canary()}` } }]);
    const { url } = await server();
    const one = await project({
      manifest: `version: 1\nproviders:\n  vault: { address: "${url}", auth: { ${auth} } }\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
    });
    const env = { ...credentials, ...kept, ACTIONS_ID_TOKEN_REQUEST_URL: github.url };
    const result = await one.environment([], { env });
    expect(result.code, result.stderr).toBe(0);
    expect(result.env?.has('API_KEY')).toBe(true);
    for (const [name, value] of Object.entries(credentials)) {
      expect(result.env?.has(name), name).toBe(false);
      expect(timesNamed(result, name), name).toBe(1);
      expectClean(result.stderr, value);
    }
    for (const [name, value] of Object.entries(kept)) expect(result.env?.get(name)?.toString(), name).toBe(value);
  });
});

describeWith('azure', 'Azure', (azure) => {
  const folder = dirname(azure.caFile);
  const tls = { cert: readFileSync(join(folder, 'server.pem'), 'utf8'), key: readFileSync(join(folder, 'server.key'), 'utf8') };
  const manifest = (entry: string): string => `version: 1\nproviders:\n  ${entry}\nsecrets:\n  API_KEY: azure://db\n`;

  it.each(echoes)('A11 by %s of the vault: a typed error with the name, and no more', async (_, answer) => {
    const value = canary();
    const challenge = `Bearer authorization="${azure.authorityHost}/${azure.tenantId}", resource="https://vault.azure.net"`;
    let token = '';
    let writing = false;
    const server = await faultServer((request) => {
      const { authorization } = request.headers;
      if (authorization === undefined) return { status: 401, headers: { 'www-authenticate': challenge }, body: {} };
      token = authorization.replace('Bearer ', '');
      if (writing && request.method === 'GET') return { status: 404, body: { error: { code: 'SecretNotFound', message: '' } } };
      return answer(request, value);
    }, tls);
    const one = await project({ manifest: manifest(azureEntry(azure, server.url)) });
    const env = azureCredentials(azure);
    for (const more of [[], ['--json'], LOUD]) {
      const read = await one.environment(['--timeout', '2s', ...more], { env });
      expect(read).toMatchObject({ code: 125, env: undefined });
      expect(read.stderr).toContain('API_KEY');
      expect(read.stderr).toMatch(/PROVIDER_|DENIED|REF_INVALID|UNAUTHENTICATED/);
      expect(token).not.toBe('');
      expectClean(read.stdout + read.stderr, value, token, azure.clientSecret);
    }
    const fresh = canary();
    writing = true;
    const written = await one.run([...LOUD, 'set', 'API_KEY', '--timeout', '2s'], { env, input: fresh });
    expect(written.code).not.toBe(70);
    expect(server.requests.some(({ method, body }) => method === 'PUT' && body.includes(fresh))).toBe(true);
    expectClean(written.stdout + written.stderr, value, fresh, token, azure.clientSecret);
  });

  it.each(echoes)('A11 by %s of Entra ID, which repeats the client secret', async (_, answer) => {
    const [value, clientSecret] = [canary(), canary()];
    const server = await faultServer((request) => {
      if (!request.path.includes('/.well-known/')) return answer(request, value);
      const base = `${server.url}/${azure.tenantId}`;
      const endpoints = { token_endpoint: `${base}/oauth2/v2.0/token`, authorization_endpoint: base, jwks_uri: base };
      return { body: { issuer: `${base}/v2.0`, ...endpoints } };
    }, tls);
    const one = await project({ manifest: manifest(azureEntry({ ...azure, authorityHost: server.url })) });
    for (const more of [[], ['--json'], LOUD]) {
      const env = { ...azureCredentials(azure), AZURE_CLIENT_SECRET: clientSecret };
      const result = await one.environment(['--timeout', '2s', ...more], { env });
      expect(result).toMatchObject({ code: 125, env: undefined });
      expect(result.stderr).toContain('API_KEY');
      expectClean(result.stdout + result.stderr, value, clientSecret);
    }
    expect(server.requests.some(({ body }) => body.includes(clientSecret))).toBe(true);
  });
});

describeWith('keychain', 'the keychain', (facts) => {
  it('A11 of a session bus that repeats what it is sent says only that it does not answer', async () => {
    const socket = join(tempDir('bus'), 'bus');
    let asked = 0;
    const bus = createServer((connection) => {
      connection.on('error', () => {});
      connection.on('data', (bytes) => {
        asked++;
        connection.write(Buffer.concat([Buffer.from('ERROR '), bytes]));
      });
    });
    await new Promise<void>((resolve) => bus.listen(socket, resolve));
    atEnd(() => void bus.close());
    const one = await project({ manifest: 'version: 1\nsecrets:\n  API_KEY: keychain://leaks/value\n' });
    const value = canary();
    const env = { ...keychainEnvironment(facts), DBUS_SESSION_BUS_ADDRESS: `unix:path=${socket}` };
    for (const more of [[], ['--json'], LOUD]) {
      const written = await one.run([...more, 'set', 'API_KEY', '--timeout', '3s'], { env, input: value });
      expect(written.code).toBe(69);
      expect(written.stderr).toMatch(/API_KEY|keychain/);
      expectClean(written.stdout + written.stderr, value);
      const read = await one.environment(['--timeout', '3s', ...more], { env });
      expect(read).toMatchObject({ code: 125, env: undefined });
      expect(read.stderr).toContain('API_KEY');
    }
    expect(asked).toBeGreaterThan(0);
  });
});
