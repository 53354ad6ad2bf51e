/**
 * Manifests of container images: what root put there and we can't change is as trustworthy as the programs beside it.
 *
 * Every file of the manifest and every folder above, by the path as it was given and without its links, must belong
 * to root, be closed to everybody but root, and not be writable by us. For root itself the last holds only where the
 * whole way is on read-only file systems. On a file system mounted nosuid (USB disks, FUSE, network shares of a user)
 * the owner shown is no statement of this system's, so nothing there counts.
 */
import { accessSync, constants, lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../platform/atomic-file.ts';
import { realPath } from './place.ts';

export interface Entry {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isLink: boolean;
  /** What happens when we try: `read-only` holds for everybody. */
  readonly writing: 'allowed' | 'denied' | 'read-only';
}

/** The system as seen by these rules. */
export interface FileSystem {
  /** Undefined where there is none or it can't be seen. */
  entry(file: string): Entry | undefined;
  realPath(file: string): string | undefined;
  /** Whether the mount that a path without links is on respects owners. */
  hasOwners(file: string): boolean;
}

/** @param files absolute paths of the manifest and of all that it extends */
export function isOfImage(files: readonly string[], system: FileSystem = thisSystem()): boolean {
  if (process.platform === 'win32') return false;
  return files.length > 0 && files.every((file) => isOfRoot(file, system));
}

function isOfRoot(file: string, system: FileSystem): boolean {
  const real = system.realPath(file);
  if (real === undefined) return false;
  return (
    [...withParents(file), ...withParents(real)].every((one) => isFixed(system.entry(one))) && withParents(real).every(system.hasOwners)
  );
}

function isFixed(entry: Entry | undefined): boolean {
  if (entry === undefined || entry.uid !== 0) return false;
  // A link has no rights of its own; it can be changed where its folder can.
  if (entry.isLink || entry.writing === 'read-only') return true;
  const others = (entry.mode & 0o002) !== 0 || ((entry.mode & 0o020) !== 0 && entry.gid !== 0);
  return entry.writing === 'denied' && !others;
}

function withParents(file: string): readonly string[] {
  const all = [path.resolve(file)];
  for (let at = path.resolve(file); path.dirname(at) !== at;) {
    at = path.dirname(at);
    all.push(at);
  }
  return all;
}

function thisSystem(): FileSystem {
  const nosuid = nosuidMounts();
  return {
    entry: (file) => {
      try {
        const { uid, gid, mode } = lstatSync(file);
        return { uid, gid, mode, isLink: (mode & constants.S_IFMT) === constants.S_IFLNK, writing: tryWriting(file) };
      } catch {
        return undefined;
      }
    },
    realPath,
    hasOwners: (file) => nosuid !== undefined && !nosuid.has(file),
  };
}

function tryWriting(file: string): Entry['writing'] {
  try {
    accessSync(file, constants.W_OK);
    return 'allowed';
  } catch (error) {
    return errorCode(error) === 'EROFS' ? 'read-only' : 'denied';
  }
}

/** Folders that a mount begins at which says nosuid. Undefined where Linux does not tell; other systems have no list to read. */
function nosuidMounts(): ReadonlySet<string> | undefined {
  if (process.platform !== 'linux') return new Set();
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return undefined;
  }
}

/** The places of nosuid mounts in the text of `/proc/self/mountinfo`; where several lie over each other, of the uppermost. */
export function parseMounts(text: string): ReadonlySet<string> {
  const nosuid = new Set<string>();
  for (const line of text.split('\n')) {
    const [, , , , place, options] = line.split(' ');
    if (place === undefined || options === undefined) continue;
    const name = place.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    if (options.split(',').includes('nosuid')) nosuid.add(name);
    else nosuid.delete(name);
  }
  return nosuid;
}
