/** The folder for what can be made again: compiled code, and what servers said about themselves. */
import { lstatSync, mkdirSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';

/**
 * `~/.cache/secrets`, made where only its last parts are missing; a home is never made. Undefined where there is none
 * that this user alone can write. Loaded by every start, so it needs little.
 */
export function privateCacheFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { HOME: home, XDG_CACHE_HOME: cache } = env;
  const [base, ...inside] =
    cache !== undefined && path.isAbsolute(cache)
      ? [cache]
      : home !== undefined && path.isAbsolute(home)
        ? [home, path.join(home, '.cache')]
        : [];
  if (process.platform === 'win32' || base === undefined) return undefined;
  const folder = path.join(inside.at(-1) ?? base, 'secrets');
  try {
    if (!isOurs(statSync(base, { throwIfNoEntry: false }), 0o022)) return undefined;
    for (const each of [...inside, folder]) {
      if (!isOurs(lstatSync(each, { throwIfNoEntry: false }), 0o022)) mkdirSync(each, { mode: 0o700 });
    }
    return isOurs(lstatSync(folder), 0o077) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a folder is this user's, and others can't do with it what these bits say. */
const isOurs = (stat: Stats | undefined, bits: number): boolean =>
  stat !== undefined && stat.isDirectory() && stat.uid === process.geteuid?.() && (stat.mode & bits) === 0;
