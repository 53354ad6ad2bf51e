/** Reads one file of the disk through a search, in bounded memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errorCode } from '../platform/atomic-file.ts';

/** Read without waiting: a search does nothing else meanwhile, and for many small files this is the fastest. */
const PIECE = Buffer.allocUnsafe(256 * 1024);
/** Gone since it was listed, a symbolic link, or something that is no file and can't be opened. */
const NO_FILE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK', 'ENXIO']);

/**
 * @param take is given one piece after the other, each valid only until it returns
 * @returns `read`, `no-file` for what is no regular file, else the system's code of the failure
 */
export function readThrough(file: Buffer, take: (piece: Buffer) => void): string {
  const fd = attempt(() => openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)));
  if (typeof fd === 'string') return NO_FILE.has(fd) ? 'no-file' : fd;
  try {
    if (!fstatSync(fd).isFile()) return 'no-file';
    for (;;) {
      const length = attempt(() => readSync(fd, PIECE, 0, PIECE.length, null));
      if (typeof length === 'string') return length;
      if (length === 0) return 'read';
      take(PIECE.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}

/** The number that a call gives, or the code of its failure. */
function attempt(call: () => number): number | string {
  try {
    return call();
  } catch (error) {
    return errorCode(error);
  }
}
