/** Where values must not be, seen from outside: arguments of programs, and anything that is written. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { sampleArguments } from './support/arguments.ts';
import { canary } from './support/canary.ts';
import { expectClean, formsOf } from './support/clean.ts';
import { everyUse } from './support/every-use.ts';
import { fanotifyProblem, watchWrites } from './support/fanotify.ts';
import { everyManager, MANAGERS } from './support/managers.ts';
import { project } from './support/project.ts';
import { tracedCli } from './support/traced.ts';
import { vaultEntry, vaultServer, type VaultServer } from './support/vault-server.ts';

describeWith(['strace', ...MANAGERS], 'arguments of programs', ({ strace, ...managers }) => {
  it('A3 no command with any manager puts a value or a credential into them', async () => {
    const every = await everyManager(managers);
    const imported = canary();
    const all = [imported, ...Object.values(every.values), ...Object.values(every.credentials)];
    const sampler = sampleArguments();
    for (const { args, input, code = 0 } of everyUse(every, imported)) {
      const result = await tracedCli(strace, args, {
        ...(input === undefined ? {} : { input }),
        home: every.one.home,
        cwd: every.one.dir,
        env: every.env,
        calls: ['execve'],
        strace: ['--seccomp-bpf'],
      });
      expect.soft(result.code, `${args.join(' ')}: ${result.stdout}${result.stderr}`).toBe(code);
      expect(result.trace, args.join(' ')).toContain('execve(');
      // The values are in the environment of the program: so they would have been seen.
      if (args[0] === 'run' && args[1] !== '--dry-run')
        for (const value of Object.values(every.values)) expect(result.trace).toContain(value);
      // execve("FILE", ["ARG", …], ["NAME=VALUE", …]): everything up to the environment.
      const beforeEnvironment = result.trace.split('\n').map((line) => line.replace(/(\]), \[.*$/, '$1'));
      expectClean(beforeEnvironment.join('\n'), ...all);
    }
    const sampled = (await sampler.stop()).join('\n');
    for (const name of every.writable) expect(sampled).toContain(`bin/secrets.js set ${name}`);
    expectClean(sampled, ...all);
  }, 180_000);

  it('A3 would see one, by either way', async () => {
    const { one } = await everyManager(managers);
    const value = canary();
    const sampler = sampleArguments();
    const { trace } = await tracedCli(strace, ['run', '--only', 'FROM_ENV', '--', 'sh', '-c', 'sleep 0.2', value], {
      home: one.home,
      cwd: one.dir,
      env: { SOURCE: canary() },
      calls: ['execve'],
    });
    expect(trace).toContain(value);
    expect((await sampler.stop()).join('\n')).toContain(value);
  });
});

const localAndVault = (server: VaultServer): string =>
  `version: 1\nproject: traces\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  FROM_LOCAL: local://one\n  FROM_VAULT: vault://secret/api#value\n`;

describeWith('strace', 'system calls that write', (strace) => {
  it('A2 set and run write no value to anything but the manager', async () => {
    const server = await vaultServer();
    const one = await project({ manifest: localAndVault(server) });
    const [local, vault, token] = [canary(), canary(), canary()];
    const calls = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'sendmmsg', 'copy_file_range'];
    for (const [args, input, allowed] of [
      [['set', 'FROM_LOCAL'], local, []],
      [['set', 'FROM_VAULT'], vault, [vault, token]],
      [['run', '--', 'true'], undefined, [token]],
      [['run', '--mask', 'never', '--', 'true'], undefined, [token]],
    ] as const) {
      const { trace, code, stderr } = await tracedCli(strace, args, {
        ...(input === undefined ? {} : { input }),
        home: one.home,
        cwd: one.dir,
        // What is written through io_uring is not seen by strace.
        env: { VAULT_TOKEN: token, UV_USE_IO_URING: '0' },
        calls,
        strace: ['-yy'],
      });
      expect(code, stderr).toBe(0);
      const lines = trace.split('\n');
      const toServer = lines.filter((line) => /^\d+ +(?:write|writev|sendto|sendmsg)\(\d+<TCP:/.test(line));
      for (const value of allowed) expect(toServer.some((line) => line.includes(value))).toBe(true);
      expectClean(lines.filter((line) => !toServer.includes(line)).join('\n'), local, vault, token);
      expectClean(toServer.join('\n'), ...[local, vault, token].filter((value) => !(allowed as readonly string[]).includes(value)));
    }
  });
});

const unwatchable = fanotifyProblem();
const watched =
  unwatchable === undefined ? 'files, watched by fanotify' : `files, not watched by fanotify (${unwatchable}), see the system calls`;

describe.skipIf(unwatchable !== undefined)(`each of the ${watched}`, () => {
  it('A2 a value in a file is seen, also in one that is gone at once', async () => {
    const one = await project();
    const value = canary();
    const watch = await watchWrites([value]);
    const script = 'printf %s "$VALUE" > gone; rm gone; printf %s "$VALUE" > stays; mkdir -p /dev/shm/"$VALUE"';
    execFileSync('sh', ['-c', `${script}; printf %s "$VALUE" > /dev/shm/"$VALUE"/memory; rm -r /dev/shm/"$VALUE"`], {
      cwd: one.dir,
      env: { ...one.home.env, VALUE: value },
    });
    const { hits } = await watch.stop();
    // A file that was looked into after its end has that in its name.
    const names = new Set(hits.map(([path]) => basename(path).replace(' (deleted)', '')));
    expect(names).toEqual(new Set(['gone', 'stays', 'memory']));
  });
});

describeWith(MANAGERS, `of every manager: ${watched}`, (managers) => {
  it.skipIf(unwatchable !== undefined)(
    'A2 no command writes a value or a credential to any of them',
    async () => {
      const every = await everyManager(managers);
      const imported = canary();
      const steps = everyUse(every, imported);
      // Azure's is the test bed's, which tests beside this one write down too.
      const { AZURE_CLIENT_SECRET: _, ...own } = every.credentials;
      const secret = [imported, ...Object.values(every.values), ...Object.values(own)];
      const watch = await watchWrites(secret.flatMap((value) => formsOf(value)));
      for (const { args, input, code = 0 } of steps) {
        const result = await every.one.run(args, { env: every.env, ...(input === undefined ? {} : { input }) });
        expect.soft(result.code, `${args.join(' ')}: ${result.stdout}${result.stderr}`).toBe(code);
      }
      const { files, hits } = await watch.stop();
      expect(hits).toEqual([]);
      expect(files).toBeGreaterThan(10);
      expect(watch.watching).toContain('/');
    },
    180_000,
  );
});

describe('what is kept on disk', () => {
  it('A2 holds no value after every kind of use', async () => {
    const server = await vaultServer();
    const one = await project({ manifest: localAndVault(server) });
    const [local, vault, token] = [canary(), canary(), canary()];
    await one.set('FROM_LOCAL', local);
    const env = { VAULT_TOKEN: token };
    expect(await one.run(['set', 'FROM_VAULT'], { env, input: vault })).toMatchObject({ code: 0 });
    expect(await one.environment([], { env })).toMatchObject({ code: 0 });
    const folders = [join(one.home.dir, '..'), one.dir];
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
    );
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expectClean(readFileSync(join(file.parentPath, file.name), 'latin1'), local, vault, token);
  });
});
