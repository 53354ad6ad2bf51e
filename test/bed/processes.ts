/**
 * Server processes that can be found again after a crash of ours: each is known by its pid and its start time, so a
 * pid that the system gave to somebody else is never signalled.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessId {
  readonly pid: number;
  /** When it started, as an opaque text. */
  readonly start: string;
}

export interface ServerProcess extends ProcessId {
  /** Name of the component it belongs to. */
  readonly component: string;
}

/** When a process started; undefined when it is gone or only a zombie is left. */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return text.trim() || undefined;
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A leader may be a zombie while its other threads still hold its files and ports open.
    return fields[0] === 'Z' && Number(fields[17]) <= 1 ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isAlive = (id: ProcessId): boolean => startOf(id.pid) === id.start;

export function thisProcess(): ProcessId {
  return { pid: process.pid, start: startOf(process.pid) ?? 'unknown' };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in between.
  }
}

/** Ends the process groups, politely first; gives those that could not be ended. */
export async function stopGroups(servers: readonly ServerProcess[]): Promise<readonly ServerProcess[]> {
  const live = servers.filter(isAlive);
  const gone = async (milliseconds: number): Promise<void> => {
    const until = Date.now() + milliseconds;
    while (live.some(isAlive) && Date.now() < until) await sleep(20);
  };
  for (const server of live) signalGroup(server.pid, 'SIGTERM');
  await gone(5_000);
  // What is left of the groups, also where the leader has ended already.
  for (const server of live) signalGroup(server.pid, 'SIGKILL');
  await gone(2_000);
  return live.filter(isAlive);
}

/** Ends the process groups at once; for the moment when our own process ends. */
export function killGroups(servers: readonly ServerProcess[]): void {
  const live = servers.filter(isAlive);
  for (const server of live) signalGroup(server.pid, 'SIGKILL');
  const clock = new Int32Array(new SharedArrayBuffer(4));
  // They are gone in a moment; their folder can only be removed after that.
  for (let tries = 0; tries < 100 && live.some(isAlive); tries++) Atomics.wait(clock, 0, 0, 10);
}
