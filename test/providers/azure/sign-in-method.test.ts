import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { testHost } from '../../support/host.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';
import type { Options } from '../../../src/providers/azure-key-vault/options.ts';
import { chooseSignIn, methodsFor } from '../../../src/providers/azure-key-vault/sign-in-method.ts';
import { CLIENT, SIGN_IN_ENV, TENANT } from './fake-azure.ts';
import { faultOf } from './session.ts';

const folder = mkdtempSync(join(tmpdir(), 'azure-sign-in-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, process.platform === 'win32' ? 'az.cmd' : 'az'), '');
chmodSync(join(folder, process.platform === 'win32' ? 'az.cmd' : 'az'), 0o755);
writeFileSync(join(folder, 'token'), '');
writeFileSync(join(folder, 'cert.pem'), '');

const never = (): Promise<boolean> => Promise.reject(new Error('the metadata service was asked for'));
const absent = (): Promise<boolean> => Promise.resolve(false);
const choose = async (options: Options, env: Record<string, string>, metadata = never, role: Host['role'] = 'workload') => {
  const { signIn, credentials } = await chooseSignIn(options, testHost({ env, baseDir: folder, role }), metadata);
  return { method: signIn.method, credentials, signIn };
};

const FEDERATED = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_FEDERATED_TOKEN_FILE: join(folder, 'token') };
const MANAGED = { IDENTITY_ENDPOINT: 'http://localhost/msi/token', IDENTITY_HEADER: 'x' };
const CLI = { PATH: folder };

describe('choosing how to sign in to Azure', () => {
  it('takes by default what the platform gives before what a person has', async () => {
    const all = { ...FEDERATED, ...MANAGED, ...SIGN_IN_ENV, ...CLI };
    expect((await choose({}, all)).method).toBe('workload-identity');
    const { AZURE_FEDERATED_TOKEN_FILE: _file, ...withoutToken } = all;
    expect((await choose({}, withoutToken)).method).toBe('managed-identity');
    expect((await choose({}, { ...SIGN_IN_ENV, ...CLI })).method).toBe('client-secret');
    expect((await choose({}, CLI)).method).toBe('cli');
  });

  it('asks for metadata of the machine last, and only when nothing else is there', async () => {
    expect((await choose({}, {}, () => Promise.resolve(true))).method).toBe('managed-identity');
    const fault = await faultOf(choose({}, { PATH: '/nowhere' }, absent));
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toBe(
      'there is nothing to sign in to Azure with (workload-identity: AZURE_FEDERATED_TOKEN_FILE is not set; managed-identity: no metadata service here; service-principal: AZURE_CLIENT_SECRET is not set; cli: az is not installed)',
    );
    expect(fault.detail.hint).toMatch(/^az login/);
  });

  it('asks for it at once for a managed identity that auth lists', async () => {
    const auth: Options['auth'] = [{ method: 'managed-identity' }, { method: 'cli' }];
    expect((await choose({ auth }, CLI, () => Promise.resolve(true))).method).toBe('managed-identity');
    expect((await choose({ auth }, CLI, absent)).method).toBe('cli');
  });

  it('keeps to the list of auth', async () => {
    expect((await choose({ auth: [{ method: 'cli' }] }, { ...FEDERATED, ...CLI })).method).toBe('cli');
    expect((await faultOf(choose({ auth: [{ method: 'environment' }] }, { ...FEDERATED, ...CLI }))).message).toBe(
      'there is nothing to sign in to Azure with (environment: AZURE_CLIENT_SECRET is not set)',
    );
  });

  it('says which variables were used up', async () => {
    expect((await choose({}, SIGN_IN_ENV)).credentials).toEqual(['AZURE_CLIENT_SECRET']);
    expect((await choose({}, MANAGED)).credentials).toEqual(['IDENTITY_HEADER']);
    expect((await choose({}, FEDERATED)).credentials).toEqual([]);
    const other: Options = {
      tenantId: TENANT,
      clientId: CLIENT,
      auth: [{ method: 'service-principal', clientSecretEnv: 'DEPLOY_SECRET' }],
    };
    const chosen = await choose(other, { DEPLOY_SECRET: 'x', AZURE_CLIENT_SECRET: 'other' });
    expect(chosen.credentials).toEqual(['DEPLOY_SECRET']);
    expect(chosen.signIn).toMatchObject({ tenantId: TENANT, clientId: CLIENT });
  });

  it('names the part of a service principal that is missing', async () => {
    const auth: Options['auth'] = [{ method: 'service-principal' }];
    expect((await faultOf(choose({ auth }, { AZURE_CLIENT_SECRET: 'x' }))).message).toContain('AZURE_TENANT_ID is not set');
    expect((await faultOf(choose({ auth, tenantId: TENANT }, { AZURE_CLIENT_SECRET: 'x' }))).message).toContain(
      'AZURE_CLIENT_ID is not set',
    );
    expect((await faultOf(choose({ auth }, { ...SIGN_IN_ENV, AZURE_CLIENT_SECRET: '' }))).message).toContain(
      'AZURE_CLIENT_SECRET is not set',
    );
  });

  it('takes certificates by file and by environment', async () => {
    const auth: Options['auth'] = [
      { method: 'service-principal', clientCertificateFile: './cert.pem', clientCertificatePasswordEnv: 'PASS' },
    ];
    const chosen = await choose({ auth }, { ...SIGN_IN_ENV, PASS: 'p' });
    expect(chosen.signIn).toMatchObject({ method: 'client-certificate', file: join(folder, 'cert.pem') });
    expect(chosen.credentials).toEqual(['PASS']);
    const missing: Options['auth'] = [{ method: 'service-principal', clientCertificateFile: 'none.pem' }];
    expect((await faultOf(choose({ auth: missing }, SIGN_IN_ENV))).message).toContain('the file of clientCertificateFile is not there');
    const { AZURE_CLIENT_SECRET: _secret, ...app } = SIGN_IN_ENV;
    const env = { ...app, AZURE_CLIENT_CERTIFICATE_PATH: '/c.pem', AZURE_CLIENT_CERTIFICATE_PASSWORD: 'p' };
    const fromEnv = await choose({ auth: [{ method: 'environment' }] }, env);
    expect(fromEnv.signIn).toMatchObject({ method: 'client-certificate', file: '/c.pem' });
    expect(fromEnv.credentials).toEqual(['AZURE_CLIENT_CERTIFICATE_PASSWORD']);
  });

  it('passes by a token file of the options that is not there, but not one of the environment', async () => {
    const auth: Options['auth'] = [{ method: 'workload-identity', tokenFile: 'none' }, { method: 'cli' }];
    expect((await choose({ auth }, { ...FEDERATED, ...CLI })).method).toBe('cli');
    expect((await choose({}, { ...FEDERATED, AZURE_FEDERATED_TOKEN_FILE: '/none', ...CLI })).method).toBe('workload-identity');
  });

  it('gives each role its methods', () => {
    const a: Options['auth'] = [{ method: 'cli' }];
    const o: Options['auth'] = [{ method: 'environment' }];
    const r: Options['auth'] = [{ method: 'managed-identity' }];
    expect(
      (['workload', 'operator', 'rotate'] as const).map((role) => methodsFor({ auth: a, operatorAuth: o, rotateAuth: r }, role)),
    ).toEqual([a, o, r]);
    expect(methodsFor({ auth: a, operatorAuth: o }, 'rotate')).toBe(o);
    expect(methodsFor({ auth: a }, 'rotate')).toBe(a);
    expect(methodsFor({ operatorAuth: o }, 'workload')).not.toBe(o);
  });
});
