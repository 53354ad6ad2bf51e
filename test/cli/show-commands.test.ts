import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { define as check } from '../../src/cli/commands/check.ts';
import { define as describeCommand } from '../../src/cli/commands/describe.ts';
import { define as get } from '../../src/cli/commands/get.ts';
import { define as history } from '../../src/cli/commands/history.ts';
import { define as list } from '../../src/cli/commands/list.ts';
import type * as BuiltIn from '../../src/providers/built-in.ts';
import { folder } from '../manifest/folder.ts';
import { KnownWorld, knownProvider } from '../support/known-provider.ts';
import { rowsOf, runCommand, type CommandOptions, type Recorded } from './recorder.ts';

vi.mock('../../src/providers/built-in.ts', async (original) => {
  const { LOADERS } = await original<typeof BuiltIn>();
  return { LOADERS: { ...LOADERS, vault: () => Promise.resolve({ default: knownProvider(known, ['describe', 'versions', 'pending']) }) } };
});

const MANIFEST = `
version: 1
defaultProfile: dev
secrets:
  PASSWORD:
    ref: vault://password
    owner: payments
    contact: "#payments"
    runbook: https://wiki.example.com/db
    maxAge: 90d
  TOKEN: { ref: [vault://token, vault://token-2] }
  URL: { template: "x://\${PASSWORD}" }
  LEVEL: { value: info }
  REGION: { ref: vault://region, default: eu-west-1 }
  EXTRA: { ref: vault://extra, required: false }
  ELSEWHERE: { ref: vault://elsewhere, profiles: [prod] }
profiles: { dev: {}, prod: {} }
`;

const known = new KnownWorld();
const cwd = folder({ '.secretsrc': MANIFEST });
// The log of whoever runs the tests is not theirs.
const stateFolder = folder({});
const DAY = 86_400_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY);
const run = (define: typeof list, args: readonly string[], more: Partial<CommandOptions> = {}): Promise<Recorded> =>
  runCommand({ define }, args, { cwd, env: { SECRETS_STATE_DIR: stateFolder }, ...more });
const jsonOf = ({ stdout }: Recorded): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

beforeEach(() => {
  known.clear();
  for (const key of ['password', 'token', 'region']) known.metadata.set(key, { presence: 'present', version: '7', updatedAt: daysAgo(3) });
});

