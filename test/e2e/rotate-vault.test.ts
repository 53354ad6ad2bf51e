/** Rotations of the built program against a real OpenBao and a target that is a program: killed, cut off, refused, raced. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { canary } from './support/canary.ts';
import type { RunningCli } from './support/cli.ts';
import { child, project, type Project } from './support/project.ts';
import { tap, type Act, type Tap, type Tapped } from './support/tap.ts';

interface Case {
  readonly one: Project;
  readonly env: Readonly<Record<string, string>>;
  readonly first: string;
  readonly server: Tap;
  target(change?: object): Record<string, unknown>;
  /** What is stored: the current value, and the pending one. */
  stored(): Promise<{
    readonly version: number;
    readonly current: string;
    readonly pending: string | undefined;
    readonly neighbour: string;
  }>;
  rotate(...args: readonly string[]): RunningCli;
}

const isWrite = ({ method, path }: Tapped): boolean => method !== 'GET' && /\/v1\/secret\/(?:data|metadata)\//.test(path);

describeWith('openbao', 'rotate with OpenBao and a target', ({ url, token }) => {
  const api = async (
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly data?: { readonly data: Record<string, string>; readonly metadata: { readonly version: number } } }> => {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.ok ? ((await response.json()) as { data: never }) : {};
  };

  async function setUp(rotate = ''): Promise<Case> {
    const name = `rotate-${canary()}`;
    const first = canary();
    await api('POST', `secret/data/${name}`, { data: { password: first, neighbour: 'stays' } });
    const server = await tap(url);
    const one = await project();
    const file = one.write('target.json', JSON.stringify({ accepts: first }));
    one.write(
      '.secretsrc',
      `version: 1
providers: { vault: { address: "${server.url}", auth: { method: token } } }
secrets:
  DB_PASSWORD:
    ref: vault://secret/${name}#password
    owner: payments
    consumers: [api]
    rotate: { using: exec, command: ["${process.execPath}", "${child('rotate-it.mjs')}", "${file}"]${rotate} }
`,
    );
    const env = { VAULT_TOKEN: token };
    return {
      one,
      env,
      first,
      server,
      target: (change = {}) => {
        const now = { ...(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>), ...change };
        writeFileSync(file, JSON.stringify(now));
        return now;
      },
      stored: async () => {
        const [current, pending] = [await api('GET', `secret/data/${name}`), await api('GET', `secret/data/${name}.pending`)];
        const value = pending.data?.data['value'];
        const data = current.data?.data ?? {};
        return {
          version: current.data?.metadata.version ?? 0,
          current: data['password'] ?? '',
          pending: value,
          neighbour: data['neighbour'] ?? '',
        };
      },
      rotate: (...args) => one.start(['rotate', 'DB_PASSWORD', ...args], { env, limitMs: 50_000 }),
    };
  }

  /** One of the stored values opens the target. */
  async function expectOpen({ target, stored }: Case): Promise<void> {
    const { current, pending } = await stored();
    expect([current, pending]).toContain(target()['accepts']);
  }

  async function expectFinished(one: Case): Promise<void> {
    const resumed = await one.rotate('--resume').result;
    expect(resumed).toMatchObject({ code: 0 });
    const { first, target, stored } = one;
    const { current, pending, neighbour, version } = await stored();
    expect([target()['accepts'], pending, neighbour, version]).toEqual([current, undefined, 'stays', 2]);
    expect(current).not.toBe(first);
    const again = await one.rotate('--resume').result;
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') as string });
    expect(await stored()).toEqual({ current, pending, neighbour, version });
  }

  it('rotates, says what to do next, and shows no value, not even one that the program prints', async () => {
    const one = await setUp();
    const dry = await one.rotate('--dry-run').result;
    expect(dry.stdout).toContain('consumers: api');
    expect(one.server.seen).toEqual([]);
    const done = await one.rotate('--yes').result;
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toMatch(/^rotated DB_PASSWORD at vault:\/\/secret\/.*#password, version 2 \(was 1\)\n$/);
    const { current, pending, neighbour } = await one.stored();
    expect([one.target()['accepts'], pending, neighbour]).toEqual([current, undefined, 'stays']);
    expect(done.stderr).toContain('restart what has the former value: api');
    expect(done.stderr).toContain('program: set ***');
    for (const value of [one.first, current, token]) expect(done.stdout + done.stderr).not.toContain(value);
    const kept = readFileSync(join(one.one.home.dir, '.local/state/secrets/rotations', journalOf(one)), 'utf8');
    for (const value of [one.first, current, token]) expect(kept).not.toContain(value);
  });

  it('A18 is killed by the target at every step, and finished by --resume', async () => {
    const steps = ['set', 'test', 'finish'].flatMap((step) => [`${step}:before`, `${step}:after`]);
    await inTurns(steps, async (kill) => {
      const one = await setUp();
      one.target({ kill });
      expect((await one.rotate('--yes').result).signal).toBe('SIGKILL');
      one.target({ kill: undefined });
      await expectOpen(one);
      if (kill.startsWith('finish')) {
        // Promoted already: only the last step is open.
        expect(await one.stored()).toMatchObject({ version: 2, current: one.target()['accepts'] });
      }
      await expectFinished(one);
      // The last step is taken again: nobody knows whether it was.
      if (kill === 'finish:before') expect(readFileSync(join(one.one.dir, 'target.json.log'), 'utf8').match(/finish/g)).toHaveLength(2);
    });
  });

  it('A18 is killed at every write to the store, before and after it was carried out', async () => {
    const writes = await writesOfOne();
    expect(writes).toBeGreaterThanOrEqual(3);
    const cases = Array.from({ length: writes }, (_, at) => [`${at} before`, `${at} after`]).flat();
    await inTurns(cases, async (when) => {
      const one = await setUp();
      const [at, moment] = when.split(' ');
      let running: RunningCli | undefined;
      let count = 0;
      const strike = (request: Tapped): 'pass' | 'cut' => {
        if (!isWrite(request) || running === undefined) return 'pass';
        if (String(moment === 'before' ? count++ : count) !== at) {
          if (moment === 'after') count++;
          return 'pass';
        }
        count++;
        running.child.kill('SIGKILL');
        return 'cut';
      };
      one.server[moment === 'before' ? 'before' : 'after'] = strike;
      running = one.rotate('--yes');
      expect((await running.result).signal).toBe('SIGKILL');
      running = undefined;
      await expectOpen(one);
      await expectFinished(one);
    });
  });

  it('A19 goes on where the answer to a write is lost, without a second value', async () => {
    const writes = await writesOfOne();
    await inTurns([...Array(writes).keys()].map(String), async (at) => {
      const one = await setUp();
      let count = 0;
      one.server.after = (request) => (isWrite(request) && String(count++) === at ? 'cut' : 'pass');
      const done = await one.rotate('--yes').result;
      if (done.code !== 0) await expectFinished(one);
      const { current, pending, version } = await one.stored();
      expect([one.target()['accepts'], pending, version]).toEqual([current, undefined, 2]);
      expect(readFileSync(join(one.one.dir, 'target.json.log'), 'utf8').match(/set/g)).toHaveLength(1);
    });
  });

  it('A20 lets one of two rotations win, from one machine and from two', async () => {
    const one = await setUp();
    const elsewhere = { env: { ...one.env, SECRETS_STATE_DIR: join(one.one.dir, 'other-state') }, limitMs: 50_000 };
    for (const options of [{ env: one.env, limitMs: 50_000 }, elsewhere]) {
      const before = await one.stored();
      const results = await Promise.all([one.rotate('--yes').result, one.one.start(['rotate', 'DB_PASSWORD', '--yes'], options).result]);
      const codes = results.map(({ code }) => code).sort();
      const after = await one.stored();
      // The second may also have begun when the first was over.
      expect([
        [0, 75],
        [0, 0],
      ]).toContainEqual(codes);
      expect(after.version - before.version).toBe(codes.filter((code) => code === 0).length);
      expect([one.target()['accepts'], after.pending]).toEqual([after.current, undefined]);
    }
  });

  it('A20 tells a second one that a rotation is in progress, and by which words it goes on', async () => {
    const one = await setUp();
    one.target({ kill: 'set:before' });
    await one.rotate('--yes').result;
    one.target({ kill: undefined });
    const second = await one.rotate('--yes').result;
    expect(second).toMatchObject({ code: 75 });
    expect(second.stderr).toContain('a rotation is in progress here since');
    expect(second.stderr).toContain('secrets rotate DB_PASSWORD --resume');
    const aborted = await one.rotate('--abort').result;
    expect(aborted).toMatchObject({ code: 0, stdout: expect.stringContaining('took back the rotation') as string });
    expect(await one.stored()).toMatchObject({ version: 1, current: one.first, pending: undefined });
    expect(await one.rotate('--abort').result).toMatchObject({ code: 0 });
  });

  it('A20 keeps what a person stored in the middle', async () => {
    const one = await setUp();
    const byHand = canary();
    let stored = false;
    one.server.before = async (request): Promise<Act> => {
      if (request.method === 'GET' || !/metadata|data\/rotate-/.test(request.path) || request.path.endsWith('.pending') || stored)
        return 'pass';
      stored = true;
      await api('POST', request.path.replace('/v1/', ''), { data: { password: byHand, neighbour: 'stays' } });
      return 'pass';
    };
    const result = await one.rotate('--yes').result;
    expect(stored).toBe(true);
    expect(result).toMatchObject({ code: 75 });
    expect(await one.stored()).toMatchObject({ version: 2, current: byHand });
    expect(result.stderr).not.toContain(byHand);
    expect(await one.rotate('--abort').result).toMatchObject({ code: 0 });
    expect(one.target()['accepts']).toBe(byHand);
  });

  it('A21 keeps the former value where the target refuses the new one or does not accept it afterwards', async () => {
    for (const trouble of [{ refuse: true }, { forget: true }]) {
      const one = await setUp();
      one.target(trouble);
      const result = await one.rotate('--yes').result;
      expect(result).toMatchObject({ code: 77 });
      expect(result.stderr).toContain('the value in use still works and is current');
      const { current, pending, version } = await one.stored();
      expect([one.target()['accepts'], current, version]).toEqual([one.first, one.first, 1]);
      expect(pending).toBeDefined();
      for (const value of [one.first, pending ?? '']) expect(result.stderr).not.toContain(value);
      one.target({ refuse: undefined, forget: undefined });
      await expectFinished(one);
      expect((await one.stored()).current).toBe(pending);
    }
  });

  it('ends on Ctrl-C in the middle with the words to go on, and so does a program that does not answer', async () => {
    const one = await setUp(', timeout: 2s');
    one.target({ hang: 'set' });
    const running = one.rotate('--yes');
    await running.waitFor('DB_PASSWORD: created', 'stderr');
    running.child.kill('SIGINT');
    const interrupted = await running.result;
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toContain('secrets rotate DB_PASSWORD --resume');
    await expectOpen(one);
    const slow = await one.rotate('--resume').result;
    expect(slow.code).toBe(75);
    expect(slow.stderr).toContain('did not answer within 2 s');
    await expectOpen(one);
    one.target({ hang: undefined });
    await expectFinished(one);
  });

  it('never gives a pending value to a reader', async () => {
    const one = await setUp();
    const read = new Set<string>();
    const state = { reading: true };
    const reader = (async (): Promise<void> => {
      while (state.reading) {
        const { current } = await one.stored();
        // What is read must open the target, or have done so until a moment ago.
        read.add(current);
      }
    })();
    for (let turn = 0; turn < 3; turn++) expect((await one.rotate('--yes').result).code).toBe(0);
    one.target({ refuse: true });
    expect((await one.rotate('--yes').result).code).toBe(77);
    const { pending } = await one.stored();
    state.reading = false;
    await reader;
    expect(read).not.toContain(pending);
    expect(read.size).toBeGreaterThan(1);
    expect(read.size).toBeLessThanOrEqual(4);
  });

  async function writesOfOne(): Promise<number> {
    const one = await setUp();
    expect((await one.rotate('--yes').result).code).toBe(0);
    return one.server.seen.filter(isWrite).length;
  }

  const journalOf = ({ one }: Case): string => {
    const names = readdirSync(join(one.home.dir, '.local/state/secrets/rotations'));
    return names.find((name) => name.endsWith('.json')) ?? '';
  };
});

describeWith(['openbao', 'postgres'], 'rotate by the manager itself', ({ openbao: { url, token }, postgres: pg }) => {
  it('has OpenBao change the password of a static role, and reads no value', async () => {
    const must = async (path: string, body: unknown): Promise<void> => {
      const response = await fetch(`${url}/v1/${path}`, {
        method: 'POST',
        headers: { 'X-Vault-Token': token },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    };
    const mount = `db-${canary()}`;
    const user = `static_${canary().slice(-8)}`;
    const client = new Client({ host: pg.host, port: pg.port, database: pg.database, user: pg.user, password: pg.password });
    await client.connect();
    await client.query(`CREATE ROLE ${user} LOGIN PASSWORD 'first'`);
    await must(`sys/mounts/${mount}`, { type: 'database' });
    await must(`${mount}/config/pg`, {
      plugin_name: 'postgresql-database-plugin',
      allowed_roles: ['*'],
      connection_url: `postgresql://{{username}}:{{password}}@${pg.host}:${pg.port}/${pg.database}?sslmode=disable`,
      username: pg.user,
      password: pg.password,
    });
    await must(`${mount}/static-roles/app`, { db_name: 'pg', username: user, rotation_period: '24h' });
    const one = await project({
      manifest: `version: 1
providers: { vault: { address: "${url}", auth: { method: token } } }
secrets: { DB: { ref: "vault://${mount}/static-creds/app#password", rotate: { using: provider } } }
`,
    });
    const env = { VAULT_TOKEN: token };
    const read = async (): Promise<string> => (await one.run(['get', 'DB', '--reveal'], { env })).stdout;
    const before = await read();
    const done = await one.run(['rotate', 'DB', '--yes'], { env });
    expect(done).toMatchObject({ code: 0 });
    const after = await read();
    expect([before === '', after === '', after === before]).toEqual([false, false, false]);
    expect(done.stdout + done.stderr).not.toContain(after);
    await client.query(`ALTER ROLE ${user} WITH NOLOGIN`);
    await client.end();
  });
});

/** A few at the same time: each starts processes. */
async function inTurns(all: readonly string[], work: (one: string) => Promise<void>): Promise<void> {
  const rest = [...all];
  const lane = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one);
  };
  await Promise.all([lane(), lane(), lane()]);
}
