/** How many requests a run makes: each document once, in batches where there are any, and never too many at a time. */
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { faultServer } from './support/fault-server.ts';
import type { Answer, FaultServer, SeenRequest } from './support/fault-server.ts';
import { project, type ChildEnvironment } from './support/project.ts';
import { kv2, vaultEntry, vaultServer } from './support/vault-server.ts';

const SINGLE = 28;
const FIELDS = 12;
const DUPLICATES = 10;
const ENV = { VAULT_TOKEN: canary(), AWS_ACCESS_KEY_ID: canary(), AWS_SECRET_ACCESS_KEY: canary() };

/** 50 references: 28 documents, 10 of them once more under another name, and 12 fields of one further document. */
function fifty(document: (name: string) => string, field: (name: string) => string): readonly string[] {
  const numbers = (count: number): readonly number[] => [...Array(count).keys()];
  return [
    ...numbers(SINGLE).map((n) => `ONE_${n}: "${document(`one-${n}`)}"`),
    ...numbers(DUPLICATES).map((n) => `AGAIN_${n}: "${document(`one-${n}`)}"`),
    ...numbers(FIELDS).map((n) => `FIELD_${n}: "${field(`f${n}`)}"`),
  ];
}

async function run(provider: string, secrets: readonly string[]): Promise<ChildEnvironment> {
  const [first] = await runs(1, provider, secrets);
  return first;
}

/** So many runs of one project, one after the other. */
async function runs(
  count: number,
  provider: string,
  secrets: readonly string[],
): Promise<readonly [ChildEnvironment, ...ChildEnvironment[]]> {
  const one = await project({
    manifest: `version: 1\nproviders:\n  ${provider}\nsecrets:\n${secrets.map((line) => `  ${line}\n`).join('')}`,
  });
  const results: [ChildEnvironment, ...ChildEnvironment[]] = [await one.environment([], { env: ENV })];
  while (results.length < count) results.push(await one.environment([], { env: ENV }));
  return results;
}

function expectAll({ env, stderr }: ChildEnvironment, document: (name: string) => string): void {
  expect(env, stderr).toBeDefined();
  for (let n = 0; n < SINGLE; n++) expect(env?.get(`ONE_${n}`)?.toString()).toBe(document(`one-${n}`));
  for (let n = 0; n < DUPLICATES; n++) expect(env?.get(`AGAIN_${n}`)?.toString()).toBe(document(`one-${n}`));
  for (let n = 0; n < FIELDS; n++) expect(env?.get(`FIELD_${n}`)?.toString()).toBe(`field ${n}`);
}

const MANY = Object.fromEntries([...Array(FIELDS).keys()].map((n) => [`f${n}`, `field ${n}`]));
const valueOf = (name: string): string => `value of ${name}`;

