/**
 * What this user has trusted: one file for each manifest in the user's state folder, outside of the repository. It
 * holds the sets of lines that were agreed to, so that switching between branches asks once for each.
 *
 * A record that somebody else could have written counts for nothing.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import { Fault } from '../core/fault.ts';
import { errorCode, makeFolders, readOwnFile, replaceFile } from '../platform/atomic-file.ts';
import { realPath, type Place } from './place.ts';
import type { TrustSet } from './trust-set.ts';

export interface TrustedSet {
  readonly lines: TrustSet;
  /** When it was agreed to, RFC 3339. */
  readonly at: string;
}

/** Why nothing can be kept, or why what is there does not count. */
export interface Problem {
  readonly message: string;
  readonly hint: string;
}

export type Records = { readonly sets: readonly TrustedSet[]; readonly problem?: Problem };

/** Where the records of a place are, or why there can be none. */
export type Keeping =
  | { readonly ok: true; readonly folder: string; readonly file: string }
  | { readonly ok: false; readonly problem: Problem };

const VERSION = 1;
/** Of one manifest; the longest unused are given up. */
const MOST_SETS = 16;
const LARGEST = 8 * 1024 * 1024;
/** Longer than a question waits for its answer, in milliseconds. */
const QUESTION_MS = 330_000;

/** @param stateFolder of the user; undefined where there is no home. Looks only, makes nothing. */
export function keepingOf(place: Place, stateFolder: string | undefined): Keeping {
  if (stateFolder === undefined) {
    const problem = { message: 'there is no home folder to keep it in', hint: 'set HOME, or SECRETS_STATE_DIR to a folder' };
    return { ok: false, problem };
  }
  if (isInRepository(stateFolder, place.root)) {
    const message = 'the state folder is inside the repository, which could bring its own record';
    return { ok: false, problem: { message, hint: 'set SECRETS_STATE_DIR to a folder outside of it' } };
  }
  const folder = path.join(stateFolder, 'trust');
  return { ok: true, folder, file: path.join(folder, `${place.key}.json`) };
}

/** Where the home folder itself is in the repository, as with dotfiles, the repository's owner owns the user anyway. */
function isInRepository(folder: string, root: string): boolean {
  const isInside = (inner: string): boolean => {
    const relative = path.relative(root, nearestReal(inner));
    return !/^\.\.(?:[/\\]|$)/.test(relative) && !path.isAbsolute(relative);
  };
  return isInside(folder) && !isInside(home() ?? path.parse(root).root);
}

/** The folder with links followed, as far as it is there. */
function nearestReal(folder: string): string {
  const found = realPath(folder);
  if (found !== undefined || path.dirname(folder) === folder) return found ?? folder;
  return path.join(nearestReal(path.dirname(folder)), path.basename(folder));
}

function home(): string | undefined {
  try {
    return os.homedir();
  } catch {
    return undefined;
  }
}

/** The newest set first. Never throws. */
export async function readRecords(keeping: Keeping): Promise<Records> {
  if (!keeping.ok) return { sets: [], problem: keeping.problem };
  const { file, folder } = keeping;
  const read = await readOwnFile(file, LARGEST);
  if (read.state === 'absent' || (read.state === 'failed' && read.code === 'ENOTDIR')) return { sets: [] };
  const refused = ({ message, hint }: Problem): Records => ({
    sets: [],
    problem: { message: `the record of trust does not count: ${message}`, hint },
  });
  if (read.state !== 'read') return refused({ message: 'it is no file that can be read', hint: `look at ${file}` });
  const danger = folderDanger(folder) ?? dangerOf(file, read);
  if (danger !== undefined) return refused(danger);
  const sets = parse(read.bytes.toString('utf8'));
  return sets === undefined ? refused({ message: 'it is damaged', hint: 'secrets trust' }) : { sets };
}

/** Why others could have put a file there. */
function folderDanger(folder: string): Problem | undefined {
  if (process.platform === 'win32') return undefined;
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return { message: `${folder} is no folder`, hint: `look at ${folder}` };
  return dangerOf(folder, stat);
}

/** Windows has neither a mode nor an owner's number. */
function dangerOf(
  file: string,
  { mode, uid }: { readonly mode: number | undefined; readonly uid: number | undefined },
): Problem | undefined {
  if (mode === undefined) return undefined;
  if (uid !== process.getuid?.())
    return { message: `${file} belongs to another user`, hint: 'run it as that user, or set SECRETS_STATE_DIR to a folder of your own' };
  return (mode & 0o022) === 0 ? undefined : { message: `others may write to ${file}`, hint: `check it, then: chmod go-w ${file}` };
}

