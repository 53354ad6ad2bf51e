/** Where credentials may be sent: certificates, plain http, redirects. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type Certificates } from '../bed/certificates.ts';
import { atEnd } from './support/at-end.ts';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { project, type Project } from './support/project.ts';
import { kv2, signedIn, vaultEntry, vaultServer } from './support/vault-server.ts';
import type { VaultServer } from './support/vault-server.ts';

/** What a run that fails at once takes at most, in milliseconds, on a busy machine. */
const AT_ONCE_MS = 1_800;

const PROGRAM = 'openssl';
const openssl = async (...args: readonly string[]): Promise<void> => void (await promisify(execFile)(PROGRAM, [...args]));
const hasOpenssl = await openssl('version').then(
  () => true,
  () => false,
);

const projectAt = (options: string): Promise<Project> =>
  project({
    manifest: `version: 1\nproviders:\n  vault: { ${options}, auth: { method: token } }\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
  });

describe.skipIf(!hasOpenssl)(`certificates${hasOpenssl ? '' : ' (skipped: there is no openssl)'}`, () => {
  let dir: string;
  let files: Certificates;
  const at = (name: string): string => join(dir, name);
  const serve = (cert: string, key: string): Promise<VaultServer> =>
    vaultServer(undefined, { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') });

  beforeAll(async () => {
    dir = tempDir('certificates');
    files = await makeCertificates(dir, async (_, args) => openssl(...args));
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const other = ['-addext', 'subjectAltName=DNS:vault.example.com', '-keyout', at('other.key'), '-out', at('other.pem')];
    await openssl('req', '-x509', ...curve, '-days', '3', '-CA', files.caFile, '-CAkey', at('ca.key'), '-subj', '/CN=x', ...other);
    await openssl('req', '-new', ...curve, '-keyout', at('old.key'), '-out', at('old.csr'), '-subj', '/CN=localhost');
    await openssl('x509', '-req', '-in', at('old.csr'), '-CA', files.caFile, '-CAkey', at('ca.key'), '-days', '-1', '-out', at('old.pem'));
  });

  it('A23 takes the certificate of a CA that caFile names', async () => {
    const server = await serve(files.certFile, files.keyFile);
    const one = await projectAt(`address: "${server.url}", caFile: "${files.caFile}"`);
    expect((await one.environment([], { env: { VAULT_TOKEN: canary() } })).env?.get('API_KEY')?.toString()).toContain('secret/data/api');
  });

  const refused = [
    ['of another CA', () => [files.certFile, files.keyFile], '', 'comes from an authority that is not trusted'],
    ['for another host', () => [at('other.pem'), at('other.key')], 'ca', 'its certificate is not for 127.0.0.1'],
    ['that has expired', () => [at('old.pem'), at('old.key')], 'ca', 'has expired'],
  ] as const;
  it.each(refused)('A23 refuses a certificate %s once, at once, and sends no token', async (_, pair, ca, words) => {
    const [cert = '', key = ''] = pair();
    const server = await serve(cert, key);
    const one = await projectAt(`address: "${server.url}"${ca === '' ? '' : `, caFile: "${files.caFile}"`}`);
    const began = performance.now();
    const result = await one.environment([], { env: { VAULT_TOKEN: canary() } });
    expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('error[PROVIDER_UNAVAILABLE]: API_KEY: ');
    expect(result.stderr).toContain(words);
    expect(server.requests).toEqual([]);
    expect(server.connections()).toBe(1);
  });

  it.each([
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
    ['VAULT_SKIP_VERIFY', 'true'],
  ])('A23 refuses to run with %s=%s', async (name, value) => {
    const server = await serve(files.certFile, files.keyFile);
    const one = await projectAt(`address: "${server.url}"`);
    const result = await one.environment([], { env: { VAULT_TOKEN: canary(), [name]: value } });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('error[PROVIDER_OPTIONS]');
    expect(result.stderr).toContain(`unset ${name}`);
    expect(server.requests).toEqual([]);
  });
});

describe('plain http', () => {
  /** Counts what connects, on an address of this machine that is not its loopback. */
  async function listener(): Promise<{ readonly port: number; readonly sockets: readonly Socket[] }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    atEnd(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, sockets };
  }

  const AWS_KEYS = { AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary() };
  it.each([
    [
      'vault',
      (url: string) => `vault: { address: "${url}", auth: { method: token } }`,
      'vault://secret/api#value',
      { VAULT_TOKEN: canary() },
    ],
    ['aws', (url: string) => `aws: { use: aws-secrets-manager, region: eu-west-1, endpoint: "${url}" }`, 'aws://db', AWS_KEYS],
    ['ssm', (url: string) => `ssm: { use: aws-parameter-store, region: eu-west-1, endpoint: "${url}" }`, 'ssm:///db', AWS_KEYS],
  ] as const)('A24 is refused by %s before it connects', async (_, entry, reference, env) => {
    const { port, sockets } = await listener();
    // 0.0.0.0 is no loopback address, and a connection to it reaches this machine.
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${entry(`http://0.0.0.0:${port}`)}\nsecrets:\n  API_KEY: ${reference}\n`,
    });
    const result = await one.environment(['--timeout', '3s'], { env });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('error[PROVIDER_OPTIONS]');
    expect(result.stderr).toContain('unencrypted');
    expect(sockets).toEqual([]);
  });
});

