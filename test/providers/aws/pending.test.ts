import { afterEach, describe, expect, it } from 'vitest';

import { SecretValue } from '../../../src/core/secret-value.ts';
import type { Patch } from '../../../src/provider-kit/contract.ts';
import store from '../../../src/providers/aws-parameter-store/index.ts';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws } from './fake-aws.ts';
import type { Answer, AskedRequest, FakeAws } from './fake-aws.ts';
import { openManager, openStore, refOf } from './session.ts';

const op = testOperation();
const ref = { key: 'db' };
const patch = (text: string): Patch => ({ value: SecretValue.fromText(text), rotatedAt: new Date('2026-01-02T03:04:05.000Z') });

const servers: FakeAws[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A secret with its labels, as AWS moves them; `before` may answer in its place. */
class FakeSecret {
  readonly versions = new Map<string, { value: string; labels: string[] }>([
    ['v1-current-version', { value: 'old', labels: ['AWSCURRENT'] }],
  ]);
  before: (request: AskedRequest) => Answer | 'act' = () => 'act';

  at(label: string): string | undefined {
    return [...this.versions].find(([, { labels }]) => labels.includes(label))?.[0];
  }

  move(label: string, to: string | undefined): void {
    for (const version of this.versions.values()) version.labels = version.labels.filter((one) => one !== label);
    if (to !== undefined) this.versions.get(to)?.labels.push(label);
  }

  answer(request: AskedRequest): Answer {
    const answered = this.before(request);
    return answered === 'act' ? this.act(request) : answered;
  }

  act({ action, input }: AskedRequest): Answer {
    const text = (name: string): string | undefined => (typeof input[name] === 'string' ? input[name] : undefined);
    switch (action) {
      case 'ListSecretVersionIds':
        return { json: { Versions: [...this.versions].map(([VersionId, { labels }]) => ({ VersionId, VersionStages: labels })) } };
      case 'DescribeSecret':
        return { json: { Name: 'db', VersionIdsToStages: Object.fromEntries([...this.versions].map(([id, { labels }]) => [id, labels])) } };
      case 'GetSecretValue': {
        const id = text('VersionId') ?? '';
        return { json: { Name: 'db', VersionId: id, SecretString: this.versions.get(id)?.value } };
      }
      case 'PutSecretValue': {
        const token = text('ClientRequestToken') ?? '';
        if (this.versions.has(token)) return awsError('ResourceExistsException');
        this.versions.set(token, { value: text('SecretString') ?? '', labels: [] });
        for (const label of input['VersionStages'] as string[]) this.move(label, token);
        return { json: { VersionId: token } };
      }
      case 'UpdateSecretVersionStage': {
        const label = text('VersionStage') ?? '';
        if (this.at(label) !== text('RemoveFromVersionId')) return awsError('InvalidParameterException');
        this.move(label, text('MoveToVersionId'));
        return { json: {} };
      }
      default:
        return { json: {} };
    }
  }
}

async function served(secret: FakeSecret) {
  const server = await fakeAws((request) => secret.answer(request));
  servers.push(server);
  return { server, session: (await openManager({ url: server.url })).session };
}

describe('pending values in Secrets Manager', () => {
  it("are one for all rotations over a version: of two that begin at once, AWS refuses the second one's data", async () => {
    const secret = new FakeSecret();
    const { session } = await served(secret);
    let listed = 0;
    // The second one has looked before the first one wrote.
    const asBefore = { json: { Versions: [{ VersionId: 'v1-current-version', VersionStages: ['AWSCURRENT'] }] } };
    secret.before = ({ action }) => (action === 'ListSecretVersionIds' && ++listed === 3 ? asBefore : 'act');
    const first = await session.pending.create(ref, patch('canary-first'), 'ours', op);
    await expect(session.pending.create(ref, patch('canary-second'), 'theirs', op)).rejects.toMatchObject({ kind: 'conflict' });
    expect(listed).toBe(3);
    expect((await session.pending.read(ref, first.rotation ?? '', op)).bytes.reveal().toString()).toBe('canary-first');
  });

  it('get an id of their own after one was abandoned, which AWS keeps for a while', async () => {
    const { session } = await served(new FakeSecret());
    const first = await session.pending.create(ref, patch('canary-1'), 'r', op);
    await session.pending.abandon(ref, first.rotation ?? '', op);
    const second = await session.pending.create(ref, patch('canary-2'), 'r', op);
    expect(second.rotation).not.toBe(first.rotation);
    expect(second).toMatchObject({ base: 'v1-current-version', version: second.rotation });
    expect(await session.pending.find(ref, op)).toEqual(second);
  });

  it('are promoted when the answer to moving the label is lost', async () => {
    const secret = new FakeSecret();
    const { session } = await served(secret);
    const { rotation = '', base } = await session.pending.create(ref, patch('canary-new'), 'r', op);
    let lost = 0;
    secret.before = (request) => {
      if (request.input['VersionStage'] !== 'AWSCURRENT') return 'act';
      secret.act(request);
      lost++;
      return { status: 500, body: '{"__type":"InternalServiceError"}' };
    };
    expect(await session.pending.promote(ref, rotation, { expect: base }, op)).toEqual({ version: rotation });
    expect(lost).toBe(1);
    expect(secret.versions.get(rotation)?.labels).toEqual(['AWSCURRENT']);
  });

  it('are cleared away when they were promoted and no more', async () => {
    const secret = new FakeSecret();
    const { server, session } = await served(secret);
    const field = { key: 'db', field: 'a' };
    secret.versions.set('v1-current-version', { value: '{"a":"1","b":"2"}', labels: ['AWSCURRENT'] });
    const { rotation = '' } = await session.pending.create(field, { ...patch('canary-new'), field: 'a' }, 'r', op);
    expect(secret.versions.get(rotation)).toMatchObject({
      value: '{"a":"canary-new","b":"2"}',
      labels: ['AWSPENDING', 'secrets-field-YQ'],
    });
    secret.move('AWSCURRENT', rotation);
    expect(await session.pending.find(field, op)).toBeUndefined();
    server.asked.splice(0);
    expect(await session.pending.promote(field, rotation, {}, op)).toEqual({ version: rotation });
    expect(server.asked.filter(({ input }) => input['VersionStage'] === 'AWSCURRENT')).toEqual([]);
    expect(secret.versions.get(rotation)?.labels).toEqual(['AWSCURRENT']);
  });

  it('keep the neighbours that were written meanwhile: nothing is promoted over them', async () => {
    const secret = new FakeSecret();
    const { session } = await served(secret);
    secret.versions.set('v1-current-version', { value: '{"a":"1","b":"2"}', labels: ['AWSCURRENT'] });
    const { rotation = '' } = await session.pending.create({ key: 'db', field: 'a' }, { ...patch('canary-new'), field: 'a' }, 'r', op);
    secret.versions.set('v2-other-version', { value: '{"a":"1","b":"3"}', labels: [] });
    secret.move('AWSCURRENT', 'v2-other-version');
    await expect(session.pending.promote({ key: 'db', field: 'a' }, rotation, {}, op)).rejects.toMatchObject({ kind: 'conflict' });
    expect(secret.at('AWSCURRENT')).toBe('v2-other-version');
  });

  it('are left to AWS where a secret has a rotation of its own', async () => {
    const secret = new FakeSecret();
    const { server, session } = await served(secret);
    secret.before = ({ action }) => (action === 'RotateSecret' ? { json: { Name: 'db', VersionId: 'v2-being-made' } } : 'act');
    expect(await session.rotate({ key: 'db' }, op)).toEqual({ version: 'v2-being-made' });
    expect(server.asked.map(({ action }) => action)).toEqual(['RotateSecret']);
    await expect(session.rotate({ key: 'db', stage: 'AWSPREVIOUS' }, op)).rejects.toMatchObject({ kind: 'unsupported' });
  });
});

describe('pending values in Parameter Store', () => {
  it('are stored in one step with what says whose they are, and never over another', async () => {
    const server = await fakeAws(({ action }): Answer => {
      if (action === 'PutParameter') return awsError('ParameterAlreadyExists');
      if (action === 'DescribeParameters')
        return { json: { Parameters: [{ Name: '/db', Version: 7, Type: 'SecureString', KeyId: 'alias/own' }] } };
      return { json: {} };
    });
    servers.push(server);
    const { session } = await openStore({ url: server.url });
    const call = session.pending.create({ key: '/db', field: 'a' }, { ...patch('canary-new'), field: 'a' }, 'r', op);
    await expect(call).rejects.toMatchObject({ kind: 'conflict' });
    const put = server.asked.find(({ action }) => action === 'PutParameter')?.input;
    expect(put).toMatchObject({ Name: '/db.pending', Type: 'SecureString', KeyId: 'alias/own', Value: 'canary-new' });
    expect(put?.['Overwrite'] ?? false).toBe(false);
    expect(put?.['Tags']).toEqual([
      { Key: 'secrets.rotation', Value: 'cg' },
      { Key: 'secrets.base', Value: '7' },
      { Key: 'secrets.field', Value: 'YQ' },
    ]);
  });

  it('can be named by no reference', () => {
    expect(() => refOf(store, 'ssm:///prod/db.pending')).toThrow(/kept for values of rotations/);
  });
});
