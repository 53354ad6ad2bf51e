import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createHttpClient } from '../../../src/platform/http.ts';
import type { HttpClientOptions } from '../../../src/provider-kit/http.ts';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws } from './fake-aws.ts';
import type { Answer, AskedRequest, FakeAws } from './fake-aws.ts';
import { CREDENTIALS, openManager } from './session.ts';
import type { OpenOptions } from './session.ts';

const ROLE = 'arn:aws:iam::123456789012:role/api';
const FUTURE = '2099-01-01T00:00:00Z';

let home: string;
let server: FakeAws;
let respond: (request: AskedRequest) => Answer;
/** Addresses that the adapter wanted to reach. */
let wanted: string[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'aws-home-'));
  mkdirSync(join(home, '.aws', 'sso', 'cache'), { recursive: true });
  // The SDK's chain reads the process's own environment for what it finds there.
  vi.stubEnv('HOME', home);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  for (const name of Object.keys(process.env)) {
    if (/^AWS_(?!EC2_)/.test(name)) vi.stubEnv(name, undefined);
  }
  wanted = [];
  respond = () => ({ json: { Name: 'a', SecretString: 'canary-value', VersionId: 'v1' } });
  server = await fakeAws((request) => respond(request));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const config = (text: string): void => writeFileSync(join(home, '.aws', 'config'), text);

/** Opens with every address leading to the fake server. */
async function open(options: OpenOptions = {}) {
  const env = { HOME: home, ...options.env };
  const http = (given: HttpClientOptions) => {
    wanted.push(given.baseUrl);
    return createHttpClient({ ...given, baseUrl: server.url }, env);
  };
  return openManager({ ...options, env, host: { http, ...options.host } });
}

async function readOne(options: OpenOptions = {}) {
  const { session, host } = await open(options);
  const [outcome] = await session.resolve([{ key: 'a' }], testOperation());
  await session.close();
  if (outcome === undefined) throw new Error('no outcome');
  return { outcome, host };
}

const assumed = (id = 'ASIACANARY'): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>canary-role-secret</SecretAccessKey><SessionToken>canary-role-token</SessionToken><Expiration>${FUTURE}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/api/x</Arn><AssumedRoleId>x:y</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`,
});

const stsError = (code: string): Answer => ({
  status: 403,
  headers: { 'content-type': 'text/xml' },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>canary-9c0d is not authorized</Message></Error></ErrorResponse>`,
});

const keyOf = ({ headers }: AskedRequest): string | undefined => /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1];