describe('list', () => {
  it('shows one row per reference of the profile, by one metadata call', async () => {
    const { stdout, exitCode } = await run(list, []);
    expect(rowsOf(stdout).map(([name, , reference]) => [name, reference])).toEqual([
      ['NAME', 'REFERENCE'],
      ['PASSWORD', 'vault://password'],
      ['TOKEN', 'vault://token'],
      ['TOKEN', 'vault://token-2'],
      ['URL', 'template'],
      ['LEVEL', 'value'],
      ['REGION', 'vault://region'],
      ['EXTRA', 'vault://extra'],
    ]);
    expect(rowsOf(stdout)[1]).toEqual([
      'PASSWORD',
      'vault',
      'vault://password',
      '7',
      '3d',
      expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      'payments',
      'current',
    ]);
    expect([exitCode, known.read, known.described.length]).toEqual([0, [], 1]);
    expect([stdout.includes('\t'), stdout.includes('\u001B')]).toEqual([false, false]);
  });

  it('gives a state to what is denied or unreachable, and the rest of the list', async () => {
    known.metadata.set('password', new Fault('denied', 'the server answered 403'));
    known.metadata.set('token', new Fault('timeout', { message: 'no answer', retryable: false }));
    const { stdout, warnings, exitCode, error } = await run(list, []);
    expect(rowsOf(stdout).map((row) => row.at(-1))).toEqual([
      'STATE',
      'denied',
      'unreachable PROVIDER_TIMEOUT',
      'missing',
      'unknown',
      'current',
      'current',
      'missing',
    ]);
    expect(warnings.map(({ message, name }) => [name, message])).toEqual([
      ['PASSWORD', 'the server answered 403'],
      ['TOKEN', 'no answer'],
    ]);
    expect([exitCode, error]).toEqual([0, undefined]);
  });

  it('fails only when nothing could be asked at all, and says the same thing once', async () => {
    const fault = new Fault('unauthenticated', 'no credentials');
    for (const key of ['password', 'token', 'token-2', 'region', 'extra']) known.metadata.set(key, fault);
    const { stdout, error, exitCode } = await run(list, []);
    expect(rowsOf(stdout)).toHaveLength(8);
    expect(exitCode).toBe(77);
    expect(error?.issues.map(({ message }) => message)).toEqual(['no credentials (PASSWORD, TOKEN, REGION, EXTRA)']);
  });

  it('takes names and references, and asks for what a template is built from', async () => {
    known.metadata.set('password', { presence: 'absent' });
    const { stdout } = await run(list, ['URL', 'vault://token#key']);
    expect(rowsOf(stdout).slice(1)).toEqual([
      ['URL', '-', 'template', '-', '-', '-', '-', 'missing'],
      ['vault://token#key', 'vault', 'vault://token#key', '7', '-', '-', '-', 'unknown'],
    ]);
  });

  it('reads what nothing else tells, with --read only', async () => {
    known.metadata.set('token', { presence: 'unknown' });
    known.values.set('token', 'canary-0123456789abcdef');
    const before = await run(list, ['TOKEN']);
    expect([rowsOf(before.stdout)[1]?.at(-1), known.read]).toEqual(['unknown', []]);
    const after = await run(list, ['TOKEN', '--read']);
    expect([rowsOf(after.stdout)[1]?.at(-1), known.read]).toEqual(['current', [['token']]]);
    expect(after.stdout).not.toContain('canary');
  });

  it('asks for a pending value only where there is a policy to rotate, and says so', async () => {
    const cwd = folder({
      '.secretsrc': `version: 1
secrets:
  ROTATED: { ref: vault://password, rotate: { using: generate, every: 30d } }
  DENIED: { ref: vault://token, rotate: { using: generate } }
  OTHER: { ref: vault://region }
`,
    });
    known.pending.set('password', { rotation: 'r-1', createdAt: daysAgo(0), version: '8' });
    known.pending.set('token', new Fault('denied', 'the server answered 403'));
    known.pending.set('region', { rotation: 'r-2' });
    const { stdout } = await run(list, [], { cwd });
    expect(rowsOf(stdout).map((row) => row.at(-1))).toEqual(['STATE', 'pending', 'current', 'current']);
    expect(known.searched.toSorted()).toEqual(['password', 'token']);
    const only = await run(list, ['--where', 'state=pending'], { cwd });
    expect(rowsOf(only.stdout).map(([name]) => name)).toEqual(['NAME', 'ROTATED']);
    const described = await run(describeCommand, ['ROTATED'], { cwd });
    expect(described.stdout).toMatch(/pending +rotation r-1, since /);
  });

  it('sorts with what is not known at the end, whichever way round', async () => {
    known.metadata.set('token', { presence: 'present', version: '10', updatedAt: daysAgo(30) });
    known.metadata.set('region', { presence: 'present', version: '9', updatedAt: daysAgo(1) });
    const names = async (order: string): Promise<readonly (string | undefined)[]> =>
      rowsOf((await run(list, ['PASSWORD', 'TOKEN', 'REGION', 'EXTRA', '--sort', order])).stdout)
        .slice(1)
        .map(([, , reference]) => reference?.replace('vault://', ''));
    expect(await names('age')).toEqual(['region', 'password', 'token', 'token-2', 'extra']);
    expect(await names('-age')).toEqual(['token', 'password', 'region', 'token-2', 'extra']);
    expect(await names('version')).toEqual(['password', 'region', 'token', 'token-2', 'extra']);
    expect(await names('state')).toEqual(['token-2', 'extra', 'password', 'token', 'region']);
  });

  it('does not ask about what cannot match', async () => {
    await run(list, ['--where', 'name=PASS*,state=current']);
    expect(known.described).toEqual([['password']]);
  });

  it('keeps NAME and STATE at the narrowest terminal', async () => {
    const { stdout } = await run(list, ['PASSWORD'], { columns: 10 });
    expect(rowsOf(stdout)).toEqual([
      ['NAME', 'STATE'],
      ['PASSWORD', 'current'],
    ]);
  });

  it('has a stable JSON form', async () => {
    known.metadata.set('token', new Fault('denied', 'the server answered 403'));
    const json = jsonOf(await run(list, ['PASSWORD', 'TOKEN', 'LEVEL'], { json: true }));
    const common = { tags: [], consumers: [], required: true };
    expect(json).toEqual({
      profile: 'dev',
      secrets: [
        {
          name: 'PASSWORD',
          kind: 'reference',
          provider: 'vault',
          reference: 'vault://password',
          version: '7',
          madeAt: expect.any(String) as string,
          ageSeconds: expect.any(Number) as number,
          maxAgeSeconds: 90 * 86_400,
          dueAt: expect.any(String) as string,
          owner: 'payments',
          contact: '#payments',
          runbook: 'https://wiki.example.com/db',
          ...common,
          state: 'current',
        },
        {
          name: 'TOKEN',
          kind: 'reference',
          provider: 'vault',
          reference: 'vault://token',
          ...common,
          state: 'denied',
          code: 'DENIED',
          message: 'the server answered 403',
        },
        { name: 'TOKEN', kind: 'reference', provider: 'vault', reference: 'vault://token-2', ...common, state: 'missing' },
        { name: 'LEVEL', kind: 'value', ...common, state: 'current' },
      ],
    });
  });

  it('ends as interrupted, without a list, when it was', async () => {
    known.metadata.set('password', new Fault('cancelled', 'stopped'));
    const { stdout, exitCode } = await run(list, []);
    expect([stdout, exitCode]).toEqual(['', 130]);
  });

  it('closes its sessions', async () => {
    await run(list, []);
    expect([known.opened, known.closed]).toEqual([1, 1]);
  });
});

