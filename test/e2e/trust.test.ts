/** A manifest decides where credentials go, so nothing is contacted or started before its user has agreed. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atEnd } from './support/at-end.ts';
import { canary } from './support/canary.ts';
import type { CliOptions, CliResult } from './support/cli.ts';
import { cli, PROGRAM } from './support/cli.ts';
import { tempDir } from './support/home.ts';
import { project, type Project } from './support/project.ts';
import { CTRL_C, type Pty } from './support/pty.ts';

/** A KV version 2 server that counts connections, also those without a request. */
interface Vault {
  readonly url: string;
  readonly value: string;
  connections(): number;
}

async function vault(): Promise<Vault> {
  const value = canary();
  let connections = 0;
  const server = createServer((request, response) => {
    const path = request.url?.replace('/v1/', '') ?? '';
    const mount = { path: `${path.split('/')[4] ?? ''}/`, type: 'kv', options: { version: '2' } };
    const document = {
      data: { key: value },
      metadata: { version: 1, created_time: '2026-01-02T03:04:05Z', deletion_time: '', destroyed: false },
    };
    const data = path.startsWith('sys/internal/ui/mounts/') ? mount : path.includes('/data/') ? document : {};
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, value, connections: () => connections };
}

const manifestFor = (url: string, more = ''): string => `version: 1
project: api
providers:
  vault: { address: "${url}", auth: [{ method: token }] }
secrets:
  API_KEY: vault://secret/api#key
${more}`;

interface Subject extends Project {
  readonly server: Vault;
  /** Runs a program that leaves a trace; tells whether it did. */
  launch(options?: CliOptions, args?: readonly string[]): Promise<CliResult & { readonly started: boolean }>;
  trust(): Promise<void>;
}

const ENV = { VAULT_TOKEN: 'canary-0f3b', SECRETS_TRUST: undefined };

async function subject(manifest: (url: string) => string = manifestFor): Promise<Subject> {
  const server = await vault();
  const made = await project({ manifest: manifest(server.url) });
  const run: Project['run'] = (args, options = {}) => made.run(args, { ...options, env: { ...ENV, ...options.env } });
  return {
    ...made,
    run,
    pty: (args, options = {}) => made.pty(args, { ...options, env: { ...ENV, ...options.env } }),
    server,
    launch: async (options, args = []) => {
      const result = await run(['run', ...args, '--', 'touch', 'started'], options);
      const started = existsSync(join(made.dir, 'started'));
      rmSync(join(made.dir, 'started'), { force: true });
      return { ...result, started };
    },
    trust: async () => {
      const { code, stderr } = await run(['trust', '--yes']);
      if (code !== 0) throw new Error(stderr);
    },
  };
}

describe('A22 a manifest that is not trusted', () => {
  it.each([
    ['without CI', undefined],
    ['with CI=true', 'true'],
  ])('starts nothing and contacts nobody, %s', async (_, CI) => {
    const { launch, run, server } = await subject();
    const { code, stderr, started } = await launch({ env: { CI } });
    expect({ code, started, connections: server.connections() }).toEqual({ code: 125, started: false, connections: 0 });
    expect(stderr).toContain('error[MANIFEST_UNTRUSTED]: this manifest is not trusted yet: provider vault: address http://127.0.0.1:');
    expect(stderr).toContain('hint: secrets trust; in CI, SECRETS_TRUST=sha256:');
    expect((await run(['run', '--json', '--', 'true'])).stderr).toContain('"code":"MANIFEST_UNTRUSTED"');
  });

  it.each([['list'], ['check'], ['describe', 'API_KEY'], ['get', 'API_KEY', '--reveal'], ['whoami'], ['setup'], ['history', 'API_KEY']])(
    'contacts nobody for %s',
    async (...args) => {
      const { run, server } = await subject();
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout, connections: server.connections() }).toEqual({ code: 78, stdout: '', connections: 0 });
      expect(stderr).toContain('MANIFEST_UNTRUSTED');
    },
  );

  it('contacts nobody for set and doctor', async () => {
    const { run, server } = await subject();
    expect((await run(['set', 'API_KEY'], { input: canary() })).code).toBe(78);
    const { code, stdout, stderr } = await run(['doctor']);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('not trusted yet');
    expect(server.connections()).toBe(0);
  });

  it('can be looked at', async () => {
    const { run, server } = await subject();
    for (const args of [['explain'], ['run', '--dry-run'], ['trust', '--show'], ['schema']]) expect((await run(args)).code).toBe(0);
    expect(server.connections()).toBe(0);
  });
});

