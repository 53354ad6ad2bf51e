/** Who holds a lock or runs a run, named so that its death can be told from a process that got the same number later. */
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { errorCode } from './atomic-file.ts';
import { processStat } from './process-stat.ts';

export interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's own count; empty where it does not say. */
  readonly start: string;
  /** Id of the system's boot; empty where there is none. */
  readonly boot: string;
  /** Id of the namespace that the pid counts in: containers on one machine have several. */
  readonly namespace: string;
  readonly host: string;
}

/** `unknown`: it can't be seen from here, such as a process of another machine or container. */
export type HolderState = 'alive' | 'dead' | 'unknown';

let self: Holder | undefined;

/** The process we are. */
export function thisProcess(): Holder {
  self ??= {
    pid: process.pid,
    start: attempt(() => processStat('self'))?.start ?? '',
    boot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '',
    namespace: attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '',
    host: os.hostname(),
  };
  return self;
}

/** A process of this system by its number, such as a child of ours. */
export const processOf = (pid: number): Holder => ({ ...thisProcess(), pid, start: attempt(() => processStat(pid))?.start ?? '' });

export function holderState(holder: Holder, me: Holder = thisProcess()): HolderState {
  if (holder.boot !== me.boot) return holder.host === me.host ? 'dead' : 'unknown';
  if (holder.namespace !== me.namespace || (holder.boot === '' && holder.host !== me.host)) return 'unknown';
  const seen = holder.start === '' ? undefined : attempt(() => processStat(holder.pid));
  // A zombie is dead: only its parent has not asked yet.
  if (seen !== undefined) return seen.start === holder.start && !/^[ZX]$/.test(seen.state) ? 'alive' : 'dead';
  try {
    process.kill(holder.pid, 0);
    return 'unknown'; // something has this number; without a start time it may be another one
  } catch (error) {
    return errorCode(error) === 'ESRCH' ? 'dead' : 'unknown';
  }
}

/** A holder read from a file, if that is what it is. */
export function asHolder(value: unknown): Holder | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, start, boot, namespace, host } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1) return undefined;
  if (typeof start !== 'string' || typeof boot !== 'string' || typeof namespace !== 'string' || typeof host !== 'string') return undefined;
  return { pid, start, boot, namespace, host };
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
