/** Runs inside runs, the records that they leave while they live, and `secrets ps`, which shows them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atEnd } from './support/at-end.ts';
import { canary } from './support/canary.ts';
import { environmentOf, PROGRAM } from './support/cli.ts';
import type { Home } from './support/home.ts';
import { child, project } from './support/project.ts';
import { kv2, vaultEntry, vaultServer, type VaultServer } from './support/vault-server.ts';

const runsOf = ({ dir }: Home): string => join(dir, '.local', 'state', 'secrets', 'runs');
const recordsOf = (home: Home): readonly string[] => (existsSync(runsOf(home)) ? readdirSync(runsOf(home)) : []);

/** The program as a word of a shell. */
const SECRETS = `"${process.execPath}" "${PROGRAM}"`;
/** What is masked as it is, is shown in capitals. */
const SHOW = (name: string): string => `sh -c 'printenv ${name} | tr a-z A-Z'`;

/** A vault whose document `api` has one value, which is another one at each read. */
async function changingVault(): Promise<VaultServer & { readonly values: readonly string[] }> {
  const values: string[] = [];
  const server = await vaultServer((asked) => {
    if (asked !== 'GET secret/data/api') return asked === 'GET secret/data/none' ? { status: 404, body: { errors: [] } } : undefined;
    values.push(canary());
    return kv2({ value: values.at(-1) });
  });
  return { ...server, values };
}

const manifestFor = (server: VaultServer, ...secrets: readonly string[]): string =>
  ['version: 1', 'project: shop', `providers: { ${vaultEntry(server)} }`, 'secrets:', ...secrets.map((line) => `  ${line}`), ''].join('\n');
const API = 'KEY: vault://secret/api#value';
const env = { VAULT_TOKEN: 'canary-token' };

