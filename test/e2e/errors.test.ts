/** What is refused although it could be done: showing values, values in arguments, providers and secrets out of place. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { faultServer } from './support/fault-server.ts';
import { project, type Project } from './support/project.ts';
import { vaultEntry, vaultServer } from './support/vault-server.ts';

describe('A55 values are not shown or typed by accident', () => {
  const manifest = 'version: 1\nproject: shown\nsecrets: { API_KEY: "local://api-key" }\n';

  it('A55 get shows nothing without --reveal, whatever stdout is', async () => {
    const one = await project({ manifest });
    const value = canary();
    await one.set('API_KEY', value);
    const file = join(one.dir, 'out.txt');
    const toFile = await one.run(['get', 'API_KEY'], { wrapper: ['sh', '-c', `exec "$@" > '${file}'`, 'sh'] });
    const terminal = one.pty(['get', 'API_KEY']);
    await terminal.exit;
    for (const { code, stdout, stderr } of [toFile, await one.run(['get', 'API_KEY']), await one.run(['get', 'API_KEY', '--json'])]) {
      expect([code, stdout]).toEqual([64, '']);
      expect(stderr).toContain('--reveal');
      expect(stderr).not.toContain(value);
    }
    expect((await terminal.exit).code).toBe(64);
    expect(terminal.text()).toContain('--reveal');
    expect(terminal.text()).not.toContain(value);
    expect(readFileSync(file, 'utf8')).toBe('');
    expect((await one.run(['get', 'API_KEY', '--reveal'])).stdout).toBe(value);
  });

  it('A55 set refuses a value among its arguments, shows nothing of it and keeps what is stored', async () => {
    const one = await project({ manifest });
    await one.set('API_KEY', 'canary-before');
    const value = canary();
    for (const more of [[], ['--json'], ['-v', '--debug']]) {
      const { code, stdout, stderr } = await one.run(['set', 'API_KEY', value, ...more]);
      expect([code, stdout]).toEqual([64, '']);
      expect(stderr).not.toContain(value);
      expect(stderr).toContain('history');
    }
    expect((await one.run(['get', 'API_KEY', '--reveal'])).stdout).toBe('canary-before');
  });
});

describe('A56 policy', () => {
  it('A56 a provider outside its profiles is refused with the owner, and not asked', async () => {
    const server = await vaultServer();
    const entry = vaultEntry(server).replace('auth:', 'profiles: [prod], auth:');
    const one = await project({
      manifest: `version: 1
providers:
  ${entry}
secrets:
  API_KEY: { ref: vault://secret/api#value, owner: ana, contact: "#ana" }
profiles:
  dev: {}
  prod: {}
`,
    });
    const env = { VAULT_TOKEN: canary() };
    const refused = await one.environment(['-p', 'dev'], { env });
    expect(refused).toMatchObject({ code: 125, env: undefined });
    expect(refused.stderr).toMatch(
      /error\[MANIFEST_INVALID\]: API_KEY: .*\n {2}at \.secretsrc:5:\d+\n {2}hint: .*\n {2}owner: ana \(#ana\)/,
    );
    expect(server.requests).toEqual([]);
    expect((await one.environment(['-p', 'prod'], { env })).code).toBe(0);
  });

  it('A56 a secret outside its profiles is not selected and never fetched; asked for by name it is a usage error', async () => {
    const server = await vaultServer();
    const one = await project({
      manifest: `version: 1
providers:
  ${vaultEntry(server)}
secrets:
  API_KEY: vault://secret/api#value
  PROD_KEY: { ref: vault://secret/prod#value, profiles: [prod] }
profiles:
  dev: {}
  prod: {}
`,
    });
    const env = { VAULT_TOKEN: canary() };
    const dev = await one.environment(['-p', 'dev'], { env });
    expect([dev.env?.has('API_KEY'), dev.env?.has('PROD_KEY'), server.reads('prod')]).toEqual([true, false, 0]);
    const asked = await one.environment(['-p', 'dev', '--only', 'PROD_KEY'], { env });
    expect(asked).toMatchObject({ code: 125, env: undefined });
    expect(asked.stderr).toContain('error[USAGE]');
    expect(asked.stderr).toContain('prod');
    expect(server.reads('prod')).toBe(0);
    expect((await one.environment(['-p', 'prod'], { env })).env?.has('PROD_KEY')).toBe(true);
  });

  it('A56 a value that its backend calls expired is refused, with its owner', async () => {
    const value = canary();
    const server = await vaultServer((asked) =>
      asked === 'GET secret/data/api'
        ? {
            body: {
              data: {
                data: { value },
                metadata: { version: 3, created_time: '2020-01-02T03:04:05Z', deletion_time: '2021-01-02T03:04:05Z', destroyed: false },
              },
            },
          }
        : undefined,
    );
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: { ref: vault://secret/api#value, owner: ana }\n`,
    });
    const { code, env, stderr } = await one.environment([], { env: { VAULT_TOKEN: canary() } });
    expect([code, env]).toEqual([125, undefined]);
    expect(stderr).toMatch(/error\[VALUE_INVALID\]: API_KEY: .*expired on 2021-01-02\n {2}at .*\n {2}hint: .*\n {2}owner: ana/);
    expect(stderr).not.toContain(value);
  });

  const aged = async (policy: string): Promise<{ readonly one: Project; readonly env: Readonly<Record<string, string>> }> => {
    const created = 1_577_934_245;
    const secret = { ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf', Name: 'db' };
    const version = { VersionId: 'v', VersionStages: ['AWSCURRENT'], CreatedDate: created };
    const answers: Readonly<Record<string, object>> = {
      DescribeSecret: { ...secret, CreatedDate: created, VersionIdsToStages: { v: ['AWSCURRENT'] } },
      ListSecretVersionIds: { ...secret, Versions: [version] },
      GetSecretValue: { ...secret, ...version, SecretString: canary() },
    };
    const server = await faultServer(({ headers }) => ({ body: answers[String(headers['x-amz-target']).split('.')[1] ?? ''] ?? {} }));
    const one = await project({
      manifest: `version: 1
providers:
  aws: { use: aws-secrets-manager, region: eu-west-1, endpoint: "${server.url}" }
policy: { ${policy} }
secrets:
  DB: { ref: aws://db, maxAge: 90d, owner: ana }
`,
    });
    return { one, env: { AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary() } };
  };

  it('A56 a value over its maxAge is a warning in run and a failure in check', async () => {
    const { one, env } = await aged('overAge: warn');
    const run = await one.environment([], { env });
    expect([run.code, run.env?.has('DB')]).toEqual([0, true]);
    expect(run.stderr).toMatch(/warning: DB: it is from 2020-01-02, older than its maxAge of 90d/);
    const check = await one.run(['check'], { env });
    expect(check.code, check.stdout + check.stderr).toBe(1);
    expect(check.stdout + check.stderr).toContain('DB');
  });

  it('A56 a value over its maxAge is refused only where the policy says so', async () => {
    const { one, env } = await aged('overAge: refuse');
    const run = await one.environment([], { env });
    expect([run.code, run.env]).toEqual([125, undefined]);
    expect(run.stderr).toMatch(/error\[VALUE_INVALID\]: DB: it is from 2020-01-02.*\n {2}at .*\n {2}hint: .*\n {2}owner: ana/);
  });
});
