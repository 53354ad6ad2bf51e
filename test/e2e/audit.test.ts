/** What the program records: everything, whole, before a launch, and nothing that is not on the list. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIELD_NAMES } from '../../src/audit/record.ts';
import { canary } from './support/canary.ts';
import type { CliOptions } from './support/cli.ts';
import { tempDir } from './support/home.ts';
import { inNamespace } from './support/namespace.ts';
import { project, type Project } from './support/project.ts';
import { kv2, refusal, vaultEntry, vaultServer } from './support/vault-server.ts';

type Record = { readonly [field: string]: string | number };

const logOf = ({ home }: Project): string => join(home.dir, '.local', 'state', 'secrets', 'audit.jsonl');
const linesOf = (made: Project): readonly string[] => readFileSync(logOf(made), 'utf8').split('\n').slice(0, -1);
const recordsOf = (made: Project): readonly Record[] => linesOf(made).map((line) => JSON.parse(line) as Record);
const events = (made: Project): readonly string[] => recordsOf(made).map(({ event, name, result }) => `${event} ${name ?? '-'} ${result}`);
const verify = async (made: Project, ...more: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> => {
  const { code, stdout } = await made.run(['audit', 'verify', ...more]);
  return { code, stdout };
};

const ENV = 'version: 1\nsecrets: { KEY: env://SRC, NONE: { ref: env://NOWHERE, required: false } }\n';
const REQUIRED = `${ENV}audit: { required: true }\n`;
const CHILD = ['run', '--', 'sh', '-c', 'echo started'];

describe('what is recorded', () => {
  it('of a run: each reference and what the program gets, with who, why and how', async () => {
    const made = await project({ manifest: `${ENV}profiles: { dev: {} }\n` });
    await made.run(['run', '--profile', 'dev', '--reason', 'see "it"', '--', 'true'], { env: { SRC: canary(), CI: 'true' } });
    expect(events(made)).toEqual(['resolve KEY ok', 'resolve NONE absent', 'launch KEY ok']);
    const [first] = recordsOf(made);
    expect(first).toMatchObject({
      v: 1,
      seq: 0,
      ci: 'ci',
      profile: 'dev',
      trust: 'unpinned',
      reason: 'see "it"',
      reference: 'env://SRC',
      source: 'provider',
      prev: '@0',
    });
    expect(await verify(made)).toMatchObject({ code: 0 });
  });

  it('of a run that fails: what was denied, and no launch', async () => {
    const server = await vaultServer((asked) => (asked === 'GET secret/data/b' ? refusal(403, 'permission denied') : undefined));
    const made = await project({
      manifest: `version: 1\nproviders: { ${vaultEntry(server)} }\nsecrets: { A: "vault://secret/a#value", B: "vault://secret/b#value" }\n`,
    });
    const { code } = await made.run(['run', '--', 'true'], { env: { VAULT_TOKEN: canary() } });
    expect(code).toBe(125);
    expect(events(made)).toEqual(['resolve A ok', 'resolve B denied']);
    expect(recordsOf(made)[1]).toMatchObject({ code: 'DENIED', reference: 'vault://secret/b#value' });
    expect(recordsOf(made)[0]).toMatchObject({ version: '1', request: '7f3c2f6e-1111-2222-3333-444455556666' });
    // What joins this log and the backend's own.
    for (const { headers } of server.requests) expect(headers['user-agent']).toContain(`run/${recordsOf(made)[0]?.['run']}`);
  });

  it('of whom the manager takes us for, where signing in told it', async () => {
    const server = await vaultServer((asked) =>
      asked === 'POST auth/approle/login'
        ? { body: { auth: { client_token: canary(), token_type: 'service', entity_id: '5b0e-entity' } } }
        : undefined,
    );
    const made = await project({
      manifest: `version: 1\nproviders: { vault: { address: "${server.url}", auth: { method: approle } } }\nsecrets: { A: "vault://secret/a#value", B: env://SRC }\n`,
    });
    await made.run(['run', '--', 'true'], { env: { VAULT_ROLE_ID: 'role', VAULT_SECRET_ID: canary(), SRC: canary() } });
    expect(recordsOf(made).map(({ event, name, identity }) => `${event} ${name} ${identity}`)).toEqual([
      'resolve A auth/approle entity 5b0e-entity',
      'resolve B undefined',
      'launch A undefined',
      'launch B undefined',
    ]);
  });

  it('of every command that touches a value', async () => {
    const made = await project({ manifest: 'version: 1\nproject: p\nsecrets: { KEY: local://key }\n' });
    await made.set('KEY', canary());
    await made.run(['get', 'KEY', '--reveal', '--reason', 'look']);
    await made.run(['scan']);
    await made.run(['redact'], { input: 'nothing' });
    await made.run(['move', 'KEY', '--to', 'local://other', '--delete-source']);
    await made.run(['remove', 'KEY', '--yes']);
    await made.run(['list']);
    expect(events(made)).toEqual([
      'write KEY ok',
      'resolve KEY ok',
      'reveal KEY ok',
      'use KEY ok',
      'use KEY ok',
      'use KEY ok',
      'write KEY ok',
      'use KEY ok',
      'remove KEY ok',
      'remove KEY ok',
    ]);
    expect(new Set(recordsOf(made).map(({ project: name }) => name))).toEqual(new Set(['p']));
    expect(recordsOf(made)[2]).toMatchObject({ reason: 'look', version: '1' });
    expect(await verify(made)).toMatchObject({ code: 0 });
  });

  it('of trust: given, refused and taken back', async () => {
    const made = await project({ manifest: 'version: 1\nsecrets: { KEY: env://SRC }\n' });
    const untrusting: CliOptions = { env: { SECRETS_TRUST: undefined, SRC: canary() } };
    expect((await made.run(['run', '--', 'true'], untrusting)).code).toBe(125);
    await made.run(['trust', '--yes'], untrusting);
    await made.run(['run', '--', 'true'], untrusting);
    await made.run(['trust', '--revoke'], untrusting);
    const records = recordsOf(made);
    expect(records.map(({ event, result }) => `${event} ${result}`)).toEqual([
      'trust denied',
      'trust ok',
      'resolve ok',
      'launch ok',
      'untrust ok',
    ]);
    expect(records[0]?.['reference']).toBe(records[1]?.['reference']);
    expect(records[2]).toMatchObject({ trust: 'recorded' });
  });

  it('of what a run inside another takes from that', async () => {
    const made = await project({ manifest: 'version: 1\nproject: p\nsecrets: { KEY: local://key }\n' });
    await made.set('KEY', canary());
    const inner = `${process.execPath} ${join(import.meta.dirname, '..', '..', 'bin', 'secrets.js')} run -- true`;
    await made.run(['run', '--', 'sh', '-c', inner]);
    expect(
      recordsOf(made)
        .filter(({ event }) => event === 'resolve')
        .map(({ source }) => source),
    ).toEqual(['provider', 'parent']);
  });

  it('goes where SECRETS_AUDIT says', async () => {
    const made = await project({ manifest: ENV });
    const env = (SECRETS_AUDIT: string): CliOptions => ({ env: { SRC: canary(), SECRETS_AUDIT } });
    expect((await made.run(CHILD, env('off'))).stderr).toBe('');
    const onStderr = await made.run(CHILD, env('stderr'));
    expect(
      onStderr.stderr
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Record)['event']),
    ).toEqual(['resolve', 'resolve', 'launch']);
    await made.run(CHILD, env('file:own.jsonl'));
    expect(existsSync(logOf(made))).toBe(false);
    expect(readFileSync(join(made.dir, 'own.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3);
    expect((await made.run(['audit', 'verify'], env('file:own.jsonl'))).code).toBe(0);
    expect(await made.run(CHILD, env('somewhere'))).toMatchObject({ code: 125, stderr: expect.stringContaining('error[USAGE]') as string });
    const required = await project({ manifest: REQUIRED });
    expect((await required.run(CHILD, env('off'))).stderr).toContain('SECRETS_AUDIT=off is not followed');
    expect(events(required)).toHaveLength(3);
  });

  it('goes to a program of the manifest, and to stderr of a protected profile that has no folder', async () => {
    const made = await project({ manifest: `${ENV}audit: { required: true, sinks: [{ use: exec, command: [./ship] }] }\n` });
    made.write('ship', '#!/bin/sh\ncat >> shipped\n');
    chmodSync(join(made.dir, 'ship'), 0o755);
    expect(await made.run(CHILD, { env: { SRC: canary() } })).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(made.dir, 'shipped'), 'utf8').trim().split('\n')).toHaveLength(3);
    made.write('ship', '#!/bin/sh\nexit 1\n');
    expect(await made.run(CHILD, { env: { SRC: canary() } })).toMatchObject({ code: 125, stdout: '' });
  });
});

describe('A62 a machine on which nothing can be kept', () => {
  it.skipIf(process.getuid?.() !== 0)('satisfies a protected profile by records on stderr, and by nothing less', async () => {
    const made = await project({ manifest: `${ENV}profiles: { prod: { protected: true } }\n` });
    chmodSync(made.dir, 0o755);
    const wrapper = ['setpriv', '--reuid', '65532', '--regid', '65532', '--clear-groups', '--no-new-privs'];
    const run = ['run', '--profile', 'prod', '--', 'sh', '-c', 'echo started'];
    const bare = { HOME: undefined, SECRETS_IDENTITY_FILE: undefined, SRC: canary() };
    const without = await made.run(run, { env: bare, wrapper });
    expect(without).toMatchObject({ code: 125, stdout: '' });
    expect(without.stderr).toMatch(/error\[AUDIT_WRITE_FAILED\].*\n.*SECRETS_AUDIT=stderr/);
    const { code, stdout, stderr } = await made.run(run, { env: { ...bare, SECRETS_AUDIT: 'stderr' }, wrapper });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'started\n' });
    const records = stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record);
    expect(records.map(({ event }) => event)).toEqual(['resolve', 'resolve', 'launch']);
    expect(records[0]).toMatchObject({ actor: 'uid:65532', profile: 'prod' });
    expect(records[0]).not.toHaveProperty('mac');
    // Where the log is not required nobody is bothered.
    expect(await made.run(CHILD, { env: bare, wrapper })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('A49 many runs at once', () => {
  it('sixteen with a hundred references each, some of them killed', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `K${index}`);
    const made = await project({ manifest: `version: 1\nsecrets:\n${names.map((name) => `  ${name}: env://SRC\n`).join('')}` });
    const runs = Array.from({ length: 16 }, () => made.start(['run', '--', 'true'], { env: { SRC: canary() } }));
    // No moment is waited for: whichever a kill meets, also the end of the run, the log has to bear it.
    for (const { child } of runs.slice(0, 5)) setTimeout(() => child.kill('SIGKILL'), 300 + Math.random() * 1_500);
    await Promise.all(runs.map(({ result }) => result));
    expect((await made.run(['run', '--', 'true'], { env: { SRC: canary() } })).code).toBe(0);
    const verdict = JSON.parse((await made.run(['audit', 'verify', '--json'])).stdout) as {
      readonly ok: boolean;
      readonly records: number;
    };
    expect(verdict.ok).toBe(true);
    expect(verdict.records).toBeGreaterThanOrEqual(12 * 200);

    const head = (await made.run(['audit', 'head'])).stdout.trim();
    expect(await verify(made, '--head', head)).toMatchObject({ code: 0 });
    const lines = linesOf(made);
    const at = 1_000;
    const line = lines[at] ?? '';
    const put = (changed: readonly string[]): void => writeFileSync(logOf(made), changed.map((one) => `${one}\n`).join(''));
    const named = async (changed: readonly string[], where: RegExp, ...more: readonly string[]): Promise<void> => {
      put(changed);
      const { code, stdout } = await verify(made, ...more);
      expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(where) as string });
    };
    await named(lines.with(at, line.replace('"ok"', '"denied"')), /:1001: line 1001 was changed/);
    await named(lines.toSpliced(at, 1), /: line 100\d /);
    await named(lines.with(at, lines[at + 1] ?? '').with(at + 1, line), /: line 100\d /);
    await named(lines.toSpliced(at, 0, line.replace('K', 'L')), /:1001: line 1001 was changed/);
    put(lines.slice(0, -1));
    expect(await verify(made)).toMatchObject({ code: 0 });
    await named(lines.slice(0, -1), /cut off/, '--head', head);
  });
});

describe('A50 a log that cannot be written', () => {
  const isRoot = process.getuid?.() === 0;
  const canMount = process.platform === 'linux' && spawnSync('unshare', ['--mount', 'true']).status === 0;

  /** Required: nothing is started; not required: one warning, and it is. Both without waiting. */
  async function refuses(because: RegExp, prepare: (log: string) => void, more: CliOptions = {}): Promise<void> {
    for (const [manifest, required] of [
      [REQUIRED, true],
      [ENV, false],
    ] as const) {
      const made = await project({ manifest });
      mkdirSync(join(logOf(made), '..'), { recursive: true });
      prepare(logOf(made));
      const since = performance.now();
      const { code, stdout, stderr } = await made.run(CHILD, { ...more, env: { SRC: canary(), ...more.env } });
      expect(performance.now() - since).toBeLessThan(10_000);
      expect(stderr).toMatch(because);
      if (required)
        expect({ code, stdout, stderr }).toMatchObject({
          code: 125,
          stdout: '',
          stderr: expect.stringContaining('error[AUDIT_WRITE_FAILED]') as string,
        });
      else expect({ code, stdout, warnings: stderr.split('warning').length - 1 }).toEqual({ code: 0, stdout: 'started\n', warnings: 1 });
    }
  }

  it('a symbolic link', async () => {
    const target = join(tempDir('target'), 'file');
    writeFileSync(target, '');
    await refuses(/symbolic link/, (log) => symlinkSync(target, log));
    expect(readFileSync(target, 'utf8')).toBe('');
  });

  it('a pipe that nobody reads', async () => {
    await refuses(/not a plain file/, (log) => execFileSync('mkfifo', [log]));
  });

  it('a file that every user may write', async () => {
    await refuses(/every user/, (log) => {
      writeFileSync(log, '');
      chmodSync(log, 0o666);
    });
  });

  it.skipIf(!isRoot)("another user's file", async () => {
    await refuses(/another user/, (log) => {
      writeFileSync(log, '');
      execFileSync('chown', ['65532', log]);
    });
  });

  it('a full disk, as a limit for files', async () => {
    const limited = ['sh', '-c', 'ulimit -f 1; exec "$@"', 'sh'];
    await refuses(/EFBIG|only a part/, (log) => writeFileSync(log, `${'x'.repeat(1_200)}\n`), { wrapper: limited });
  });

  it.skipIf(!isRoot || !canMount)('a full disk, and one that is read-only', async () => {
    const disk = tempDir('disk');
    const env = { SECRETS_STATE_DIR: disk };
    const full = inNamespace(
      `mount -t tmpfs -o size=64k none ${disk} && { head -c 1000000 /dev/zero > ${disk}/filler 2>/dev/null || true; }`,
    );
    await refuses(/ENOSPC|only a part/, () => undefined, { wrapper: full, env });
    await refuses(/EROFS/, () => undefined, { wrapper: inNamespace(`mount -t tmpfs -o ro none ${disk}`), env });
  });

  it('stops what would change or show a value as well, before it does', async () => {
    const made = await project({ manifest: 'version: 1\nproject: p\nsecrets: { KEY: local://key }\naudit: { required: true }\n' });
    const secret = canary();
    await made.set('KEY', secret);
    rmSync(logOf(made));
    mkdirSync(logOf(made));
    for (const args of [
      ['get', 'KEY', '--reveal'],
      ['set', 'KEY'],
      ['remove', 'KEY', '--yes'],
      ['move', 'KEY', '--to', 'local://new'],
      ['redact'],
      ['scan'],
    ]) {
      const { code, stdout, stderr } = await made.run(args, { input: 'other' });
      expect([args[0], code, stdout, stderr]).toEqual([args[0], 74, '', expect.stringContaining('AUDIT_WRITE_FAILED')]);
    }
    // What reads no value goes on.
    expect((await made.run(['list'])).code).toBe(0);
    expect((await made.run(['doctor'])).stdout).toMatch(/fail {2}audit log/);
    rmSync(logOf(made), { recursive: true });
    expect((await made.run(['get', 'KEY', '--reveal'])).stdout).toBe(secret);
  });
});

