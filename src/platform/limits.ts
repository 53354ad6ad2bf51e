/** What the system allows for the arguments and environment of a program. */
import { readFileSync } from 'node:fs';

/** Bytes of one `NAME=value` with its ending NUL (Linux: MAX_ARG_STRLEN, 32 pages). Used everywhere, so that a manifest is portable. */
export const MAX_VARIABLE_BYTES = 131_072;

/** Bytes of arguments and environment together that the system gives to a new program. */
export function maxExecBytes(platform: NodeJS.Platform = process.platform): number {
  if (platform === 'darwin') return 1_048_576;
  if (platform === 'win32') return 65_534;
  // Linux: a quarter of the stack limit, 6 MiB at most, and never under 128 KiB.
  return Math.max(131_072, Math.min(6_291_456, Math.floor(stackLimit() / 4)));
}

function stackLimit(): number {
  try {
    const soft = /^Max stack size\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? 8_388_608);
  } catch {
    return 8_388_608;
  }
}

/** Bytes that these strings take in the new program: each with its NUL and a pointer. */
export const execBytes = (strings: Iterable<string>): number => [...strings].reduce((sum, text) => sum + Buffer.byteLength(text) + 9, 0);