describe('redirects', () => {
  it('A25 never takes the token to another origin', async () => {
    const elsewhere = await vaultServer();
    for (const status of [301, 302, 307, 308]) {
      const server = await vaultServer((asked, { path }) =>
        asked === 'GET secret/data/api' ? { status, headers: { location: `${elsewhere.url}${path}` } } : undefined,
      );
      const one = await projectAt(`address: "${server.url}"`);
      const result = await one.environment([], { env: { VAULT_TOKEN: canary() } });
      expect(result).toMatchObject({ code: 125, env: undefined });
      expect(result.stderr).toContain('redirects to another address');
      expect(server.reads()).toBe(1);
    }
    expect(elsewhere.requests).toEqual([]);
  });

  it('A25 never takes a sign-in to another origin', async () => {
    const elsewhere = await vaultServer(() => signedIn(canary()));
    const server = await vaultServer((asked, { path }) =>
      asked.startsWith('POST') ? { status: 307, headers: { location: `${elsewhere.url}${path}` } } : undefined,
    );
    const manifest = `version: 1\nproviders:\n  vault: { address: "${server.url}", auth: { method: approle } }\nsecrets:\n  A: vault://secret/api#value\n`;
    const one = await project({ manifest });
    const result = await one.environment([], { env: { VAULT_ROLE_ID: 'api', VAULT_SECRET_ID: canary() } });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(elsewhere.requests).toEqual([]);
  });

  it('A25 never takes a write to another origin', async () => {
    const elsewhere = await vaultServer();
    const server = await vaultServer((asked, { path }) =>
      asked.startsWith('GET') ? undefined : { status: 307, headers: { location: `${elsewhere.url}${path}` } },
    );
    const one = await projectAt(`address: "${server.url}"`);
    const result = await one.run(['set', 'API_KEY'], { env: { VAULT_TOKEN: canary() }, input: canary() });
    expect(result.code).toBe(69);
    expect(elsewhere.requests).toEqual([]);
  });

  it('A25 follows one inside the same origin', async () => {
    const value = canary();
    const server = await vaultServer((asked) => {
      if (asked === 'GET secret/data/api') return { status: 307, headers: { location: '/v1/secret/data/moved' } };
      return asked === 'GET secret/data/moved' ? kv2({ value }) : undefined;
    });
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
    });
    const result = await one.environment([], { env: { VAULT_TOKEN: canary() } });
    expect(result.env?.get('API_KEY')?.toString()).toBe(value);
  });

  it('A25 holds for the AWS clients too', async () => {
    const elsewhere = await vaultServer();
    const server = await vaultServer((_, { path }) => ({ status: 307, headers: { location: `${elsewhere.url}${path}` } }));
    const entry = `aws: { use: aws-secrets-manager, region: eu-west-1, endpoint: "${server.url}" }`;
    const one = await project({ manifest: `version: 1\nproviders:\n  ${entry}\nsecrets:\n  A: aws://db\n` });
    const result = await one.environment([], { env: { AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary() } });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(elsewhere.requests).toEqual([]);
  });
});
