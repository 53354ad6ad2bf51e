/** Where values and credentials must not be: output at any verbosity, errors, other programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { expectClean } from './support/clean.ts';
import type { CliOptions, CliResult } from './support/cli.ts';
import { echoes } from './support/echoes.ts';
import { faultServer } from './support/fault-server.ts';
import type { Answer, SeenRequest } from './support/fault-server.ts';
import { LOUD, NOISE } from './support/noise.ts';
import { child, project, type Project } from './support/project.ts';
import { kv2, vaultEntry, vaultServer } from './support/vault-server.ts';
import type { VaultServer } from './support/vault-server.ts';

interface Both {
  readonly one: Project;
  readonly server: VaultServer;
  readonly env: Readonly<Record<string, string>>;
  /** Everything secret in it. */
  readonly values: { readonly local: string; readonly vault: string; readonly token: string };
}

/** A project with one secret in the local store and one in a vault. */
async function both(more = ''): Promise<Both> {
  const values = { local: canary(), vault: canary(), token: canary() };
  const server = await vaultServer((asked) =>
    asked === 'GET secret/data/api' ? kv2({ value: values.vault, other: values.vault }) : undefined,
  );
  const manifest = `version: 1
project: leaks
providers:
  ${vaultEntry(server)}
secrets:
  FROM_LOCAL: local://from-local
  FROM_VAULT: vault://secret/api#value
${more}`;
  const one = await project({ manifest });
  await one.set('FROM_LOCAL', values.local);
  return { one, server, env: { VAULT_TOKEN: values.token }, values };
}

const ALL = ['-c', 'echo "$FROM_LOCAL" "$FROM_VAULT" >/dev/null'];

describe('A13 credentials that a run signed in with', () => {
  const AWS_KEYS = { AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary(), AWS_SESSION_TOKEN: canary() };
  const UNUSED = { AZURE_CLIENT_SECRET: canary(), VAULT_SECRET_ID: canary(), AWS_PROFILE_NOTE: canary() };
  const SELECTORS = { AWS_REGION: 'eu-west-1', VAULT_NAMESPACE: 'team', AWS_ROLE_ARN_NOTE: 'arn', VAULT_CACERT_NOTE: '/ca.pem' };
  const answer = (request: SeenRequest): Answer =>
    request.headers['x-amz-target'] === undefined
      ? {}
      : {
          body: {
            ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf',
            Name: 'db',
            SecretString: 'canary-db',
            VersionId: 'v',
            VersionStages: ['AWSCURRENT'],
          },
        };

  async function setUp(): Promise<{ readonly one: Project; readonly token: string; readonly env: Readonly<Record<string, string>> }> {
    const vault = await vaultServer();
    const aws = await faultServer(answer);
    const one = await project({
      manifest: `version: 1
providers:
  ${vaultEntry(vault)}
  aws: { use: aws-secrets-manager, endpoint: "${aws.url}" }
secrets:
  API_KEY: vault://secret/api#value
  DB: aws://db
`,
    });
    const token = canary();
    return { one, token, env: { VAULT_TOKEN: token, ...AWS_KEYS, ...UNUSED, ...SELECTORS } };
  }
  const USED = ['VAULT_TOKEN', ...Object.keys(AWS_KEYS)];
  const KEPT = [...Object.keys(UNUSED), ...Object.keys(SELECTORS)];
  const timesNamed = ({ stderr }: CliResult, name: string): number =>
    stderr.split('\n').filter((line) => line.includes('not passed on') && new RegExp(`\\b${name}\\b`).test(line)).length;

  it('A13 are absent from the child, which keeps selectors and what was not used; named once', async () => {
    const { one, env, token } = await setUp();
    const result = await one.environment([], { env });
    expect(result.code).toBe(0);
    for (const name of USED) {
      expect(result.env?.has(name), name).toBe(false);
      expect(timesNamed(result, name)).toBe(1);
    }
    for (const name of KEPT) expect(result.env?.get(name)?.toString(), name).toBe(env[name]);
    for (const name of KEPT) expect(result.stderr).not.toContain(`${name},`);
    expectClean(result.stdout + result.stderr, token, ...Object.values(AWS_KEYS));
  });

  it('A13 are named again when the child fails', async () => {
    const { one, env } = await setUp();
    const result = await one.run(['run', '--', process.execPath, child('exit-with.mjs'), '3'], { env });
    expect(result.code).toBe(3);
    for (const name of USED) expect(timesNamed(result, name)).toBe(2);
  });

  it('A13 are kept by --pass-env and by env.pass', async () => {
    const { one, env } = await setUp();
    const passed = await one.environment(['--pass-env', 'VAULT_TOKEN,AWS_ACCESS_KEY_ID'], { env });
    expect(passed.env?.get('VAULT_TOKEN')?.toString()).toBe(env['VAULT_TOKEN']);
    expect(passed.env?.get('AWS_ACCESS_KEY_ID')?.toString()).toBe(env['AWS_ACCESS_KEY_ID']);
    expect(passed.env?.has('AWS_SECRET_ACCESS_KEY')).toBe(false);
    expect(timesNamed(passed, 'VAULT_TOKEN')).toBe(0);
    one.write('.secretsrc', `${readFileSync(join(one.dir, '.secretsrc'), 'utf8')}env: { pass: [VAULT_TOKEN] }\n`);
    expect((await one.environment([], { env })).env?.get('VAULT_TOKEN')?.toString()).toBe(env['VAULT_TOKEN']);
  });

  it('A13 stay where their provider was not asked', async () => {
    const { one, env } = await setUp();
    const result = await one.environment(['--only', 'API_KEY'], { env });
    expect(result.env?.has('VAULT_TOKEN')).toBe(false);
    for (const [name, value] of Object.entries(AWS_KEYS)) expect(result.env?.get(name)?.toString()).toBe(value);
  });

  it('A13 the key of the local store reaches no child, whatever is asked', async () => {
    const { one, env } = await both();
    const result = await one.environment(['--pass-env', 'SECRETS_IDENTITY_FILE,SECRETS_PASSPHRASE'], {
      env: { ...env, SECRETS_PASSPHRASE: canary() },
    });
    expect(result.env?.has('FROM_LOCAL')).toBe(true);
    for (const name of ['SECRETS_IDENTITY_FILE', 'SECRETS_PASSPHRASE']) expect(result.env?.has(name)).toBe(false);
  });
});

