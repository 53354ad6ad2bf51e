/**
 * Core files without memory. Linux asks each process which parts of its memory a core file takes, children inherit the
 * answer, and asking for nothing needs no helper program. Other systems write no core files unless told to.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const FILTER = '/proc/self/coredump_filter';

/** What the system's setting was, to be put back for a program that may dump its core; undefined if there is none. */
export type CoreFilter = string | undefined;

/**
 * From now on a core file of this process, or of one that it starts, holds no memory.
 * @returns the setting before
 */
export function emptyCores(): CoreFilter {
  if (process.platform !== 'linux') return undefined;
  try {
    const before = `0x${readFileSync(FILTER, 'latin1').trim()}`;
    writeFileSync(FILTER, '0');
    return before;
  } catch {
    // No /proc, or a kernel without the setting: then no core file at all.
    spawnSync('prlimit', ['--core=0:', '--pid', String(process.pid)], { stdio: 'ignore' });
    return undefined;
  }
}

/** Puts the setting back, for a program that takes our place. */
export function restoreCores(filter: CoreFilter): void {
  if (filter !== undefined) writeFileSync(FILTER, filter);
}

/** Starts a program under the setting `filter`, while ours stays as it is; without one, under ours. */
export function withCores<T>(filter: CoreFilter, start: () => T): T {
  if (filter === undefined) return start();
  restoreCores(filter);
  try {
    return start();
  } finally {
    writeFileSync(FILTER, '0');
  }
}