describe('A51 what stands in the log', () => {
  it('is the fields of the list: no value, no command line, no length, nothing that acts on a terminal', async () => {
    const [one, two, three] = [canary(), canary(), canary()];
    const nasty = 'req\r\n\u001b[2Jid';
    const server = await vaultServer((asked) =>
      asked === 'GET secret/data/b'
        ? {
            status: 403,
            headers: { 'x-vault-request': nasty.replaceAll(/[^\x20-\x7e]/g, '') },
            body: { errors: [`denied ${nasty} ${three}`], request_id: nasty },
          }
        : asked === 'GET secret/data/a'
          ? { body: { ...(kv2({ value: one }).body as object), request_id: nasty } }
          : undefined,
    );
    const made = await project({
      manifest: [
        'version: 1',
        'project: p',
        `providers: { ${vaultEntry(server)} }`,
        'secrets:',
        '  A: "vault://secret/a#value"',
        '  B: { ref: "vault://secret/b#value", profiles: [x] }',
        '  KEY: local://key',
        '  URL: { template: "postgres://u:${KEY|url}@h/db" }',
        'profiles: { x: {} }',
        '',
      ].join('\n'),
    });
    const env = { VAULT_TOKEN: three, SECRETS_REASON: 'why\r\n\u001b[31m \u202e' };
    for (const args of [
      ['set', 'KEY'],
      ['run', '--', 'sh', '-c', `true ${two}`],
      ['run', '--profile', 'x', '--', 'true', two],
      ['get', 'A', '--reveal'],
      ['get', 'B', '--reveal', '--profile', 'x'],
      ['scan', '--duplicates'],
      ['redact'],
      ['move', 'KEY', '--to', 'vault://secret/c#value', '--delete-source'],
      ['check'],
      ['remove', 'KEY', '--yes'],
    ]) {
      await made.run(args, { env, input: two });
    }
    const bytes = readFileSync(logOf(made), 'latin1');
    for (const secret of [one, two, three]) {
      for (const form of [
        secret,
        secret.slice(0, 12),
        Buffer.from(secret).toString('base64').slice(0, 12),
        Buffer.from(secret).toString('hex').slice(0, 20),
      ])
        expect(bytes).not.toContain(form);
    }
    // oxlint-disable-next-line no-control-regex
    expect(bytes).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    const records = recordsOf(made);
    expect(records.length).toBeGreaterThan(15);
    for (const record of records) {
      expect([...FIELD_NAMES, 'mac']).toEqual(expect.arrayContaining(Object.keys(record)));
      expect(record['reason']).toBe(env.SECRETS_REASON);
      // Those of the fake server's that are plain words.
      expect([undefined, '7f3c2f6e-1111-2222-3333-444455556666']).toContain(record['request']);
    }
    expect(await verify(made)).toMatchObject({ code: 0 });
    const shown = await made.run(['audit', 'show']);
    // oxlint-disable-next-line no-control-regex
    expect(shown.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(statSync(logOf(made)).mode & 0o777).toBe(0o600);
  });
});

describe('secrets audit', () => {
  it('shows, filters and exports', async () => {
    const made = await project({ manifest: ENV });
    for (const reason of ['one', 'two']) await made.run(CHILD, { env: { SRC: canary(), SECRETS_REASON: reason } });
    const show = async (...more: readonly string[]): Promise<readonly string[]> =>
      (await made.run(['audit', 'show', ...more])).stdout.split('\n').slice(0, -1);
    expect(await show()).toHaveLength(6);
    expect(await show('--name', 'KEY')).toHaveLength(4);
    expect(await show('--name', 'env://NOWHERE', '--result', 'absent')).toHaveLength(2);
    expect(await show('--event', 'launch')).toEqual([expect.stringContaining('one'), expect.stringContaining('two')]);
    expect(await show('--run', String(recordsOf(made)[0]?.['run']).slice(0, 10))).toHaveLength(3);
    expect(await show('--since', '1h', '--until', '0s')).toHaveLength(6);
    expect(await show('--until', '2020-01-01')).toEqual([]);
    expect((await made.run(['audit', 'show', '--since', 'soon'])).code).toBe(64);
    const { records } = JSON.parse((await made.run(['audit', 'show', '--json'])).stdout) as { readonly records: readonly Record[] };
    expect(Object.keys(records[0] ?? {})).not.toContain('mac');
    expect(records).toHaveLength(6);

    const exported = (await made.run(['audit', 'export'])).stdout;
    expect(exported).toBe(readFileSync(logOf(made), 'utf8'));
    const file = made.write('other.jsonl', exported);
    expect(await show('--from', file, '--from', logOf(made))).toHaveLength(12);
    expect((await made.run(['audit', 'show', '--from', 'nothing'])).code).toBe(74);
    const csv = (await made.run(['audit', 'export', '--format', 'csv'])).stdout.split('\r\n');
    expect([csv[0]?.split(',').slice(0, 4), csv.length]).toEqual([['v', 'ts', 'seq', 'run'], 8]);
    const ocsf = (await made.run(['audit', 'export', '--format', 'ocsf', '--event', 'launch'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record);
    expect(ocsf).toEqual([expect.objectContaining({ class_uid: 6003, type_uid: 600302, activity_id: 2 }), expect.anything()]);
  });

  it('says who had a value, what that covers, and where to ask for more', async () => {
    const made = await project({
      manifest:
        'version: 1\nsecrets: { KEY: { ref: env://SRC, consumers: [api, worker] }, DB: "vault://secret/db#value" }\nproviders: { vault: { address: "https://vault.example.com" } }\n',
    });
    await made.run(['get', 'KEY', '--reveal'], { env: { SRC: canary() } });
    const { stdout } = await made.run(['audit', 'who', 'KEY']);
    expect(stdout).toMatch(/^This covers what \S+ did through secrets on \S+, since 20\d\d-/);
    expect(stdout).toMatch(/reveal +1 /);
    expect(stdout).toContain('api, worker');
    const db = await made.run(['audit', 'who', 'DB']);
    expect(db.stdout).toContain("jq -c 'select(");
    expect((await made.run(['audit', 'who', 'azure://team-kv/tls', '--json'])).stdout).toContain('AzureDiagnostics');
    expect((await made.run(['audit', 'who', 'aws://prod/db'])).stdout).toContain('aws cloudtrail lookup-events');
  });

  it('says that nothing is recorded yet', async () => {
    const made = await project({ manifest: ENV });
    expect(await verify(made)).toEqual({ code: 0, stdout: 'nothing is recorded yet\n' });
    expect(await made.run(['audit', 'head'])).toMatchObject({ code: 1, stdout: '' });
    expect(await made.run(['audit', 'show'])).toMatchObject({ code: 0, stdout: '' });
    expect((await made.run(['audit'])).code).toBe(64);
  });

  it('puts the head into the summary of a job of GitHub Actions', async () => {
    const made = await project({ manifest: ENV });
    const summary = made.write('summary', '');
    await made.run(CHILD, { env: { SRC: canary(), GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary, GITHUB_REPOSITORY: 'acme/api' } });
    const head = /^secrets audit head: `(\S+)`\n$/.exec(readFileSync(summary, 'utf8'))?.[1] ?? '';
    expect(await verify(made, '--head', head)).toMatchObject({ code: 0 });
    expect(recordsOf(made)[0]).toMatchObject({ ci: 'github acme/api' });
    appendFileSync(logOf(made), 'x');
    expect(await verify(made)).toMatchObject({ code: 0 });
    expect(readdirSync(made.dir).sort()).toEqual(['.git', '.secretsrc', 'summary']);
  });
});

describe('secrets list', () => {
  it('says when a value was last used, of this project alone', async () => {
    const one = await project({
      manifest: 'version: 1\nproject: one\nsecrets: { KEY: local://key, OTHER: { ref: local://other, required: false } }\n',
    });
    const two = await project({ manifest: 'version: 1\nproject: two\nsecrets: { KEY: local://key }\n', home: one.home });
    for (const made of [one, two]) await made.set('KEY', canary());
    await one.run(['run', '--', 'true']);
    const used = async (made: Project): Promise<unknown> => {
      const { secrets } = JSON.parse((await made.run(['list', '--json'])).stdout) as {
        readonly secrets: readonly { readonly lastUsedAt?: string }[];
      };
      return secrets.map(({ lastUsedAt }) => lastUsedAt);
    };
    const at = recordsOf(one).find(({ event }) => event === 'resolve')?.['ts'];
    expect(await used(one)).toEqual([at, undefined]);
    expect(await used(two)).toEqual([undefined]);
  });
});
