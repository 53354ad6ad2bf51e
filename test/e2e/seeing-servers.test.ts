/** What is asked of real servers to list and check: metadata only, many references in few requests. */
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { canary } from './support/canary.ts';
import { project } from './support/project.ts';
import { relayTo, type Relay } from './support/relay.ts';

interface Listed {
  readonly secrets: readonly {
    readonly manifest: string;
    readonly name: string;
    readonly state: string;
    readonly version?: string;
    readonly ageSeconds?: number;
    readonly sharedWith?: readonly { readonly manifest: string }[];
  }[];
}

const DOCUMENTS = 100;
const FIELDS = ['a', 'b', 'c', 'd', 'e'] as const;
const numbers = [...Array(DOCUMENTS).keys()];
const counted = (relay: Relay, patterns: Readonly<Record<string, RegExp>>): Readonly<Record<string, number>> => {
  const asked = relay.taken();
  const known = Object.entries(patterns).map(([name, pattern]) => [name, asked.filter((one) => pattern.test(one)).length] as const);
  return Object.fromEntries([...known, ['others', asked.length - known.reduce((sum, [, count]) => sum + count, 0)]]);
};

/** Two manifests, which share half of the documents. */
const halves = (provider: string, reference: (n: number, field: string) => string): readonly [string, string] => {
  const manifest = (from: number, to: number): string =>
    `version: 1\nproviders:\n  ${provider}\nsecrets:\n${numbers
      .slice(from, to)
      .flatMap((n) => FIELDS.map((field) => `  S${n}_${field}: { ref: "${reference(n, field)}", maxAge: 1d }\n`))
      .join('')}`;
  return [manifest(0, 75), manifest(25, 100)];
};

describeWith('openbao', 'OpenBao', ({ url, token }) => {
  const call = async (method: string, path: string, body?: object): Promise<void> => {
    const answer = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.status, path).toBeLessThan(300);
  };

  it('lists 750 references of two manifests by 2 requests for each of 100 documents, and never reads a value', async () => {
    const mount = `seeing-${randomBytes(4).toString('hex')}`;
    await call('POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } });
    const value = canary();
    await Promise.all(
      numbers.map((n) => call('POST', `${mount}/data/app/s${n}`, { data: Object.fromEntries(FIELDS.map((field) => [field, value])) })),
    );
    await call('POST', `${mount}/metadata/app/s0`, { custom_metadata: { 'rotated.a': '2026-01-01T00:00:00Z' } });
    const relay = await relayTo(url);
    const [one, two] = halves(
      `vault: { address: "${relay.url}", auth: { method: token } }`,
      (n, field) => `vault://${mount}/app/s${n}#${field}`,
    );
    const at = await project({ files: { 'one/.secretsrc': one, 'two/.secretsrc': two } });
    const { stdout, stderr, code } = await at.run(['list', '--workspace', '.', '--json'], { env: { VAULT_TOKEN: token } });
    expect(code, stderr).toBe(0);
    const asked = counted(relay, { metadata: /^GET \/v1\/\S+\/metadata\/app/, subkeys: /\/subkeys\/app/, data: /\/data\// });
    expect(asked).toMatchObject({ metadata: DOCUMENTS, subkeys: DOCUMENTS, data: 0 });
    expect(asked['others']).toBeLessThanOrEqual(3);
    const { secrets } = JSON.parse(stdout) as Listed;
    expect(secrets).toHaveLength(750);
    expect(secrets.filter(({ sharedWith }) => sharedWith?.length === 1)).toHaveLength(500);
    // Age is per field: only what was recorded for one is known.
    expect(secrets.filter(({ ageSeconds }) => ageSeconds !== undefined).map(({ name }) => name)).toEqual(['S0_a']);
    expect(secrets.find(({ name }) => name === 'S0_a')?.state).toBe('overdue');
    expect(secrets.every(({ version }) => version === '1')).toBe(true);
    expect(stdout + stderr).not.toContain(value);
  });
});

describeWith('moto', 'AWS Secrets Manager', ({ url, region, accessKeyId, secretAccessKey }) => {
  const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const client = new SecretsManagerClient({ endpoint: url, region, credentials: { accessKeyId, secretAccessKey } });

  it('lists 750 references of two manifests by a page for 100 documents, and never reads a value', async () => {
    const folder = `seeing-${randomBytes(4).toString('hex')}`;
    const value = canary();
    const text = JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, value])));
    for (const n of numbers) await client.send(new CreateSecretCommand({ Name: `${folder}/s${n}`, SecretString: text }));
    const { VersionId } = await client.send(new PutSecretValueCommand({ SecretId: `${folder}/s7`, SecretString: text }));
    const relay = await relayTo(url);
    const [one, two] = halves(
      `aws: { use: aws-secrets-manager, region: ${region}, endpoint: "${relay.url}" }`,
      (n, field) => `aws://${folder}/s${n}#${field}`,
    );
    const at = await project({ files: { 'one/.secretsrc': one, 'two/.secretsrc': two } });
    const list = async (): Promise<Listed> => {
      const { stdout, stderr, code } = await at.run(['list', '--workspace', '.', '--json'], { env: credentials });
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).not.toContain(value);
      return JSON.parse(stdout) as Listed;
    };
    const { secrets } = await list();
    const asked = counted(relay, { list: /^ListSecrets$/, versions: /^ListSecretVersionIds$/ });
    // The date of a version that followed another is not in the list.
    expect(asked).toEqual({ list: 1, versions: 1, others: 0 });
    expect(secrets).toHaveLength(750);
    expect(new Set(secrets.map(({ state }) => state))).toEqual(new Set(['unknown']));
    expect(secrets.filter(({ name, version }) => name === 'S7_a' && version === VersionId)).toHaveLength(1);
  });

  it('knows the age of a whole document, and reads what is unknown with --read only', async () => {
    const folder = `seeing-${randomBytes(4).toString('hex')}`;
    await client.send(new CreateSecretCommand({ Name: `${folder}/whole`, SecretString: canary() }));
    await client.send(new CreateSecretCommand({ Name: `${folder}/doc`, SecretString: JSON.stringify({ key: canary() }) }));
    const relay = await relayTo(url);
    const at = await project({
      manifest: `version: 1
providers:
  aws: { use: aws-secrets-manager, region: ${region}, endpoint: "${relay.url}" }
secrets:
  WHOLE: { ref: "aws://${folder}/whole", maxAge: 90d }
  FIELD: { ref: "aws://${folder}/doc#key" }
`,
    });
    const states = async (...more: readonly string[]): Promise<Readonly<Record<string, string>>> => {
      const { stdout } = await at.run(['list', '--json', ...more], { env: credentials });
      return Object.fromEntries((JSON.parse(stdout) as Listed).secrets.map(({ name, state }) => [name, state]));
    };
    expect(await states()).toEqual({ WHOLE: 'current', FIELD: 'unknown' });
    expect(relay.taken().filter((action) => /Value/.test(action))).toEqual([]);
    expect(await states('--read')).toEqual({ WHOLE: 'current', FIELD: 'current' });
    expect(relay.taken().filter((action) => /Value/.test(action))).toHaveLength(1);
    const checked = await at.run(['check'], { env: credentials });
    expect([checked.code, relay.taken().filter((action) => /Value/.test(action))]).toEqual([0, []]);
    expect(checked.stderr).toContain('FIELD: only reading it tells whether it is there');
  });
});