function parse(text: string): readonly TrustedSet[] | undefined {
  try {
    const record = JSON.parse(text) as { readonly version?: unknown; readonly sets?: unknown };
    if (record.version !== VERSION || !Array.isArray(record.sets)) return undefined;
    return record.sets.every(isTrustedSet) ? record.sets : undefined;
  } catch {
    return undefined;
  }
}

function isTrustedSet(value: unknown): value is TrustedSet {
  const { lines, at } = (value ?? {}) as { readonly lines?: unknown; readonly at?: unknown };
  return typeof at === 'string' && Array.isArray(lines) && lines.every((line) => typeof line === 'string');
}

/**
 * Keeps a set as the newest.
 * @throws SecretsError IO where it can't be kept
 */
export async function addRecord(keeping: Keeping, lines: TrustSet, now: Date): Promise<void> {
  await changing(keeping, async (file) => {
    const key = JSON.stringify(lines);
    const others = (await readRecords(keeping)).sets.filter((set) => JSON.stringify(set.lines) !== key);
    const sets: readonly TrustedSet[] = [{ at: now.toISOString(), lines }, ...others].slice(0, MOST_SETS);
    await replaceFile(file, `${JSON.stringify({ version: VERSION, sets })}\n`, 0o600);
    removeIfThere(`${file}${DECLINED}`);
  });
}

/** Forgets everything about a manifest; false if nothing was known. @throws SecretsError IO */
export async function removeRecords(keeping: Keeping): Promise<boolean> {
  if (!keeping.ok || (await readOwnFile(keeping.file, LARGEST)).state === 'absent') return false;
  let removed = false;
  await changing(keeping, async (file) => {
    removed = removeIfThere(file);
  });
  return removed;
}

function removeIfThere(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return false;
  }
}

async function changing(keeping: Keeping, act: (file: string) => Promise<void>): Promise<void> {
  if (!keeping.ok) throw cannotKeep(keeping.problem);
  const { folder, file } = keeping;
  await guarded(folder, async () => {
    makeFolder(folder);
    // Loaded only here: most runs have nothing to write.
    const { withLock } = await import('../platform/lock.ts');
    await withLock(`${file}.lock`, { what: 'the record of trust' }, async () => act(file));
  });
}

/** @throws SecretsError IO where others could write into it */
function makeFolder(folder: string): void {
  makeFolders(folder);
  const danger = folderDanger(folder);
  if (danger !== undefined) throw cannotKeep(danger);
}

/**
 * Runs a question while no other process asks the same one.
 * @param act is told whether the answer to another process was no, and how to tell others so
 * @param since milliseconds of the epoch: earlier answers don't count; default: when this process began
 * @throws SecretsError INTERRUPTED when the signal is aborted, IO where nothing can be kept, STORE_BUSY
 */
export async function askingAlone<T>(
  keeping: Extract<Keeping, { ok: true }>,
  lines: TrustSet,
  signal: AbortSignal | undefined,
  act: (declined: boolean, decline: () => Promise<void>) => Promise<T>,
  since: number = performance.timeOrigin,
): Promise<T> {
  const { folder, file } = keeping;
  return guarded(folder, async () => {
    makeFolder(folder);
    const refusal = `${file}${DECLINED}`;
    const decline = async (): Promise<void> => replaceFile(refusal, JSON.stringify({ at: Date.now(), lines }), 0o600);
    const { withLock } = await import('../platform/lock.ts');
    return withLock(`${file}.question`, { what: 'the question about trust', waitMs: QUESTION_MS, signal }, async () =>
      act(await wasDeclined(refusal, lines, since), decline),
    );
  });
}

const DECLINED = '.declined';

/** Whether the same was asked and declined after a moment. */
async function wasDeclined(file: string, lines: TrustSet, since: number): Promise<boolean> {
  const read = await readOwnFile(file, LARGEST);
  if (read.state !== 'read') return false;
  try {
    const answer = JSON.parse(read.bytes.toString('utf8')) as { readonly at?: unknown; readonly lines?: unknown };
    return typeof answer.at === 'number' && answer.at >= since && JSON.stringify(answer.lines) === JSON.stringify(lines);
  } catch {
    return false;
  }
}

/** Puts errors of files and locks into words. */
async function guarded<T>(folder: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Fault && error.kind === 'cancelled') throw new SecretsError({ code: 'INTERRUPTED', message: 'interrupted' });
    if (error instanceof Fault) throw new SecretsError({ code: error.code, message: error.detail.message, hint: error.detail.hint });
    if (error instanceof SecretsError || !(error instanceof Error && 'code' in error)) throw error;
    throw cannotKeep({
      message: `${folder} cannot be written (${errorCode(error)})`,
      hint: 'check its permissions, or set SECRETS_STATE_DIR to another folder',
    });
  }
}

export const cannotKeep = ({ message, hint }: Problem): SecretsError =>
  new SecretsError({ code: 'IO', message: `what you trust cannot be kept: ${message}`, hint });
