/** What comes out: everything that the child prints, with the values of this run masked. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makePipes } from '../../src/platform/pipe.ts';
import { canary } from './support/canary.ts';
import { PROGRAM, type RunningCli } from './support/cli.ts';
import { child, project, type Project } from './support/project.ts';

const MANIFEST = 'version: 1\nsecrets:\n  TOKEN: env://SRC\n';
type Stream = 'stdout' | 'stderr';
const FD: Readonly<Record<Stream, 1 | 2>> = { stdout: 1, stderr: 2 };

/** A child that makes each write that it is told to. */
function puppet({ start }: Project, secret: string): RunningCli & { write(stream: Stream, bytes: string): void; end(): void } {
  const running = start(['run', '--', process.execPath, child('puppet.mjs')], { stdio: 'pipe', env: { SRC: secret } });
  return {
    ...running,
    write: (stream, bytes) => running.child.stdin?.write(`${FD[stream]} ${Buffer.from(bytes).toString('base64')}\n`),
    end: () => running.child.stdin?.end(),
  };
}

describe.each(['stdout', 'stderr'] as const)('masking of %s', (stream) => {
  const forms = (secret: string): readonly string[] => [
    secret,
    Buffer.from(`user:${secret}`).toString('base64'),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ];
  /** Ends in characters that the encodings change. */
  const nasty = (): string => `${canary()}/+"é=`;

  it('A5 holds in one write, byte by byte, and when the value comes in two parts, wherever it is cut', async () => {
    const secret = nasty();
    const run = puppet(await project({ manifest: MANIFEST }), secret);
    let count = 0;
    const pass = async (parts: readonly string[]): Promise<void> => {
      count++;
      const [first = '', ...rest] = parts;
      run.write(stream, `<${count}:${first}`);
      // Shown as soon as the first part is there: what follows is another piece for sure.
      await run.waitFor(`<${count}:`, stream);
      for (const part of rest) run.write(stream, part);
      run.write(stream, '>');
    };
    for (const form of forms(secret)) {
      await pass([form]);
      await pass([...form]);
      for (let cut = 1; cut < form.length; cut++) await pass([form.slice(0, cut), form.slice(cut)]);
    }
    await run.waitFor(`<${count}:***>`, stream).catch(() => {});
    run.end();
    const { code, ...output } = await run.result;
    expect(code).toBe(0);
    const lines = output[stream].match(/<\d+:[^>]*>/g) ?? [];
    expect(lines).toHaveLength(count);
    // Of a base64 form the first characters hold nothing of the value but `user:`.
    for (const line of lines) expect(line).toMatch(/^<\d+:(?:\*\*\*|dXNlcj\S{0,3}\*\*\*={0,2})>$/);
    for (const form of forms(secret)) expect(output[stream]).not.toContain(form);
  });

  it('A8 holds when a value comes in halves 5 seconds apart, and no part of it comes early', async () => {
    const secret = canary();
    const run = puppet(await project({ manifest: MANIFEST }), secret);
    run.write(stream, `before ${secret.slice(0, 20)}`);
    await run.waitFor('before ', stream);
    let early = '';
    run.child[stream]?.on('data', (chunk: Buffer) => (early += chunk.toString()));
    // The pause is what is tested: nothing may come of it.
    await sleep(5_000);
    expect(early).toBe('');
    run.write(stream, `${secret.slice(20)} after`);
    await run.waitFor(' after', stream);
    run.end();
    expect((await run.result)[stream]).toMatch(/^before \*\*\* after/);
  });
});

describe('the closing line', () => {
  it('A31 counts what was masked by name; a value too short for it is named before', async () => {
    const [first, second] = [canary(), canary()];
    const { run } = await project({
      manifest:
        'version: 1\nsecrets:\n  FIRST: env://A\n  SECOND: env://B\n  PIN: env://C\n  REGION: { ref: "env://D", sensitive: false }\n',
    });
    const env = { A: first, B: second, C: 'abcde', D: 'canary-region' };
    const print = 'echo "$FIRST $FIRST $PIN $REGION"; echo "$SECOND" >&2';
    const { code, stdout, stderr } = await run(['run', '--', 'sh', '-c', print], { env });
    expect([code, stdout]).toEqual([0, '*** *** abcde canary-region\n']);
    expect(stderr.split('\n')).toEqual([
      'secrets: warning: PIN: too short or too common to be masked in the output',
      '***',
      'secrets: masked in stdout: FIRST ×2 (--mask never passes bytes through)',
      'secrets: masked in stderr: SECOND ×1 (--mask never passes bytes through)',
      '',
    ]);
    const quiet = await run(['run', '--except', 'PIN', '--', 'echo', 'nothing'], { env });
    expect(quiet).toMatchObject({ code: 0, stdout: 'nothing\n', stderr: '' });
    const never = await run(['run', '--mask', 'never', '--', 'sh', '-c', print], { env });
    expect(never).toMatchObject({ stdout: `${first} ${first} abcde canary-region\n`, stderr: `${second}\n` });
  });
});

