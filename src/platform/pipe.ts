/**
 * A real pipe. The runtime's own "pipe" is a socket pair, under which a child can't open /dev/stdout; it can't make a
 * pipe either, so a FIFO in a private folder is opened at both ends and removed before anybody else can.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Makes so many pipes by one process, which is not waited for on the spot; undefined where the system has no FIFOs, no
 * mkfifo, or no folder to put them for a moment. Nothing is left in the folder, also when this process ends meanwhile.
 */
export async function makePipes(count: number): Promise<readonly PipeEnds[] | undefined> {
  if (process.platform === 'win32') return undefined;
  for (const parent of ['/dev/shm', process.env['XDG_RUNTIME_DIR'], tmpdir()]) {
    if (parent === undefined || parent === '') continue;
    const pipes = await makeIn(parent, count);
    if (pipes !== undefined) return pipes;
  }
  return undefined;
}

export function closePipes(pipes: readonly PipeEnds[] | undefined): void {
  for (const { readFd, writeFd } of pipes ?? []) {
    closeSync(readFd);
    closeSync(writeFd);
  }
}

async function makeIn(parent: string, count: number): Promise<readonly PipeEnds[] | undefined> {
  let folder: string;
  try {
    folder = mkdtempSync(path.join(parent, 'secrets-'));
  } catch {
    return undefined;
  }
  const pipes: PipeEnds[] = [];
  const names = Array.from({ length: count }, (_, index) => path.join(folder, String(index)));
  const making = mkfifo(names);
  const removeAll = (): void => {
    // It must not make another one while the folder is being removed.
    making.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 2 });
  };
  process.once('exit', removeAll);
  try {
    if (!(await making.isDone)) return undefined;
    for (const name of names) {
      // Without a writer a blocking open would wait for one; with a reader there, the second open returns at once.
      const readFd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
      const writeFd = openSync(name, constants.O_WRONLY);
      pipes.push({ readFd, writeFd });
    }
    return pipes;
  } catch {
    closePipes(pipes);
    return undefined;
  } finally {
    process.removeListener('exit', removeAll);
    removeAll();
  }
}

/** @returns whether all were made, and what ends it early. Never throws, never rejects. */
function mkfifo(names: readonly string[]): { readonly isDone: Promise<boolean>; readonly stop: () => void } {
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
  try {
    const child = spawn('mkfifo', ['-m', '600', ...names], { stdio: 'ignore', env });
    const isDone = new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(false));
      child.once('exit', (code) => resolve(code === 0));
    });
    return { isDone, stop: () => void child.kill('SIGKILL') };
  } catch {
    return { isDone: Promise.resolve(false), stop: () => undefined };
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
