import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { acquireLock, cleanLock, withLock } from '../../src/platform/lock.ts';
import { holderState, thisProcess } from '../../src/platform/lock-holder.ts';

let folder = '';
let file = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lk-'));
  file = path.join(folder, 'lock');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const what = 'the store';
const linux = process.platform === 'linux';

function run(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('lock-child.ts', import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.on('exit', (code) => resolve(code)));

async function holder(): Promise<ChildProcess> {
  const child = run('hold', file);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

async function fault(act: Promise<unknown>): Promise<Fault> {
  const error = await act.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof Fault)) throw new Error('expected a Fault');
  return error;
}

describe('the lock', () => {
  it('lets one at a time in, within one process and between several', { timeout: 60_000 }, async () => {
    const counter = path.join(folder, 'counter');
    writeFileSync(counter, '0');
    const codes = Promise.all(Array.from({ length: 4 }, () => ended(run('count', file, counter, '50'))));
    const mine = Array.from({ length: 10 }, () =>
      withLock(file, { what, waitMs: 30_000 }, async () => {
        const before = Number(readFileSync(counter, 'utf8'));
        await new Promise((resolve) => setImmediate(resolve));
        writeFileSync(counter, String(before + 1));
      }),
    );
    await Promise.all(mine);
    expect(await codes).toEqual([0, 0, 0, 0]);
    expect(readFileSync(counter, 'utf8')).toBe('210');
    expect(readdirSync(folder)).toEqual(['counter']);
  });

  it('is STORE_BUSY, naming the process, when a living one keeps it', async () => {
    const child = await holder();
    const busy = await fault(acquireLock(file, { what, waitMs: 100 }));
    expect(busy).toMatchObject({ kind: 'conflict', code: 'STORE_BUSY' });
    expect(busy.message).toContain(`the store is in use by process ${child.pid}`);
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('ends the wait when the signal is aborted', async () => {
    await holder();
    const controller = new AbortController();
    const waiting = fault(acquireLock(file, { what, signal: controller.signal }));
    controller.abort();
    expect((await waiting).kind).toBe('cancelled');
  });

  it('is broken at once when its holder was killed', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await ended(child);
    const lock = await acquireLock(file, { what, waitMs: 0 });
    await lock.assertHeld();
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is broken by one only when many find the same dead holder', { timeout: 60_000 }, async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await ended(child);
    const counter = path.join(folder, 'counter');
    writeFileSync(counter, '0');
    const codes = await Promise.all(Array.from({ length: 6 }, () => ended(run('count', file, counter, '3'))));
    expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
    expect(readFileSync(counter, 'utf8')).toBe('18');
  });

  it('is not broken when it was taken anew while we waited to break it', async () => {
    writeFileSync(file, JSON.stringify({ ...thisProcess(), boot: 'earlier', nonce: 'dead' }));
    const right = await acquireLock(`${file}.break`, { what });
    const waiting = fault(acquireLock(file, { what, waitMs: 0 }));
    const fresh = JSON.stringify({ ...thisProcess(), nonce: 'fresh' });
    // The other one has found the dead holder and waits for the right to break it.
    while (!readdirSync(folder).some((name) => name.startsWith('lock.break.'))) await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(file, fresh);
    await right.release();
    expect(await waiting).toMatchObject({ code: 'STORE_BUSY' });
    expect(readFileSync(file, 'utf8')).toBe(fresh);
  });

  it('is broken when the breaker died as well', async () => {
    writeFileSync(file, JSON.stringify({ ...thisProcess(), start: '1', nonce: 'a' }));
    writeFileSync(`${file}.break`, JSON.stringify({ ...thisProcess(), start: '1', nonce: 'b' }));
    await withLock(file, { what, waitMs: 0 }, () => cleanLock(file));
    expect(readdirSync(folder)).toEqual(linux ? [] : ['lock']);
  });

  it.each(['', 'not json', '{"pid":1}'])('waits for a file that names nobody (%j), until it is old', async (text) => {
    writeFileSync(file, text);
    expect(await fault(acquireLock(file, { what, waitMs: 50 }))).toMatchObject({ code: 'STORE_BUSY' });
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    await (await acquireLock(file, { what, waitMs: 0 })).release();
  });

  it('is noticed when it was taken from us, and then left to the other', async () => {
    const lock = await acquireLock(file, { what });
    writeFileSync(file, JSON.stringify({ ...thisProcess(), nonce: 'other' }));
    expect(await fault(lock.assertHeld())).toMatchObject({ code: 'STORE_BUSY' });
    await lock.release();
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('cleans what killed processes left, and not the tries of living ones', async () => {
    const ticket = (name: string, holding: object | string): void =>
      writeFileSync(`${file}.${name}.tmp`, typeof holding === 'string' ? holding : JSON.stringify(holding));
    ticket('dead', { ...thisProcess(), start: '1', boot: 'another' });
    ticket('torn', '{"pid"');
    ticket('alive', thisProcess());
    writeFileSync(path.join(folder, 'other.tmp'), '');
    await cleanLock(file);
    expect(readdirSync(folder).sort()).toEqual(linux ? ['lock.alive.tmp', 'other.tmp'] : ['other.tmp']);
  });

  it('says so when its folder is not there', async () => {
    await expect(acquireLock(path.join(folder, 'none', 'lock'), { what })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('whether a holder lives', () => {
  const me = thisProcess();

  it.runIf(linux)('is known for processes of this machine', () => {
    expect(holderState(me)).toBe('alive');
    expect(holderState({ ...me, start: '1' })).toBe('dead'); // the number was given to another process
    expect(holderState({ ...me, boot: 'earlier' })).toBe('dead');
    expect(holderState({ ...me, pid: 4_194_304 })).toBe('dead');
  });

  it.runIf(linux)('is known for one whose parent has not asked for it yet', async () => {
    const child = await holder();
    const named = JSON.parse(readFileSync(file, 'utf8')) as typeof me;
    expect(holderState(named)).toBe('alive');
    child.kill('SIGKILL');
    // Until our event loop turns, nobody asks for the child: it is a zombie.
    while (!/\) [ZX] /.test(readFileSync(`/proc/${named.pid}/stat`, 'utf8')));
    expect(holderState(named)).toBe('dead');
  });

  it.runIf(linux)('is not known for processes of another machine or container', () => {
    expect(holderState({ ...me, namespace: 'pid:[1]', start: '1' })).toBe('unknown');
    expect(holderState({ ...me, host: 'elsewhere', boot: 'other' })).toBe('unknown');
  });
});
