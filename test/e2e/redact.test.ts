/** `secrets redact`: a filter. */
import { constants } from 'node:os';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { project, type Project } from './support/project.ts';

const MANIFEST = `
version: 1
project: redact-test
secrets:
  KEY: { ref: local://key, tags: [one] }
  OTHER: local://other
  LATER: { ref: local://later, required: false }
  REGION: { ref: local://region, sensitive: false }
`;

async function prepared(): Promise<Project & { key: string; other: string }> {
  const made = await project({ manifest: MANIFEST });
  const [key, other] = [canary(), canary()];
  await made.set('KEY', key);
  await made.set('OTHER', other);
  await made.set('REGION', 'canary-region');
  return { ...made, key, other };
}

describe('secrets redact', () => {
  it('A31 masks the values of stdin, and counts them by name in one line', async () => {
    const { run, key, other } = await prepared();
    const input = `a ${key} b ${Buffer.from(`user:${other}`).toString('base64')}\ncanary-region ${key}`;
    const { code, stdout, stderr } = await run(['redact'], { input });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^a \*\*\* b \S{1,9}\*\*\*\ncanary-region \*\*\*$/);
    expect(stderr).toBe('secrets: masked: KEY ×2, OTHER ×1\n');
    const chosen = await run(['redact', '--tag', 'one'], { input });
    expect(chosen.stdout).toBe(input.replaceAll(key, '***'));
    expect((await run(['redact', '--except', 'KEY'], { input })).stdout).toContain(key);
  });

  it('A31 warns of a value that is too short to be masked', async () => {
    const { run, set } = await prepared();
    await set('OTHER', 'abcde');
    const { code, stdout, stderr } = await run(['redact'], { input: 'x abcde y' });
    expect([code, stdout, stderr]).toEqual([0, 'x abcde y', 'secrets: warning: OTHER: too short or too common to be masked\n']);
  });

  it('passes bytes through as they are', async () => {
    const { run } = await prepared();
    const input = randomBytes(3_000_000);
    const { code, stdoutBytes, stderr } = await run(['redact'], { input });
    expect([code, stdoutBytes.equals(input), stderr]).toEqual([0, true, '']);
  });

  it('passes each piece on at once, and holds back only what may become a value', async () => {
    const { start, key } = await prepared();
    const running = start(['redact'], { stdio: ['pipe', 'pipe', 'pipe'] });
    running.child.stdin?.write('Password: ');
    await running.waitFor('Password: ');
    running.child.stdin?.write(`x${key.slice(0, 12)}`);
    await running.waitFor('Password: x');
    running.child.stdin?.write(`${key.slice(12)}y`);
    await running.waitFor('x***y');
    running.child.stdin?.end();
    expect(await running.result).toMatchObject({ code: 0, stdout: 'Password: x***y' });
  });

  it('ends quietly when its reader has gone, and says so when a stream cannot be used', async () => {
    const { start, run } = await prepared();
    const running = start(['redact'], { stdio: ['pipe', 'pipe', 'pipe'] });
    running.child.stdin?.write('line\n');
    await running.waitFor('line');
    const { stdout } = running.child;
    const closed = new Promise((resolve) => stdout?.once('close', resolve));
    stdout?.destroy();
    await closed;
    running.child.stdin?.write('line\n');
    expect(await running.result).toMatchObject({ code: 141, stderr: '' });
    const full = openSync('/dev/full', 'w');
    const failed = start(['redact'], { stdio: ['pipe', full, 'pipe'] });
    failed.child.stdin?.end('line\n');
    const { code, stderr } = await failed.result;
    closeSync(full);
    expect([code, stderr]).toEqual([74, expect.stringMatching(/^secrets: error\[IO\]: stdout cannot be written/)]);
    for (const input of [openSync('/', 'r'), openSync('/dev/null', 'w')]) {
      const { code: unread, stderr: why } = await run(['redact'], { stdio: [input, 'pipe', 'pipe'] });
      closeSync(input);
      expect([unread, why]).toEqual([74, expect.stringMatching(/^secrets: error\[IO\]: stdin cannot be read/)]);
    }
  });

  it('names a required value that is nowhere, and goes on', async () => {
    const { run, write, key } = await prepared();
    write('.secretsrc', `${MANIFEST}  NEW: local://new\n`);
    const { code, stdout, stderr } = await run(['redact'], { input: `a ${key}` });
    expect([code, stdout]).toEqual([0, 'a ***']);
    expect(stderr).toContain('NEW has no value yet');
  });

  it('outlives a Ctrl-C until the program in front of it has ended', async () => {
    const { start, key } = await prepared();
    const running = start(['redact'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    running.child.stdin?.write('working\n');
    await running.waitFor('working');
    process.kill(-running.pid, 'SIGINT');
    await delivered(running.pid, 'SIGINT');
    running.child.stdin?.write(`last words ${key}\n`);
    await running.waitFor('last words ***');
    running.child.stdin?.end();
    expect(await running.result).toMatchObject({ code: 130, signal: null, stderr: 'secrets: masked: KEY ×1\n' });
    const stubborn = start(['redact'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    stubborn.child.stdin?.write('working\n');
    await stubborn.waitFor('working');
    process.kill(-stubborn.pid, 'SIGTERM');
    expect(await stubborn.result).toMatchObject({ signal: 'SIGTERM' });
  });
});

/** Waits until a signal that was sent is not pending any more: on a busy machine what is written later may come first. */
async function delivered(pid: number, signal: NodeJS.Signals): Promise<void> {
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  const isPending = (): boolean =>
    [...readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^S(?:ig|hd)Pnd:\s*([0-9a-f]+)/gm)].some(
      ([, mask]) => (BigInt(`0x${mask}`) & bit) !== 0n,
    );
  while (process.platform === 'linux' && isPending()) await new Promise((resolve) => setImmediate(resolve));
}
