/** Both adapters against emulators of AWS; the test bed says in BED_JSON where they are. */
import { randomBytes, randomUUID } from 'node:crypto';

import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { LabelParameterVersionCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, it } from 'vitest';

import { SecretValue } from '../../../src/core/secret-value.ts';
import type { Outcome } from '../../../src/core/fault.ts';
import type { Document, Patch } from '../../../src/provider-kit/contract.ts';
import { testOperation } from '../../support/operation.ts';
import { emulator, isMissing, whySkipped } from './bed.ts';
import { openManager, openStore } from './session.ts';

const canary = (): string => `canary-${randomBytes(8).toString('hex')}`;
const patch = (value: string | Uint8Array, field?: string, rotatedAt = new Date('2026-01-02T03:04:05.000Z')): Patch => ({
  value: typeof value === 'string' ? SecretValue.fromText(value) : SecretValue.fromBytes(value),
  rotatedAt,
  ...(field === undefined ? {} : { field }),
});
const bytes = (outcome: Outcome<Document> | undefined): Buffer => {
  if (outcome?.ok !== true) throw outcome?.fault ?? new Error('no outcome');
  return outcome.value.bytes.reveal();
};
const text = (outcome: Outcome<Document> | undefined): string => bytes(outcome).toString('utf8');
const sdk = (url: string) => ({ endpoint: url, region: 'us-east-1', credentials: { accessKeyId: 'canary', secretAccessKey: 'canary' } });

