/** Installs the components of the test bed that can be installed on this machine. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMPONENTS } from './components.ts';
import type { ComponentName } from './facts.ts';
import { missingOf, systemPackages, Unavailable } from './installers.ts';
import type { InstallContext } from './installers.ts';
import { isAlive, thisProcess } from './processes.ts';
import type { ProcessId } from './processes.ts';

/** Folder that holds what is installed: SECRETS_BED_HOME, else in the user's cache. Kept between runs. */
export function bedHome(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return process.env['SECRETS_BED_HOME'] ?? join(cache, 'secrets-bed');
}

export interface Installed {
  /** Folder of each installed component; empty for one that needs none. */
  readonly dirs: ReadonlyMap<ComponentName, string>;
  /** Why the others are not installed. */
  readonly skipped: ReadonlyMap<ComponentName, string>;
}

/** Installs components; instant for those that are there. Two installs at once take turns. */
export async function install(names: readonly ComponentName[], signal: AbortSignal, say: (line: string) => void): Promise<Installed> {
  const home = bedHome();
  mkdirSync(home, { recursive: true });
  const context: InstallContext = { home, signal, say };
  const release = await lock(join(home, 'install.holder'), signal);
  try {
    return await installAll(names, context);
  } finally {
    release();
  }
}

async function installAll(names: readonly ComponentName[], context: InstallContext): Promise<Installed> {
  const dirs = new Map<ComponentName, string>();
  const skipped = new Map<ComponentName, string>();
  // Registries answer slowly, so the system's packages, Python's and Go's are fetched side by side.
  const lanes = new Map<string, ComponentName[]>();
  for (const name of names) {
    const lane = COMPONENTS[name].install?.lane ?? 'system';
    lanes.set(lane, [...(lanes.get(lane) ?? []), name]);
  }
  const attempt = async (name: ComponentName, work: () => Promise<string>): Promise<void> => {
    try {
      dirs.set(name, await work());
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      skipped.set(name, error.message);
    }
  };
  const packages = names.flatMap((name) => COMPONENTS[name].system ?? []);
  let aptFailure = '';
  const system = systemPackages(packages, context).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
    aptFailure = ` (${error.message})`;
  });
  const lane = async (members: readonly ComponentName[]): Promise<void> => {
    for (const name of members) {
      const { install: step, system: needed } = COMPONENTS[name];
      await attempt(name, async () => {
        const dir = step === undefined ? '' : await step.run(name, context);
        await system;
        const missing = needed === undefined ? undefined : missingOf(needed);
        if (missing !== undefined) throw new Unavailable(missing + aptFailure);
        return dir;
      });
    }
  };
  const results = await Promise.allSettled([system, ...[...lanes.values()].map(lane)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return { dirs, skipped };
}

/** Takes a lock file that names its holder; one whose holder is dead is taken over. Gives the release. */
async function lock(file: string, signal: AbortSignal): Promise<() => void> {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(thisProcess()));
  try {
    // A link appears with its content, so nobody ever reads half a lock.
    while (!link(mine, file)) {
      const holder = readHolder(file);
      if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
      else await sleep(200, undefined, { signal });
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when it was released at this moment. */
function readHolder(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}