describe('A10 the most that can be said', () => {
  it('A10 of every command that reads holds no value and no token', async () => {
    const { one, env, values } = await both();
    const loud = (args: readonly string[], more: CliOptions = {}): Promise<CliResult> =>
      one.run([...LOUD, ...args], { ...more, env: { ...env, ...NOISE } });
    const all = Object.values(values);
    one.write('notes.txt', `it is ${values.local}\n`);
    for (const args of [
      ['run', '--', 'sh', ...ALL],
      ['run', '--mask', 'never', '--', 'sh', ...ALL],
      ['run', '--dry-run', '--', 'true'],
      ['list', '--read'],
      ['check', '--read'],
      ['describe', 'FROM_VAULT', '--read'],
      ['explain'],
      ['scan', '.'],
      ['scan', '--duplicates'],
      ['history', 'FROM_LOCAL'],
      ['history', 'FROM_VAULT'],
      ['get', 'FROM_LOCAL'],
      ['trust', '--show'],
      ['doctor'],
      ['whoami'],
      ['providers'],
      ['providers', 'vault'],
      ['completion', 'bash'],
      ['schema'],
      ['nothing'],
    ]) {
      const result = await loud(args);
      expectClean(result.stdout + result.stderr, ...all);
      expect(result.code, `${args.join(' ')}: ${result.stderr}`).not.toBe(70);
    }
    const shown = await loud(['get', 'FROM_VAULT', '--reveal']);
    expect(shown.stdout).toBe(values.vault);
    expectClean(shown.stderr, ...all);
    const redacted = await loud(['redact'], { input: `${values.local} and ${values.vault}\n` });
    expectClean(redacted.stdout + redacted.stderr, ...all);
    expect(redacted.stdout).toContain(' and ');
  });

  it('A10 of every command that writes holds no value and no token', async () => {
    const { one, env, values } = await both();
    const fresh = canary();
    one.write('.env', `IMPORTED_KEY=${fresh}\n`);
    one.write('value.txt', fresh);
    const loud = (args: readonly string[], more: CliOptions = {}): Promise<CliResult> =>
      one.run([...LOUD, ...args], { ...more, env: { ...env, ...NOISE } });
    const results = [
      await loud(['set', 'FROM_LOCAL'], { input: fresh }),
      await loud(['set', 'FROM_LOCAL', '--from-file', 'value.txt']),
      await loud(['set', 'FROM_VAULT'], { input: fresh }),
      await loud(['import', '.env', '--yes', '--remove-source']),
      await loud(['setup', '--yes', '--no-input']),
      await loud(['move', 'FROM_LOCAL', '--to', 'vault://secret/moved#value', '--overwrite']),
      await loud(['remove', 'IMPORTED_KEY', '--yes']),
      await loud(['trust', '--yes']),
      await one.run([...LOUD, 'init', '--yes', '--import', '.env'], { cwd: (await importable(fresh)).dir, env: { ...env, ...NOISE } }),
    ];
    for (const { stdout, stderr } of results) expectClean(stdout + stderr, fresh, ...Object.values(values));
    // They did what they were asked for, otherwise nothing could have leaked; setup finds one value absent.
    expect(
      results.map(({ code }) => code),
      results.map(({ stdout, stderr }) => stdout + stderr).join('\n'),
    ).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  });

  it('A10 leaves NODE_DEBUG and DEBUG to the child', async () => {
    const { one, env } = await both();
    const result = await one.environment([], { env: { ...env, ...NOISE } });
    for (const [name, value] of Object.entries(NOISE)) expect(result.env?.get(name)?.toString()).toBe(value);
  });
});

