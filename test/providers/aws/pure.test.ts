import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chunksApart } from '../../../src/providers/aws-common/chunks.ts';
import { endpointOf, identityOf, regionOf, signInsFor } from '../../../src/providers/aws-common/options.ts';
import type { AwsOptions } from '../../../src/providers/aws-common/options.ts';
import { rotatedAt, rotatedKeys, rotatedTag } from '../../../src/providers/aws-common/rotated-tags.ts';
import { answersKey, possibleNames, regionOfKey } from '../../../src/providers/aws-secrets-manager/reference.ts';
import { awsHost, checked, manager, refOf, store } from './session.ts';

describe('chunksApart', () => {
  it('keeps every item once, in order, no chunk too big and no name twice in one', () => {
    const item = fc.record({ id: fc.uuid(), names: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 2 }) });
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 5 }), (items, size) => {
        const chunks = chunksApart(items, size, ({ names }) => names);
        expect(chunks.flat().toSorted((a, b) => items.indexOf(a) - items.indexOf(b))).toEqual(items);
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(size);
          const names = chunk.flatMap((one) => [...new Set(one.names)]);
          expect(new Set(names).size).toBe(names.length);
        }
      }),
    );
  });

  it('makes no more chunks than needed when nothing is shared', () => {
    const items = Array.from({ length: 50 }, (_, index) => `name-${index}`);
    expect(chunksApart(items, 20, (name) => [name]).map((chunk) => chunk.length)).toEqual([20, 20, 10]);
  });
});

describe('rotated tags', () => {
  it('come back as they were written', () => {
    const date = new Date('2026-03-01T12:00:00.000Z');
    const tags = [rotatedTag('password', date), rotatedTag('/a/0/b', date), { Key: 'team', Value: 'x' }].flatMap((tag) => tag ?? []);
    expect(rotatedAt(tags)).toEqual({ password: date, '/a/0/b': date });
    expect(rotatedKeys(tags)).toEqual(['rotated.password', 'rotated./a/0/b']);
  });

  it('are left out where AWS allows no such name, and ignored where they hold no date', () => {
    expect(rotatedTag('what?', new Date())).toBeUndefined();
    expect(rotatedTag('x'.repeat(121), new Date())).toBeUndefined();
    expect(rotatedAt([{ Key: 'rotated.a', Value: 'yesterday' }])).toBeUndefined();
  });
});

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbC123';

describe('references of Secrets Manager', () => {
  it.each([
    ['aws://prod/db', { key: 'prod/db' }],
    ['aws:///prod/db', { key: '/prod/db' }],
    ['aws://prod/db#password', { key: 'prod/db', field: 'password' }],
    ['aws://prod/db#/a/0', { key: 'prod/db', field: '/a/0' }],
    ['aws://prod/db?stage=AWSPREVIOUS', { key: 'prod/db', stage: 'AWSPREVIOUS' }],
    ['aws://prod/db?stage=AWSCURRENT', { key: 'prod/db' }],
    ['aws://prod/db?version=7f3c2f6e-1111-2222-3333-444455556666', { key: 'prod/db', version: '7f3c2f6e-1111-2222-3333-444455556666' }],
    [`aws://${ARN}#url`, { key: ARN, field: 'url' }],
  ])('reads %s', (text, expected) => {
    expect(refOf(manager, text)).toEqual(expected);
  });

  it.each([
    'aws://has space',
    'aws://arn:aws:s3:::bucket',
    'aws://arn:aws:secretsmanager:eu-west-1:1:secret:x',
    'aws://db?versoin=3',
    'aws://db?version=7f3c2f6e-1111-2222-3333-444455556666&stage=X',
    'aws://db?version=!',
    'aws://db#/a~2',
  ])('refuses %s', (text) => {
    expect(() => refOf(manager, text)).toThrow(expect.objectContaining({ kind: 'ref' }));
  });

  it('writes what it reads', () => {
    for (const text of ['aws://prod/db?stage=AWSPREVIOUS#password', `aws://${ARN}`]) {
      const ref = refOf(manager, text);
      const { path, options, field } = manager.formatRef?.(ref) ?? { path: '', options: {} };
      const again = manager.parseRef({ provider: 'aws', path, options, ...(field === undefined ? {} : { field }), text }, {});
      expect(again).toEqual(ref);
    }
  });

  it('matches answers by name, ARN and ARN without its suffix', () => {
    const answer = { ARN, Name: 'prod/db' };
    expect(answersKey('prod/db', answer)).toBe(true);
    expect(answersKey(ARN, answer)).toBe(true);
    expect(answersKey(ARN.slice(0, -7), answer)).toBe(true);
    expect(answersKey('prod/db', { ARN })).toBe(true);
    expect(answersKey('prod', answer)).toBe(false);
    expect(answersKey(ARN.slice(0, -10), answer)).toBe(false);
    expect(answersKey(ARN.slice(0, -7), { ARN: `${ARN.slice(0, -7)}-longer-AbC123` })).toBe(false);
    expect(possibleNames(ARN)).toEqual(['prod/db-AbC123', 'prod/db']);
    expect(regionOfKey(ARN)).toBe('eu-west-1');
    expect(regionOfKey('prod/db')).toBeUndefined();
  });
});

