import { describe, expect, it } from 'vitest';

import provider from '../../../src/providers/azure-key-vault/index.ts';
import { canary } from './fake-azure.ts';

const issues = async (options: unknown): Promise<string[]> => {
  const result = await provider.options['~standard'].validate(options);
  return (result.issues ?? []).map(
    ({ path = [], message }) => `${path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: ${message}`,
  );
};

describe('options of azure-key-vault', () => {
  it('accepts none, and everything that is documented', async () => {
    expect(await issues({})).toEqual([]);
    expect(await issues({ vaultUrl: 'http://127.0.0.1:8080' })).toEqual([]);
    const everything = {
      vaultUrl: 'https://team-kv.vault.azure.cn',
      vaultDomain: 'vault.azure.cn',
      tenantId: 'contoso.onmicrosoft.com',
      clientId: '22222222-2222-4222-8222-222222222222',
      authorityHost: 'https://login.chinacloudapi.cn',
      disableInstanceDiscovery: true,
      disableChallengeResourceVerification: false,
      additionallyAllowedTenants: ['*'],
      serviceVersion: '7.6',
      caFile: './ca.pem',
      auth: [{ method: 'workload-identity', tokenFile: './token' }, { method: 'managed-identity' }, { method: 'environment' }],
      operatorAuth: [{ method: 'cli', tenantId: 'x', subscription: 'dev' }],
      rotateAuth: [{ method: 'service-principal', clientSecretEnv: 'ROTATOR_SECRET', clientCertificateFile: 'cert.pem' }],
    };
    expect(await issues(everything)).toEqual([]);
  });

  it('refuses a client secret wherever it stands, without quoting it', async () => {
    const secret = canary();
    const found = [
      ...(await issues({ clientSecret: secret })),
      ...(await issues({ auth: [{ method: 'service-principal', clientSecret: secret }] })),
      ...(await issues({ operatorAuth: [{ method: 'cli', password: secret }] })),
    ];
    expect(found).toHaveLength(3);
    for (const issue of found) expect(issue).toMatch(/(clientSecret|password): .*AZURE_CLIENT_SECRET/);
    expect(found.join()).not.toContain(secret);
  });

  it.each([
    [{ vaulturl: 'https://x.vault.azure.net' }, ': unknown option vaulturl'],
    [{ auth: [{ method: 'cli', tenant: 'x' }] }, 'auth.0: unknown option tenant'],
    [
      { auth: [{ method: 'password' }] },
      'auth.0.method: needs a method: service-principal, environment, cli, workload-identity or managed-identity',
    ],
    [{ auth: [] }, 'auth: must name at least one sign-in method'],
    [{ auth: 'cli' }, 'auth: must be a list of sign-in methods'],
    [{ serviceVersion: '6' }, 'serviceVersion: must be one of 7.0,'],
    [{ vaultUrl: 'https://x.vault.azure.net/secrets' }, 'vaultUrl: must be an address such as'],
    [{ vaultUrl: 'https://user:pass@x.vault.azure.net' }, 'vaultUrl: must be an address such as'],
    [{ vaultUrl: 'http://team-kv.vault.azure.net' }, 'vaultUrl: must be an address such as https://'],
    [{ authorityHost: 'http://127.0.0.1:8080' }, 'authorityHost: must be an address such as https://'],
    [{ vaultUrl: 'team-kv' }, 'vaultUrl: must be an address such as'],
    [{ vaultDomain: 'https://vault.azure.cn' }, 'vaultDomain: must be the domain'],
    [{ tenantId: 'a b' }, 'tenantId: must be the id or the domain of a tenant'],
    [
      { auth: [{ method: 'service-principal', clientSecretEnv: 'A-B' }] },
      'auth.0.clientSecretEnv: must be the name of an environment variable',
    ],
    [7, ': must be names with values'],
  ])('says what is wrong with %j', async (options, message) => {
    expect((await issues(options)).join('\n')).toContain(message);
  });
});
