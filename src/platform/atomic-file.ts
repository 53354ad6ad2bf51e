/**
 * Files of ours: read with checks, replaced in one step. A reader sees the old file or the new one, and a crash
 * leaves at most a `*.tmp` beside it.
 *
 * Own code and not write-file-atomic: that one writes through symbolic links, takes mode and owner from the file it
 * replaces, and does not bring the folder's entry to the disk. Without `fs/promises`: every run reads files of ours,
 * and loading that and its threads for a few kilobytes costs more than reading them.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

export const TEMP_SUFFIX = '.tmp';

/** What Node says went wrong, such as `ENOENT`: the only part of its errors that is used. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN';
}

/** Thrown where a file that is to be replaced is none. */
export class NotAFileError extends Error {
  readonly code = 'ENOTAFILE';
}

/**
 * Replaces or makes a file; its bytes are on the disk when this returns. The mode is set exactly, whatever the umask.
 * @param options `lasting: false` does not wait for the disk, so that a crash of the system may leave any content
 * @throws NotAFileError where a link, folder or device has the name; Node's errors otherwise
 */
export async function replaceFile(
  file: string,
  bytes: string | Uint8Array,
  mode: number,
  options: { readonly lasting?: boolean } = {},
): Promise<void> {
  const { lasting = true } = options;
  if (isOther(file)) throw new NotAFileError();
  const temp = `${file}.${randomBytes(6).toString('hex')}${TEMP_SUFFIX}`;
  try {
    writeNew(temp, bytes, mode, lasting);
    renameSync(temp, file);
  } catch (error) {
    dropFile(temp);
    throw error;
  }
  if (lasting) syncFolder(path.dirname(file));
}

/** Whether something that is no file has the name. */
function isOther(file: string): boolean {
  try {
    return !lstatSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Makes a folder of ours (0700) and those above it, step by step: Node's own way of doing it never ends where a folder
 * can't be made because the system says ENOENT. Throws Node's errors.
 */
export function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  makeFolders(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** Removes a file if it is there and can be removed. Never throws. */
export function dropFile(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // not made yet, or gone
  }
}

/** Makes a file that is not there yet and brings its bytes to the disk. Throws Node's `EEXIST` if it is there. */
export async function writeNewFile(file: string, bytes: string | Uint8Array, mode: number): Promise<void> {
  writeNew(file, bytes, mode, true);
}

function writeNew(file: string, bytes: string | Uint8Array, mode: number, lasting: boolean): void {
  const fd = openSync(file, 'wx', mode);
  try {
    fchmodSync(fd, mode);
    writeFileSync(fd, bytes);
    if (lasting) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Brings the names in a folder to the disk, where the system can. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some network and user-space file systems can't; the rename has happened all the same.
    if (!['EINVAL', 'ENOTSUP', 'ENOSYS'].includes(errorCode(error))) throw error;
  } finally {
    closeSync(fd);
  }
}

export type FileRead =
  /** `mode` holds the permission bits; both are undefined on Windows, which has neither. */
  | { readonly state: 'read'; readonly bytes: Buffer; readonly mode: number | undefined; readonly uid: number | undefined }
  | { readonly state: 'absent' }
  | { readonly state: 'symlink' | 'not-a-file' | 'too-big' }
  | { readonly state: 'failed'; readonly code: string };

/** Reads a regular file of at most `maxBytes`, and follows no link unless asked to; never waits for a pipe, never throws. */
export async function readOwnFile(file: string, maxBytes: number, options: { readonly follow?: boolean } = {}): Promise<FileRead> {
  const follow = options.follow === true;
  try {
    // Windows has no O_NOFOLLOW.
    if (!follow && process.platform === 'win32' && lstatSync(file).isSymbolicLink()) return { state: 'symlink' };
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (follow ? 0 : (constants.O_NOFOLLOW ?? 0));
    const fd = openSync(file, flags);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { state: 'not-a-file' };
      if (stat.size > maxBytes) return { state: 'too-big' };
      const bytes = readFileSync(fd);
      if (bytes.length > maxBytes) return { state: 'too-big' };
      const posix = process.platform !== 'win32';
      return { state: 'read', bytes, mode: posix ? stat.mode & 0o777 : undefined, uid: posix ? stat.uid : undefined };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { state: 'absent' };
    if (code === 'ELOOP' || code === 'EMLINK') return { state: 'symlink' };
    return { state: 'failed', code };
  }
}
