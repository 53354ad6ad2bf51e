/** The lines of a file, one after the other, in a constant amount of memory. */
import { readSync } from 'node:fs';

export interface Line {
  /** Without its newline. Only valid until the next line is asked for. */
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly start: number;
  /** Counts from 1. */
  readonly number: number;
  /** Whether a newline ends it: only the last line of a file has none. */
  readonly whole: boolean;
}

const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export function* linesOf(fd: number): Generator<Line, void, undefined> {
  let buffer = Buffer.alloc(CHUNK_BYTES);
  let [filled, start, number] = [0, 0, 1];
  for (;;) {
    if (filled === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
    const got = readSync(fd, buffer, filled, buffer.length - filled, start + filled);
    if (got === 0) break;
    // What was there before has no newline in it.
    let [from, at] = [0, buffer.indexOf(NEWLINE, filled)];
    filled += got;
    for (; at >= 0 && at < filled; at = buffer.indexOf(NEWLINE, from)) {
      yield { bytes: buffer.subarray(from, at), start: start + from, number, whole: true };
      number++;
      from = at + 1;
    }
    if (from > 0) {
      buffer.copyWithin(0, from, filled);
      buffer.fill(0, filled - from, filled);
      filled -= from;
      start += from;
    }
  }
  if (filled > 0) yield { bytes: buffer.subarray(0, filled), start, number, whole: false };
}
