import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { startBed } from '../../bed/bed.ts';
import { describeWith } from '../../bed/use.ts';
import { json, startServer } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { baoAt, rule, unique, type Bao } from './bao.ts';
import { afterwards } from './fake.ts';
import { faultIn, textOf, type Opened } from './vault.ts';

const op = testOperation();

describeWith(['openbao', 'oidc'], 'signing in to OpenBao', ({ openbao, oidc }) => {
  let bao: Bao;
  let key: string;
  let policy: string;

  beforeAll(async () => {
    bao = baoAt(openbao);
    const mount = await bao.mountKv(2);
    key = `${mount}a`;
    policy = `sign-in-${unique()}`;
    await bao.must('POST', `${mount}data/a`, { data: { x: '1' } });
    await bao.must('POST', `sys/policies/acl/${policy}`, { policy: rule(`${mount}data/*`, 'read') });
  });

  const read = async ({ session }: Opened): Promise<string> => textOf((await session.resolve([{ key }], op))[0]);
  const isAlive = async (token: string): Promise<boolean> => (await bao.api('POST', 'auth/token/lookup', { token })).status === 200;
  const tokenOf = ({ host }: Opened): string => host.sensitives.at(-1)?.reveal().toString() ?? '';

  /** An AppRole with its own mount; `settings` are those of the role. */
  async function appRole(settings: Readonly<Record<string, unknown>> = {}) {
    const mount = `approle-${unique()}`;
    await bao.must('POST', `sys/auth/${mount}`, { type: 'approle' });
    await bao.must('POST', `auth/${mount}/role/ci`, { token_policies: policy, token_ttl: '10m', ...settings });
    const roleId = String((await bao.api('GET', `auth/${mount}/role/ci/role-id`)).body.data?.['role_id']);
    const secretId = async (): Promise<string> =>
      String((await bao.must('POST', `auth/${mount}/role/ci/secret-id`, {})).body.data?.['secret_id']);
    const open = async (secret: string): Promise<Opened> =>
      bao.open({ options: { auth: { method: 'approle', mount } }, env: { VAULT_ROLE_ID: roleId, VAULT_SECRET_ID: secret } });
    return { mount, roleId, secretId, open };
  }

  it('by an AppRole, whose token ends with the session', async () => {
    const { open, secretId } = await appRole();
    const opened = await open(await secretId());
    expect(await read(opened)).toBe('{"x":"1"}');
    expect((await opened.session.doctor(op)).checks).toMatchObject([
      { status: 'ok' },
      { status: 'ok', message: expect.stringContaining('signed in by auth/approle-') },
    ]);
    const token = tokenOf(opened);
    expect(await isAlive(token)).toBe(true);
    await opened.session.close();
    expect(await isAlive(token)).toBe(false);
  });

  it('by an AppRole again, when the token was revoked meanwhile', async () => {
    const { open, secretId } = await appRole();
    const opened = await open(await secretId());
    await read(opened);
    const first = tokenOf(opened);
    await bao.api('POST', 'auth/token/revoke', { token: first });
    expect(await read(opened)).toBe('{"x":"1"}');
    expect(tokenOf(opened)).not.toBe(first);
  });

  it('by a secret id that is used up says so', async () => {
    const { open, secretId } = await appRole({ secret_id_num_uses: 1 });
    const secret = await secretId();
    await read(await open(secret));
    const fault = faultIn((await (await open(secret)).session.resolve([{ key }], op))[0]);
    expect(fault.kind).toBe('unauthenticated');
    expect(fault.message).toMatch(/refused the approle sign-in at auth\/approle-\w+ \(\d+\)/);
    expect(fault.detail.hint).toContain('used up');
  });

  it('by a batch token, which is left to its end', async () => {
    const { open, secretId } = await appRole({ token_type: 'batch' });
    const opened = await open(await secretId());
    expect(await read(opened)).toBe('{"x":"1"}');
    await opened.session.close();
    expect(await isAlive(tokenOf(opened))).toBe(true);
  });

  it('with a token that expired is unauthenticated, with one that lacks rights denied', async () => {
    const weak = await bao.open({ env: { VAULT_TOKEN: await bao.token(rule('elsewhere/*', 'read')) } });
    expect(faultIn((await weak.session.resolve([{ key }], op))[0]).kind).toBe('denied');
    const token = await bao.token(rule(`${key.split('/')[0]}/*`, 'read'));
    const opened = await bao.open({ env: { VAULT_TOKEN: token } });
    expect(await read(opened)).toBe('{"x":"1"}');
    await bao.api('POST', 'auth/token/revoke', { token });
    const fault = faultIn((await opened.session.resolve([{ key }], op))[0]);
    expect([fault.kind, fault.detail.hint]).toEqual(['unauthenticated', 'sign in again and set VAULT_TOKEN']);
  });

  it('by an identity token of an OIDC issuer', async () => {
    const mount = `jwt-${unique()}`;
    await bao.must('POST', `sys/auth/${mount}`, { type: 'jwt' });
    await bao.must('POST', `auth/${mount}/config`, { oidc_discovery_url: oidc.issuer, bound_issuer: oidc.issuer });
    await bao.must('POST', `auth/${mount}/role/ci`, {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['vault'],
      token_policies: [policy],
      token_ttl: '60s',
    });
    const mint = async (claims: object, more: object = {}): Promise<string> => {
      const response = await fetch(`${oidc.controlUrl}/mint`, {
        method: 'POST',
        body: JSON.stringify({ claims: { sub: 'repo:x', ...claims }, ...more }),
      });
      return ((await response.json()) as { token: string }).token;
    };
    const open = async (token: string): Promise<Opened> =>
      bao.open({ options: { auth: { method: 'jwt', mount, role: 'ci', from: { env: 'ID_TOKEN' } } }, env: { ID_TOKEN: token } });
    const opened = await open(await mint({ aud: 'vault' }));
    expect(await read(opened)).toBe('{"x":"1"}');
    expect(opened.host.credentials).toEqual(['ID_TOKEN']);
    for (const token of [await mint({ aud: 'other' }), await mint({ aud: 'vault' }, { key: 'unknown' }), 'canary-no-jwt']) {
      const fault = faultIn((await (await open(token)).session.resolve([{ key }], op))[0]);
      expect(fault.kind).toBe('unauthenticated');
      expect(fault.message).not.toContain(token);
    }
  });

  it('by a Kubernetes service account', async () => {
    const cluster = await startServer(({ body }, response) => {
      const { spec } = JSON.parse(body) as { spec: { token: string } };
      const user = { username: 'system:serviceaccount:default:api', uid: 'uid-1', groups: ['system:serviceaccounts'] };
      json(response, 201, {
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        status: spec.token === token ? { authenticated: true, user } : { authenticated: false },
      });
    });
    afterwards(() => cluster.close());
    const claims = {
      sub: 'system:serviceaccount:default:api',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'api', uid: 'uid-1' }, pod: { name: 'p', uid: 'u' } },
    };
    const response = await fetch(`${oidc.controlUrl}/mint`, { method: 'POST', body: JSON.stringify({ claims }) });
    const { token } = (await response.json()) as { token: string };
    const mount = `k8s-${unique()}`;
    await bao.must('POST', `sys/auth/${mount}`, { type: 'kubernetes' });
    await bao.must('POST', `auth/${mount}/config`, {
      kubernetes_host: cluster.url,
      kubernetes_ca_cert: readFileSync(openbao.caFile, 'utf8'),
      disable_local_ca_jwt: true,
      token_reviewer_jwt: token,
    });
    await bao.must('POST', `auth/${mount}/role/api`, {
      bound_service_account_names: 'api',
      bound_service_account_namespaces: 'default',
      token_policies: policy,
      token_ttl: '60s',
    });
    const dir = mkdtempSync(join(tmpdir(), 'secrets-k8s-'));
    afterwards(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, 'token'), `${token}\n`);
    const opened = await bao.open({
      options: { auth: { method: 'kubernetes', mount, role: 'api', tokenFile: join(dir, 'token') } },
      env: {},
    });
    expect(await read(opened)).toBe('{"x":"1"}');
    const other = await bao.open({
      options: { auth: { method: 'kubernetes', mount, role: 'nope', tokenFile: join(dir, 'token') } },
      env: {},
    });
    expect(faultIn((await other.session.resolve([{ key }], op))[0]).kind).toBe('unauthenticated');
  });

  it('is not tried while the server is sealed, which is said', async () => {
    const own = await startBed({ components: ['openbao'] });
    afterwards(() => own.stop());
    const facts = own.components.openbao;
    if (facts === undefined) throw new Error(own.skipped.openbao);
    const sealed = baoAt(facts);
    await sealed.api('POST', 'sys/seal');
    const { session } = await sealed.open();
    const fault = faultIn((await session.resolve([{ key: 'secret/a' }], op))[0]);
    expect([fault.kind, fault.detail.status]).toEqual(['unavailable', 503]);
    expect(fault.message).toContain('it is sealed');
    expect(fault.detail.hint).toContain('operator unseal');
    expect((await session.doctor(op)).checks).toEqual([
      { title: 'server', status: 'fail', message: 'sealed', hint: expect.stringContaining('operator unseal') },
    ]);
  });
});
