/** A first credential that works once: made by an operator on one side, exchanged by `run` on the other. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { baoAt, rule, unique, type Bao } from '../providers/vault/bao.ts';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { project, type Project } from './support/project.ts';

describeWith(['openbao'], 'secrets bootstrap', ({ openbao }) => {
  const value = canary();
  let bao: Bao;
  let mount: string;
  let operator: Project;
  let document: string;

  beforeAll(async () => {
    bao = baoAt(openbao);
    const kv = await bao.mountKv(2);
    document = `${kv}api`;
    await bao.must('POST', `${kv}data/api`, { data: { key: value } });
    const policy = `bootstrap-${unique()}`;
    await bao.must('POST', `sys/policies/acl/${policy}`, { policy: rule(`${kv}data/*`, 'read') });
    mount = `approle-${unique()}`;
    await bao.must('POST', `sys/auth/${mount}`, { type: 'approle' });
    await bao.must('POST', `auth/${mount}/role/api`, { token_policies: policy, secret_id_num_uses: 1 });
    const { url } = openbao;
    operator = await project({ manifest: `version: 1\nproviders:\n  vault: { address: "${url}" }\nsecrets: {}\n` });
  });

  const make = (...more: readonly string[]) =>
    operator.run(['bootstrap', 'vault', '--role', 'api', '--mount', mount, ...more], { env: { VAULT_TOKEN: openbao.token } });

  /** A machine that signs in with what is in a file. */
  async function machine(file: string): Promise<Project> {
    const role = await bao.must('GET', `auth/${mount}/role/api/role-id`);
    const auth = `{ method: approle, wrapped: true, mount: ${mount}, roleId: "${String(role.body.data?.['role_id'])}", secretIdFile: "${file}" }`;
    return project({
      manifest: `version: 1\nproviders:\n  vault: { address: "${openbao.url}", auth: ${auth} }\nsecrets:\n  KEY: vault://${document}#key\n`,
    });
  }

  const RUN = ['run', '--mask', 'never', '--', 'sh', '-c', 'printf %s "$KEY"'];

  it('is exchanged once, and the second time is reported as possible theft', async () => {
    const file = join(tempDir('bootstrap'), 'secret-id');
    const made = await make('--ttl', '5m', '--out', file);
    expect(made).toMatchObject({ code: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(made.stdout + made.stderr).not.toContain(readFileSync(file, 'utf8'));
    const one = await machine(file);
    expect(await one.run(RUN)).toMatchObject({ code: 0, stdout: value });
    const again = await one.run(RUN);
    expect(again).toMatchObject({ code: 125, stdout: '' });
    expect(again.stderr).toContain('error[UNAUTHENTICATED]');
    expect(again.stderr).toContain('treat it as stolen');
  });

  it('is refused where another token was put in its place', async () => {
    const file = join(tempDir('bootstrap'), 'secret-id');
    const headers = { 'x-vault-wrap-ttl': '5m' };
    const other = JSON.parse((await bao.must('POST', 'auth/token/create', { policies: ['default'] }, headers)).text) as {
      readonly wrap_info: { readonly token: string };
    };
    writeFileSync(file, other.wrap_info.token);
    const result = await (await machine(file)).run(RUN);
    expect(result).toMatchObject({ code: 125 });
    expect(result.stderr).toContain('in its place');
    // It was only looked at, so that its owner can still use it.
    expect((await bao.api('POST', 'sys/wrapping/unwrap', { token: other.wrap_info.token })).status).toBe(200);
  });

  it('goes to stdout when asked, and nowhere unasked', async () => {
    const revealed = await make('--reveal');
    expect(revealed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w.-]{20,}$/) as unknown });
    const json = JSON.parse((await make('--reveal', '--json')).stdout) as Readonly<Record<string, string>>;
    expect(Object.keys(json).sort()).toEqual(['accessor', 'expiresAt', 'provider', 'role', 'roleId', 'token']);
    const [nowhere, both] = [await make(), await make('--reveal', '--out', join(operator.dir, 'both'))];
    expect([nowhere.code, both.code, existsSync(join(operator.dir, 'both'))]).toEqual([64, 64, false]);
  });

  it('says which role is not there, and who may not make one', async () => {
    const none = await operator.run(['bootstrap', 'vault', '--role', 'nobody', '--mount', mount, '--reveal'], {
      env: { VAULT_TOKEN: openbao.token },
    });
    expect(none).toMatchObject({ code: 66, stdout: '' });
    const weak = await bao.token(rule('elsewhere/*', 'read'));
    const denied = await operator.run(['bootstrap', 'vault', '--role', 'api', '--mount', mount, '--reveal'], {
      env: { VAULT_TOKEN: weak },
    });
    expect(denied).toMatchObject({ code: 77, stdout: '' });
  });

  it.each([
    [['vault'], 'the role is missing'],
    [['vault', '--role', '../../x', '--reveal'], '--role takes the name'],
    [['vault', '--role', 'api', '--ttl', '2d', '--reveal'], '--ttl takes a duration'],
    [['vault', '--role', 'api', '--mount', 'a/../b', '--reveal'], '--mount takes a path'],
  ])('refuses %j', async (args, message) => {
    const result = await operator.run(['bootstrap', ...args]);
    expect(result).toMatchObject({ code: 64 });
    expect(result.stderr).toContain(message);
  });
});