describe('A63 a run inside a run', () => {
  it('takes the same values without a second fetch, resolves its own, and masks both', async () => {
    const server = await changingVault();
    const own = canary();
    const one = await project({
      manifest: manifestFor(server, API, 'OPTIONAL: { ref: "vault://secret/none#value", required: false }'),
      files: {
        'package.json': JSON.stringify({
          scripts: { inner: `${SECRETS} -v run --ref OWN=env://SRC -- sh -c 'printenv KEY OWN; printenv KEY OWN | tr a-z A-Z'` },
        }),
      },
    });
    const result = await one.run(['run', '--mask', 'never', '--', 'npm', 'run', '--silent', 'inner'], { env: { ...env, SRC: own } });
    expect(result.code).toBe(0);
    expect(server.values).toHaveLength(1);
    expect(server.reads()).toBe(2);
    expect(result.stdout).toBe(`***\n***\n${server.values[0]?.toUpperCase()}\n${own.toUpperCase()}\n`);
    expect(result.stderr).toContain('taken from the run around this one: KEY');
    expect(result.stderr).toContain('masked in stdout: KEY ×1, OWN ×1');
  });

  it('does not say that a template of what it took replaces what it is', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API, 'URL: { template: "app://${KEY}" }') });
    const inner = await one.run(['run', '--', 'sh', '-c', `${SECRETS} -v run -- true`], { env });
    expect(inner.stderr).toContain('injected KEY, URL');
    expect(inner.stderr).not.toContain('replaces');
    const other = await one.run(['run', '-v', '--', 'true'], { env: { ...env, URL: 'another' } });
    expect(other.stderr).toContain("URL replaces the value of the parent's environment");
  });

  it('goes on at any depth', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API) });
    const script = `${SECRETS} run -- ${SECRETS} run -- ${SHOW('KEY')}`;
    const result = await one.run(['run', '--', 'sh', '-c', script], { env });
    expect(result.stdout).toBe(`${server.values[0]?.toUpperCase()}\n`);
    expect(server.values).toHaveLength(1);
  });

  it('names the variable that the outer run removed, where a sign-in is missing', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API) });
    const inner = `${SECRETS} run --ref OTHER=vault://secret/other#value -- true`;
    const result = await one.run(['run', '--', 'sh', '-c', inner], { env });
    expect(result.code).toBe(125);
    expect(result.stderr).toContain('error[UNAUTHENTICATED]: OTHER');
    expect(result.stderr).toContain('the run around this one removed VAULT_TOKEN: start that one with --pass-env VAULT_TOKEN');
    const passed = await one.run(['run', '--pass-env', 'VAULT_TOKEN', '--', 'sh', '-c', inner], { env });
    expect(passed.code).toBe(0);
    expect(server.reads('other')).toBe(1);
  });

  it('asks for everything with --fresh', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API) });
    const result = await one.run(['run', '--pass-env', 'VAULT_TOKEN', '--', 'sh', '-c', `${SECRETS} run --fresh -- ${SHOW('KEY')}`], {
      env,
    });
    expect(result.stdout).toBe(`${server.values[1]?.toUpperCase()}\n`);
    const refused = await one.run(['run', '--', 'sh', '-c', `${SECRETS} run --fresh -- true`], { env });
    expect(refused.stderr).toContain('the run around this one removed VAULT_TOKEN');
  });

  it('asks again for a value that was changed on the way, and takes no other for it', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API) });
    const pass = ['run', '--pass-env', 'VAULT_TOKEN', '--', 'sh', '-c'];
    const changed = await one.run([...pass, `KEY=changed ${SECRETS} run -- ${SHOW('KEY')}`], { env });
    expect(changed.stdout).toBe(`${server.values[1]?.toUpperCase()}\n`);
    const renamed = await one.run([...pass, `${SECRETS} run --only OTHER --ref OTHER=vault://secret/api#value -- ${SHOW('OTHER')}`], {
      env,
    });
    expect(renamed.stdout).toBe(`${server.values[3]?.toUpperCase()}\n`);
  });

  it('does not take the secret of another project that has the same reference', async () => {
    const outer = await project({ manifest: 'version: 1\nproject: outer\nsecrets:\n  KEY: local://key\n' });
    const inner = await project({ manifest: 'version: 1\nproject: inner\nsecrets:\n  KEY: local://key\n', home: outer.home });
    const [theirs, ours] = [canary(), canary()];
    await outer.set('KEY', theirs);
    await inner.set('KEY', ours);
    const result = await outer.run(['run', '--', 'sh', '-c', `cd "${inner.dir}" && ${SECRETS} run -- ${SHOW('KEY')}`]);
    expect(result.stdout).toBe(`${ours.toUpperCase()}\n`);
  });

  it.runIf(process.platform === 'linux')('takes the exact bytes of a file', async () => {
    const one = await project({ manifest: 'version: 1\nproject: shop\nsecrets:\n  KEY: { ref: "local://key", as: file }\n' });
    const bytes = Buffer.from([0, 255, 10, 1, 2, 3, 4, 5, 6]);
    await one.run(['set', 'KEY', '--exact'], { input: bytes });
    const inner = `${SECRETS} -v run -- sh -c 'od -An -tx1 "$KEY"'`;
    const result = await one.run(['run', '--', 'sh', '-c', inner]);
    expect(result.stderr).toContain('taken from the run around this one: KEY');
    expect(result.stdout.trim()).toBe(bytes.toString('hex').replace(/../g, '$& ').trim());
  });

  it('works without a state folder, and takes nothing then', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API) });
    const inner = ['run', '--pass-env', 'VAULT_TOKEN', '--', 'sh', '-c', `${SECRETS} run -- ${SHOW('KEY')}`];
    const result = await one.run(inner, { env: { ...env, SECRETS_STATE_DIR: '/dev/null/state', SECRETS_AUDIT: 'off' } });
    expect(result).toMatchObject({ code: 0, stdout: `${server.values[1]?.toUpperCase()}\n` });
    expect(result.stderr).not.toContain('state');
  });
});

describe('the record of a run', () => {
  it('is there before the program, private, without values, and goes with it', async () => {
    const server = await changingVault();
    const one = await project({ manifest: manifestFor(server, API, 'PLAIN: { value: canary-plain }') });
    const script = `cat "${runsOf(one.home)}"/*.json; stat -c %a "${runsOf(one.home)}"/*.json; echo "$SECRETS_RUN"`;
    const result = await one.run(['run', '--mask', 'never', '--', 'sh', '-c', script, 'argument-of-it'], { env });
    const [json = '', mode, mark = ''] = result.stdout.trim().split('\n');
    const record = JSON.parse(json) as Readonly<Record<string, unknown>>;
    expect(mode).toBe('600');
    expect(record).toMatchObject({ command: 'sh', removed: [{ name: 'VAULT_TOKEN', adapter: 'vault', passable: true }] });
    expect(record['secrets']).toMatchObject([
      { name: 'KEY', state: 'injected', reference: 'vault://secret/api#value', version: '1' },
      { name: 'PLAIN', state: 'injected' },
    ]);
    const [id, key = ''] = mark.split('.');
    expect(record['id']).toBe(id);
    for (const hidden of [server.values[0] ?? '', 'canary-plain', env.VAULT_TOKEN, key, 'argument-of-it'])
      expect(json).not.toContain(hidden);
    expect(recordsOf(one.home)).toEqual([]);
  });

  it.each(['TERM', 'KILL'])('goes when the program ends by SIG%s', async (name) => {
    const one = await project({ manifest: 'version: 1\nsecrets:\n  KEY: env://SRC\n' });
    const result = await one.run(['run', '--', 'sh', child('kill-self.sh'), name], { env: { SRC: canary() } });
    expect(result.signal).toBe(`SIG${name}`);
    expect(recordsOf(one.home)).toEqual([]);
    expect(existsSync(runsOf(one.home))).toBe(true);
  });
});

