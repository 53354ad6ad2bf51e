/** Records as lines on a descriptor that we were started with, such as stderr. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../platform/atomic-file.ts';
import { SINK_MS, SinkFault, type Sink } from './sink.ts';

const GAP_MS = 5;

export function streamSink(fd: number, what: string): Sink {
  return {
    what,
    check: () => {
      try {
        fstatSync(fd);
      } catch {
        throw new SinkFault(`${what} is not open`, fd === 2 ? undefined : `secrets run … ${fd}>>FILE`);
      }
    },
    send: async (lines) => writeAll(fd, Buffer.from(lines.map((line) => `${line}\n`).join('')), what),
  };
}

/** A pipe that nobody empties must not hold us: it is opened anew, so that it does not wait, and its owner's way of writing stays. */
async function writeAll(fd: number, bytes: Buffer, what: string): Promise<void> {
  const own = unblocked(fd);
  const until = performance.now() + SINK_MS;
  try {
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(own ?? fd, bytes, at);
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN') throw new SinkFault(`${what} cannot be written (${errorCode(error)})`);
        if (performance.now() >= until) throw new SinkFault(`${what} took nothing for ${SINK_MS / 1000} s`);
        await sleep(GAP_MS);
      }
    }
  } finally {
    if (own !== undefined) closeSync(own);
  }
}

function unblocked(fd: number): number | undefined {
  try {
    return fstatSync(fd).isFIFO() ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK) : undefined;
  } catch {
    return undefined;
  }
}
