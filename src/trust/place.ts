/**
 * Which manifest a record is about: its path from the root of its repository, so that all worktrees share one. Looks
 * at the disk, and starts no git: a repository's own configuration could make that run programs.
 */
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from './text.ts';

export interface Place {
  /** Name of the record; equal for the same manifest in any worktree. */
  readonly key: string;
  /** The repository's top folder, else that of the manifest. Absolute, without symbolic links. */
  readonly root: string;
}

/**
 * Links in the folder's path are followed; a link that is the manifest itself is not, since relative paths in it begin
 * where the link is.
 */
export function placeOf(manifest: string): Place {
  const dir = realPath(path.dirname(manifest)) ?? path.dirname(manifest);
  const file = path.join(dir, path.basename(manifest));
  for (let root = dir; ; root = path.dirname(root)) {
    const kind = kindOf(path.join(root, '.git'));
    if (kind !== undefined) {
      const common = kind === 'folder' ? path.join(root, '.git') : kind === 'file' ? commonFolder(root) : undefined;
      if (common === undefined) return { key: keyOf(['path', file]), root };
      return { key: keyOf(['git', common, path.relative(root, file).replaceAll('\\', '/')]), root };
    }
    if (path.dirname(root) === root) return { key: keyOf(['path', file]), root: dir };
  }
}

const keyOf = (parts: readonly string[]): string => sha256(JSON.stringify(parts)).slice(0, 40);

/**
 * The common folder of a linked worktree. It must name this folder as one of its worktrees: a `.git` file alone could
 * claim to belong to any repository. Undefined for everything else, such as a submodule.
 */
function commonFolder(root: string): string | undefined {
  const own = /^gitdir: ([^\r\n]+)/.exec(small(path.join(root, '.git')))?.[1];
  const folder = own === undefined ? undefined : realPath(path.resolve(root, own));
  if (folder === undefined) return undefined;
  const common = realPath(path.resolve(folder, small(path.join(folder, 'commondir')).trim()));
  const back = realPath(path.resolve(folder, small(path.join(folder, 'gitdir')).trim()));
  const registered = common !== undefined && path.dirname(folder) === path.join(common, 'worktrees');
  return registered && back === path.join(root, '.git') ? common : undefined;
}

function kindOf(file: string): 'folder' | 'file' | 'other' | undefined {
  try {
    const stat = lstatSync(file);
    return stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
  } catch {
    return undefined;
  }
}

/** Files of git that hold a path. */
function small(file: string): string {
  try {
    return lstatSync(file).size > 8_192 ? '' : readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export function realPath(file: string): string | undefined {
  try {
    return realpathSync.native(file);
  } catch {
    return undefined;
  }
}
