/** All manifests of a repository, or below folders: what `--workspace` is about. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import { MANIFEST_NAMES } from '../manifest/index.ts';
import { placeOf } from './place.ts';

const SKIPPED: ReadonlySet<string> = new Set(['node_modules', '.git']);
const MOST_OUTPUT = 64 * 1024 * 1024;

/**
 * Absolute paths of the manifests below the repository's root, else below the folder; one for each folder. Left out is
 * what git ignores, what is in `node_modules`, and other repositories inside.
 * @throws SecretsError DEPENDENCY_MISSING in a repository where git does not answer
 */
export async function manifestsBelow(cwd: string, env: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
  const { root } = placeOf(path.join(cwd, MANIFEST_NAMES[0]));
  return onePerFolder(existsSync(path.join(root, '.git')) ? await knownToGit(root, env) : walk(root).files);
}

export interface Found {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Folders that could not be read. */
  readonly unread: readonly string[];
}

/**
 * The manifests below folders, each once, also where those overlap; one for each folder. Links to folders are not
 * followed, so that no circle is walked; left out is what is in `node_modules` and `.git`.
 * @throws SecretsError USAGE for what is no folder
 */
export function manifestsIn(folders: readonly string[]): Found {
  const found = folders.map((folder) => {
    const root = realFolder(folder);
    if (root !== undefined) return walk(root, true);
    throw new SecretsError({ code: 'USAGE', message: '--workspace takes folders, and one of these is none', hint: 'check the path' });
  });
  return {
    files: onePerFolder([...new Set(found.flatMap(({ files }) => files))]),
    unread: [...new Set(found.flatMap(({ unread }) => unread))].sort(),
  };
}

function realFolder(folder: string): string | undefined {
  try {
    const real = realpathSync(folder);
    return statSync(real).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

function onePerFolder(files: readonly string[]): readonly string[] {
  const byFolder = new Map<string, string>();
  for (const name of MANIFEST_NAMES) {
    for (const file of files) {
      const folder = path.dirname(file);
      if (path.basename(file) === name && !byFolder.has(folder) && existsSync(file)) byFolder.set(folder, file);
    }
  }
  return [...byFolder.values()].sort();
}

/** A repository's own configuration can make git start programs to watch files, which is switched off here. */
async function knownToGit(root: string, env: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
  const patterns = MANIFEST_NAMES.map((name) => `:(glob)**/${name}`);
  const args = ['-c', 'core.fsmonitor=false', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  // GIT_DIR and the like, as a hook has them, may mean another repository.
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_')));
  const output = await new Promise<string | undefined>((resolve) => {
    execFile('git', args, { cwd: root, env: clean, timeout: 30_000, maxBuffer: MOST_OUTPUT }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
  if (output === undefined) {
    throw new SecretsError({
      code: 'DEPENDENCY_MISSING',
      message: 'git did not list the files of this repository',
      hint: 'check that git status works here, or trust each manifest: secrets trust --manifest FILE',
    });
  }
  return output
    .split('\0')
    .filter((file) => file !== '' && !file.split('/').some((part) => SKIPPED.has(part)))
    .map((file) => path.join(root, file));
}

/** @param repositories whether those inside are walked as well */
function walk(root: string, repositories = false): Found {
  const files: string[] = [];
  const unread: string[] = [];
  const open = [root];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (!repositories && folder !== root && existsSync(path.join(folder, '.git'))) continue;
    const entries = entriesIn(folder);
    if (entries === undefined) unread.push(folder);
    for (const entry of entries ?? []) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) open.push(file);
      else if (MANIFEST_NAMES.some((name) => name === entry.name)) files.push(file);
    }
  }
  return { files, unread };
}

function entriesIn(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
}
