import { afterEach, describe, expect, it } from 'vitest';

import { SecretValue } from '../../../src/core/secret-value.ts';
import type { Patch } from '../../../src/provider-kit/contract.ts';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws } from './fake-aws.ts';
import type { Answer, AskedRequest, FakeAws } from './fake-aws.ts';
import { openManager, openStore } from './session.ts';

const servers: FakeAws[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(answers: Readonly<Record<string, (request: AskedRequest) => Answer>>): Promise<FakeAws> {
  const server = await fakeAws((request) => answers[request.action]?.(request) ?? { json: {} });
  servers.push(server);
  return server;
}

const patch = (text: string, field?: string): Patch => ({
  value: SecretValue.fromText(text),
  rotatedAt: new Date('2026-01-02T03:04:05.000Z'),
  ...(field === undefined ? {} : { field }),
});
const steps = ({ asked }: FakeAws): readonly string[] => asked.map(({ action }) => action);

/** A secret whose current version is what `current()` says. */
const secret = (current: () => string, more: object = {}) => ({
  DescribeSecret: () => ({ json: { Name: 'db', VersionIdsToStages: { [current()]: ['AWSCURRENT'] }, ...more } }),
});

describe('writing to Secrets Manager', () => {
  it('stores a version beside the current one, then moves the label from the expected one to it', async () => {
    const server = await serve(secret(() => 'v1'));
    const { session } = await openManager({ url: server.url });
    const { version } = await session.put({ key: 'db' }, patch('canary-new'), { expect: 'v1' }, testOperation());
    expect(steps(server)).toEqual(['DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage', 'UpdateSecretVersionStage']);
    const [, put, move, unlabel] = server.asked.map(({ input }) => input);
    expect(put).toMatchObject({ ClientRequestToken: version, SecretString: 'canary-new', VersionStages: [`secrets-${version}`] });
    expect(move).toEqual({ SecretId: 'db', VersionStage: 'AWSCURRENT', RemoveFromVersionId: 'v1', MoveToVersionId: version });
    expect(unlabel).toEqual({ SecretId: 'db', VersionStage: `secrets-${version}`, RemoveFromVersionId: version });
  });

  it('says that another write came first, and leaves no label behind', async () => {
    let current = 'v1';
    const server = await serve({
      ...secret(() => current),
      PutSecretValue: () => {
        current = 'v2';
        return { json: {} };
      },
      UpdateSecretVersionStage: ({ input }) =>
        input['VersionStage'] === 'AWSCURRENT' ? awsError('InvalidParameterException') : { json: {} },
    });
    const { session } = await openManager({ url: server.url });
    await expect(session.put({ key: 'db' }, patch('canary-new'), { expect: 'v1' }, testOperation())).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect(server.asked.filter(({ input }) => String(input['VersionStage']).startsWith('secrets-'))).toHaveLength(1);
  });

  it('says which permission is missing when the label may not be moved', async () => {
    const server = await serve({ ...secret(() => 'v1'), UpdateSecretVersionStage: () => awsError('AccessDeniedException') });
    const { session } = await openManager({ url: server.url });
    await expect(session.put({ key: 'db' }, patch('canary-new'), { expect: 'v1' }, testOperation())).rejects.toMatchObject({
      kind: 'denied',
      detail: { hint: 'allow secretsmanager:UpdateSecretVersionStage for this identity' },
    });
  });

  it.each([
    ['a write', {}],
    ['a write that expects a version', { expect: 'v1' }],
  ])('finds out whether %s arrived whose answer was lost', async (_, expectation) => {
    let current = 'v1';
    let token = '';
    const server = await serve({
      ...secret(() => current),
      PutSecretValue: ({ input }) => {
        token = String(input['ClientRequestToken']);
        if (!(input['VersionStages'] as string[]).includes('AWSCURRENT')) return { json: {} };
        current = token;
        return awsError('InternalServiceError', 500);
      },
      UpdateSecretVersionStage: () => {
        current = token;
        return awsError('InternalServiceError', 500);
      },
    });
    const { session } = await openManager({ url: server.url });
    const { version } = await session.put({ key: 'db' }, patch('canary-new'), expectation, testOperation());
    expect(version).toBe(token);
  });

  it('says that a write failed which did not arrive', async () => {
    const server = await serve({ ...secret(() => 'v1'), PutSecretValue: () => awsError('InternalServiceError', 500) });
    const { session } = await openManager({ url: server.url });
    await expect(session.put({ key: 'db' }, patch('canary-new'), {}, testOperation())).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('leaves no label behind when storing a version beside the current one may have failed', async () => {
    const server = await serve({ ...secret(() => 'v1'), PutSecretValue: () => awsError('InternalServiceError', 500) });
    const { session } = await openManager({ url: server.url });
    const put = session.put({ key: 'db' }, patch('canary-new'), { expect: 'v1' }, testOperation());
    await expect(put).rejects.toMatchObject({ kind: 'unavailable' });
    const [, stored, unlabel] = server.asked.map(({ input }) => input);
    const token = String(stored?.['ClientRequestToken']);
    expect(stored).toMatchObject({ VersionStages: [`secrets-${token}`] });
    expect(unlabel).toEqual({ SecretId: 'db', VersionStage: `secrets-${token}`, RemoveFromVersionId: token });
    expect(steps(server)).toEqual(['DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage']);
  });

  it('reads only the version that it replaces, and only to write a field of it', async () => {
    const server = await serve({ ...secret(() => 'v1'), GetSecretValue: () => ({ json: { SecretString: '{"a":"1","b":"2"}' } }) });
    const { session } = await openManager({ url: server.url });
    await session.put({ key: 'db' }, patch('canary-new', 'b'), {}, testOperation());
    expect(server.asked.filter(({ action }) => action === 'GetSecretValue').map(({ input }) => input)).toEqual([
      { SecretId: 'db', VersionId: 'v1' },
    ]);
    expect(server.asked.find(({ action }) => action === 'PutSecretValue')?.input).toMatchObject({
      SecretString: '{"a":"1","b":"canary-new"}',
    });
    expect(server.asked.at(-1)).toMatchObject({
      action: 'TagResource',
      input: { Tags: [{ Key: 'rotated.b', Value: '2026-01-02T03:04:05.000Z' }] },
    });
  });

  it('says once that an age could not be recorded, and takes the write for done', async () => {
    const server = await serve({
      ...secret(() => 'v1'),
      GetSecretValue: () => ({ json: { SecretString: '{}' } }),
      TagResource: () => awsError('AccessDeniedException'),
    });
    const { session, host } = await openManager({ url: server.url });
    for (const field of ['a', 'b']) await session.put({ key: 'db' }, patch('canary-new', field), {}, testOperation());
    expect(host.notices).toEqual(['the age of db could not be recorded in its tags: AWS refuses to tag db (AccessDeniedException)']);
  });

  it.each([{ version: 'v1' }, { stage: 'AWSPREVIOUS' }])('writes nothing to a pinned reference %j', async (pin) => {
    const server = await serve({});
    const { session } = await openManager({ url: server.url });
    await expect(session.put({ key: 'db', ...pin }, patch('x'), {}, testOperation())).rejects.toMatchObject({ kind: 'unsupported' });
    await expect(session.remove({ key: 'db', ...pin }, testOperation())).rejects.toMatchObject({ kind: 'unsupported' });
    expect(server.asked).toEqual([]);
  });

  it('creates no secret under an ARN', async () => {
    const server = await serve({ DescribeSecret: () => awsError('ResourceNotFoundException') });
    const { session } = await openManager({ url: server.url });
    const key = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123';
    await expect(session.put({ key }, patch('x'), {}, testOperation())).rejects.toMatchObject({ kind: 'not-found' });
    expect(steps(server)).toEqual(['DescribeSecret']);
  });

  it('deletes with the days of recovery that the provider says', async () => {
    const server = await serve({});
    await (await openManager({ url: server.url })).session.remove({ key: 'db' }, testOperation());
    await (await openManager({ url: server.url, options: { recoveryDays: 7 } })).session.remove({ key: 'db' }, testOperation());
    expect(server.asked.map(({ input }) => input['RecoveryWindowInDays'])).toEqual([30, 7]);
  });
});

const described = (more: object) => ({
  DescribeParameters: () => ({ json: { Parameters: [{ Name: '/db', Type: 'SecureString', Version: 3, ...more }] } }),
});
const putOf = ({ asked }: FakeAws): Readonly<Record<string, unknown>> | undefined =>
  asked.find(({ action }) => action === 'PutParameter')?.input;

describe('writing to Parameter Store', () => {
  it('says that another write came in between, and which version is whose', async () => {
    const server = await serve({ ...described({}), PutParameter: () => ({ json: { Version: 5 } }) });
    const { session } = await openStore({ url: server.url });
    await expect(session.put({ key: '/db' }, patch('canary-new'), { expect: '3' }, testOperation())).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('version 5 of this write is current now, version 4 is theirs') as string,
    });
  });

  it('lets AWS itself refuse to overwrite what must not be there yet', async () => {
    const server = await serve({ PutParameter: () => awsError('ParameterAlreadyExists') });
    const { session } = await openStore({ url: server.url });
    await expect(session.put({ key: '/db' }, patch('canary-new'), { expect: 'absent' }, testOperation())).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect(putOf(server)).toMatchObject({ Overwrite: false, Type: 'SecureString' });
  });

  it('keeps key, tier and data type of a parameter', async () => {
    const server = await serve({
      ...described({ KeyId: 'alias/team', Tier: 'Advanced', DataType: 'text' }),
      PutParameter: () => ({ json: { Version: 4 } }),
    });
    const { session } = await openStore({ url: server.url });
    expect(await session.put({ key: '/db' }, patch('canary-new'), { expect: '3' }, testOperation())).toEqual({ version: '4' });
    expect(putOf(server)).toMatchObject({ Overwrite: true, Type: 'SecureString', KeyId: 'alias/team', Tier: 'Advanced', DataType: 'text' });
  });

  it.each([
    [4096, undefined],
    [4097, 'Intelligent-Tiering'],
  ])('asks for a tier only where %i bytes need one', async (size, tier) => {
    const server = await serve({ PutParameter: () => ({ json: { Version: 1 } }) });
    const { session } = await openStore({ url: server.url });
    await session.put({ key: '/db' }, patch('x'.repeat(size)), {}, testOperation());
    expect(putOf(server)?.['Tier']).toBe(tier);
  });

  it('says once that an age could not be recorded, and takes the write for done', async () => {
    const server = await serve({
      PutParameter: () => ({ json: { Version: 1 } }),
      AddTagsToResource: () => awsError('AccessDeniedException'),
    });
    const { session, host } = await openStore({ url: server.url });
    for (const field of ['a', 'b']) await session.put({ key: '/db' }, patch('canary-new', field), {}, testOperation());
    expect(host.notices).toEqual(['the age of /db could not be recorded in its tags: AWS refuses to tag /db (AccessDeniedException)']);
  });

  it('writes nothing to a pinned reference', async () => {
    const server = await serve({});
    const { session } = await openStore({ url: server.url });
    await expect(session.put({ key: '/db', version: '1' }, patch('x'), {}, testOperation())).rejects.toMatchObject({ kind: 'unsupported' });
    expect(server.asked).toEqual([]);
  });
});
