/** Swap space that is written as it is: a value in memory may get there, and JavaScript can't lock memory. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The swap devices and files that are not encrypted; empty where there are none or the system does not say.
 * @param read reads a file of /proc or /sys
 */
export function plainSwap(read: (file: string) => string = (file) => readFileSync(file, 'utf8')): readonly string[] {
  let list: string;
  try {
    list = read('/proc/swaps');
  } catch {
    return [];
  }
  const names = list
    .split('\n')
    .slice(1)
    .flatMap((line) => /^(\S+)\s/.exec(line)?.[1] ?? []);
  return names.filter((name) => !/^\/dev\/zram\d+$/.test(name) && !isCrypt(name, read));
}

/** Whether a device of the device mapper is one of dm-crypt's. A file's own disk may be encrypted; that is not looked into. */
function isCrypt(name: string, read: (file: string) => string): boolean {
  try {
    return read(`/sys/block/${path.basename(name)}/dm/uuid`).startsWith('CRYPT-');
  } catch {
    return false;
  }
}