const importable = (value: string): Promise<Project> => project({ files: { '.env': `OTHER_KEY=${value}\n` } });

describe('A11 a manager that repeats what it was sent', () => {
  it.each(echoes)('A11 by %s to a read of vault: a typed error with the name, and no more', async (_, answer) => {
    const [token, value] = [canary(), canary()];
    const server = await vaultServer((asked, request) => (asked.includes('/data/') ? answer(request, value) : undefined));
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
    });
    for (const more of [[], ['--json'], ['-v', '--debug']]) {
      const result = await one.environment(['--timeout', '1s', ...more], { env: { VAULT_TOKEN: token } });
      expect(result).toMatchObject({ code: 125, env: undefined });
      expectClean(result.stdout + result.stderr, token, value);
      expect(result.stderr).toContain('API_KEY');
      expect(result.stderr).toMatch(/PROVIDER_|DENIED|FIELD_NOT_FOUND|UNAUTHENTICATED/);
    }
  });

  it.each(echoes)('A11 by %s to a write of vault', async (_, answer) => {
    const [token, value] = [canary(), canary()];
    const server = await vaultServer((asked, request) => (asked.startsWith('GET') ? undefined : answer(request, value)));
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
    });
    for (const more of [[], ['--json'], ['-v', '--debug']]) {
      const result = await one.run(['set', 'API_KEY', '--timeout', '1s', ...more], { env: { VAULT_TOKEN: token }, input: value });
      expectClean(result.stdout + result.stderr, token, value);
      expect(result.code).not.toBe(70);
    }
    expect(server.asked().some((asked) => !asked.startsWith('GET'))).toBe(true);
  });

  it.each([
    ['aws', 'use: aws-secrets-manager', 'aws://db'],
    ['ssm', 'use: aws-parameter-store', 'ssm:///db'],
  ])('A11 to reads and writes of %s', async (name, use, reference) => {
    for (const [, answer] of echoes) {
      const value = canary();
      const keys = { AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary(), AWS_SESSION_TOKEN: canary() };
      const server = await faultServer((request) => answer(request, value));
      const one = await project({
        manifest: `version: 1\nproviders:\n  ${name}: { ${use}, region: eu-west-1, endpoint: "${server.url}" }\nsecrets:\n  API_KEY: ${reference}\n`,
      });
      const read = await one.environment(['--timeout', '1s', '--debug'], { env: keys });
      expect(read).toMatchObject({ code: 125, env: undefined });
      expect(read.stderr).toContain('API_KEY');
      const written = await one.run(['set', 'API_KEY', '--timeout', '1s', '--debug'], { env: keys, input: value });
      expect(written.code).not.toBe(70);
      expectClean(read.stderr + written.stdout + written.stderr, value, ...Object.values(keys));
    }
  });
});

describe('A12 an error that nobody expected', () => {
  it.each([
    ['throw', ['run', '--', 'true'], 125],
    ['reject', ['run', '--', 'true'], 125],
    ['throw', ['get', 'API_KEY', '--reveal'], 70],
    ['reject', ['get', 'API_KEY', '--reveal'], 70],
  ] as const)('A12 %s in %s shows a code and nothing of the error', async (how, args, code) => {
    const server = await vaultServer((asked) => (asked.includes('/data/') ? { instead: 'hang' } : undefined));
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
    });
    const [value, token] = [canary(), canary()];
    for (const more of [[], ['--debug'], ['--json']]) {
      const env = { VAULT_TOKEN: token, THROWN: value, THROWN_HOW: how, NODE_OPTIONS: `--require ${child('throw-later.cjs')}` };
      const result = await one.run([...more, ...args], { env });
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toContain('INTERNAL');
      expectClean(result.stderr, value, token);
    }
  });
});
