/** Finding and reading the files, within limits: nothing here knows what they mean. */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { ErrorCode } from '../core/errors.ts';
import type { Note } from './problems.ts';

export const MANIFEST_NAMES = ['.secretsrc', '.secretsrc.yaml', '.secretsrc.yml', '.secretsrc.json'] as const;
export const LOCAL_NAME = '.secretsrc.local';

/** Bytes. */
const LARGEST = 1024 * 1024;

/**
 * Path of the nearest manifest from a folder upward, not above the repository root (the folder that holds `.git`);
 * undefined when there is none.
 */
export async function findManifest(cwd: string): Promise<string | undefined> {
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    const found = MANIFEST_NAMES.map((name) => join(dir, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (existsSync(join(dir, '.git')) || dirname(dir) === dir) return undefined;
  }
}

/** A note when a folder holds manifests of several names, of which only the first is read. */
export function noteRivals(path: string, shown: string): Note | undefined {
  const rivals = MANIFEST_NAMES.filter((name) => existsSync(join(dirname(path), name)) && join(dirname(path), name) !== path);
  if (rivals.length === 0 || !MANIFEST_NAMES.some((name) => join(dirname(path), name) === path)) return undefined;
  return { message: `${rivals.join(' and ')} beside ${shown} is not read`, hint: 'keep one manifest in a folder' };
}

/** The path as it is shown: relative to the working directory where that is shorter. */
export function showPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short !== '' && short.length < path.length ? short : path;
}

/** An equal text for every way to write the path of the same file. */
export function canonicalPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** A path of the options, which begins with `./` or `../`, as seen from another folder. */
export function rebase(path: string, from: string, to: string): string {
  if (from === to || isAbsolute(path) || !/^\.{1,2}(?:[/\\]|$)/.test(path)) return path;
  const moved = relative(to, resolve(from, path)).replaceAll('\\', '/');
  return isAbsolute(moved) || moved.startsWith('.') ? moved : `./${moved}`;
}

export type ReadResult =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly reason: 'missing' | 'unreadable' | 'folder' | 'large' | 'encoding';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string;
    };

const failure = (
  reason: Extract<ReadResult, { ok: false }>['reason'],
  code: ErrorCode,
  message: string,
  hint: string,
): Extract<ReadResult, { ok: false }> => ({ ok: false, reason, code, message, hint });

/** The code for a file that somebody named and that is no manifest: whatever keeps it from being read is IO. */
export const codeOfNamed = ({ reason, code }: Extract<ReadResult, { ok: false }>): ErrorCode => (reason === 'missing' ? 'IO' : code);

/** Reads a text file of at most 1 MiB of UTF-8, byte order mark included. The messages name no path and quote nothing. */
export function readTextFile(path: string): ReadResult {
  let descriptor: number | undefined;
  try {
    // Opening a named pipe that nobody writes to would otherwise wait for ever, deaf to every signal.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const kind = fstatSync(descriptor);
    if (kind.isDirectory()) return failure('folder', 'IO', 'this is a folder, not a file', 'name a file');
    const bytes = readUpTo(descriptor, LARGEST + 1, kind.isFIFO() ? WRITER_PATIENCE : 0);
    if (bytes.length > LARGEST)
      return failure('large', 'MANIFEST_INVALID', 'the file is larger than 1 MiB', 'check that it is the right file');
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError) return failure('encoding', 'MANIFEST_INVALID', 'the file is not UTF-8 text', 'save it as UTF-8');
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return failure('missing', 'MANIFEST_NOT_FOUND', 'there is no such file', 'check the path');
    if (code === 'EAGAIN') return failure('unreadable', 'IO', 'nothing more comes out of this pipe', 'check what writes to it');
    if (code === 'EISDIR') return failure('folder', 'IO', 'this is a folder, not a file', 'name a file');
    const denied = code === 'EACCES' || code === 'EPERM';
    return failure(
      'unreadable',
      'IO',
      denied ? 'the file may not be read' : 'the file cannot be read',
      denied ? 'check its permissions' : 'check the file and its disk',
    );
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * All bytes of a file or pipe, but not more than the limit: a size is not known beforehand for every kind of file.
 * @param patience milliseconds to wait for the first byte
 */
function readUpTo(descriptor: number, limit: number, patience: number): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  let waited = 0;
  while (size < limit) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, limit - size));
    const count = readPatiently(descriptor, chunk);
    if (count === 0) {
      // A named pipe also reads as ended before its writer has come.
      if (size > 0 || waited >= patience) break;
      waited += LOOK_EVERY;
      rest(LOOK_EVERY);
      continue;
    }
    chunks.push(chunk.subarray(0, count));
    size += count;
  }
  return Buffer.concat(chunks, size);
}

/** Milliseconds that a pipe may stay silent. */
const PATIENCE = 10_000;
/** Milliseconds until a named pipe must have a writer. */
const WRITER_PATIENCE = 1_000;
const LOOK_EVERY = 5;

const rest = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Reads what there is, waiting for a pipe whose writer is slow. @returns how many bytes; 0 at the end */
function readPatiently(descriptor: number, chunk: Buffer): number {
  for (let waited = 0; ; waited += LOOK_EVERY) {
    try {
      return readSync(descriptor, chunk, 0, chunk.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= PATIENCE) throw error;
      rest(LOOK_EVERY);
    }
  }
}