describe('references of Parameter Store', () => {
  it.each([
    ['ssm:///prod/db', { key: '/prod/db' }],
    ['ssm://db', { key: 'db' }],
    ['ssm:///prod/db?version=3#a', { key: '/prod/db', version: '3', field: 'a' }],
    ['ssm:///prod/db?label=live', { key: '/prod/db', stage: 'live' }],
  ])('reads %s', (text, expected) => {
    const ref = refOf(store, text);
    expect(ref).toEqual(expected);
    const { path, options, field } = store.formatRef?.(ref) ?? { path: '', options: {} };
    expect(store.parseRef({ provider: 'ssm', path, options, ...(field === undefined ? {} : { field }), text }, {})).toEqual(ref);
  });

  it.each([
    'ssm://prod/db',
    'ssm:///prod//db',
    'ssm:///prod/db/',
    'ssm:///prod/db:3',
    'ssm://arn:aws:ssm:eu-west-1:123456789012:parameter/x',
    'ssm:///db?version=latest',
    'ssm:///db?version=0',
    'ssm:///db?label=3x',
    'ssm:///db?version=3&label=x',
    'ssm:///db?stage=x',
    'ssm:///db#/~',
  ])('refuses %s', (text) => {
    expect(() => refOf(store, text)).toThrow(expect.objectContaining({ kind: 'ref' }));
  });
});

describe('options', () => {
  it('takes one way to sign in or a list', async () => {
    const options = await checked(manager, {
      region: 'eu-west-1',
      auth: { profile: 'dev' },
      operatorAuth: [{ profile: 'ops' }, {}],
      recoveryDays: 7,
    });
    expect(options).toMatchObject({ auth: [{ profile: 'dev' }], operatorAuth: [{ profile: 'ops' }, {}] });
  });

  it.each([
    [{ regoin: 'x' }, /unknown option regoin/],
    [{ region: 'EU WEST' }, /region: must be a region/],
    [{ roleArn: 'api' }, /roleArn: must be the ARN of a role/],
    [{ externalId: 'x1' }, /go with a roleArn/],
    [{ auth: { profil: 'x' } }, /auth.0: unknown option profil/],
    [{ auth: [] }, /auth: must name at least one/],
    [{ endpoint: 'https://user:pw@host' }, /endpoint: must be an address/],
    [{ endpoint: 'localhost:4566' }, /endpoint: must be an address/],
    [{ secretAccessKey: 'canary-1b2c' }, /secretAccessKey: an access key does not belong into a manifest/],
    [{ recoveryDays: 3 }, /recoveryDays: must be 7 or more/],
  ])('refuses %j', async (options, message) => {
    const refused = await checked(manager, options).catch((error: unknown) => error);
    expect(String(refused)).toMatch(message);
    expect(String(refused)).not.toContain('canary-1b2c');
  });

  it('gives each role its own way to sign in, and never the role of another', () => {
    const options: AwsOptions = {
      profile: 'dev',
      roleArn: 'arn:aws:iam::123456789012:role/api',
      operatorAuth: [{ roleArn: 'arn:aws:iam::123456789012:role/ops' }, { profile: 'ops' }],
    };
    expect(signInsFor(options, 'workload')).toEqual([{ profile: 'dev', roleArn: 'arn:aws:iam::123456789012:role/api' }]);
    const operator = [{ profile: 'dev', roleArn: 'arn:aws:iam::123456789012:role/ops' }, { profile: 'ops' }];
    expect(signInsFor(options, 'operator')).toEqual(operator);
    expect(signInsFor(options, 'rotate')).toEqual(operator);
    expect(signInsFor({ auth: [{ profile: 'x' }] }, 'operator')).toEqual([{ profile: 'x' }]);
  });

  it('takes region and address from where AWS tools take them', () => {
    expect(regionOf({}, { AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-1' })).toBe('eu-west-1');
    expect(regionOf({ region: 'us-east-1' }, { AWS_REGION: 'eu-west-1' })).toBe('us-east-1');
    const env = { AWS_ENDPOINT_URL: 'http://localhost:1', AWS_ENDPOINT_URL_SSM: 'http://localhost:2' };
    expect(endpointOf({}, env, 'SSM')).toBe('http://localhost:2');
    expect(endpointOf({}, env, 'SECRETS_MANAGER')).toBe('http://localhost:1');
    expect(endpointOf({ endpoint: 'http://localhost:3' }, env, 'SSM')).toBe('http://localhost:3');
    expect(endpointOf({ endpoint: 'http://localhost:3' }, env, 'STS')).toBe('http://localhost:1');
    expect(endpointOf({}, { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, 'SSM')).toBeUndefined();
  });

  it('says that entries differ where they sign in differently', () => {
    const identity = (options: AwsOptions, env = {}): string => identityOf(options, awsHost(env), 'SSM');
    expect(identity({ region: 'eu-west-1' })).toBe(identity({}, { AWS_REGION: 'eu-west-1' }));
    expect(identity({})).not.toBe(identity({ profile: 'x' }));
    expect(identity({})).not.toBe(identity({ caFile: 'x' }));
    expect(identity({}, { AWS_SECRET_ACCESS_KEY: 'canary-77aa' })).not.toContain('canary');
  });
});
