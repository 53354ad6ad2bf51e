/**
 * A real pipe. The runtime's own "pipe" is a socket pair, under which a child can't open /dev/stdout; it can't make a
 * pipe either, so a FIFO in a private folder is opened at both ends and removed before anybody else can.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

/** Makes so many pipes; undefined where the system has no FIFOs, no mkfifo, or no folder to put them for a moment. */
export function makePipes(count: number): readonly PipeEnds[] | undefined {
  if (process.platform === 'win32') return undefined;
  for (const parent of ['/dev/shm', process.env['XDG_RUNTIME_DIR'], tmpdir()]) {
    if (parent === undefined || parent === '') continue;
    const pipes = makeIn(parent, count);
    if (pipes !== undefined) return pipes;
  }
  return undefined;
}

function makeIn(parent: string, count: number): readonly PipeEnds[] | undefined {
  let folder: string;
  try {
    folder = mkdtempSync(path.join(parent, 'secrets-'));
  } catch {
    return undefined;
  }
  const pipes: PipeEnds[] = [];
  try {
    const names = Array.from({ length: count }, (_, index) => path.join(folder, String(index)));
    const made = spawnSync('mkfifo', ['-m', '600', ...names], { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' } });
    if (made.status !== 0) return undefined;
    for (const name of names) {
      // Without a writer a blocking open would wait for one; with a reader there, the second open returns at once.
      const readFd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
      const writeFd = openSync(name, constants.O_WRONLY);
      pipes.push({ readFd, writeFd });
    }
    return pipes;
  } catch {
    for (const { readFd, writeFd } of pipes) {
      closeSync(readFd);
      closeSync(writeFd);
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes that one read takes at most: what a pipe holds. */
const READ_BYTES = 65_536;

/**
 * Reads a pipe into one buffer that is used again for each piece: a piece is valid only while its `data` event lasts,
 * and nothing is left for the garbage collector.
 */
export function readPipe(fd: number): Socket {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (bytes: number): boolean => {
    socket.emit('data', buffer.subarray(0, bytes));
    return true;
  };
  const socket = new Socket({ fd, readable: true, writable: false, onread: { buffer, callback } });
  return socket;
}

/** Whether two descriptors are the same file, so that the order of what is written to them matters. */
export function sameFile(first: number, second: number): boolean {
  try {
    const [a, b] = [fstatSync(first, { bigint: true }), fstatSync(second, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev;
  } catch {
    return false;
  }
}
