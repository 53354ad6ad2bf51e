/** Rotations of log-ins of a real PostgreSQL server, with a client that logs in all the time. */
import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { atEnd } from './support/at-end.ts';
import { canary } from './support/canary.ts';
import type { CliResult } from './support/cli.ts';
import { project, type Project } from './support/project.ts';

describeWith('postgres', 'rotate with PostgreSQL', ({ host, port, database, user: superuser, password: superPassword, url: adminUrl }) => {
  const asSuperuser = async (...statements: readonly string[]): Promise<pg.QueryResult> => {
    const client = new pg.Client({ host, port, database, user: superuser, password: superPassword });
    await client.connect();
    try {
      let result: pg.QueryResult | undefined;
      for (const statement of statements) result = await client.query(statement);
      return result as pg.QueryResult;
    } finally {
      await client.end();
    }
  };

  /** Users of this test's own, dropped at the end. */
  async function users(count: number): Promise<{ readonly names: readonly string[]; readonly password: string }> {
    const base = `app_${randomBytes(4).toString('hex')}`;
    const names = [base, `${base}_clone`].slice(0, count);
    const password = canary();
    for (const name of names) await asSuperuser(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
    atEnd(async () => {
      for (const name of names) await asSuperuser(`DROP ROLE IF EXISTS ${name}`);
    });
    return { names, password };
  }

  const logsIn = async (user: string, password: string): Promise<boolean> => {
    const client = new pg.Client({ host, port, database, user, password });
    try {
      await client.connect();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') return false;
      throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  const valueOf = async (one: Project, name: string): Promise<string> => (await one.run(['get', name, '--reveal'])).stdout;

  function expectHidden({ stdout, stderr }: CliResult, ...values: readonly string[]): void {
    for (const value of values) expect(stdout + stderr).not.toContain(value);
  }

  const stored = async (manifest: string, values: Readonly<Record<string, string>>): Promise<Project> => {
    const one = await project({ manifest: `version: 1\nproject: shop\nsecrets:\n${manifest}` });
    for (const [name, value] of Object.entries(values)) await one.set(name, value);
    return one;
  };

  it('changes the password of one user as the administrator, and sends the server no password', async () => {
    const { names, password } = await users(1);
    const [user = ''] = names;
    const one = await stored(
      `  PASSWORD: { ref: local://password, rotate: { using: postgres, admin: local://admin, host: "${host}", port: ${port}, database: ${database}, user: ${user} } }\n  ADMIN: local://admin\n`,
      { PASSWORD: password, ADMIN: adminUrl },
    );
    const before = await asSuperuser(`SELECT rolpassword FROM pg_authid WHERE rolname = '${user}'`);
    const done = await one.run(['rotate', 'PASSWORD', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    const fresh = await valueOf(one, 'PASSWORD');
    expect([await logsIn(user, fresh), await logsIn(user, password), fresh === password]).toEqual([true, false, false]);
    const after = await asSuperuser(`SELECT rolpassword FROM pg_authid WHERE rolname = '${user}'`);
    expect(after.rows[0]).not.toEqual(before.rows[0]);
    expect((after.rows[0] as { rolpassword: string }).rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
    expectHidden(done, fresh, password, superPassword);
  });

  it('lets one user change its own password, which is part of a URL', async () => {
    const { names, password } = await users(1);
    const [user = ''] = names;
    const one = await stored('  URL: { ref: local://url, rotate: { using: postgres } }\n', {
      URL: `postgres://${user}:${password}@${host}:${port}/${database}?application_name=shop`,
    });
    const done = await one.run(['rotate', 'URL', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    const text = await valueOf(one, 'URL');
    expect(text).toMatch(new RegExp(`^postgres://${user}:[^@]+@${host}:${port}/${database}\\?application_name=shop$`));
    const fresh = decodeURIComponent(new URL(text).password);
    expect([await logsIn(user, fresh), await logsIn(user, password)]).toEqual([true, false]);
    expectHidden(done, fresh, password);
    const back = await one.run(['rollback', 'URL', '--to', '1', '--yes']);
    expect(back).toMatchObject({ code: 0 });
    expect([await logsIn(user, fresh), await logsIn(user, password)]).toEqual([false, true]);
    expect(new URL(await valueOf(one, 'URL')).password).toBe(password);
  });

  it('A21 stops before anything is stored where the user does not get in any more', async () => {
    const { names, password } = await users(1);
    const [user = ''] = names;
    const one = await stored('  URL: { ref: local://url, rotate: { using: postgres } }\n', {
      URL: `postgres://${user}:wrong-${password}@${host}:${port}/${database}`,
    });
    const refused = await one.run(['rotate', 'URL', '--yes']);
    expect(refused).toMatchObject({ code: 77 });
    expect(refused.stderr).toContain('--admin');
    expect(await logsIn(user, password)).toBe(true);
    expect((await one.run(['rotate', 'URL', '--yes', '--admin', `local://admin`])).code).not.toBe(0);
    await one.run(['set', 'local://admin'], { input: adminUrl });
    expect(await one.run(['rotate', 'URL', '--yes', '--admin', 'local://admin'])).toMatchObject({ code: 0 });
    expect(await logsIn(user, decodeURIComponent(new URL(await valueOf(one, 'URL')).password))).toBe(true);
  });

  it('A21 keeps the former password where the server refuses the change', async () => {
    const { names, password } = await users(2);
    const [user = '', weak = ''] = names;
    const one = await stored(`  URL: { ref: local://url, rotate: { using: postgres, admin: local://admin } }\n  ADMIN: local://admin\n`, {
      URL: `postgres://${user}:${password}@${host}:${port}/${database}`,
      // A user that may not change others.
      ADMIN: `postgres://${weak}:${password}@${host}:${port}/${database}`,
    });
    const refused = await one.run(['rotate', 'URL', '--yes']);
    expect(refused).toMatchObject({ code: 77 });
    expect(refused.stderr).toContain('42501');
    expect(refused.stderr).toContain('the value in use still works');
    expect(await logsIn(user, password)).toBe(true);
    await one.run(['set', 'ADMIN'], { input: adminUrl });
    expect(await one.run(['rotate', 'URL', '--resume'])).toMatchObject({ code: 0 });
    expect(await logsIn(user, password)).toBe(false);
  });

  it('lets two users take turns, and refuses no log-in at any moment', async () => {
    const { names, password } = await users(2);
    const [first = '', second = ''] = names;
    const document = JSON.stringify({ host, port, dbname: database, username: first, password, note: 'stays' });
    const one = await stored(
      '  DB: { ref: "local://db#password", consumers: [api], rotate: { using: postgres, users: alternate, admin: local://admin, grace: 1h } }\n  ADMIN: local://admin\n',
      { ADMIN: adminUrl },
    );
    await one.run(['set', 'local://db'], { input: document });
    const current = async (): Promise<Record<string, string>> =>
      JSON.parse((await one.run(['get', 'local://db', '--reveal'])).stdout) as Record<string, string>;

    // A client that has read the log-in and uses it for a while, as programs do.
    let held = await current();
    const state = { running: true };
    let logins = 0;
    const client = (async (): Promise<void> => {
      while (state.running) {
        expect(await logsIn(held['username'] ?? '', held['password'] ?? '')).toBe(true);
        logins++;
      }
    })();
    for (const user of [second, first, second]) {
      const done = await one.run(['rotate', 'DB', '--yes']);
      expect(done).toMatchObject({ code: 0 });
      held = await current();
      expect([held['username'], held['note']]).toEqual([user, 'stays']);
      expectHidden(done, held['password'] ?? '', password, superPassword);
    }
    state.running = false;
    await client;
    expect(logins).toBeGreaterThan(3);

    const before = held;
    const leaked = await one.run(['rotate', 'DB', '--yes', '--reason', 'compromise']);
    expect(leaked).toMatchObject({ code: 0 });
    held = await current();
    expect(held['username']).toBe(first);
    expect([await logsIn(first, held['password'] ?? ''), await logsIn(second, before['password'] ?? '')]).toEqual([true, false]);
  });

  it('A18 is killed when the server has changed the password and nobody was told, and finds that out', async () => {
    const { names, password } = await users(1);
    const [user = ''] = names;
    const proxy = await wire({ host, port });
    const one = await stored('  URL: { ref: local://url, rotate: { using: postgres } }\n', {
      URL: `postgres://${user}:${password}@127.0.0.1:${proxy.port}/${database}`,
    });
    const running = one.start(['rotate', 'URL', '--yes']);
    proxy.whenAnswered('ALTER ROLE', () => running.child.kill('SIGKILL'));
    expect((await running.result).signal).toBe('SIGKILL');
    // The server takes the pending value now, and the current one no more.
    expect(await logsIn(user, password)).toBe(false);
    expect(new URL(await valueOf(one, 'URL')).password).toBe(password);
    proxy.whenAnswered('nothing any more', () => undefined);
    const resumed = await one.run(['rotate', 'URL', '--resume']);
    expect(resumed).toMatchObject({ code: 0, stdout: expect.stringContaining('rotated URL') as string });
    expect(await logsIn(user, decodeURIComponent(new URL(await valueOf(one, 'URL')).password))).toBe(true);
    expect(await one.run(['rotate', 'URL', '--resume'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to do') as string,
    });
  });

  it('names what is missing for two users', async () => {
    const { names, password } = await users(1);
    const [user = ''] = names;
    const one = await stored('  URL: { ref: local://url, rotate: { using: postgres, users: alternate } }\n  ADMIN: local://admin\n', {
      URL: `postgres://${user}:${password}@${host}:${port}/${database}`,
      ADMIN: adminUrl,
    });
    const alone = await one.run(['rotate', 'URL', '--yes']);
    expect(alone.code).not.toBe(0);
    expect(alone.stderr).toContain('--admin');
    const noClone = await one.run(['rotate', 'URL', '--yes', '--admin', 'local://admin']);
    expect(noClone).toMatchObject({ code: 77 });
    expect(noClone.stderr).toContain('no such user');
    expect(await logsIn(user, password)).toBe(true);
  });
});

/** A wire to a server that tells when something that was sent has been answered, and then passes nothing on any more. */
async function wire(to: { readonly host: string; readonly port: number }): Promise<{
  readonly port: number;
  whenAnswered(sent: string, act: () => void): void;
}> {
  let rule: { readonly sent: string; readonly act: () => void } | undefined;
  const server = createServer((client) => {
    const upstream = connect(to);
    let isSent = false;
    client.on('data', (bytes) => {
      isSent ||= rule !== undefined && bytes.includes(rule.sent);
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (isSent) rule?.act();
      else client.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    whenAnswered: (sent, act) => {
      rule = { sent, act };
    },
  };
}
