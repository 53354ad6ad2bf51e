/** The folder of a store: checked on every use, changed only under its lock. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, unlinkSync, type Stats } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import { dropFile, readOwnFile, replaceFile, TEMP_SUFFIX, writeNewFile } from '../../platform/atomic-file.ts';
import type { FileLock } from '../../platform/lock.ts';
import { asIoFault, checkOwner, checkPrivate, createFault, octal, quoted, unreadable } from './faults.ts';
import { formatIndex, INDEX_FILE, parseIndex, type StoreIndex, type Version } from './index-file.ts';
import { VERSION_FILE, WRAPPED_FILE } from './index-shape.ts';
import type { Location } from './location.ts';

const MAX_INDEX_BYTES = 16_777_216;
const LOCK_FILE = 'lock';

const indexPath = (location: Location): string => path.join(location.folder, INDEX_FILE);

/**
 * The index; undefined where there is no store yet. Throws Fault 'corrupt' (damaged, another kind of store), 'denied'
 * (link, other owner, open to others).
 */
export async function readIndex(location: Location): Promise<StoreIndex | undefined> {
  if (!checkFolder(location)) return undefined;
  const file = indexPath(location);
  let read = await readOwnFile(file, MAX_INDEX_BYTES);
  if (read.state === 'absent' && holdsVersions(location)) {
    // Another process may have made the store meanwhile.
    read = await readOwnFile(file, MAX_INDEX_BYTES);
    if (read.state === 'absent') {
      throw new Fault('corrupt', {
        message: `${location.folder} holds encrypted files and no ${INDEX_FILE}`,
        hint: `restore ${INDEX_FILE} from a backup, or move the folder away`,
      });
    }
  }
  if (read.state === 'absent') return undefined;
  if (read.state !== 'read') throw unreadable(read, file);
  const index = parseIndex(read.bytes.toString('utf8'), file);
  if (location.team && index.custody !== undefined) {
    throw new Fault('options', {
      message: `${location.folder} is a personal store, and the provider lists recipients`,
      hint: 'give the team store another path, or take recipients out',
    });
  }
  if (!location.team && index.custody === undefined) {
    throw new Fault('options', {
      message: `${location.folder} is a team store, and the provider lists no recipients`,
      hint: 'list everybody who may read it under recipients, as in the repository it belongs to',
    });
  }
  // What is committed has the modes and owner of a checkout.
  if (index.custody !== undefined) checkPrivate(file, read);
  return location.team ? withoutRemoved(index, new Set(readdirSync(location.folder))) : index;
}

const holdsVersions = ({ folder }: Location): boolean => readdirSync(folder).some((name) => VERSION_FILE.test(name));

/**
 * A merge that joins all lines brings back those of versions that one branch removed; their files stay removed. Only
 * where the newest version of a name has no file and an older one does, it is damage, and the line stays.
 */
function withoutRemoved(index: StoreIndex, files: ReadonlySet<string>): StoreIndex {
  const nameOf = ({ project, name }: Version): string => JSON.stringify([project, name]);
  const newest = new Map<string, number>();
  for (const line of index.versions) {
    if (files.has(line.file) && line.pending === undefined) newest.set(nameOf(line), Math.max(line.version, newest.get(nameOf(line)) ?? 0));
  }
  return {
    ...index,
    versions: index.versions.filter(
      (line) => files.has(line.file) || (line.pending === undefined && line.version > (newest.get(nameOf(line)) ?? Infinity)),
    ),
  };
}

/** Whether the folder is there. */
function checkFolder({ folder, team }: Location): boolean {
  let stat: Stats;
  try {
    stat = lstatSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw asIoFault(error, `open ${folder}`);
  }
  if (stat.isSymbolicLink()) throw unreadable({ state: 'symlink' }, folder);
  if (!stat.isDirectory()) throw new Fault('corrupt', { message: `${folder} is not a folder`, hint: 'give the store another path' });
  if (team || process.platform === 'win32') return true;
  checkOwner(folder, stat.uid);
  if ((stat.mode & 0o022) !== 0) {
    throw new Fault('denied', {
      message: `${folder} has mode ${octal(stat.mode & 0o777)}, so others than you could exchange its files`,
      hint: `chmod 700 ${quoted(folder)}`,
    });
  }
  return true;
}

/** Changes a store. Made by {@link changeStore} and {@link createStore}, and valid inside them only. */
export class Change {
  readonly location: Location;
  readonly #lock: FileLock;
  #index: StoreIndex;

