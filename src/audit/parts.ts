/**
 * The files of a log. The newest is the log itself; a full one is renamed to `audit.1.jsonl`, the next to
 * `audit.2.jsonl`, and what is written afterwards says what it follows.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../platform/atomic-file.ts';
import { END_BYTES, macAtEnd, parseFollows, type Tail } from './chain.ts';
import { parseRecord } from './record.ts';

export interface Part {
  /** Counts from 1, the oldest first. */
  readonly number: number;
  readonly file: string;
}

/** The log of a user. */
export const logIn = (stateFolder: string): string => path.join(stateFolder, 'audit.jsonl');

/** Path of a full part. */
export function partFile(log: string, number: number): string {
  const { dir, name, ext } = path.parse(log);
  return path.join(dir, `${name}.${number}${ext}`);
}

/** The full parts that are there, the oldest first. */
export function fullParts(log: string): readonly Part[] {
  const { dir, name, ext } = path.parse(log);
  const numbers = namesIn(dir).flatMap((file) => {
    if (!file.startsWith(`${name}.`) || !file.endsWith(ext)) return [];
    const middle = file.slice(name.length + 1, file.length - ext.length);
    return /^[1-9]\d{0,8}$/.test(middle) ? [Number(middle)] : [];
  });
  return numbers.sort((one, other) => one - other).map((number) => ({ number, file: partFile(log, number) }));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** All parts that are there, the log itself last. Throws nothing: what can't be read is not there. */
export function allParts(log: string): readonly Part[] {
  const full = fullParts(log);
  const opened = openToRead(log);
  if (typeof opened !== 'number') return full;
  try {
    return [...full, { number: numberOf(opened, full), file: log }];
  } finally {
    closeSync(opened);
  }
}

/** The number that the open log has among its parts: also where the older ones were taken away, its first line tells. */
export function numberOf(fd: number, full: readonly Part[]): number {
  const first = firstTail(fd)?.part ?? 0;
  return Math.max(first, full.at(-1)?.number ?? 0) + 1;
}

const FIRST_LINE_BYTES = 32_768;

function firstTail(fd: number): Tail | undefined {
  const bytes = Buffer.alloc(FIRST_LINE_BYTES);
  const line = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
  const end = line.indexOf(0x0a);
  const record = end < 0 ? undefined : parseRecord(line.toString('utf8', 0, end));
  return record?.prev === undefined ? undefined : parseFollows(record.prev)?.tail;
}

/** A descriptor of a file that is one, without waiting for a pipe or following a link; else what is wrong. */
export function openToRead(file: string): number | 'absent' | 'not-a-file' | { readonly code: string } {
  try {
    const fd = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    return 'not-a-file';
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' ? 'absent' : code === 'ELOOP' || code === 'EMLINK' ? 'not-a-file' : { code };
  }
}

/** What a file ends with. */
export interface FileEnd {
  /** The end of its last whole line; at 0 where there is none. */
  readonly tail: Tail;
  /** Whether the beginning of a line stands behind that. */
  readonly torn: boolean;
}

const WINDOW_BYTES = 16_384;

/** @param size of the file as it is known to be */
export function endOf(fd: number, size: number): FileEnd {
  if (size === 0) return { tail: { mac: '', offset: 0 }, torn: false };
  const last = read(fd, size - 1, size);
  if (last[0] === 0x0a) return { tail: { mac: macBefore(fd, size), offset: size }, torn: false };
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - WINDOW_BYTES);
    const newline = read(fd, start, end).lastIndexOf(0x0a);
    if (newline >= 0) {
      const offset = start + newline + 1;
      return { tail: { mac: macBefore(fd, offset), offset }, torn: true };
    }
    end = start;
  }
  return { tail: { mac: '', offset: 0 }, torn: true };
}

/** The `mac` of the line that ends at an offset; empty where there is none. */
export function macBefore(fd: number, offset: number): string {
  const bytes = read(fd, Math.max(0, offset - END_BYTES), offset);
  return bytes.at(-1) === 0x0a ? macAtEnd(bytes.subarray(0, -1)) : '';
}

export function read(fd: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start);
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start));
}
