/**
 * Where files can be that live in memory and never on a disk, each process's own in a private folder. The folder's name
 * says which process it belongs to, so that another run can tell when it is left over. What is in memory is always of
 * this boot.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { holderState, thisProcess, type Holder } from './lock-holder.ts';

const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;

type Env = Readonly<Record<string, string | undefined>>;

/** Folders that may be in memory; only Linux has some. */
export function memoryRoots(env: Env = process.env, platform: NodeJS.Platform = process.platform): readonly string[] {
  if (platform !== 'linux') return [];
  const runtime = env['XDG_RUNTIME_DIR'];
  return ['/dev/shm', ...(runtime !== undefined && path.isAbsolute(runtime) ? [runtime] : [])];
}

/** The first of these folders that is in memory and that this user may write to. Never throws. */
export function memoryPlace(roots: readonly string[] = memoryRoots()): string | undefined {
  return roots.find((root) => {
    try {
      const { type } = statfsSync(root);
      if (type !== TMPFS && type !== RAMFS) return false;
      accessSync(root, constants.W_OK | constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const NAME = /^secrets-run-(\d+)-(\d+)-(\d+)-[0-9a-f]{12}$/;

/** A name for a new folder of a process. */
export function ownedName({ pid, start, namespace }: Holder = thisProcess()): string {
  const place = /\d+/.exec(namespace)?.[0] ?? '0';
  return `secrets-run-${pid}-${start === '' ? '0' : start}-${place}-${randomBytes(6).toString('hex')}`;
}

/** The process that a folder's name speaks of; undefined for a name that is none of ours. */
export function ownerOf(name: string, me: Holder = thisProcess()): Holder | undefined {
  const [, pid, start = '', place = ''] = NAME.exec(name) ?? [];
  if (pid === undefined) return undefined;
  return { ...me, pid: Number(pid), start: start === '0' ? '' : start, namespace: place === '0' ? '' : `pid:[${place}]` };
}

/** Removes this user's folders whose process is dead. Never throws. */
export function sweepMemory(roots: readonly string[] = memoryRoots()): void {
  for (const root of roots) {
    for (const name of namesIn(root)) {
      const owner = ownerOf(name);
      if (owner === undefined || holderState(owner) !== 'dead') continue;
      const folder = path.join(root, name);
      try {
        const stat = lstatSync(folder);
        if (stat.isDirectory() && stat.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
      } catch {
        // another run was quicker
      }
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