describe('check', () => {
  it('says in one line that all is in order', async () => {
    const { stdout, exitCode } = await run(check, []);
    expect([stdout, exitCode]).toEqual(['6 secrets are in order in profile dev\n', 0]);
  });

  it('A56 says what is wrong, where, and whom to ask, and exits with 1', async () => {
    known.metadata.set('password', { presence: 'present', updatedAt: daysAgo(91) });
    known.metadata.set('token', { presence: 'absent' });
    const { stdout, exitCode, error } = await run(check, []);
    expect(stdout).toBe(
      [
        'PASSWORD: it is 91d old, and its maxAge is 90d; at .secretsrc:6:10; owner: payments (#payments); runbook: https://wiki.example.com/db',
        'TOKEN: it is absent from all of its 2 references; at .secretsrc:11:18',
        '',
      ].join('\n'),
    );
    expect([exitCode, error]).toEqual([1, undefined]);
  });

  it.each([
    ['disabled', { enabled: false }],
    ['expired', { expiresAt: daysAgo(1) }],
    ['over-age', { updatedAt: daysAgo(91) }],
  ])('finds what is %s', async (problem, more) => {
    known.metadata.set('password', { presence: 'present', ...more });
    const json = jsonOf(await run(check, ['PASSWORD'], { json: true }));
    expect(json).toMatchObject({ ok: false, checked: 1, findings: [{ name: 'PASSWORD', problem }] });
  });

  it('is content with an optional one, a default and a second reference', async () => {
    known.metadata.delete('region');
    known.metadata.delete('token');
    known.metadata.set('token-2', { presence: 'present' });
    expect((await run(check, [])).exitCode).toBe(0);
  });

  it('asks for the fields of --require, of references only', async () => {
    const { stdout, exitCode } = await run(check, ['--require', 'owner,runbook']);
    expect(stdout.split('\n').flatMap((line) => line.split(';')[0] || [])).toEqual([
      'TOKEN: its entry has no owner, no runbook',
      'REGION: its entry has no owner, no runbook',
      'EXTRA: its entry has no owner, no runbook',
    ]);
    expect(exitCode).toBe(1);
    expect((await run(check, ['--require', 'ownr'])).error?.issues).toMatchObject([{ code: 'USAGE', hint: 'did you mean owner?' }]);
  });

  it('only warns about a rotation that is overdue', async () => {
    const cwd = folder({ '.secretsrc': 'version: 1\nsecrets: { A: { ref: vault://token, rotate: { using: generate, every: 2d } } }\n' });
    const { stdout, warnings, exitCode } = await run(check, [], { cwd });
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^its rotation was due on \d{4}-\d\d-\d\d$/)]);
    expect([stdout, exitCode]).toEqual(['1 secret is in order, with 1 warning\n', 0]);
  });

  it('finds what is too old also where a rotation is under way', async () => {
    const cwd = folder({ '.secretsrc': 'version: 1\nsecrets: { A: { ref: vault://token, maxAge: 2d, rotate: { using: generate } } }\n' });
    known.pending.set('token', { rotation: undefined });
    const { stdout, exitCode } = await run(check, [], { cwd });
    expect([stdout, exitCode]).toEqual([expect.stringMatching(/^A: it is 3d old, and its maxAge is 2d;/), 1]);
  });

  it('warns about what it can not know', async () => {
    known.metadata.set('password', { presence: 'present' });
    known.metadata.set('token', { presence: 'unknown' });
    const { stdout, warnings, exitCode } = await run(check, []);
    expect(warnings.map(({ name, message }) => [name, message])).toEqual([
      ['PASSWORD', 'its age is not known, so maxAge cannot be checked'],
      ['TOKEN', 'only reading it tells whether it is there'],
    ]);
    expect([stdout, exitCode]).toEqual(['6 secrets are in order in profile dev, with 2 warnings\n', 0]);
  });

  it('takes a manager that cannot be asked for an error, never for a no, and shows the other findings', async () => {
    known.metadata.set('token', new Fault('unavailable', { message: 'nobody listens', retryable: false }));
    known.metadata.set('password', { presence: 'absent' });
    const { stdout, exitCode, error } = await run(check, []);
    expect(stdout).toMatch(/^PASSWORD: it is absent;/);
    expect([exitCode, error?.code]).toEqual([69, 'PROVIDER_UNAVAILABLE']);
  });

  it('only warns about a manager that would not be asked', async () => {
    known.metadata.set('token-2', new Fault('denied', 'the server answered 403'));
    const { warnings, exitCode } = await run(check, ['TOKEN']);
    expect([exitCode, warnings.map(({ message }) => message)]).toEqual([0, ['the server answered 403']]);
  });

  it('names a template only for parts that nobody else names', async () => {
    known.metadata.set('password', { presence: 'absent' });
    const { stdout } = await run(check, ['URL']);
    expect(stdout).toMatch(/^PASSWORD: it is absent;.*\n$/);
  });
});

