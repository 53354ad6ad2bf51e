import { inspect } from 'node:util';

import { afterEach, describe, expect, it } from 'vitest';

import { Fault } from '../../../src/core/fault.ts';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { faultOf } from '../../../src/providers/aws-common/faults.ts';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws } from './fake-aws.ts';
import type { Answer, FakeAws } from './fake-aws.ts';
import { openManager, openStore } from './session.ts';

const CANARY = 'canary-5e1f';
const servers: FakeAws[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(answer: Parameters<typeof fakeAws>[0]): Promise<FakeAws> {
  const server = await fakeAws(answer);
  servers.push(server);
  return server;
}

/** What reading one secret and one parameter fails with when the server always answers the same. */
async function faultsFor(answer: Answer): Promise<readonly Fault[]> {
  const { url } = await serve(() => answer);
  const secrets = await openManager({ url });
  const parameters = await openStore({ url });
  const outcomes = await Promise.all([
    secrets.session.resolve([{ key: 'prod/db' }], testOperation()),
    parameters.session.resolve([{ key: '/prod/db' }], testOperation()),
  ]);
  await Promise.all([secrets.session.close(), parameters.session.close()]);
  return outcomes.flat().map((outcome) => {
    if (outcome.ok) throw new Error('expected a fault');
    expect(inspect(outcome.fault, { depth: 9, showHidden: true })).not.toContain(CANARY);
    expect(JSON.stringify(outcome.fault)).not.toContain(CANARY);
    return outcome.fault;
  });
}

describe('what AWS answers', () => {
  it.each([
    ['ResourceNotFoundException', 404, 'not-found', false],
    ['ResourceNotFoundException', 400, 'not-found', false],
    ['AccessDeniedException', 400, 'denied', false],
    ['com.amazonaws.secretsmanager#AccessDeniedException', 400, 'denied', false],
    ['DecryptionFailure', 400, 'denied', false],
    ['InvalidKeyId', 400, 'denied', false],
    ['ExpiredTokenException', 400, 'unauthenticated', false],
    ['UnrecognizedClientException', 400, 'unauthenticated', false],
    ['InvalidSignatureException', 400, 'unauthenticated', false],
    ['RequestTimeTooSkewed', 403, 'unauthenticated', false],
    ['ThrottlingException', 400, 'throttled', true],
    ['TooManyRequestsException', 429, 'throttled', true],
    ['InternalServiceError', 500, 'unavailable', true],
    ['ServiceUnavailable', 503, 'unavailable', true],
    ['RequestTimeoutException', 408, 'timeout', true],
    ['LimitExceededException', 400, 'unavailable', false],
    ['ValidationException', 400, 'ref', false],
    ['UnknownOperationException', 400, 'unsupported', false],
    ['SomethingNobodyKnows', 400, 'protocol', false],
  ] as const)('%s with status %i is %s', async (code, status, kind, retryable) => {
    for (const fault of await faultsFor(awsError(code, status, undefined, { Extra: CANARY }))) {
      expect(fault).toMatchObject({ kind, retryable, detail: { requestId: '7f3c2f6e-1111-2222-3333-444455556666' } });
      expect(fault.message).toContain(`(${code.split('#').at(-1)})`);
      expect(fault.message).toMatch(/^[a-zA-Z]/);
    }
  });

  it.each([
    ['a page of a proxy', { status: 502, body: `<html>${CANARY}</html>` }, 'unavailable'],
    ['a page with status 200', { status: 200, body: `<html>${CANARY}</html>` }, 'protocol'],
    ['a redirect', { status: 302, body: CANARY, headers: { location: `https://example.com/${CANARY}` } }, 'protocol'],
    ['a name that holds a value', awsError(CANARY, 400), 'protocol'],
    ['an answer of another shape', { json: { SecretValues: CANARY, Parameters: CANARY } }, 'protocol'],
    ['a JSON text', { json: CANARY }, 'protocol'],
  ] as const)('%s never comes through', async (_, answer, kind) => {
    expect((await faultsFor(answer)).map((fault) => fault.kind)).toEqual([kind, kind]);
  });

  it('keeps the time that AWS asks to wait', async () => {
    const answer = { ...(awsError('ThrottlingException', 400) as { status: number; body: string }), headers: { 'retry-after': '7' } };
    for (const fault of await faultsFor(answer)) expect(fault.detail.retryAfterMs).toBe(7000);
  });

  it('says that the key of KMS is the reason, where it is', async () => {
    for (const fault of await faultsFor(awsError('AccessDeniedException', 400, 'Access to KMS is not allowed canary-5e1f'))) {
      expect(fault.message).toMatch(/^the KMS key of (secret prod\/db|parameter \/prod\/db) cannot be used/);
    }
  });

  it('says that the clock is wrong, where the date of the answer shows it', async () => {
    const error = awsError('InvalidSignatureException', 400) as { status: number; body: string; headers: Record<string, string> };
    const faults = await faultsFor({ ...error, headers: { ...error.headers, date: 'Tue, 01 Jan 2030 00:00:00 GMT' } });
    for (const fault of faults) expect(fault.message).toContain('the clock of this machine is wrong');
    for (const fault of await faultsFor(error)) expect(fault.message).toContain('AWS does not accept the credentials');
  });

  it('says that a secret is scheduled for deletion and how to have it back', async () => {
    const { url } = await serve(() => awsError('InvalidRequestException', 400, 'it was marked for deletion'));
    const { session } = await openManager({ url });
    const [outcome] = await session.resolve([{ key: 'prod/db' }], testOperation());
    expect(outcome).toMatchObject({
      fault: {
        kind: 'not-found',
        message: 'the secret prod/db is scheduled for deletion',
        detail: { hint: 'aws secretsmanager restore-secret --secret-id prod/db' },
      },
    });
  });

  it('takes another state of a secret for what it is', async () => {
    const { url } = await serve(() => awsError('InvalidRequestException', 400, 'the secret is managed elsewhere'));
    const { session } = await openManager({ url });
    expect(await session.resolve([{ key: 'prod/db' }], testOperation())).toMatchObject([{ fault: { kind: 'unsupported' } }]);
  });

  it('says for a refused value that it is the value or the name', async () => {
    const { url } = await serve(({ action }) =>
      action === 'PutParameter' ? awsError('ValidationException', 400) : { json: { Parameters: [] } },
    );
    const { session } = await openStore({ url });
    const put = session.put({ key: '/a' }, { value: SecretValue.fromText('{{canary-5e1f}}'), rotatedAt: new Date() }, {}, testOperation());
    await expect(put).rejects.toMatchObject({ kind: 'unsupported', code: 'VALUE_INVALID' });
  });
});

describe('when no answer comes', () => {
  it('says that nothing listens', async () => {
    const server = await fakeAws(() => undefined);
    await server.close();
    const { session } = await openManager({ url: server.url });
    expect(await session.resolve([{ key: 'a' }], testOperation())).toMatchObject([{ fault: { kind: 'unavailable', retryable: true } }]);
  });

  it('ends as soon as the operation is cancelled', async () => {
    const controller = new AbortController();
    const { url } = await serve(() => {
      controller.abort();
      return undefined;
    });
    const { session } = await openManager({ url });
    expect(await session.resolve([{ key: 'a' }], testOperation(controller.signal))).toMatchObject([{ fault: { kind: 'cancelled' } }]);
    await session.close();
  });

  it('refuses plain http to another machine, wherever the address comes from', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_ENDPOINT_URL: 'http://aws.example.com' };
    const { session } = await openStore({ env });
    expect(await session.resolve([{ key: 'a' }], testOperation())).toMatchObject([{ fault: { kind: 'options', retryable: false } }]);
  });
});

describe('faultOf', () => {
  const call = { what: 'read x', subject: 'secret x', permission: 'secretsmanager:GetSecretValue' };

  it('leaves a Fault as it is', () => {
    const fault = new Fault('timeout', 'no answer');
    expect(faultOf(fault, call, new Date())).toBe(fault);
  });

  it.each([
    undefined,
    null,
    'canary-5e1f',
    42,
    new Error('canary-5e1f'),
    new SyntaxError('canary-5e1f'),
    { name: 'canary-5e1f', message: 7 },
  ])('takes anything for an unexpected answer, without a word of it', (thrown) => {
    const fault = faultOf(thrown, call, new Date());
    expect(fault.kind).toBe('protocol');
    expect(inspect(fault, { depth: 9 })).not.toContain(CANARY);
  });

  it('names the permission that is missing', () => {
    expect(faultOf({ name: 'AccessDeniedException' }, call, new Date()).detail.hint).toBe(
      'allow secretsmanager:GetSecretValue for this identity',
    );
  });
});