describe('vault', () => {
  it('A38 reads each of 29 documents once for 50 references', async () => {
    const server = await vaultServer((asked) => {
      const name = /^GET secret\/data\/(.+)$/.exec(asked)?.[1];
      if (name === undefined) return undefined;
      return { ...kv2(name === 'many' ? MANY : { value: valueOf(name) }), delayMs: 30 };
    });
    const result = await run(
      vaultEntry(server),
      fifty(
        (name) => `vault://secret/${name}#value`,
        (field) => `vault://secret/many#${field}`,
      ),
    );
    expectAll(result, valueOf);
    const reads = server.asked().filter((asked) => asked.startsWith('GET secret/data/'));
    expect(reads).toHaveLength(SINGLE + 1);
    expect(new Set(reads).size).toBe(reads.length);
    expect(server.requests).toHaveLength(reads.length + 1);
  });

  it('A38 asks for the mount together with the documents when an earlier run was told about it', async () => {
    // In the second run nothing is answered before all of it has come.
    const all = Promise.withResolvers<undefined>();
    let asked = 0;
    const server = await faultServer(async ({ path }): Promise<Answer> => {
      asked += 1;
      if (asked === 6) all.resolve(undefined);
      if (asked > 3) await all.promise;
      return path.includes('/data/')
        ? kv2({ value: path })
        : { body: { data: { path: 'secret/', type: 'kv', options: { version: '2' } } } };
    });
    const both = await runs(2, vaultEntry(server), ['A: vault://secret/a#value', 'B: vault://secret/b#value']);
    for (const { env } of both) expect(env?.get('B')?.toString()).toBe('/v1/secret/data/b');
    expect(server.requests.slice(0, 1).map(({ path }) => path)).toEqual(['/v1/sys/internal/ui/mounts/secret/a']);
    expect(
      server.requests
        .slice(3)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(
      server.requests
        .slice(0, 3)
        .map(({ path }) => path)
        .toSorted(),
    );
  });

  it('A38 keeps 32 requests in flight and never more', async () => {
    // No answer until as many requests are open as may be; then each is slow, so that one more would be seen beside them.
    const full = Promise.withResolvers<undefined>();
    let open = 0;
    const server = await faultServer(async ({ path }): Promise<Answer> => {
      if (!path.includes('/data/')) return { body: { data: { path: 'secret/', type: 'kv', options: { version: '2' } } } };
      if (++open === 32) full.resolve(undefined);
      await full.promise;
      return { ...kv2({ value: 'x' }), delayMs: 200 };
    });
    const names = [...Array(100).keys()];
    const result = await run(
      vaultEntry(server),
      names.map((n) => `ONE_${n}: vault://secret/one-${n}#value`),
    );
    expect(result.env?.get('ONE_99')?.toString()).toBe('x');
    expect(server.maxInFlight()).toBe(32);
    expect(server.requests).toHaveLength(names.length + 1);
  });
});

/** Calls of one operation of AWS's JSON protocol. */
function inputs({ requests }: FaultServer, action: string): readonly Readonly<Record<string, unknown>>[] {
  return requests.filter((request) => actionOf(request) === action).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}
const actionOf = ({ headers }: SeenRequest): string => String(headers['x-amz-target']).split('.').at(-1) ?? '';

const CREATED = 1_767_323_045;

describe('AWS Secrets Manager', () => {
  const entryOf = (name: string): object => ({
    ARN: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`,
    Name: name,
    SecretString: name === 'many' ? JSON.stringify(MANY) : valueOf(name),
    VersionId: '7f3c2f6e-1111-2222-3333-444455556666',
    VersionStages: ['AWSCURRENT'],
    CreatedDate: CREATED,
  });
  const entry = ({ url }: FaultServer): string => `aws: { use: aws-secrets-manager, region: eu-west-1, endpoint: "${url}" }`;
  const references = fifty(
    (name) => `aws://${name}`,
    (field) => `aws://many#${field}`,
  );

  it('A38 asks for 29 secrets in two batches', async () => {
    const server = await faultServer((request) => {
      const { SecretIdList: ids = [] } = JSON.parse(request.body) as { SecretIdList?: readonly string[] };
      return { body: { SecretValues: ids.map(entryOf), Errors: [] } };
    });
    expectAll(await run(entry(server), references), valueOf);
    const batches = inputs(server, 'BatchGetSecretValue').map(({ SecretIdList }) => SecretIdList as readonly string[]);
    expect(batches).toHaveLength(2);
    expect(Math.max(...batches.map((ids) => ids.length))).toBeLessThanOrEqual(20);
    expect(batches.flat().toSorted()).toEqual([...new Set(batches.flat())].toSorted());
    expect(batches.flat()).toHaveLength(SINGLE + 1);
    expect(server.requests).toHaveLength(2);
  });

  it('A38 reads each secret once by itself where the batch is denied', async () => {
    const server = await faultServer((request) => {
      if (actionOf(request) === 'BatchGetSecretValue') return { status: 400, body: { __type: 'AccessDeniedException', message: 'no' } };
      return { body: entryOf((JSON.parse(request.body) as { SecretId: string }).SecretId) };
    });
    expectAll(await run(entry(server), references), valueOf);
    const single = inputs(server, 'GetSecretValue');
    expect(new Set(single.map(({ SecretId }) => SecretId)).size).toBe(SINGLE + 1);
    expect(single).toHaveLength(SINGLE + 1);
    expect(single.every(({ VersionStage }) => VersionStage === 'AWSCURRENT')).toBe(true);
    expect(server.maxInFlight()).toBeLessThanOrEqual(32);
  });
});

describe('AWS Parameter Store', () => {
  it('A38 asks for 29 parameters in three batches', async () => {
    const server = await faultServer((request) => {
      const { Names = [] } = JSON.parse(request.body) as { Names?: readonly string[] };
      const Parameters = Names.map((name) => ({
        Name: name,
        Type: 'SecureString',
        Value: name === '/many' ? JSON.stringify(MANY) : valueOf(name),
        Version: 1,
        LastModifiedDate: CREATED,
      }));
      return { body: { Parameters, InvalidParameters: [] } };
    });
    const entry = `ssm: { use: aws-parameter-store, region: eu-west-1, endpoint: "${server.url}" }`;
    const result = await run(
      entry,
      fifty(
        (name) => `ssm:///${name}`,
        (field) => `ssm:///many#${field}`,
      ),
    );
    expectAll(result, (name) => valueOf(`/${name}`));
    const batches = inputs(server, 'GetParameters').map(({ Names }) => Names as readonly string[]);
    expect(batches).toHaveLength(3);
    expect(Math.max(...batches.map((names) => names.length))).toBeLessThanOrEqual(10);
    expect(new Set(batches.flat()).size).toBe(SINGLE + 1);
    expect(batches.flat()).toHaveLength(SINGLE + 1);
    expect(server.requests).toHaveLength(3);
  });
});

describe('several providers', () => {
  it('A38 asks each by itself, and each once', async () => {
    const [first, second] = [await vaultServer(), await vaultServer()];
    const providers = `${vaultEntry(first)}\n  other: { use: vault, address: "${second.url}", auth: { method: token } }`;
    const result = await run(providers, ['A: vault://secret/a#value', 'B: other://secret/a#value', 'C: vault://secret/a#value']);
    expect(result.code).toBe(0);
    expect([first.reads(), second.reads()]).toEqual([1, 1]);
  });
});