describe('all that the child prints arrives', () => {
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  it('A9 8 MB of random bytes, whole and unchanged, with a slow reader and a child that ends at once', async () => {
    const { write, start } = await project({ manifest: MANIFEST });
    const bytes = randomBytes(8_000_003);
    const running = start(['run', '--', 'cat', write('random', bytes)], { env: { SRC: canary() } });
    const { stdout } = running.child;
    // A reader that takes a break after each piece.
    stdout?.on('data', () => {
      stdout.pause();
      setTimeout(() => stdout.resume(), 2);
    });
    const { code, stdoutBytes, stderr } = await running.result;
    expect([code, stderr, stdoutBytes.length]).toEqual([0, '', bytes.length]);
    expect(hash(stdoutBytes)).toBe(hash(bytes));
  });

  /** A child that leaves more than the pipe to the reader holds, and has ended; nobody has read anything. */
  async function unread(bytes: Uint8Array): Promise<{ readonly running: RunningCli; readonly readFd: number }> {
    const { write, start } = await project({ manifest: MANIFEST });
    // A real pipe, which holds 64 KiB; a socket, such as Node gives, holds more.
    const [pipe] = (await makePipes(1)) ?? [];
    if (pipe === undefined) throw new Error('no pipe');
    const program = 'cat "$1"; echo "last words" >&2';
    const running = start(['run', '--', 'sh', '-c', program, 'sh', write('bytes', bytes)], {
      env: { SRC: canary() },
      stdio: ['ignore', pipe.writeFd, 'pipe'],
    });
    closeSync(pipe.writeFd);
    await running.waitFor('last words', 'stderr');
    return { running, readFd: pipe.readFd };
  }

  it('A9 also when the reader begins long after the child has ended', async () => {
    const bytes = randomBytes(150_000);
    const { running, readFd } = await unread(bytes);
    // Longer than a grandchild that holds the pipe would be waited for.
    await sleep(600);
    const pieces = await new Socket({ fd: readFd, writable: false }).toArray();
    expect(hash(Buffer.concat(pieces as Buffer[]))).toBe(hash(bytes));
    expect((await running.result).code).toBe(0);
  });

  it('A9 and a signal ends the program when the reader never reads', async () => {
    const { running, readFd } = await unread(Buffer.alloc(150_000));
    const ended = once(running.child, 'exit');
    // The first ones may still go to the child, which is ending.
    const again = setInterval(() => running.child.kill('SIGTERM'), 50);
    const how = await ended;
    clearInterval(again);
    closeSync(readFd);
    expect(how).toEqual([null, 'SIGTERM']);
  });

  it('A40 with the code of the child, although a grandchild keeps the streams', async () => {
    const { run } = await project({ manifest: MANIFEST });
    const began = performance.now();
    const { code, stdout } = await run(['run', '--', process.execPath, child('leave-grandchild.mjs'), '7'], { env: { SRC: canary() } });
    const took = performance.now() - began;
    expect(code).toBe(7);
    expect(stdout).toMatch(/^\d+\n$/);
    process.kill(Number(stdout), 'SIGKILL');
    expect(took).toBeLessThan(5_000);
  });

  it('A40 a grandchild that never stops printing is not listened to for ever', async () => {
    const { run } = await project({ manifest: MANIFEST });
    const program = `"$0" "$1" & echo "pid $!"; exit 7`;
    const { code, stdout } = await run(['run', '--', 'sh', '-c', program, process.execPath, child('print-forever.mjs')], {
      env: { SRC: canary() },
    });
    expect(code).toBe(7);
    expect(stdout).toMatch(/^pid \d+\n/m);
  });
});