describe.each(['moto', 'ministack'] as const)('%s', (name) => {
  describe.skipIf(isMissing(name))(`Secrets Manager${whySkipped(name)}`, () => {
    const open = async () => ({ ...(await openManager({ url: emulator(name).url })), op: testOperation(), key: `test/${randomUUID()}` });

    it('keeps exact bytes: many lines, quotes, 64 KiB, not UTF-8', async () => {
      const { session, op, key } = await open();
      const values = [
        `${canary()}\nline two\n`,
        `"${canary()}" \\ é 😀`,
        canary().repeat(3000).slice(0, 65_536),
        Buffer.from('00ff80fe', 'hex'),
      ];
      for (const value of values) {
        await session.put({ key }, patch(value), {}, op);
        expect(bytes((await session.resolve([{ key }], op))[0])).toEqual(Buffer.from(value as string));
      }
      await session.close();
    });

    it('creates once, replaces what is expected, and refuses what is not', async () => {
      const { session, op, key } = await open();
      const first = await session.put({ key }, patch('one'), { expect: 'absent' }, op);
      await expect(session.put({ key }, patch('two'), { expect: 'absent' }, op)).rejects.toMatchObject({ kind: 'conflict' });
      const second = await session.put({ key }, patch('two'), { expect: first.version }, op);
      await expect(session.put({ key }, patch('three'), { expect: first.version }, op)).rejects.toMatchObject({ kind: 'conflict' });
      const [current, previous] = await session.resolve([{ key }, { key, stage: 'AWSPREVIOUS' }], op);
      expect([text(current), text(previous)]).toEqual(['two', 'one']);
      expect(current).toMatchObject({ value: { version: second.version } });
      expect((await session.versions({ key }, op)).map(({ version, current: now, stages }) => [version, now, stages])).toEqual(
        expect.arrayContaining([
          [second.version, true, ['AWSCURRENT']],
          [first.version, false, ['AWSPREVIOUS']],
        ]),
      );
    });

    it('lets one of two writers win that expect the same version', async () => {
      const { session, op, key } = await open();
      const { version } = await session.put({ key }, patch('one'), {}, op);
      const writers = await Promise.allSettled(['a', 'b'].map((value) => session.put({ key }, patch(value), { expect: version }, op)));
      const won = writers.flatMap((writer) => (writer.status === 'fulfilled' ? [writer.value.version] : []));
      const lost = writers.flatMap((writer) => (writer.status === 'rejected' ? [writer.reason as unknown] : []));
      expect(won).toHaveLength(1);
      expect(lost).toMatchObject([{ kind: 'conflict' }]);
      const [current, previous] = await session.resolve([{ key }, { key, stage: 'AWSPREVIOUS' }], op);
      expect(current).toMatchObject({ value: { version: won[0] } });
      expect(text(previous)).toBe('one');
    });

    it('writes and removes one field and keeps the others as they are', async () => {
      const { session, op, key } = await open();
      await session.put({ key }, patch('{\n  "id": 12345678901234567890,\n  "password": "old"\n}\n'), {}, op);
      await session.put({ key }, patch('new', 'password'), {}, op);
      const read = async () => text((await session.resolve([{ key }], op))[0]);
      expect(await read()).toBe('{\n  "id": 12345678901234567890,\n  "password": "new"\n}\n');
      expect(await session.describe([{ key, field: 'password' }], op)).toMatchObject([
        { value: { presence: 'unknown', rotatedAt: { password: new Date('2026-01-02T03:04:05.000Z') } } },
      ]);
      await session.remove({ key, field: 'password' }, op);
      expect(await read()).toBe('{\n  "id": 12345678901234567890\n}\n');
      expect(await session.describe([{ key }], op)).not.toMatchObject([{ value: { rotatedAt: expect.anything() as unknown } }]);
    });

    it('makes a secret with one field where there is none, and forgets the ages of fields with a whole write', async () => {
      const { session, op, key } = await open();
      await session.put({ key }, patch('v', 'a'), { expect: 'absent' }, op);
      expect(text((await session.resolve([{ key }], op))[0])).toBe('{"a":"v"}');
      expect(await session.describe([{ key }], op)).toMatchObject([{ value: { rotatedAt: { a: expect.anything() as unknown } } }]);
      await session.put({ key }, patch('{"a":"w"}'), {}, op);
      expect(await session.describe([{ key }], op)).not.toMatchObject([{ value: { rotatedAt: expect.anything() as unknown } }]);
    });

    it('reads by name, ARN and ARN without its suffix, current and pinned, in one call', async () => {
      const { session, op, key } = await open();
      const { version } = await session.put({ key }, patch('one'), {}, op);
      await session.put({ key }, patch('two'), {}, op);
      const client = new SecretsManagerClient(sdk(emulator(name).url));
      const other = `test/${randomUUID()}`;
      const { ARN: arn = '' } = await client.send(new CreateSecretCommand({ Name: other, SecretString: 'other' }));
      await client.send(new PutSecretValueCommand({ SecretId: other, SecretString: 'other two' }));
      client.destroy();
      const keys = [
        { key },
        { key: arn },
        { key: arn.slice(0, -7) },
        { key: other },
        { key, version: version ?? '' },
        { key: `${key}/none` },
      ];
      const outcomes = await session.resolve(keys, op);
      expect(outcomes.slice(0, 5).map(text)).toEqual(['two', 'other two', 'other two', 'other two', 'one']);
      expect(outcomes[5]).toMatchObject({ fault: { kind: 'not-found' } });
    });

    it('tells a secret that is scheduled for deletion from an absent one', async () => {
      const { session, op, key } = await open();
      await session.put({ key }, patch('one'), {}, op);
      await session.remove({ key }, op);
      const [deleted, absent] = await session.resolve([{ key }, { key: `${key}/none` }], op);
      expect(deleted).toMatchObject({ fault: { kind: 'not-found', message: expect.stringContaining('scheduled for deletion') as string } });
      expect(absent).toMatchObject({ fault: { kind: 'not-found', message: expect.stringContaining('AWS has no secret') as string } });
      expect(await session.describe([{ key }, { key: `${key}/none` }], op)).toMatchObject([
        { value: { presence: 'absent' } },
        { value: { presence: 'absent' } },
      ]);
      await expect(session.put({ key }, patch('two'), {}, op)).rejects.toMatchObject({ kind: 'not-found' });
      await expect(session.remove({ key: `${key}/none` }, op)).rejects.toMatchObject({ kind: 'not-found' });
    });

    it('describes without a read, and lists exact prefixes only', async () => {
      const { session, op, key } = await open();
      const keys = [`${key}/app`, `${key}/app2`, `${key}/apq`];
      for (const one of keys) await session.put({ key: one }, patch(canary()), {}, op);
      const before = op.calls.length;
      expect((await session.list(`${key}/app`, op)).map((entry) => entry.key).toSorted()).toEqual(keys.slice(0, 2));
      const [described, previous] = await session.describe([{ key: `${key}/app` }, { key: `${key}/app`, stage: 'AWSPREVIOUS' }], op);
      expect(described).toMatchObject({
        value: { presence: 'present', enabled: true, createdAt: expect.any(Date) as Date, updatedAt: expect.any(Date) as Date },
      });
      expect(previous).toMatchObject({ value: { presence: 'absent' } });
      expect(op.calls.slice(before).map(({ what }) => what.replace(/ test\/.*/, ''))).toEqual([
        'list secrets',
        'describe',
        'list the versions of',
      ]);
      expect((await session.doctor(op)).checks.map(({ status }) => status)).toEqual(['ok', 'ok']);
    });
  });

  describe.skipIf(isMissing(name))(`Parameter Store${whySkipped(name)}`, () => {
    const open = async () => ({ ...(await openStore({ url: emulator(name).url })), op: testOperation(), key: `/test/${randomUUID()}` });

    it('keeps exact text: many lines, quotes, 8 KiB', async () => {
      const { session, op, key } = await open();
      for (const value of [`${canary()}\nline two\n`, `"${canary()}" \\ é 😀`, canary().repeat(500).slice(0, 8192)]) {
        await session.put({ key }, patch(value), {}, op);
        expect(text((await session.resolve([{ key }], op))[0])).toBe(value);
      }
      await session.close();
    });

    it('creates once, replaces what is expected, and refuses what is not', async () => {
      const { session, op, key } = await open();
      expect(await session.put({ key }, patch('one'), { expect: 'absent' }, op)).toEqual({ version: '1' });
      await expect(session.put({ key }, patch('two'), { expect: 'absent' }, op)).rejects.toMatchObject({ kind: 'conflict' });
      expect(await session.put({ key }, patch('two'), { expect: '1' }, op)).toEqual({ version: '2' });
      await expect(session.put({ key }, patch('three'), { expect: '1' }, op)).rejects.toMatchObject({ kind: 'conflict' });
      expect((await session.resolve([{ key }, { key, version: '1' }], op)).map(text)).toEqual(['two', 'one']);
    });

    it('says of two writers to one that it lost, if both expect the same version', async () => {
      const { session, op, key } = await open();
      const writers = await Promise.allSettled(['a', 'b'].map((value) => session.put({ key }, patch(value), { expect: 'absent' }, op)));
      expect(writers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    });

    it('reads versions, labels and what is absent, each for itself', async () => {
      const { session, op, key } = await open();
      await session.put({ key }, patch('one'), {}, op);
      await session.put({ key }, patch('two'), {}, op);
      const client = new SSMClient(sdk(emulator(name).url));
      await client.send(new LabelParameterVersionCommand({ Name: key, ParameterVersion: 1, Labels: ['live'] }));
      client.destroy();
      const outcomes = await session.resolve(
        [{ key }, { key, stage: 'live' }, { key, version: '2' }, { key: `${key}/none` }, { key, version: '9' }],
        op,
      );
      expect(outcomes.slice(0, 3).map(text)).toEqual(['two', 'one', 'two']);
      expect(outcomes.slice(3)).toMatchObject([{ fault: { kind: 'not-found' } }, { fault: { kind: 'not-found' } }]);
    });

    it('keeps the type of a parameter, and makes new ones secure', async () => {
      const { session, op, key } = await open();
      const client = new SSMClient(sdk(emulator(name).url));
      await client.send(new PutParameterCommand({ Name: key, Value: 'a,b', Type: 'StringList' }));
      expect(text((await session.resolve([{ key }], op))[0])).toBe('a,b');
      await session.put({ key }, patch('a,b,c'), {}, op);
      await session.put({ key: `${key}/new` }, patch('x'), {}, op);
      const { DescribeParametersCommand } = await import('@aws-sdk/client-ssm');
      const filter = { Key: 'Name', Option: 'BeginsWith', Values: [key] };
      const { Parameters = [] } = await client.send(new DescribeParametersCommand({ ParameterFilters: [filter] }));
      client.destroy();
      expect(Object.fromEntries(Parameters.map(({ Name, Type }) => [Name, Type]))).toEqual({
        [key]: 'StringList',
        [`${key}/new`]: 'SecureString',
      });
    });

    it('writes and removes one field and keeps the others as they are', async () => {
      const { session, op, key } = await open();
      await session.put({ key }, patch('{ "id": 12345678901234567890 }'), {}, op);
      await session.put({ key }, patch('new', 'password'), {}, op);
      const read = async () => text((await session.resolve([{ key }], op))[0]);
      expect(await read()).toBe('{ "id": 12345678901234567890, "password": "new" }');
      expect(await session.describe([{ key, field: 'password' }], op)).toMatchObject([
        { value: { presence: 'unknown', version: '2', rotatedAt: { password: new Date('2026-01-02T03:04:05.000Z') } } },
      ]);
      await session.remove({ key, field: 'password' }, op);
      expect(await read()).toBe('{ "id": 12345678901234567890 }');
      expect(await session.describe([{ key, field: 'id' }], op)).not.toMatchObject([
        { value: { rotatedAt: expect.anything() as unknown } },
      ]);
    });

    it('describes, lists exact prefixes only, and removes', async () => {
      const { session, op, key } = await open();
      const keys = [`${key}/app`, `${key}/app2`, `${key}/apq`];
      for (const one of keys) await session.put({ key: one }, patch(canary()), {}, op);
      expect((await session.list(`${key}/app`, op)).map((entry) => entry.key).toSorted()).toEqual(keys.slice(0, 2));
      expect(
        await session.describe([{ key: `${key}/app` }, { key: `${key}/none` }, { key: `${key}/app`, version: '3' }], op),
      ).toMatchObject([
        { value: { presence: 'present', version: '1', updatedAt: expect.any(Date) as Date } },
        { value: { presence: 'absent' } },
        { value: { presence: 'unknown' } },
      ]);
      await session.remove({ key: `${key}/app` }, op);
      await expect(session.remove({ key: `${key}/app` }, op)).rejects.toMatchObject({ kind: 'not-found' });
      expect((await session.doctor(op)).checks.map(({ status }) => status)).toEqual(['ok', 'ok']);
    });
  });
});

describe.skipIf(isMissing('microburst'))(`microburst${whySkipped('microburst')}`, () => {
  it.each([
    ['ThrottlingException', 'throttled'],
    ['InternalServiceError', 'unavailable'],
    ['AccessDeniedException', 'denied'],
    ['ExpiredTokenException', 'unauthenticated'],
    ['DecryptionFailure', 'denied'],
  ])('%s is %s', async (code, kind) => {
    const { url } = emulator('microburst');
    const rules = (body: unknown) =>
      fetch(`${url}/_microburst/rules`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    await rules(['secretsmanager', 'ssm'].map((service) => ({ service, probability: 1, error: { code } })));
    try {
      const secrets = await openManager({ url });
      const parameters = await openStore({ url });
      expect(await secrets.session.resolve([{ key: 'a' }, { key: 'b' }], testOperation())).toMatchObject([
        { fault: { kind } },
        { fault: { kind } },
      ]);
      expect(await parameters.session.resolve([{ key: 'a' }], testOperation())).toMatchObject([{ fault: { kind } }]);
    } finally {
      await rules([]);
    }
  });
});
