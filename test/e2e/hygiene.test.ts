/** What the runtime and the system would write of our memory. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { project } from './support/project.ts';

const MANIFEST = 'version: 1\nsecrets:\n  API_KEY: env://SOURCE\n';
const onLinux = process.platform === 'linux';

/** TCP ports that a process listens on. */
function portsOf(pid: number): readonly number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'latin1').trim().split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === '0A' && sockets.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}

describe.skipIf(!onLinux)('signals that the runtime knows', () => {
  // The signals go to the group, so a sleep may end by one: the last command's status says nothing.
  const script =
    'trap "echo got USR1" USR1; trap "echo got USR2" USR2; echo "ready $NODE_OPTIONS"; until [ -e over ]; do sleep 0.02; done; exit 0';

  it.each([
    '',
    '--inspect=127.0.0.1:0',
    '--heapsnapshot-signal=SIGUSR2',
    '--report-on-signal',
    '--report-on-signal --report-signal=SIGUSR1 --report-uncaught-exception --report-on-fatalerror',
  ])('A17 with NODE_OPTIONS="%s" they open no port, write no file, and reach the program', async (flags) => {
    const one = await project({ manifest: MANIFEST });
    const files = readdirSync(one.dir);
    const running = one.start(['run', '--mask', 'never', '--', 'sh', '-c', script], { env: { NODE_OPTIONS: flags, SOURCE: canary() } });
    await running.waitFor(`ready ${flags}\n`);
    running.child.kill('SIGUSR1');
    await running.waitFor('got USR1');
    running.child.kill('SIGUSR2');
    await running.waitFor('got USR2');
    expect(portsOf(running.pid)).toEqual([]);
    expect(readdirSync(one.dir)).toEqual(files);
    one.write('over', '');
    expect((await running.result).code).toBe(0);
  });

  it('A17 a SIGUSR1 opens no port of another command', async () => {
    const one = await project({ manifest: MANIFEST });
    const running = one.start(['redact'], { env: { SOURCE: canary() }, stdio: ['pipe', 'pipe', 'pipe'] });
    running.child.stdin?.write('first\n');
    await running.waitFor('first');
    running.child.kill('SIGUSR1');
    running.child.stdin?.write('second\n');
    await running.waitFor('second');
    expect(portsOf(running.pid)).toEqual([]);
    running.child.stdin?.end();
    expect((await running.result).code).toBe(0);
  });
});

const pattern = onLinux ? readFileSync('/proc/sys/kernel/core_pattern', 'latin1').trim() : '|';

describe.skipIf(!/^core[^/]*$/.test(pattern))('core files', () => {
  const wrapper = ['bash', '-c', 'ulimit -c unlimited && exec "$@"', 'bash'];
  const coresIn = (dir: string): readonly Buffer[] =>
    readdirSync(dir)
      .filter((name) => name.startsWith('core'))
      .map((name) => readFileSync(join(dir, name)));

  it.each([
    ['without --core', [], false],
    ['with --core', ['--core'], true],
  ] as const)('A58 %s: whether that of the program holds a value', async (_, options, holds) => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    const { signal } = await one.run(['run', ...options, '--', 'sh', '-c', 'kill -ABRT $$'], { wrapper, env: { SOURCE: value } });
    expect(signal).toBe('SIGABRT');
    const cores = coresIn(one.dir);
    expect(cores).toHaveLength(1);
    expect(cores[0]?.includes(value)).toBe(holds);
  });

  it.each([[[]], [['--core']]])('A58 our own holds no value with the options %j', async (options) => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    const script = 'echo "ready $$"; exec sleep 60';
    const running = one.start(['run', ...options, '--', 'sh', '-c', script], { wrapper, env: { SOURCE: value } });
    const [, pid] = await running.waitFor(/ready (\d+)/);
    running.child.kill('SIGABRT');
    expect((await running.result).signal).toBe('SIGABRT');
    process.kill(Number(pid));
    const cores = coresIn(one.dir);
    expect(cores).toHaveLength(1);
    expect(cores[0]?.includes(value)).toBe(false);
  });
});