describe('A39 a reader that goes away', () => {
  it.each(['auto', 'never'])('ends an endless child by SIGPIPE, quickly and without a word (--mask %s)', async (mode) => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const script = '"$0" "$1" run --mask "$2" -- yes | head -1; echo "${PIPESTATUS[0]}"';
    const shell = spawn('bash', ['-c', script, process.execPath, PROGRAM, mode], { cwd: dir, env: { ...home.env, SRC: canary() } });
    const output = { stdout: '', stderr: '' };
    let first = 0;
    shell.stdout.on('data', (chunk: Buffer) => {
      if (first === 0) first = performance.now();
      output.stdout += chunk.toString();
    });
    shell.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    await once(shell, 'close');
    expect(output).toEqual({ stdout: 'y\n141\n', stderr: '' });
    expect(performance.now() - first).toBeLessThan(1_000);
  });
});

describe('A32 masking that fails', () => {
  const breaking = (at: string): Record<string, string> => ({
    SRC: canary(),
    BREAK_AT: at,
    NODE_OPTIONS: `--require ${child('break-masking.cjs')}`,
  });
  const endOf = (pid: number): string => {
    try {
      process.kill(pid, 0);
      return 'running';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    }
  };

  it('shows nothing from there on, ends the program, and says so', async () => {
    const mark = canary();
    const { start } = await project({ manifest: MANIFEST });
    const program = 'echo "$$ before"; read go; echo "$1"; echo after; exec sleep 60';
    const running = start(['run', '--', 'sh', '-c', program, 'sh', mark], { stdio: 'pipe', env: breaking(mark) });
    const [, pid] = await running.waitFor(/^(\d+) before\n/, 'stdout');
    running.child.stdin?.end('go\n');
    const { code, stdout, stderr } = await running.result;
    expect([code, stdout]).toEqual([70, `${pid} before\n`]);
    expect(stderr).toMatch(
      /^secrets: error\[INTERNAL\]: masking stdout failed, so nothing more of it is shown\n {2}hint: .*\nsecrets: the program is ended\n$/,
    );
    expect(endOf(Number(pid))).toBe('ESRCH');
  });

  it.each(['stderr apart', 'stderr in the same pipe'])('also when the reader takes nothing, %s', async (how) => {
    const mark = canary();
    const { write, start, dir } = await project({ manifest: MANIFEST });
    const [pipe] = (await makePipes(1)) ?? [];
    if (pipe === undefined) throw new Error('no pipe');
    // More than the reader's pipe holds.
    const program = 'echo $$ > pid; cat "$1"; printf %s "$2"; exec sleep 60';
    const running = start(['run', '--', 'sh', '-c', program, 'sh', write('bytes', Buffer.alloc(150_000, '.')), mark], {
      cwd: dir,
      env: breaking(mark),
      stdio: ['ignore', pipe.writeFd, how === 'stderr apart' ? 'pipe' : pipe.writeFd],
    });
    closeSync(pipe.writeFd);
    const [code] = await once(running.child, 'exit');
    expect(code).toBe(70);
    expect(endOf(Number(readFileSync(join(dir, 'pid'), 'utf8')))).toBe('ESRCH');
    const shown = Buffer.concat((await new Socket({ fd: pipe.readFd, writable: false }).toArray()) as Buffer[]).toString();
    expect(shown).toMatch(/^\.{60000,}/);
    expect(shown).not.toContain(mark);
    if (how === 'stderr apart') expect((await running.result).stderr).toContain('masking stdout failed');
  });
});

describe('A61 a masked child', () => {
  const env = { SRC: canary() };

  it('opens /dev/stdout and /dev/stderr as usual', async () => {
    const { run } = await project({ manifest: MANIFEST });
    const program = 'echo "out $TOKEN" > /dev/stdout; echo "err $TOKEN" > /dev/stderr; echo more | tee -a /dev/stderr';
    const { code, stdout, stderr } = await run(['run', '--', 'sh', '-c', program], { env });
    expect([code, stdout]).toEqual([0, 'out ***\nmore\n']);
    expect(stderr).toMatch(/^err \*\*\*\nmore\n/);
  });

  it('keeps the order of both streams where they are one', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const program = 'i=0; while [ $i -lt 200 ]; do echo "out $i $TOKEN"; echo "err $i" >&2; i=$((i+1)); done';
    const both = execFileSync('bash', ['-c', '"$0" "$1" run -- sh -c "$2" 2>&1', process.execPath, PROGRAM, program], {
      cwd: dir,
      env: { ...home.env, ...env },
      encoding: 'utf8',
    });
    const expected = Array.from({ length: 200 }, (_, index) => `out ${index} ***\nerr ${index}\n`).join('');
    expect(both).toMatch(/\nsecrets: masked in stdout: TOKEN ×200 .*\n$/);
    expect(both.slice(0, expected.length)).toBe(expected);
  });
});