  constructor(location: Location, lock: FileLock, index: StoreIndex) {
    this.location = location;
    this.#lock = lock;
    this.#index = index;
  }

  get index(): StoreIndex {
    return this.#index;
  }

  get mode(): number {
    return this.location.team ? 0o644 : 0o600;
  }

  /** Makes a file that nobody refers to before the index does. */
  async add(name: string, bytes: Uint8Array): Promise<void> {
    await writeNewFile(path.join(this.location.folder, name), bytes, this.mode);
  }

  /** Replaces the contents of a file in one step. */
  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await replaceFile(path.join(this.location.folder, name), bytes, this.mode);
  }

  /** The step that counts: from here on every reader sees the new index. */
  async commit(index: StoreIndex): Promise<void> {
    await this.#lock.assertHeld();
    await replaceFile(indexPath(this.location), formatIndex(index), this.mode);
    this.#index = index;
  }

  async delete(name: string): Promise<void> {
    try {
      unlinkSync(path.join(this.location.folder, name));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

/**
 * Changes a store that is there, under its lock, and clears away what killed writers left.
 * @throws Fault: 'not-found' if it is not there, 'conflict' (STORE_BUSY), 'denied' and IO when it can't be written,
 *   and as {@link readIndex}
 */
export async function changeStore<T>(location: Location, signal: AbortSignal | undefined, act: (change: Change) => Promise<T>): Promise<T> {
  return locked(location, signal, async (lock) => {
    const index = await readIndex(location);
    if (index === undefined) throw new Fault('not-found', { message: `there is no store at ${location.folder}`, hint: 'secrets set NAME' });
    await cleanUp(location, index);
    return act(new Change(location, lock, index));
  });
}

/** Makes a store, unless somebody else has done so meanwhile. @param act gets a change whose index is not written yet */
export async function createStore(
  location: Location,
  signal: AbortSignal | undefined,
  act: (change: Change) => Promise<void>,
): Promise<void> {
  const { folder, team } = location;
  try {
    mkdirSync(folder, { recursive: true, mode: team ? 0o755 : 0o700 });
    await locked(location, signal, async (lock) => {
      if ((await readIndex(location)) !== undefined) return;
      await act(new Change(location, lock, { versions: [], recipients: [] }));
    });
  } catch (error) {
    const hint = 'point SECRETS_STORE to a folder that you can write';
    const fault = asIoFault(error, `make the store ${folder}`, { hint });
    if (fault.kind !== 'denied' && fault.code !== 'IO') throw fault;
    throw createFault(fault.message, fault.detail.hint ?? hint);
  }
}

async function locked<T>(location: Location, signal: AbortSignal | undefined, act: (lock: FileLock) => Promise<T>): Promise<T> {
  try {
    // Loaded only here: reading takes no lock.
    const { acquireLock } = await import('../../platform/lock.ts');
    const lock = await acquireLock(path.join(location.folder, LOCK_FILE), { what: `the store ${location.folder}`, signal });
    try {
      return await act(lock);
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw asIoFault(error, `write to the store ${location.folder}`);
  }
}

/** Removes what writers that were killed have left: nobody refers to it, and nobody else is writing now. */
async function cleanUp({ folder }: Location, index: StoreIndex): Promise<void> {
  const { cleanLock } = await import('../../platform/lock.ts');
  await cleanLock(path.join(folder, LOCK_FILE));
  const names = readdirSync(folder);
  const used = new Set([...index.versions.map(({ file }) => file), wrappedFile(index.custody), wrappedFile(index.retired)]);
  const wrapped = wrappedFile(index.custody);
  for (const name of names) {
    const left =
      (name.endsWith(TEMP_SUFFIX) && !name.startsWith(`${LOCK_FILE}.`)) ||
      (VERSION_FILE.test(name) && !used.has(name)) ||
      // With an index from an older backup this may be the only copy of the key.
      (WRAPPED_FILE.test(name) && !used.has(name) && (wrapped === undefined || names.includes(wrapped)));
    if (left) dropFile(path.join(folder, name));
  }
}

const wrappedFile = (custody: StoreIndex['custody']): string | undefined => (custody?.kind === 'passphrase' ? custody.file : undefined);

/** A file name for a version: readable, unlike every other, and the same on systems that ignore case. */
export function newVersionFile(name: string, version: number): string {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 60);
  return `${slug === '' ? 'secret' : slug}-${version}-${randomWord()}.age`;
}

export const newWrappedFile = (): string => `identity.${randomWord()}.age`;

const randomWord = (): string => randomBytes(5).toString('hex');
