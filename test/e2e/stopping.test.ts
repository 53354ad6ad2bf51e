/** Ending the program: its time, stop signals, a parent that is killed, and being process 1. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tempDir } from './support/home.ts';
import { child, project } from './support/project.ts';

const MANIFEST = 'version: 1\nsecrets:\n  PLAIN: { value: some }\n';
/** Ends by itself long after the test, so that a failure leaves nothing behind. */
const OBSTINATE = ['sh', '-c', 'trap "" TERM; echo ready; i=0; while [ $i -lt 3000 ]; do sleep 0.02; i=$((i+1)); done'];

describe('--ttl', () => {
  it('asks the program to end when its time is over, and returns its own status', async () => {
    const one = await project({ manifest: MANIFEST });
    const script = 'trap "echo asked; exit 7" TERM; echo ready; while :; do sleep 0.02; done';
    const { code, stdout, stderr } = await one.run(['run', '--ttl', '1s', '--', 'sh', '-c', script]);
    expect(stdout).toBe('ready\nasked\n');
    expect(code).toBe(7);
    expect(stderr).toContain('it gets SIGTERM, and SIGKILL after 10s');
  });

  it('sends the stop signal of the user', async () => {
    const one = await project({ manifest: MANIFEST });
    const { signal } = await one.run(['run', '--ttl', '50ms', '--stop-signal', 'int', '--', 'sleep', '60']);
    expect(signal).toBe('SIGINT');
  });

  it('kills a program that stays', async () => {
    const one = await project({ manifest: MANIFEST });
    const { signal, stdout } = await one.run(['run', '--ttl', '1s', '--kill-after', '100ms', '--', ...OBSTINATE]);
    expect(stdout).toBe('ready\n');
    expect(signal).toBe('SIGKILL');
  });

  it.each([
    ['--ttl', '0s'],
    ['--ttl', 'soon'],
    ['--kill-after', '-1s'],
    ['--stop-signal', 'STOP'],
    ['--stop-signal', 'NONE'],
  ])('%s %s is refused, and nothing starts', async (option, value) => {
    const one = await project({ manifest: MANIFEST });
    const { code, stdout, stderr } = await one.run(['run', `${option}=${value}`, '--', 'echo', 'started']);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(`error[USAGE]: ${option} takes a`);
  });
});

describe('a SIGTERM that we get', () => {
  it('reaches the program as its stop signal', async () => {
    const one = await project({ manifest: MANIFEST });
    const running = one.start(['run', '--stop-signal', 'SIGINT', '--', 'node', child('count-signals.mjs'), 'SIGINT', '0', '3']);
    await running.waitFor(/ready/);
    running.child.kill('SIGTERM');
    const { code, stdout } = await running.result;
    expect(stdout).toContain('{"SIGINT":1}');
    expect(code).toBe(3);
  });

  it('is followed by SIGKILL after --kill-after', async () => {
    const one = await project({ manifest: MANIFEST });
    const running = one.start(['run', '--kill-after', '100ms', '--', ...OBSTINATE]);
    await running.waitFor(/ready/);
    running.child.kill('SIGTERM');
    expect((await running.result).signal).toBe('SIGKILL');
  });
});

/** Whether a process is there and no zombie. */
function isAlive(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

const setprivWorks = spawnSync('setpriv', ['--pdeathsig', 'KILL', '--', 'true']).status === 0;

describe('--die-with-parent', () => {
  it.skipIf(!setprivWorks)('A43 ends the program within a second when we are killed', async () => {
    const one = await project({ manifest: MANIFEST });
    const running = one.start(['run', '--die-with-parent', '--', 'sh', '-c', 'trap "" TERM HUP; echo "ready $$"; exec sleep 60']);
    const [, pid = ''] = await running.waitFor(/ready (\d+)/);
    expect(isAlive(pid)).toBe(true);
    running.child.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 1_000, interval: 20 }).toBe(false);
  });

  it('is refused where there is no setpriv', async () => {
    const one = await project({ manifest: MANIFEST });
    const { code, stdout, stderr } = await one.run(['run', '--die-with-parent', '--', '/bin/echo', 'started'], {
      env: { PATH: tempDir('empty-path') },
    });
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(/error\[DEPENDENCY_MISSING\].*setpriv/);
  });
});

const newPid = ['unshare', '--pid', '--fork', '--mount-proc'];
const canBePid1 = spawnSync(newPid[0] ?? '', [...newPid.slice(1), 'true']).status === 0;
const hasInit = ['tini', 'dumb-init', 'catatonit'].some((name) =>
  ['/usr/bin', '/sbin', '/usr/sbin', '/usr/local/bin'].some((at) => existsSync(`${at}/${name}`)),
);

describe.skipIf(!canBePid1)('as process 1', () => {
  it.skipIf(hasInit)('warns once that nobody reaps, and gives 128 + n for a signal', async () => {
    const one = await project({ manifest: MANIFEST });
    const { code, stdout, stderr } = await one.run(['run', '--', 'sh', '-c', 'echo $PPID; kill -TERM $$'], { wrapper: newPid });
    expect(stdout).toBe('1\n');
    expect(code).toBe(143);
    expect(stderr.match(/which it cannot reap/g)).toHaveLength(1);
  });

  it('starts again under an init program where there is one', async () => {
    const one = await project({ manifest: MANIFEST });
    const folder = tempDir('init');
    // Does as tini does, apart from reaping.
    const script = '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "init $$ $1"\nshift\n"$@"\n';
    chmodSync(one.write('tini', script), 0o755);
    const { code, stdout, stderr } = await one.run(['run', '--', 'sh', '-c', '[ $PPID = 1 ] || echo child; exit 9'], {
      wrapper: newPid,
      env: { PATH: `${one.dir}:${folder}:${one.home.env['PATH'] ?? ''}` },
    });
    expect({ code, stdout, stderr }).toEqual({ code: 9, stdout: 'init 1 --\nchild\n', stderr: '' });
  });
});