describe('the command describe', () => {
  it('shows all that is known, and never a value', async () => {
    known.values.set('password', 'canary-0123456789abcdef');
    known.metadata.set('password', {
      presence: 'present',
      version: '7',
      versionCount: 9,
      fields: ['a', 'b'],
      updatedAt: daysAgo(3),
      enabled: true,
    });
    const { stdout, exitCode } = await run(describeCommand, ['PASSWORD']);
    for (const text of [
      'payments (#payments)',
      'https://wiki.example.com/db',
      'manifest, .secretsrc:5:3',
      '90d',
      'vault://password',
      'a, b',
      '(3d)',
    ])
      expect(stdout).toContain(text);
    expect(stdout).not.toContain('canary');
    expect([exitCode, known.read]).toEqual([0, []]);
  });

  it('has a stable JSON form', async () => {
    expect(jsonOf(await run(describeCommand, ['URL'], { json: true }))).toEqual({
      name: 'URL',
      kind: 'template',
      state: 'current',
      required: true,
      sensitive: true,
      delivery: 'env',
      hasDefault: false,
      consumers: [],
      tags: [],
      parts: ['PASSWORD'],
      layers: [{ label: 'manifest', at: { file: '.secretsrc', line: 12, column: 3 } }],
      references: [],
      running: [],
    });
    expect(jsonOf(await run(describeCommand, ['vault://extra'], { json: true }))).toEqual({
      kind: 'reference',
      state: 'missing',
      references: [{ reference: 'vault://extra', provider: 'vault', adapter: 'vault', state: 'missing' }],
      running: [],
    });
  });

  it('shows the entry of what can not be asked, and ends with the reason', async () => {
    known.metadata.set('password', new Fault('denied', 'the server answered 403'));
    const { stdout, exitCode } = await run(describeCommand, ['PASSWORD']);
    expect(stdout).toContain('owner');
    expect(exitCode).toBe(77);
  });
});

