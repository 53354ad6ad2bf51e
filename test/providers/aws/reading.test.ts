import { afterEach, describe, expect, it } from 'vitest';

import type { Outcome } from '../../../src/core/fault.ts';
import type { Document } from '../../../src/provider-kit/contract.ts';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws } from './fake-aws.ts';
import type { Answer, AskedRequest, FakeAws } from './fake-aws.ts';
import { openManager, openStore } from './session.ts';

const servers: FakeAws[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(answer: Parameters<typeof fakeAws>[0]): Promise<FakeAws> {
  const server = await fakeAws(answer);
  servers.push(server);
  return server;
}

const shown = (outcomes: readonly Outcome<Document>[]): readonly string[] =>
  outcomes.map((outcome) => (outcome.ok ? outcome.value.bytes.reveal().toString('utf8') : outcome.fault.kind));

const ACCOUNT = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:';
const named = (count: number): { key: string }[] => Array.from({ length: count }, (_, index) => ({ key: `name-${index}` }));
const value = (name: string, more: object = {}): object => ({
  Name: name,
  ARN: `${ACCOUNT}${name}-AbC123`,
  SecretString: `canary-${name}`,
  VersionId: 'v1',
  VersionStages: ['AWSCURRENT'],
  ...more,
});

/** Answers a batch in another order than it was asked. */
function batch({ input }: AskedRequest, pick: (name: string) => object | undefined = value): Answer {
  const ids = (input['SecretIdList'] as string[]).toReversed();
  const known = ids.map((id) => ({ id, entry: pick(id) }));
  return {
    json: {
      SecretValues: known.flatMap(({ entry }) => entry ?? []),
      Errors: known
        .filter(({ entry }) => entry === undefined)
        .map(({ id }) => ({ SecretId: id, ErrorCode: 'ResourceNotFoundException', Message: 'x' })),
    },
  };
}

const single = ({ input }: AskedRequest): Answer => ({ json: value(String(input['SecretId'])) });
const actions = (server: FakeAws): readonly string[] => server.asked.map(({ action }) => action);

describe('Secrets Manager', () => {
  it('reads 50 secrets with 3 requests, side by side', async () => {
    const all = Promise.withResolvers<void>();
    const server = await serve(async (request) => {
      if (server.asked.length === 3) all.resolve();
      await all.promise;
      return batch(request);
    });
    const { session } = await openManager({ url: server.url });
    const outcomes = await session.resolve(named(50), testOperation());
    expect(shown(outcomes)).toEqual(named(50).map(({ key }) => `canary-${key}`));
    expect(actions(server)).toEqual(Array(3).fill('BatchGetSecretValue'));
    expect(server.asked.map(({ input }) => (input['SecretIdList'] as string[]).length)).toEqual([20, 20, 10]);
    expect(server.most()).toBe(3);
  });

  it('reads one secret with the simple request, and always names the label', async () => {
    const server = await serve(single);
    const { session } = await openManager({ url: server.url });
    const outcomes = await session.resolve([{ key: 'a' }], testOperation());
    expect(shown(outcomes)).toEqual(['canary-a']);
    expect(server.asked.map(({ action, input }) => [action, input])).toEqual([
      ['GetSecretValue', { SecretId: 'a', VersionStage: 'AWSCURRENT' }],
    ]);
  });

  it('reads pinned versions and stages by themselves', async () => {
    const server = await serve(single);
    const { session } = await openManager({ url: server.url });
    await session.resolve(
      [
        { key: 'a', version: 'v-12345678' },
        { key: 'a', stage: 'AWSPREVIOUS' },
      ],
      testOperation(),
    );
    expect(server.asked.map(({ input }) => input)).toEqual([
      { SecretId: 'a', VersionId: 'v-12345678' },
      { SecretId: 'a', VersionStage: 'AWSPREVIOUS' },
    ]);
  });

  it('gives each key its own outcome: values, bytes, and every kind of failure of a batch', async () => {
    const server = await serve(({ input }) => ({
      json: {
        SecretValues: [value('b', { SecretString: undefined, SecretBinary: Buffer.from('canary-b').toString('base64') }), value('a')],
        Errors: [
          { SecretId: 'gone', ErrorCode: 'ResourceNotFoundException', Message: 'canary' },
          { SecretId: `${ACCOUNT}secret-AbC123`, ErrorCode: 'AccessDeniedException', Message: 'canary' },
          { SecretId: 'broken', ErrorCode: 'DecryptionFailure', Message: 'canary' },
          { SecretId: 'deleted', ErrorCode: 'InvalidRequestException', Message: 'marked for deletion' },
          { SecretId: 'slow', ErrorCode: 'InternalServiceError', Message: 'canary' },
        ].filter(({ SecretId }) => JSON.stringify(input).includes(SecretId.replace(ACCOUNT, '').replace('-AbC123', ''))),
      },
    }));
    const { session } = await openManager({ url: server.url });
    const keys = ['a', 'gone', 'secret', 'broken', 'deleted', 'slow', 'b'].map((key) => ({ key }));
    const outcomes = await session.resolve(keys, testOperation());
    expect(shown(outcomes)).toEqual(['canary-a', 'not-found', 'denied', 'denied', 'not-found', 'unavailable', 'canary-b']);
    expect(outcomes.map((outcome) => !outcome.ok && outcome.fault.retryable)).toEqual([false, false, false, false, false, true, false]);
  });

  it('never asks for one secret twice in a batch, by whatever name, and tells the answers apart', async () => {
    const arn = `${ACCOUNT}db-AbC123`;
    const server = await serve((request) =>
      request.action === 'GetSecretValue' ? { json: value('db') } : batch(request, (id) => value(id.startsWith('arn:') ? 'db' : id)),
    );
    const { session } = await openManager({ url: server.url });
    const keys = [{ key: 'db' }, { key: arn }, { key: `${ACCOUNT}db` }, { key: 'db-AbC123' }, { key: 'other' }];
    expect(shown(await session.resolve(keys, testOperation()))).toEqual([
      'canary-db',
      'canary-db',
      'canary-db',
      'canary-db-AbC123',
      'canary-other',
    ]);
    for (const { action, input } of server.asked) {
      if (action !== 'BatchGetSecretValue') continue;
      const ids = input['SecretIdList'] as string[];
      expect(ids.filter((id) => ['db', arn, `${ACCOUNT}db`].includes(id)).length).toBeLessThanOrEqual(1);
    }
  });

  it.each(['AccessDeniedException', 'UnknownOperationException'])(
    'reads one by one where batches are refused (%s), and does not ask again',
    async (code) => {
      const server = await serve((request) => (request.action === 'BatchGetSecretValue' ? awsError(code) : single(request)));
      const { session } = await openManager({ url: server.url });
      expect(shown(await session.resolve(named(3), testOperation()))).toEqual(['canary-name-0', 'canary-name-1', 'canary-name-2']);
      await session.resolve(named(2), testOperation());
      expect(actions(server).filter((action) => action === 'BatchGetSecretValue')).toHaveLength(1);
      expect(actions(server).filter((action) => action === 'GetSecretValue')).toHaveLength(5);
    },
  );

  it('does not ask one by one when a batch fails for another reason', async () => {
    const server = await serve(() => awsError('ThrottlingException'));
    const { session } = await openManager({ url: server.url });
    expect(shown(await session.resolve(named(3), testOperation()))).toEqual(['throttled', 'throttled', 'throttled']);
    expect(actions(server)).toEqual(['BatchGetSecretValue']);
  });

  it('asks for a secret by itself when the batch says nothing about it, or gives another version', async () => {
    const server = await serve((request) =>
      request.action === 'GetSecretValue'
        ? single(request)
        : batch(request, (id) => (id === 'name-1' ? value(id, { VersionStages: ['AWSPREVIOUS'] }) : value(id))),
    );
    const { session } = await openManager({ url: server.url });
    await session.resolve(named(3), testOperation());
    expect(server.asked.slice(1).map(({ input }) => input['SecretId'])).toEqual(['name-1']);
  });

  it('asks the region that an ARN names', async () => {
    const server = await serve((request) => batch(request));
    const { session } = await openManager({ url: server.url });
    const far = [1, 2].map((number) => ({ key: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:x${number}-AbC123` }));
    await session.resolve([...named(2), ...far], testOperation());
    const regions = server.asked.map(({ headers }) => /\/([a-z0-9-]+)\/secretsmanager\//.exec(headers.authorization ?? '')?.[1]);
    expect(new Set(regions)).toEqual(new Set(['us-east-1', 'eu-west-1']));
  });

  it('lists all pages, and only names that begin with the prefix', async () => {
    const pages = [
      { SecretList: [{ Name: 'app/a' }, { Name: 'App/b' }], NextToken: 'more' },
      {
        SecretList: [{ Name: 'app/c', SecretVersionsToStages: { v2: ['AWSCURRENT'], v1: ['AWSPREVIOUS'] } }, { Name: 'x' }],
        NextToken: '',
      },
    ];
    const server = await serve(() => ({ json: pages[server.asked.length - 1] }));
    const { session } = await openManager({ url: server.url });
    expect(await session.list('app/', testOperation())).toEqual([{ key: 'app/a' }, { key: 'app/c', version: 'v2' }]);
    expect(server.asked.map(({ input }) => input['NextToken'])).toEqual([undefined, 'more']);
  });

  it('describes a secret without its dates where versions may not be listed', async () => {
    const server = await serve(({ action }) =>
      action === 'DescribeSecret'
        ? {
            json: {
              Name: 'a',
              VersionIdsToStages: { v1: ['AWSCURRENT'], v2: ['AWSPENDING'] },
              LastChangedDate: 1_700_000_000,
              NextRotationDate: 1_900_000_000,
            },
          }
        : awsError('AccessDeniedException'),
    );
    const { session } = await openManager({ url: server.url });
    const refs = [{ key: 'a' }, { key: 'a', version: 'v9-dropped' }, { key: 'a', stage: 'AWSPENDING' }, { key: 'a', stage: 'none' }];
    expect(await session.describe(refs, testOperation())).toEqual(
      [
        { presence: 'present', version: 'v1' },
        { presence: 'unknown', version: 'v9-dropped' },
        { presence: 'present', version: 'v2' },
        { presence: 'absent' },
      ].map((value) => ({ ok: true, value: { ...value, enabled: true, nextRotationAt: new Date(1_900_000_000_000) } })),
    );
    expect(server.asked).toHaveLength(2);
  });

  it('lists versions newest first, and says which one waits for a rotation', async () => {
    const server = await serve(() => ({
      json: {
        Versions: [
          { VersionId: 'v1', VersionStages: ['AWSPREVIOUS'], CreatedDate: 1_700_000_001 },
          { VersionId: 'v0', CreatedDate: 1_700_000_000 },
          { VersionId: 'v3', VersionStages: ['AWSPENDING'], CreatedDate: 1_700_000_002 },
          { VersionId: 'v2', VersionStages: ['AWSCURRENT'], CreatedDate: 1_700_000_002 },
        ],
      },
    }));
    const { session } = await openManager({ url: server.url });
    const versions = await session.versions({ key: 'a' }, testOperation());
    expect(versions.map(({ version, current, state }) => [version, current, state])).toEqual([
      ['v2', true, 'enabled'],
      ['v3', false, 'pending'],
      ['v1', false, 'enabled'],
      ['v0', false, 'enabled'],
    ]);
    expect(server.asked[0]?.input).toMatchObject({ IncludeDeprecated: true });
  });

  it('names the run to AWS', async () => {
    const server = await serve(single);
    const { session } = await openManager({ url: server.url });
    await session.resolve([{ key: 'a' }], testOperation());
    expect(server.asked[0]?.headers['user-agent']).toMatch(/ secrets\/0\.0\.0 run\/test/);
  });
});

const parameter = (name: string, version = 1, more: object = {}): object => ({
  Name: name,
  Type: 'SecureString',
  Value: `canary-${name}-${version}`,
  Version: version,
  ...more,
});

/** Answers in alphabetical order, as AWS does; `missing` names are invalid. */
function parameters({ input }: AskedRequest, missing: readonly string[] = []): Answer {
  const names = input['Names'] as string[];
  return {
    json: {
      Parameters: names
        .filter((name) => !missing.includes(name))
        .toSorted()
        .map((selector) => {
          const [name = '', pin] = selector.split(':');
          return parameter(name, pin === undefined ? 9 : Number(pin) || 5, pin === undefined ? {} : { Selector: `:${pin}` });
        }),
      InvalidParameters: names.filter((name) => missing.includes(name)),
    },
  };
}

describe('Parameter Store', () => {
  it('reads 200 parameters with 20 requests, side by side', async () => {
    const all = Promise.withResolvers<void>();
    const server = await serve(async (request) => {
      if (server.asked.length === 20) all.resolve();
      await all.promise;
      return parameters(request);
    });
    const { session } = await openStore({ url: server.url });
    const keys = Array.from({ length: 200 }, (_, index) => ({ key: `/p/${index}` }));
    expect(shown(await session.resolve(keys, testOperation()))).toEqual(keys.map(({ key }) => `canary-${key}-9`));
    expect(actions(server)).toEqual(Array(20).fill('GetParameters'));
    expect(server.asked.every(({ input }) => (input['Names'] as string[]).length === 10 && input['WithDecryption'] === true)).toBe(true);
    expect(server.most()).toBe(20);
  });

  it('tells the versions and labels of one name apart', async () => {
    const server = await serve((request) => parameters(request, ['/a:9']));
    const { session } = await openStore({ url: server.url });
    const keys = [{ key: '/a' }, { key: '/a', version: '3' }, { key: '/a', stage: 'live' }, { key: '/a', version: '9' }, { key: '/b' }];
    expect(shown(await session.resolve(keys, testOperation()))).toEqual([
      'canary-/a-9',
      'canary-/a-3',
      'canary-/a-5',
      'not-found',
      'canary-/b-9',
    ]);
    for (const { input } of server.asked) {
      const names = (input['Names'] as string[]).map((name) => name.split(':')[0]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('says for each absent parameter that it is absent', async () => {
    const server = await serve((request) => parameters(request, ['/b', '/d']));
    const { session } = await openStore({ url: server.url });
    const keys = ['/a', '/b', '/c', '/d'].map((key) => ({ key }));
    expect(shown(await session.resolve(keys, testOperation()))).toEqual(['canary-/a-9', 'not-found', 'canary-/c-9', 'not-found']);
  });

  it('finds out which parameter may not be read when that fails a whole batch', async () => {
    const server = await serve((request) =>
      (request.input['Names'] as string[]).includes('/b') ? awsError('AccessDeniedException') : parameters(request),
    );
    const { session } = await openStore({ url: server.url });
    const keys = ['/a', '/b', '/c'].map((key) => ({ key }));
    expect(shown(await session.resolve(keys, testOperation()))).toEqual(['canary-/a-9', 'denied', 'canary-/c-9']);
    expect(server.asked).toHaveLength(4);
  });

  it('does not ask one by one when a batch fails for another reason', async () => {
    const server = await serve(() => awsError('ThrottlingException'));
    const { session } = await openStore({ url: server.url });
    expect(shown(await session.resolve([{ key: '/a' }, { key: '/b' }], testOperation()))).toEqual(['throttled', 'throttled']);
    expect(server.asked).toHaveLength(1);
  });

  it('says when a policy makes AWS delete a parameter, and finds the next page', async () => {
    const PolicyText = '{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2027-01-02T03:04:05.000Z"}}';
    const pages = [
      { Parameters: [], NextToken: 'more' },
      {
        Parameters: [
          { Name: '/p', Version: 2, Policies: [{ PolicyType: 'Expiration', PolicyText }] },
          { Name: '/q', Version: 1 },
        ],
      },
    ];
    const server = await serve(() => ({ json: pages[server.asked.length - 1] }));
    const { session } = await openStore({ url: server.url });
    expect(await session.describe([{ key: '/p' }], testOperation())).toEqual([
      { ok: true, value: { presence: 'present', version: '2', expiresAt: new Date('2027-01-02T03:04:05.000Z') } },
    ]);
    expect(server.asked.map(({ input }) => input['NextToken'])).toEqual([undefined, 'more']);
  });

  it('lists only names that begin with the prefix', async () => {
    const server = await serve(() => ({
      json: {
        Parameters: [
          { Name: '/p/a', Version: 2 },
          { Name: '/P/b', Version: 2 },
        ],
      },
    }));
    const { session } = await openStore({ url: server.url });
    expect(await session.list('/p/', testOperation())).toEqual([{ key: '/p/a', version: '2' }]);
  });

  it('never asks for the values of a history, and describes many names with one request', async () => {
    const server = await serve(({ action, input }) =>
      action === 'DescribeParameters'
        ? {
            json: {
              Parameters: ((input['ParameterFilters'] as { Values: string[] }[])[0]?.Values ?? [])
                .slice(1)
                .map((Name) => ({ Name, Version: 4 })),
            },
          }
        : { json: { TagList: [{ Key: 'rotated.a', Value: '2026-01-02T03:04:05.000Z' }] } },
    );
    const { session } = await openStore({ url: server.url });
    const refs = Array.from({ length: 60 }, (_, index) => ({ key: `/p/${index}` }));
    const outcomes = await session.describe([...refs, { key: '/p/5', field: 'a' }, { key: '/aws/service/x' }], testOperation());
    expect(actions(server).toSorted()).toEqual(['DescribeParameters', 'DescribeParameters', 'ListTagsForResource']);
    expect(outcomes[0]).toEqual({ ok: true, value: { presence: 'absent' } });
    expect(outcomes[5]).toMatchObject({
      value: { presence: 'present', version: '4', rotatedAt: { a: new Date('2026-01-02T03:04:05.000Z') } },
    });
    expect(outcomes[60]).toMatchObject({ value: { presence: 'unknown' } });
    expect(outcomes[61]).toEqual({ ok: true, value: { presence: 'unknown' } });
  });
});
