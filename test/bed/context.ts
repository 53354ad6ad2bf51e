/** What a component's start function works with: processes, ports and waiting, all bound to one bed. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running, StartContext, StartOptions } from './components.ts';
import type { BedFacts, ComponentName } from './facts.ts';
import { claimPorts } from './ports.ts';
import { startOf } from './processes.ts';
import type { ServerProcess } from './processes.ts';

/** Seconds that one component may take to start. */
const LIMIT_S = 60;

interface Settings {
  readonly name: ComponentName;
  /** The bed's folder. */
  readonly dir: string;
  readonly installed: string;
  readonly signal: AbortSignal;
  /** Receives the claimed ports. */
  readonly ports: number[];
  readonly added: (server: ServerProcess) => void;
  readonly peer: <N extends ComponentName>(name: N) => Promise<BedFacts[N] | undefined>;
}

function endOf(log: string): string {
  return readFileSync(log, 'utf8').trim().split('\n').slice(-5).join(' / ').slice(-600);
}

export function makeContext({ name, signal, ...bed }: Settings): StartContext {
  const dir = join(bed.dir, name);
  mkdirSync(dir, { mode: 0o711 });
  const log = join(bed.dir, 'logs', `${name}.log`);
  const deadline = Date.now() + LIMIT_S * 1_000;

  const start = (program: string, args: readonly string[], options: StartOptions = {}): Running => {
    signal.throwIfAborted();
    const output = openSync(log, 'a', 0o600);
    const child = spawn(program, args, {
      cwd: dir,
      // A process group of its own, so that its end is ours to decide and its children go with it.
      detached: true,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', output, output],
      // Nothing of the caller's AWS, Vault, proxy or TLS settings gets in.
      env: { PATH: process.env['PATH'], HOME: dir, TMPDIR: tmpdir(), LANG: 'C.UTF-8', ...options.env },
      ...options.as,
    });
    closeSync(output);
    let ended: string | undefined;
    child.once('error', (error) => (ended = error.message));
    child.once('exit', (code, by) => (ended = by === null ? `ended with ${code}` : `was ended by ${by}`));
    const pid = child.pid ?? 0;
    const began = child.pid === undefined ? undefined : startOf(child.pid);
    if (began !== undefined) bed.added({ component: name, pid, start: began });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin);
    child.unref();
    return { pid, ended: () => ended };
  };

  const until: StartContext['until'] = async (running, probe) => {
    for (;;) {
      signal.throwIfAborted();
      const got = await Promise.resolve()
        .then(probe)
        .catch(() => undefined);
      if (got !== undefined && got !== false) return got;
      const ended = running.ended();
      if (ended !== undefined) throw new Error(`its server ${ended}: ${endOf(log)}`);
      if (Date.now() > deadline) throw new Error(`not ready after ${LIMIT_S} s: ${endOf(log)}`);
      await sleep(40);
    }
  };

  return {
    dir,
    log,
    installed: bed.installed,
    start,
    until,
    run: async (program, args, options) => {
      const running = start(program, args, options);
      const how = await untilEnd(running, deadline);
      if (how !== 'ended with 0') throw new Error(`${program} ${how}: ${endOf(log)}`);
    },
    ports: async (count) => {
      const ports = await claimPorts(bed.dir, count);
      bed.ports.push(...ports);
      return ports;
    },
    peer: async (other) => {
      const facts = await bed.peer(other);
      if (facts === undefined) throw new Error(`it needs ${other}, which is not there`);
      return facts;
    },
  };
}

async function untilEnd(running: Running, deadline: number): Promise<string> {
  for (;;) {
    const how = running.ended();
    if (how !== undefined) return how;
    if (Date.now() > deadline) return 'took too long';
    await sleep(10);
  }
}