interface Shown {
  readonly runs: readonly Readonly<Record<string, unknown>>[];
}

describe.runIf(process.platform === 'linux')('secrets ps', () => {
  it('shows who has what while they run, without values and arguments', async () => {
    const server = await changingVault();
    const one = await project({ manifest: `${manifestFor(server, API)}profiles: { dev: {} }\n` });
    const script = 'echo "pid $$"; exec cat';
    const running = one.start(['run', '-p', 'dev', '--', 'sh', '-c', script], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const [, pid] = await running.waitFor(/pid (\d+)/);
    const json = await one.run(['ps', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      runs: [
        {
          pid: Number(pid),
          supervisor: running.pid,
          profile: 'dev',
          command: 'sh',
          state: 'alive',
          secrets: [{ name: 'KEY', as: 'env', reference: 'vault://secret/api#value', version: '1' }],
        },
      ],
    });
    const table = await one.run(['ps']);
    expect(table.stdout).toMatch(new RegExp(`^\\S+ +${pid} +\\S+ \\S+ UTC +dev +sh +KEY@1 +unknown$`, 'm'));
    for (const { stdout, stderr } of [json, table]) {
      for (const hidden of [server.values[0] ?? '', 'echo', env.VAULT_TOKEN]) expect(stdout + stderr).not.toContain(hidden);
    }
    running.child.stdin?.end();
    await running.result;
    expect(await one.run(['ps'])).toMatchObject({ code: 0, stdout: '' });
    expect((JSON.parse((await one.run(['ps', '--json'])).stdout) as Shown).runs).toEqual([]);
  });

  it('still shows a program whose run was killed, and forgets it when that ends', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets:\n  KEY: env://SRC\n' });
    const killed = spawn(process.execPath, [PROGRAM, 'run', '--mask', 'never', '--', 'sh', '-c', 'echo $$; exec sleep 60'], {
      cwd: one.dir,
      env: environmentOf(one.home, { SRC: canary() }),
    });
    const [line] = (await once(killed.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    let ended = false;
    atEnd(() => {
      if (!ended) process.kill(pid, 'SIGKILL');
    });
    const records = (): readonly string[] => recordsOf(one.home).filter((name) => name.endsWith('.json'));
    // Its record knows the program a moment after that began.
    await expect
      .poll(() => records().map((name) => readFileSync(join(runsOf(one.home), name), 'utf8')))
      .toEqual([expect.stringContaining('"program"')]);
    const exit = once(killed, 'exit');
    killed.kill('SIGKILL');
    await exit;
    const shown = JSON.parse((await one.run(['ps', '--json'])).stdout) as Shown;
    expect(shown.runs).toMatchObject([{ pid, supervisor: killed.pid, state: 'alive' }]);
    process.kill(pid, 'SIGKILL');
    ended = true;
    await expect.poll(async () => (JSON.parse((await one.run(['ps', '--json'])).stdout) as Shown).runs).toEqual([]);
    expect(recordsOf(one.home)).toEqual([]);
  });

  it('says that nothing is running where nothing ever was', async () => {
    const one = await project();
    expect(await one.run(['ps'])).toMatchObject({ code: 0, stdout: '', stderr: 'secrets: nothing is running\n' });
    expect(existsSync(runsOf(one.home))).toBe(false);
  });

  it('shows a program that took the place of its run', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets:\n  KEY: env://SRC\n' });
    const running = one.start(['run', '--replace', '--mask', 'never', '--', 'sh', '-c', 'echo ready; exec cat'], {
      env: { SRC: canary() },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    await running.waitFor('ready');
    expect((JSON.parse((await one.run(['ps', '--json'])).stdout) as Shown).runs).toMatchObject([{ pid: running.pid, command: 'sh' }]);
    expect(recordsOf(one.home).map((name) => statSync(join(runsOf(one.home), name)).mode & 0o777)).toEqual([0o600]);
    running.child.stdin?.end();
    await running.result;
    expect(await one.run(['run', '--', 'true'], { env: { SRC: canary() } })).toMatchObject({ code: 0 });
    expect(recordsOf(one.home)).toEqual([]);
  });
});
