/** Signals without a terminal, and how a run ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { PROGRAM } from './support/cli.ts';
import { child, project } from './support/project.ts';

const MANIFEST = 'version: 1\nsecrets:\n  TOKEN: env://SRC\n';
const env = { SRC: canary() };

describe('A14 the run ends as the child did', () => {
  it('with its exit code, whatever that is', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const codes = [0, 1, 2, 3, 63, 64, 70, 77, 78, 124, 125, 126, 127, 128, 129, 130, 137, 141, 143, 254, 255];
    const script = `for code in ${codes.join(' ')}; do "$0" "$1" run -- sh -c "exit $code"; echo $?; done`;
    const shell = spawn('sh', ['-c', script, process.execPath, PROGRAM], { cwd: dir, env: { ...home.env, ...env } });
    const printed = (await shell.stdout.toArray()).join('');
    expect(printed.trim().split('\n').map(Number)).toEqual(codes);
  });

  it.each(['TERM', 'INT', 'HUP', 'KILL', 'SEGV', 'PIPE', 'QUIT', 'USR1', 'ABRT'])('by the same signal: %s', async (name) => {
    const { run } = await project({ manifest: MANIFEST });
    for (const mask of ['auto', 'never']) {
      const result = await run(['run', '--mask', mask, '--', 'sh', child('kill-self.sh'), name], { env });
      expect(result).toMatchObject({ code: null, signal: `SIG${name}`, stdout: '', stderr: '' });
    }
  });

  it('127 for a missing command, 126 for one that cannot be executed; nothing is fetched', async () => {
    const { run, write, dir } = await project({ manifest: 'version: 1\nsecrets:\n  TOKEN: env://ABSENT\n' });
    write('no-interpreter', '#!/nowhere/sh\n');
    write('plain.txt', 'text');
    chmodSync(`${dir}/no-interpreter`, 0o755);
    const results = [];
    for (const command of ['no-such-command-anywhere', './missing', '/nowhere/at/all', '', './plain.txt', dir, './no-interpreter']) {
      const { code, stdout, stderr } = await run(['run', '--', command]);
      expect(stdout).toBe('');
      expect(stderr).toContain('nothing was fetched');
      expect(stderr).not.toContain('ABSENT');
      results.push(code);
    }
    expect(results).toEqual([127, 127, 127, 127, 126, 126, 126]);
  });
});

describe('A16 signals to the program, which has no terminal', () => {
  it('reach child and grandchild once each, in their order', async () => {
    const { start } = await project({ manifest: MANIFEST });
    const running = start(['run', '--', process.execPath, child('with-descendant.mjs')], { env, detached: true });
    await running.waitFor('ready');
    const sent = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTERM', 'SIGQUIT'] as const;
    const seen = { child: [] as string[], grandchild: [] as string[] };
    let count = 0;
    for (const signal of sent) {
      running.child.kill(signal);
      count++;
      // Both have it before the next is sent: the system keeps no order between signals that wait.
      for (const role of ['child', 'grandchild'] as const) {
        await running.waitFor(new RegExp(`^(?:(?:.*\n)*?${role} SIG\\w+\n){${count}}`));
      }
    }
    const { code, stdout } = await running.result;
    for (const line of stdout.trim().split('\n').slice(1)) {
      const [role, signal] = line.split(' ');
      if (role === 'child' || role === 'grandchild') seen[role].push(signal ?? '');
    }
    expect(seen).toEqual({ child: sent, grandchild: sent });
    expect(code).toBe(7);
  });

  it('once also when they are sent to its whole group', async () => {
    const { start } = await project({ manifest: MANIFEST });
    const running = start(['run', '--', process.execPath, child('count-signals.mjs'), 'SIGTERM', '300', '9'], { env, detached: true });
    await running.waitFor('ready');
    process.kill(-running.pid, 'SIGINT');
    await running.waitFor('SIGINT');
    process.kill(-running.pid, 'SIGTERM');
    const { code, stdout } = await running.result;
    expect(stdout).toContain('\n{"SIGINT":1,"SIGTERM":1}\n');
    expect(code).toBe(9);
  });
});

describe('A41 standard input is the child’s alone', () => {
  it('10 MB arrive whole, and then their end', async () => {
    const { run } = await project({ manifest: MANIFEST });
    const input = randomBytes(10_000_000);
    const { code, stdout, stderr } = await run(['run', '--', 'sha256sum'], { env, input });
    expect([code, stdout, stderr]).toEqual([0, `${createHash('sha256').update(input).digest('hex')}  -\n`, '']);
  });

  it('what the child does not read is left for the next program', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const script = '"$0" "$1" run -- dd bs=1 count=4 status=none; cat';
    const shell = spawn('sh', ['-c', script, process.execPath, PROGRAM], { cwd: dir, env: { ...home.env, ...env } });
    shell.stdin.end('one;two;three');
    const [output] = await Promise.all([shell.stdout.toArray(), once(shell, 'close')]);
    expect(output.join('')).toBe('one;two;three');
  });
});