describe('A22 a manifest that was trusted', () => {
  it('is used without a question, also in worktrees', async () => {
    const { dir, home, launch, trust, server } = await subject();
    rmSync(join(dir, '.git'), { recursive: true });
    const git = (...args: readonly string[]): unknown =>
      execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd: dir, env: home.env, stdio: 'pipe' });
    git('init', '--quiet');
    git('add', '.secretsrc');
    git('commit', '--quiet', '--message', 'first');
    await trust();
    expect(server.connections()).toBe(0);
    expect(await launch()).toMatchObject({ code: 0, started: true });
    expect(server.connections()).toBeGreaterThan(0);
    const worktree = join(tempDir('worktree'), 'w');
    git('worktree', 'add', '--quiet', worktree);
    expect(await launch({ cwd: worktree })).toMatchObject({ code: 0 });
    const clone = join(tempDir('clone'), 'c');
    git('clone', '--quiet', dir, clone);
    expect(await launch({ cwd: clone })).toMatchObject({ code: 125 });
  });

  it.each<readonly [string, (text: string, url: string) => string]>([
    ['another address', (text) => text.replace('127.0.0.1', 'localhost')],
    ['another sign-in', (text) => text.replace('{ method: token }', '{ method: token, env: MY_TOKEN }')],
    ['a new prefix', (text) => `${text}  MORE: vault://other/api#key\n`],
    ['a variable of the environment', (text) => `${text}  MORE: env://HOME\n`],
    ['a program for rotation', (text) => `${text}  MORE: { ref: "vault://secret/x#key", rotate: { using: exec, command: [./x] } }\n`],
    ['an extended file', (text) => `extends: base/.secretsrc\n${text}`],
    ['a weaker mask', (text) => `${text}mask: { mode: never }\n`],
    ['a credential for the program', (text) => `${text}env: { pass: [VAULT_TOKEN] }\n`],
  ])('asks again after %s', async (_, change) => {
    const { write, launch, trust, server } = await subject();
    write('base/.secretsrc', 'secrets: {}\n');
    await trust();
    write('.secretsrc', change(manifestFor(server.url), server.url));
    const { code, stderr, started } = await launch();
    expect({ code, started, connections: server.connections() }).toEqual({ code: 125, started: false, connections: 0 });
    expect(stderr).toContain('has changed in what needs trust');
  });

  it.each<readonly [string, (text: string) => string]>([
    ['a new reference under a known prefix', (text) => `${text}  MORE: vault://secret/team/more#key\n`],
    [
      'an owner and a description',
      (text) => text.replace('vault://secret/api#key', '{ ref: "vault://secret/api#key", owner: o, description: d }'),
    ],
    ['a plain setting', (text) => `${text}  LOG_LEVEL: { value: info }\n`],
  ])('asks nothing after %s', async (_, change) => {
    const { write, launch, trust, server } = await subject();
    await trust();
    write('.secretsrc', change(manifestFor(server.url)));
    expect(await launch()).toMatchObject({ code: 0, started: true });
  });

  it('is not trusted any more after --revoke', async () => {
    const { launch, trust, run } = await subject();
    await trust();
    expect((await run(['trust', '--revoke'])).stdout).toBe('.secretsrc is not trusted any more\n');
    expect(await launch()).toMatchObject({ code: 125, started: false });
    expect((await run(['trust', '--revoke'])).stdout).toBe('.secretsrc was not trusted\n');
  });

  it('does not count by a record that others could have written', async () => {
    const { launch, trust, home } = await subject();
    await trust();
    const folder = join(home.dir, '.local/state/secrets/trust');
    chmodSync(folder, 0o777);
    const { code, stderr } = await launch();
    expect(code).toBe(125);
    expect(stderr).toContain(`others may write to ${folder}`);
  });

  it('stays so when secrets itself changes the manifest', async () => {
    const { run, launch, trust, write, server } = await subject();
    await trust();
    expect((await run(['set', 'TOKEN', '--ref', 'local://token'], { input: canary() })).code).toBe(0);
    expect(await launch()).toMatchObject({ code: 0, started: true });
    // What somebody else changed before is still asked about.
    write('.secretsrc', `${manifestFor(server.url)}profiles: { prod: { secrets: { API_KEY: "vault://prod/api#key" } } }\n`);
    expect((await run(['set', 'OTHER', '--ref', 'local://other'], { input: canary() })).code).toBe(0);
    expect(await launch()).toMatchObject({ code: 0, started: true });
    expect(await launch({}, ['--profile', 'prod'])).toMatchObject({ code: 125, started: false });
  });
});

