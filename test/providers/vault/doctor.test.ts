import { describe, expect, it } from 'vitest';
import { json } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { afterwards, fakeVault, type Rule } from './fake.ts';
import { openVault } from './vault.ts';

const TOKEN = 'canary-token-0c1d';

async function diagnose(rule: Rule, options: Record<string, unknown> = {}) {
  const fake = await fakeVault(rule);
  const { session } = await openVault({ address: fake.url, env: { VAULT_TOKEN: TOKEN }, options });
  afterwards(() => session.close());
  return { fake, report: await session.doctor(testOperation()) };
}

const health =
  (status: number): Rule =>
  ({ url }, response) =>
    url === '/v1/sys/health' ? json(response, status, {}) : false;

describe('doctor', () => {
  it.each([
    [200, 'ok', 'active'],
    [429, 'ok', 'a standby'],
    [472, 'fail', 'disaster recovery'],
    [473, 'ok', 'performance standby'],
    [501, 'fail', 'not initialised'],
    [503, 'fail', 'sealed'],
  ])('takes a health of %i for %s: %s', async (status, expected, message) => {
    const { fake, report } = await diagnose(health(status));
    expect(report.checks[0]).toMatchObject({ title: 'server', status: expected, message: expect.stringContaining(message) });
    // A server that serves nothing is not asked for anything more.
    expect(fake.received.length > 1).toBe(expected === 'ok');
  });

  it('asks for the health without token and namespace', async () => {
    const { fake } = await diagnose(health(200), { namespace: 'team' });
    expect(fake.received[0]?.headers).not.toHaveProperty('x-vault-token');
    expect(fake.received[0]?.headers).not.toHaveProperty('x-vault-namespace');
    expect(fake.received[1]?.headers).toMatchObject({ 'x-vault-namespace': 'team', 'x-vault-token': TOKEN });
  });

  it('shows no name that could be anything but a name', async () => {
    const { report } = await diagnose(({ url }, response) => {
      if (url.endsWith('lookup-self')) {
        return json(response, 200, {
          data: { display_name: `x ${TOKEN}\u001b[31m`, policies: ['default', `p ${TOKEN}`], ttl: 7_200, renewable: true },
        });
      }
      return health(200)({ url, method: '', headers: {}, body: '' }, response);
    });
    expect(report.identity).toBeUndefined();
    expect(report.checks.at(-1)?.message).toBe('signed in by VAULT_TOKEN; token with 2 h left, renewable; policies: default');
  });

  it('says who we are', async () => {
    const { report } = await diagnose(({ url }, response) => {
      if (url.endsWith('lookup-self'))
        return json(response, 200, { data: { display_name: 'jwt-repo:example/app:ref:refs/heads/main', policies: ['ci'], ttl: 900 } });
      return url.endsWith('health') ? json(response, 200, {}) : false;
    });
    expect(report.identity).toBe('jwt-repo:example/app:ref:refs/heads/main');
  });

  it('reports a server that is not there', async () => {
    const { session } = await openVault({ address: 'http://127.0.0.1:1', env: { VAULT_TOKEN: TOKEN } });
    expect((await session.doctor(testOperation())).checks).toEqual([
      {
        title: 'server',
        status: 'fail',
        code: 'PROVIDER_UNAVAILABLE',
        message: 'cannot connect to 127.0.0.1:1: connection refused',
        hint: expect.any(String),
      },
    ]);
  });
});