describe('history', () => {
  it('lists versions, newest first', async () => {
    known.versions.set('password', [
      { version: '2', current: true, state: 'enabled', createdAt: new Date('2026-02-03T04:05:06Z'), stages: ['AWSCURRENT'] },
      { version: '1', current: false, state: 'disabled' },
    ]);
    const { stdout } = await run(history, ['PASSWORD']);
    expect(rowsOf(stdout).slice(1)).toEqual([
      ['2', '2026-02-03 04:05:06 UTC', 'current', 'AWSCURRENT', '-', 'enabled'],
      ['1', '-', '-', '-', '-', 'disabled'],
    ]);
    expect(jsonOf(await run(history, ['PASSWORD'], { json: true }))).toMatchObject({
      name: 'PASSWORD',
      versions: [{ version: '2' }, { version: '1' }],
    });
  });

  it('says why there is none', async () => {
    expect((await run(history, ['LEVEL'])).error?.code).toBe('USAGE');
    expect((await run(history, ['TOKEN'])).error?.issues).toMatchObject([
      { code: 'REF_NOT_FOUND', name: 'TOKEN', reference: 'vault://token' },
    ]);
    expect((await run(history, ['env://HOME'])).error?.code).toBe('CAPABILITY_UNSUPPORTED');
  });
});

describe('get', () => {
  const value = 'canary-0123456789abcdef\n';

  it('A55 shows nothing without --reveal, and fetches nothing', async () => {
    known.values.set('password', value);
    for (const json of [false, true]) {
      const { stdout, exitCode, error } = await run(get, ['PASSWORD'], { json });
      expect([stdout, exitCode, known.read]).toEqual(['', 64, []]);
      expect(error?.issues[0]?.hint).toContain('--reveal');
    }
  });

  it('writes the exact bytes', async () => {
    known.values.set('password', value);
    expect((await run(get, ['PASSWORD', '--reveal'])).stdout).toBe(value);
    expect((await run(get, ['URL', '--reveal'])).stdout).toBe(`x://${value}`);
    expect((await run(get, ['vault://password', '--reveal'])).stdout).toBe(value);
    expect((await run(get, ['LEVEL', '--reveal'])).stdout).toBe('info');
    expect((await run(get, ['REGION', '--reveal'])).stdout).toBe('eu-west-1');
  });

  it('gives text as it is and other bytes as base64 in JSON', async () => {
    known.values.set('password', value);
    known.values.set('token', Uint8Array.of(0xff, 0x00));
    expect(jsonOf(await run(get, ['PASSWORD', '--reveal'], { json: true }))).toEqual({
      name: 'PASSWORD',
      reference: 'vault://password',
      version: '1',
      value,
    });
    expect(jsonOf(await run(get, ['TOKEN', '--reveal'], { json: true }))).toEqual({
      name: 'TOKEN',
      reference: 'vault://token',
      version: '1',
      base64: '/wA=',
    });
  });

  it('ends with the reason where there is no value', async () => {
    expect((await run(get, ['PASSWORD', '--reveal'])).error?.issues).toMatchObject([
      { code: 'REF_NOT_FOUND', name: 'PASSWORD', owner: 'payments' },
    ]);
    expect((await run(get, ['EXTRA', '--reveal'])).error?.code).toBe('REF_NOT_FOUND');
    const { error } = await run(get, ['vault://extra', '--reveal']);
    expect(error?.issues).toMatchObject([{ code: 'REF_NOT_FOUND', reference: 'vault://extra' }]);
    expect(error?.issues[0]?.at).toBeUndefined();
  });
});