describe('A22 SECRETS_TRUST and --trust', () => {
  it('pins the set whose hash --show prints last, and that one alone', async () => {
    const { run, launch, write, trust, server } = await subject();
    const { stdout } = await run(['trust', '--show']);
    const lines = stdout.trimEnd().split('\n');
    const pin = lines.at(-1);
    expect(lines.slice(0, -1)).toEqual([
      'prefix vault://secret/',
      'project api',
      `provider vault vault {"address":"${server.url}","auth":[{"method":"token"}]}`,
    ]);
    expect(pin).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await launch({ env: { SECRETS_TRUST: pin } })).toMatchObject({ code: 0, started: true });
    const before = server.connections();
    write('.secretsrc', manifestFor(server.url, '  MORE: vault://other/api#key\n'));
    await trust();
    const { code, stderr, started } = await launch({ env: { SECRETS_TRUST: pin } }, ['--trust']);
    expect({ code, started, connections: server.connections() }).toEqual({ code: 125, started: false, connections: before });
    expect(stderr).toContain(`expected ${pin}, found sha256:`);
  });

  it('=1 and --trust trust unseen, and only this once', async () => {
    const { launch } = await subject();
    expect(await launch({ env: { SECRETS_TRUST: '1' } })).toMatchObject({ code: 0, started: true });
    expect(await launch({}, ['--trust'])).toMatchObject({ code: 0, started: true });
    expect(await launch()).toMatchObject({ code: 125, started: false });
    expect(await launch({ env: { SECRETS_TRUST: 'true' } })).toMatchObject({ code: 125, started: false });
  });
});

describe('at a terminal', () => {
  const start = ({ pty }: Subject): Pty => pty(['run', '--', 'sh', '-c', 'echo "got $API_KEY" | cut -c 1-10']);

  it('asks with what the manifest decides, and remembers the answer', async () => {
    const made = await subject();
    const first = start(made);
    await first.waitFor('.secretsrc is new here. What it decides:');
    await first.waitFor('all under vault://secret/');
    await first.waitFor(`vault: address ${made.server.url}, auth [{"method":"token"}]`);
    await first.waitFor('Trust it?');
    expect(made.server.connections()).toBe(0);
    first.write('y\r');
    await first.waitFor('got canary');
    expect((await first.exit).code).toBe(0);
    const second = start(made);
    expect((await second.exit).code).toBe(0);
    expect(second.text()).not.toContain('Trust it?');
    made.write('.secretsrc', manifestFor(made.server.url.replace('127.0.0.1', 'localhost')));
    const third = start(made);
    await third.waitFor('decides more than when you trusted it on ');
    await third.waitFor(`vault: address ${made.server.url.replace('127.0.0.1', 'localhost')} (was ${made.server.url})`);
    await third.waitFor('Trust it?');
    third.write('n\r');
    expect((await third.exit).code).toBe(125);
    expect(third.text()).toContain('MANIFEST_UNTRUSTED');
  });

  it('takes Return and Ctrl-C for a no, and asks the next time', async () => {
    const made = await subject();
    for (const [key, code] of [
      ['\r', 125],
      [CTRL_C, 130],
      ['\r', 125],
    ] as const) {
      const terminal = start(made);
      await terminal.waitFor('Trust it?');
      terminal.write(key);
      expect((await terminal.exit).code).toBe(code);
    }
    expect(made.server.connections()).toBe(0);
  });

  it.each([
    ['yes', 'y\r', 0],
    ['no', 'n\r', 125],
  ])('asks once for six runs at the same time: %s', async (_, keys, code) => {
    const made = await subject();
    const runs = Array.from({ length: 6 }, () => start(made));
    const asking = (): readonly Pty[] => runs.filter((run) => run.text().includes('Trust it?'));
    const first = await Promise.any(runs.map(async (run) => run.waitFor('Trust it?').then(() => run)));
    first.write(keys);
    expect((await Promise.all(runs.map((run) => run.exit))).map((exit) => exit.code)).toEqual(runs.map(() => code));
    expect(asking()).toEqual([first]);
  });

  it('asks every time where the answer cannot be kept', async () => {
    const made = await subject();
    for (let time = 0; time < 2; time++) {
      const terminal = made.pty(['run', '--', 'echo', 'done'], { env: { SECRETS_STATE_DIR: '/proc/none' } });
      await terminal.waitFor('Trust it?');
      terminal.write('y\r');
      await terminal.waitFor('trusted this once');
      expect((await terminal.exit).code).toBe(0);
    }
    const { code, stderr } = await made.run(['trust', '--yes'], { env: { SECRETS_STATE_DIR: '/proc/none' } });
    expect(code).toBe(74);
    expect(stderr).toContain('what you trust cannot be kept');
  });
});

