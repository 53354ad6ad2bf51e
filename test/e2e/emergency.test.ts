/** What must not happen while a program starts or runs: a signal that is lost, a program that nobody looks after. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { child, project } from './support/project.ts';
import { signedIn, vaultServer, type VaultServer } from './support/vault-server.ts';

const PRELOAD = `--require ${child('at-spawn.cjs')}`;

/** A vault whose secret has a lease, so that the token of the sign-in has to live as long as the program. */
const leasing = (): Promise<VaultServer> =>
  vaultServer((asked) => {
    if (asked === 'POST auth/approle/login') return signedIn(canary());
    if (asked.startsWith('GET sys/internal/ui/mounts/database')) return { body: { data: { path: 'database/', type: 'database' } } };
    if (asked !== 'GET database/creds/api') return undefined;
    return { body: { lease_id: 'database/creds/api/7f3c', lease_duration: 3600, renewable: true, data: { value: canary() } } };
  });

const manifestFor = (server: VaultServer): string => `version: 1
providers:
  vault: { address: "${server.url}", auth: { method: approle } }
secrets:
  API_KEY: vault://database/creds/api#value
`;

const credentials = (): Readonly<Record<string, string>> => ({ VAULT_ROLE_ID: 'app', VAULT_SECRET_ID: canary() });
const revoked = (server: VaultServer): boolean => server.asked().includes('POST auth/token/revoke-self');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('A16 a signal while the program is being started', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('reaches it: %s', async (signal) => {
    const { run } = await project({ manifest: 'version: 1\nsecrets: {}\n' });
    const env = { AT_SPAWN: `signal ${signal}`, NODE_OPTIONS: PRELOAD };
    const result = await run(['run', '--', 'sleep', '20'], { env, limitMs: 10_000 });
    expect(result).toMatchObject({ signal, stderr: '' });
  });

  it('is never lost, whenever it comes', async () => {
    const { start, dir } = await project({ manifest: 'version: 1\nsecrets:\n  TOKEN: env://SRC\n' });
    const file = join(tempDir('pids'), 'pids');
    for (let round = 0; round < 24; round++) {
      const running = start(['run', '--', 'sh', '-c', 'echo $$ >> "$0"; exec sleep 20', file], { env: { SRC: canary() }, cwd: dir });
      await sleep(20 + round * 5);
      running.child.kill('SIGTERM');
      const { code, signal } = await running.result;
      // Node itself ends by it before our first line, we by its code before the program, by itself afterwards.
      expect(signal === 'SIGTERM' || code === 143, `round ${round}: ${String(code)} ${String(signal)}`).toBe(true);
    }
    const pids = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

describe('A14 a failure of ours while the program runs', () => {
  it('ends the program politely, gives back what was created, and says so', async () => {
    const server = await leasing();
    const one = await project({ manifest: manifestFor(server) });
    const note = join(tempDir('note'), 'note');
    const thrown = canary();
    const env = { ...credentials(), AT_SPAWN: 'throw', THROWN: thrown, NODE_OPTIONS: PRELOAD };
    const result = await one.run(['run', '--', 'sh', child('ends-politely.sh'), note], { env });
    expect(result.code).toBe(70);
    expect(result.stderr).toContain('error[INTERNAL]');
    expect(result.stderr).toContain('secrets: the program is ended');
    expect(result.stderr).not.toContain('nothing was started');
    expect(result.stderr).not.toContain(thrown);
    const [pid, ended] = readFileSync(note, 'utf8').trim().split('\n');
    expect(ended).toBe('ended');
    expect(isAlive(Number(pid))).toBe(false);
    expect(revoked(server)).toBe(true);
    expect(readdirSync(join(one.home.dir, '.local', 'state', 'secrets', 'runs'))).toEqual([]);
  });

  it('kills a program that ignores being asked, after --kill-after', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets: {}\n' });
    const env = { AT_SPAWN: 'throw', THROWN: canary(), NODE_OPTIONS: PRELOAD };
    const stubborn = 'trap "" TERM; while :; do sleep 0.05; done';
    const result = await one.run(['run', '--kill-after', '100ms', '--', 'sh', '-c', stubborn], { env, limitMs: 10_000 });
    expect(result).toMatchObject({ code: 70 });
  });
});

describe('A11 a terminal that must be masked and cannot be', () => {
  it('refuses to start, and gives the token back that a lease would have needed', async () => {
    const server = await leasing();
    const one = await project({ manifest: `${manifestFor(server)}mask: { mode: always, requirePty: true }\n` });
    const terminal = one.pty(['run', '--', 'true'], { env: { ...credentials(), AT_SPAWN: 'no-pty', NODE_OPTIONS: PRELOAD } });
    expect((await terminal.exit).code).toBe(125);
    expect(terminal.text()).toContain('error[DEPENDENCY_MISSING]');
    expect(revoked(server)).toBe(true);
    expect(readdirSync(join(one.home.dir, '.local', 'state', 'secrets', 'runs'))).toEqual([]);
  });
});
