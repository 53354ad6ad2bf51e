/**
 * A lock between processes: a file that names its holder, broken at once when the holder is dead.
 *
 * The file appears whole, by a hard link to one written before. Only its holder removes it, or whoever holds the lock
 * `<file>.break`, so two that find the same dead holder can't remove a third one's fresh lock.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../core/fault.ts';
import { errorCode, TEMP_SUFFIX } from './atomic-file.ts';
import { asHolder, holderState, thisProcess, type Holder } from './lock-holder.ts';

export interface LockOptions {
  /** What is locked, for messages: `the local store`. */
  readonly what: string;
  /** How long to wait for a living holder, in milliseconds. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface FileLock {
  /** Before a step that must not be undone. Throws Fault 'conflict' (STORE_BUSY) if somebody took the lock from us while we were stopped. */
  assertHeld(): Promise<void>;
  /** Never throws. */
  release(): Promise<void>;
}

const WAIT_MS = 8_000;
/** A holder that can't be seen from here shows by the file's time that it lives. */
const HEARTBEAT_MS = 1_000;
const SILENT_MS = 5_000;
const BREAK_MS = 1_000;
/** Breaking a lock takes a lock, whose holder may die as well. */
const MAX_DEPTH = 3;

/** Runs `act` while holding the lock. Errors as {@link acquireLock}. */
export async function withLock<T>(file: string, options: LockOptions, act: (lock: FileLock) => Promise<T>): Promise<T> {
  const lock = await acquireLock(file, options);
  try {
    return await act(lock);
  } finally {
    await lock.release();
  }
}

/**
 * Takes the lock. Its folder must exist.
 * @throws Fault 'conflict' with code STORE_BUSY when a living holder keeps it for longer than `waitMs`, 'cancelled'
 *   when the signal is aborted; Node's errors when the file can't be made
 */
export async function acquireLock(file: string, options: LockOptions): Promise<FileLock> {
  return acquire(file, options, performance.now() + (options.waitMs ?? WAIT_MS), 0);
}

interface Ticket {
  readonly text: string;
  readonly temp: string;
}

async function acquire(file: string, options: LockOptions, until: number, depth: number): Promise<FileLock> {
  const nonce = randomBytes(8).toString('hex');
  const ticket: Ticket = { text: JSON.stringify({ ...thisProcess(), nonce }), temp: `${file}.${nonce}${TEMP_SUFFIX}` };
  await writeFile(ticket.temp, ticket.text, { flag: 'wx', mode: 0o600 });
  try {
    for (;;) {
      if (await place(file, ticket)) return await held(file, ticket.text, options);
      const found = await look(file, ticket);
      if (options.signal?.aborted === true) throw new Fault('cancelled', `interrupted while waiting for ${options.what}`);
      if (found.dead) {
        await breakLock(file, found.text, options, until, depth);
        continue;
      }
      if (performance.now() >= until) throw busy(options.what, found.holder);
      await sleep(5 + Math.random() * 30);
    }
  } finally {
    await unlink(ticket.temp).catch(() => undefined);
  }
}

/** Whether the lock is ours now. */
async function place(file: string, ticket: Ticket): Promise<boolean> {
  for (;;) {
    try {
      await link(ticket.temp, file);
      return true;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EEXIST') return false;
      if (code === 'ENOENT') {
        // A writer that cleans up took our ticket for a dead one's.
        await writeFile(ticket.temp, ticket.text, { mode: 0o600 });
        continue;
      }
      if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(code)) throw error;
    }
    // A file system without hard links: the file is empty for a moment, which counts as an unknown holder.
    try {
      await writeFile(file, ticket.text, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    }
  }
}

interface Found {
  readonly dead: boolean;
  readonly holder: Holder | undefined;
  readonly text: string | undefined;
}

async function look(file: string, ticket: Ticket): Promise<Found> {
  const text = await readText(file);
  const holder = text === undefined ? undefined : parse(text);
  const state = holder === undefined ? 'unknown' : holderState(holder);
  if (state !== 'unknown') return { dead: state === 'dead', holder, text };
  // Our own fresh file tells the time of the file system, whose clock need not be ours.
  await writeFile(ticket.temp, ticket.text, { mode: 0o600 });
  const [theirs, ours] = await Promise.all([modified(file), modified(ticket.temp)]);
  return { dead: theirs !== undefined && ours !== undefined && ours - theirs > SILENT_MS, holder, text };
}

const modified = (file: string): Promise<number | undefined> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );

const readText = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

async function breakLock(file: string, text: string | undefined, options: LockOptions, until: number, depth: number): Promise<void> {
  if (depth >= MAX_DEPTH) throw busy(options.what, undefined);
  // Another one that breaks it needs a moment only, also when we have none left to wait for a holder.
  const right = await acquire(`${file}.break`, options, Math.max(until, performance.now() + BREAK_MS), depth + 1);
  try {
    // Whoever broke it before us has left another text, or none.
    if ((await readText(file)) === text) await unlink(file).catch(ignoreAbsent);
  } finally {
    await right.release();
  }
}

function ignoreAbsent(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}

async function held(file: string, text: string, options: LockOptions): Promise<FileLock> {
  // Through the open file the beat never touches a lock that somebody else has put there.
  const handle = await open(file, 'r+');
  const beat = setInterval(() => void handle.write(text, 0).catch(() => undefined), HEARTBEAT_MS);
  beat.unref();
  const isOurs = async (): Promise<boolean> => (await readText(file)) === text;
  return {
    assertHeld: async () => {
      if (!(await isOurs())) throw busy(options.what, undefined);
    },
    release: async () => {
      clearInterval(beat);
      if (await isOurs()) await unlink(file).catch(() => undefined);
      await handle.close().catch(() => undefined);
    },
  };
}

/** Removes what killed processes left of their tries to take the lock. For the holder of the lock. */
export async function cleanLock(file: string): Promise<void> {
  const folder = path.dirname(file);
  const prefix = `${path.basename(file)}.`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith(TEMP_SUFFIX)) continue;
    const holder = parse((await readText(path.join(folder, name))) ?? '');
    if (holder === undefined || holderState(holder) !== 'alive') await unlink(path.join(folder, name)).catch(() => undefined);
  }
  const right = `${file}.break`;
  const breaker = parse((await readText(right)) ?? '');
  // Taking it is the only safe way to remove it; whoever is faster has done so.
  if (breaker !== undefined && holderState(breaker) === 'dead') {
    await withLock(right, { what: 'the lock', waitMs: 0 }, () => Promise.resolve()).catch(() => undefined);
  }
}

function parse(text: string): Holder | undefined {
  try {
    return asHolder(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function busy(what: string, holder: Holder | undefined): Fault {
  const by = holder === undefined ? 'another process' : `process ${holder.pid} on ${JSON.stringify(holder.host)}`;
  return new Fault('conflict', {
    code: 'STORE_BUSY',
    message: `${what} is in use by ${by}`,
    hint: 'run it again when that process has ended',
  });
}