describe('access keys of the environment', () => {
  it('are used, reported by name once, and masked', async () => {
    const env = { ...CREDENTIALS, AWS_SESSION_TOKEN: 'canary-token' };
    const { session, host } = await open({ env });
    await Promise.all([1, 2].map(() => session.resolve([{ key: 'a' }], testOperation())));
    expect(host.credentials).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']);
    expect(host.sensitives.map((value) => value.reveal().toString())).toEqual(['canary-secret-key', 'canary-token']);
    expect(keyOf(server.asked[0] as AskedRequest)).toBe('canary-access-key');
  });

  it('are reported without the variables that are not set', async () => {
    const { host } = await readOne({ env: CREDENTIALS });
    expect(host.credentials).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']);
  });

  it('that are about to end are taken anew, and reported once all the same', async () => {
    const { session, host } = await open({
      env: { ...CREDENTIALS, AWS_CREDENTIAL_EXPIRATION: new Date(Date.now() + 60_000).toISOString() },
    });
    for (const key of ['a', 'b']) await session.resolve([{ key }], testOperation());
    expect(host.sensitives.length).toBeGreaterThan(1);
    expect(host.credentials).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']);
  });

  it('are neither used nor reported when a profile is asked for, and the SDK stays silent', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    config('[profile dev]\naws_access_key_id = PROFILEKEY\naws_secret_access_key = canary-profile-secret\n');
    for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
    const { outcome, host } = await readOne({ env: CREDENTIALS, options: { profile: 'dev' } });
    expect(outcome.ok).toBe(true);
    expect(host.credentials).toEqual([]);
    expect(keyOf(server.asked[0] as AskedRequest)).toBe('PROFILEKEY');
    expect(warned).not.toHaveBeenCalled();
    expect(emitted).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe('a profile of the environment', () => {
  it('wins over access keys, as it does in the SDK', async () => {
    config('[profile dev]\naws_access_key_id = PROFILEKEY\naws_secret_access_key = canary-profile-secret\n');
    const { host } = await readOne({ env: { ...CREDENTIALS, AWS_PROFILE: 'dev' } });
    expect(host.credentials).toEqual([]);
    expect(keyOf(server.asked[0] as AskedRequest)).toBe('PROFILEKEY');
  });
});

describe('a role', () => {
  it('is assumed with the credentials of the environment, which are reported', async () => {
    const read = respond;
    respond = (request) => (request.action === 'AssumeRole' ? assumed() : read(request));
    const options = { roleArn: ROLE, externalId: 'ext-1', sessionName: 'ci' };
    const { outcome, host } = await readOne({ env: CREDENTIALS, options });
    expect(outcome.ok).toBe(true);
    expect(host.credentials).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']);
    const [sts, reading] = server.asked;
    expect(sts?.input).toMatchObject({ RoleArn: ROLE, ExternalId: 'ext-1', RoleSessionName: 'ci' });
    expect(keyOf(reading as AskedRequest)).toBe('ASIACANARY');
    expect(wanted).toEqual(['https://sts.us-east-1.amazonaws.com', 'https://secretsmanager.us-east-1.amazonaws.com']);
    expect(host.sensitives.map((value) => value.reveal().toString())).toEqual([
      'canary-secret-key',
      'canary-role-secret',
      'canary-role-token',
    ]);
  });

  it('has a session named after the run', async () => {
    respond = () => assumed();
    await readOne({ env: CREDENTIALS, options: { roleArn: ROLE }, host: { userAgent: 'secrets/1.0.0 run/4f2a' } });
    expect(server.asked[0]?.input).toMatchObject({ RoleSessionName: 'secrets-run-4f2a' });
  });

  it('that may not be assumed is a denial, without a word of the answer', async () => {
    respond = () => stsError('AccessDenied');
    const { outcome } = await readOne({ env: CREDENTIALS, options: { roleArn: ROLE } });
    expect(outcome).toMatchObject({ fault: { kind: 'denied', message: `AWS refuses to let this identity assume ${ROLE} (AccessDenied)` } });
    expect(JSON.stringify(outcome)).not.toContain('canary-9c0d');
  });

  it('for the operator is not that of the workload', async () => {
    const read = respond;
    respond = (request) => (request.action === 'AssumeRole' ? assumed() : read(request));
    const options = { roleArn: ROLE, operatorAuth: { roleArn: `${ROLE}-ops` } };
    await readOne({ env: CREDENTIALS, options, host: { role: 'operator' } });
    expect(server.asked[0]?.input['RoleArn']).toBe(`${ROLE}-ops`);
  });

  it('behind a dead STS is unavailable, not a missing sign-in', async () => {
    await server.close();
    const { outcome } = await readOne({ env: CREDENTIALS, options: { roleArn: ROLE } });
    expect(outcome).toMatchObject({ fault: { kind: 'unavailable', retryable: true } });
  });
});

describe('a code of an MFA device', () => {
  const profile = `[profile base]\naws_access_key_id = BASEKEY\naws_secret_access_key = canary-base\n[profile mfa]\nrole_arn = ${ROLE}\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/ana\n`;

  it('is asked for and sent', async () => {
    config(profile);
    const read = respond;
    respond = (request) => (request.action === 'AssumeRole' ? assumed() : read(request));
    const { outcome, host } = await readOne({ options: { profile: 'mfa' }, host: { answers: ['123456'] } });
    expect(outcome.ok).toBe(true);
    expect(host.prompts).toEqual([{ kind: 'password', message: 'Code of the MFA device arn:aws:iam::123456789012:mfa/ana' }]);
    expect(server.asked[0]?.input).toMatchObject({ SerialNumber: 'arn:aws:iam::123456789012:mfa/ana', TokenCode: '123456' });
  });

  it('that nobody can give is a missing sign-in', async () => {
    config(profile);
    const { outcome } = await readOne({ options: { profile: 'mfa' } });
    expect(outcome).toMatchObject({ fault: { kind: 'unauthenticated' } });
    expect(server.asked).toHaveLength(0);
  });
});

describe('AWS SSO', () => {
  const session =
    '[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\nregion = us-east-1\n[sso-session corp]\nsso_start_url = https://corp.example.com/start\nsso_region = us-east-1\n';
  const legacy =
    '[profile old]\nsso_start_url = https://corp.example.com/start\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = dev\n';
  const cache = (key: string, expiresAt: string): void => {
    const file = join(home, '.aws', 'sso', 'cache', `${createHash('sha1').update(key).digest('hex')}.json`);
    writeFileSync(file, JSON.stringify({ accessToken: 'canary-sso-token', expiresAt, region: 'us-east-1' }));
  };

  it.each([
    ['without a session', session, 'dev', undefined],
    ['with a session that is over', session, 'dev', ['corp', '2020-01-01T00:00:00Z']],
    ['without a session, in the old form', legacy, 'old', undefined],
    ['with a session that is over, in the old form', legacy, 'old', ['https://corp.example.com/start', '2020-01-01T00:00:00Z']],
  ] as const)('%s says what to type', async (_, text, profile, cached) => {
    config(text);
    if (cached !== undefined) cache(cached[0], cached[1]);
    const { outcome } = await readOne({ options: { profile } });
    expect(outcome).toMatchObject({ fault: { kind: 'unauthenticated', detail: { hint: `aws sso login --profile ${profile}` } } });
    expect(server.asked).toHaveLength(0);
  });

  it("gives the credentials of the role, over the host's own HTTP", async () => {
    config(session);
    cache('corp', FUTURE);
    const read = respond;
    respond = (request) =>
      request.headers['x-amz-sso_bearer_token'] === undefined
        ? read(request)
        : {
            json: {
              roleCredentials: {
                accessKeyId: 'SSOKEY',
                secretAccessKey: 'canary-s',
                sessionToken: 'canary-t',
                expiration: Date.parse(FUTURE),
              },
            },
          };
    const { outcome } = await readOne({ options: { profile: 'dev' } });
    expect(outcome.ok).toBe(true);
    expect(keyOf(server.asked[1] as AskedRequest)).toBe('SSOKEY');
    expect(wanted[0]).toBe('https://portal.sso.us-east-1.amazonaws.com');
  });

  it('behind a dead server is unavailable, not a missing sign-in', async () => {
    config(session);
    cache('corp', FUTURE);
    await server.close();
    const { outcome } = await readOne({ options: { profile: 'dev' } });
    expect(outcome).toMatchObject({ fault: { kind: 'unavailable', retryable: true } });
  });

  it.each([
    ['UnauthorizedException', 401, 'unauthenticated'],
    ['ForbiddenException', 403, 'denied'],
  ] as const)('that answers %s is %s', async (code, status, kind) => {
    config(session);
    cache('corp', FUTURE);
    respond = () => ({ status, body: JSON.stringify({ message: 'canary-9c0d' }), headers: { 'x-amzn-errortype': code } });
    const { outcome } = await readOne({ options: { profile: 'dev' } });
    expect(outcome).toMatchObject({ fault: { kind } });
    expect(JSON.stringify(outcome)).not.toContain('canary-9c0d');
  });
});

describe('a list of ways to sign in', () => {
  it('takes the first whose profile exists', async () => {
    config('[profile second]\naws_access_key_id = SECONDKEY\naws_secret_access_key = canary-second\n');
    await readOne({ options: { auth: [{ profile: 'first' }, { profile: 'second' }, {}] } });
    expect(keyOf(server.asked[0] as AskedRequest)).toBe('SECONDKEY');
  });

  it('does not take the next after a refusal', async () => {
    config('[profile second]\naws_access_key_id = SECONDKEY\naws_secret_access_key = canary-second\n');
    respond = () => awsError('UnrecognizedClientException');
    const { outcome } = await readOne({ env: CREDENTIALS, options: { auth: [{ profile: 'second' }, {}] } });
    expect(outcome).toMatchObject({ fault: { kind: 'unauthenticated' } });
    expect(server.asked).toHaveLength(1);
  });
});

describe('what is missing', () => {
  it('credentials', async () => {
    const { outcome } = await readOne();
    expect(outcome).toMatchObject({ fault: { kind: 'unauthenticated', message: 'no AWS credentials were found' } });
  });

  it('the profile', async () => {
    const { outcome } = await readOne({ options: { profile: 'typo' } });
    expect(outcome).toMatchObject({ fault: { kind: 'unauthenticated', message: 'the AWS profile typo gives no credentials' } });
  });

  it('the region', async () => {
    const { outcome } = await readOne({ env: CREDENTIALS, options: { region: undefined } });
    expect(outcome).toMatchObject({
      fault: { kind: 'options', detail: { hint: 'add region: eu-west-1 to the provider aws, or set AWS_REGION' } },
    });
  });

  it('nothing, where the profile names the region', async () => {
    config('[profile dev]\nregion = eu-central-1\naws_access_key_id = K123\naws_secret_access_key = canary-x\n');
    await readOne({ options: { region: undefined, profile: 'dev' } });
    expect(wanted).toEqual(['https://secretsmanager.eu-central-1.amazonaws.com']);
  });

  it('the file of a web identity', async () => {
    const env = { AWS_WEB_IDENTITY_TOKEN_FILE: join(home, 'none'), AWS_ROLE_ARN: ROLE };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { outcome } = await readOne({ env });
    expect(outcome).toMatchObject({
      fault: { kind: 'unauthenticated', message: 'the file that AWS_WEB_IDENTITY_TOKEN_FILE names is not there' },
    });
  });
});

describe('doctor', () => {
  it('says who we are, and warns about a long-lived key', async () => {
    respond = () => ({ json: { SecretList: [{ Name: 'a', ARN: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbC123' }] } });
    const env = { AWS_ACCESS_KEY_ID: 'AKIACANARY', AWS_SECRET_ACCESS_KEY: 'canary-secret-key' };
    const { session } = await open({ env });
    const report = await session.doctor(testOperation());
    expect(report.identity).toBe('account 123456789012, access key ****NARY, us-east-1');
    expect(report.checks.map(({ title, status }) => [title, status])).toEqual([
      ['sign-in', 'warn'],
      ['reachable', 'ok'],
    ]);
    expect(server.asked.map(({ action }) => action)).toEqual(['ListSecrets']);
  });

  it('takes a refused listing for a warning only', async () => {
    respond = () => awsError('AccessDeniedException');
    const { session } = await open({ env: CREDENTIALS });
    const { checks } = await session.doctor(testOperation());
    expect(checks).toContainEqual(
      expect.objectContaining({ title: 'reachable', status: 'warn', hint: 'allow secretsmanager:ListSecrets for this identity' }),
    );
  });

  it('reports a missing sign-in instead of failing', async () => {
    const { session } = await open();
    expect(await session.doctor(testOperation())).toMatchObject({ checks: [{ title: 'sign-in', status: 'fail' }] });
  });
});