describe('secrets trust', () => {
  it('asks at a terminal, and ends with 1 for a no', async () => {
    const made = await subject();
    const no = made.pty(['trust']);
    await no.waitFor('Trust it?');
    no.write('\r');
    expect((await no.exit).code).toBe(1);
    const yes = made.pty(['trust']);
    await yes.waitFor('Trust it?');
    yes.write('y\r');
    await yes.waitFor('trusted .secretsrc');
    expect((await yes.exit).code).toBe(0);
    expect(await made.launch()).toMatchObject({ code: 0 });
    expect((await made.run(['trust'])).stdout).toBe('.secretsrc is trusted already\n');
    expect(made.server.connections()).toBeGreaterThan(0);
  });

  it('says what to type where nobody can be asked', async () => {
    const { run } = await subject();
    const { code, stderr } = await run(['trust']);
    expect(code).toBe(78);
    expect(stderr).toContain('secrets trust --yes');
  });

  it('answers in JSON', async () => {
    const { run, trust } = await subject();
    type Answer = {
      readonly manifests: readonly { readonly trusted: boolean; readonly new: readonly string[]; readonly sha256: string }[];
    };
    const show = async (): Promise<Answer> => JSON.parse((await run(['trust', '--show', '--json'])).stdout) as Answer;
    const [before] = (await show()).manifests;
    expect(before).toMatchObject({ manifest: '.secretsrc', trusted: false });
    expect(before?.new).toContain('project api');
    await trust();
    expect((await show()).manifests[0]).toMatchObject({ trusted: true, new: [], sha256: before?.sha256 });
  });

  it('takes all manifests of the workspace, and tells of those that it cannot read', async () => {
    const { run, write, launch, dir } = await subject();
    rmSync(join(dir, '.git'), { recursive: true });
    write('packages/a/.secretsrc', 'project: a\nsecrets: { A: local://a }\n');
    write('node_modules/x/.secretsrc', 'project: x\nsecrets: { A: local://a }\n');
    const { code, stdout } = await run(['trust', '--workspace', '--yes']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'trusted .secretsrc\ntrusted packages/a/.secretsrc\n' });
    expect(await launch()).toMatchObject({ code: 0 });
    write('packages/b/.secretsrc', 'secrets: [\n');
    const again = await run(['trust', '--workspace', '--yes']);
    expect(again.code).toBe(65);
    expect(again.stdout).toContain('packages/a/.secretsrc is trusted already');
    expect(again.stderr).toContain('packages/b/.secretsrc:');
  });

  it('shows no option that its adapter refuses', async () => {
    const secret = canary();
    const { run } = await subject((url) => manifestFor(url).replace('auth: ', `token: ${secret}, auth: `));
    for (const args of [
      ['trust', '--show'],
      ['trust', '--yes'],
      ['run', '--', 'true'],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect(code).toBeGreaterThan(0);
      expect(stdout + stderr).not.toContain(secret);
      expect(stderr).toContain('PROVIDER_OPTIONS');
    }
  });

  it('keeps the record outside of the repository', async () => {
    const { run, dir } = await subject();
    const { code, stderr } = await run(['trust', '--yes'], { env: { SECRETS_STATE_DIR: join(dir, 'state') } });
    expect(code).toBe(74);
    expect(stderr).toContain('inside the repository');
    expect(existsSync(join(dir, 'state'))).toBe(false);
  });
});

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;

function canBeNobody(): boolean {
  try {
    return process.getuid?.() === 0 && execFileSync(NOBODY[0], [...NOBODY.slice(1), process.execPath, PROGRAM, '--version']).length > 0;
  } catch {
    return false;
  }
}

describe.runIf(canBeNobody())('A22 a manifest of root', () => {
  it('is trusted by who cannot change it, as in a container image', async () => {
    const server = await vault();
    const dir = mkdtempSync('/opt/secrets-image-');
    atEnd(() => rmSync(dir, { recursive: true, force: true }));
    chmodSync(dir, 0o755);
    const work = join(dir, 'app');
    mkdirSync(work);
    writeFileSync(join(work, '.secretsrc'), manifestFor(server.url));
    const env = { ...ENV, HOME: '/nonexistent' };
    const run = (wrapper: readonly string[]): Promise<CliResult> => cli(['run', '--', 'true'], { cwd: work, env, wrapper });
    expect(await run(NOBODY)).toMatchObject({ code: 0 });
    const before = server.connections();
    expect(before).toBeGreaterThan(0);
    expect(await run([])).toMatchObject({ code: 125 });
    for (const [file, mode] of [
      [join(work, '.secretsrc'), 0o646],
      [work, 0o757],
      [dir, 0o757],
    ] as const) {
      const former = file.endsWith('rc') ? 0o644 : 0o755;
      chmodSync(file, mode);
      expect(await run(NOBODY)).toMatchObject({ code: 125 });
      chmodSync(file, former);
    }
    expect(server.connections()).toBe(before);
    expect(readFileSync(join(work, '.secretsrc'), 'utf8')).toContain(server.url);
    expect(await run(NOBODY)).toMatchObject({ code: 0 });
  });
});
