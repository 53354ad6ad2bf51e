/** Which files of the disk a scan is about, and their search. Paths are bytes, since not every name is text. */
import { existsSync, lstatSync, readdirSync, realpathSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { SecretsError, throwIssues, type Issue } from '../core/errors.ts';
import { errorCode } from '../platform/atomic-file.ts';
import type { SearchContext } from './finding.ts';
import { gitIn, gitLine, gitRecords } from './git.ts';
import { readThrough } from './read-file.ts';
import { Search } from './search.ts';

const SLASH = Buffer.from('/');
const GIT_DATA = Buffer.from('.git');

/**
 * Searches the files that git tracks or would track, else all files of the working directory. A file or folder that is
 * named is searched in any case.
 * @param ignored also those that git ignores
 * @returns how many files were searched
 * @throws SecretsError USAGE for a path that is not there, IO when git fails
 */
export async function searchFiles(context: SearchContext, ignored: boolean): Promise<number> {
  let count = 0;
  const roots = context.paths.length > 0 ? rootsOf(context) : [topOf(context.cwd)];
  const seen = roots.length > 1 ? new Set<string>() : undefined;
  for (const root of roots) {
    for await (const file of filesIn(root, context, ignored)) {
      const key = seen === undefined ? '' : file.toString('latin1');
      if (seen?.has(key) === true) continue;
      seen?.add(key);
      if (searchFile(file, context)) count++;
    }
  }
  return count;
}

function searchFile(file: Buffer, context: SearchContext): boolean {
  const shown = file.toString('utf8');
  const search = new Search(context.plan, (hit) => context.found({ place: 'file', file: shown, ...hit }));
  const result = readThrough(file, (piece) => search.push(piece));
  search.end();
  if (result !== 'read' && result !== 'no-file') context.unsearched(shown, `it cannot be read (${result})`);
  if (result === 'no-file' && existsSync(joined(file, GIT_DATA))) {
    context.unsearched(shown.replace(/\/$/, ''), 'it is a repository of its own', 'name it to search it: secrets scan PATH');
  }
  return result === 'read';
}

/** The paths that the user named, links among them followed. */
function rootsOf({ plan, cwd, paths }: SearchContext): readonly string[] {
  const issues: Issue[] = [];
  const roots = paths.flatMap((named) => {
    try {
      return realpathSync(path.resolve(cwd, named));
    } catch (error) {
      const why = errorCode(error) === 'ENOENT' ? 'there is no such file or folder' : 'it cannot be read';
      issues.push({ code: 'IO', message: `${plan.shown(named)}: ${why}`, hint: 'check the path' });
      return [];
    }
  });
  throwIssues(issues);
  return roots;
}

async function* filesIn(root: string, context: SearchContext, ignored: boolean): AsyncGenerator<Buffer> {
  if (!statSync(root).isDirectory()) yield Buffer.from(root);
  else if (ignored || !(await isListedByGit(root, context))) yield* walk(root, context);
  else yield* trackedIn(root, context);
}

/** The folder that is searched where none is named. */
function topOf(cwd: string): string {
  const real = realpathSync(cwd);
  return repositoryAbove(real) ?? real;
}

function repositoryAbove(folder: string): string | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git'))) return at;
    if (path.dirname(at) === at) return undefined;
  }
}

/** Whether git says which files of a folder there are: it is in a repository, not in its `.git`, and not ignored. */
async function isListedByGit(folder: string, { env }: SearchContext): Promise<boolean> {
  const top = repositoryAbove(folder);
  if (top === undefined || path.relative(top, folder).split(path.sep)[0] === '.git') return false;
  const git = gitIn(folder, env);
  if ((await gitLine(git, ['rev-parse', '--show-toplevel'])) === undefined) {
    throw new SecretsError({
      code: 'IO',
      message: 'git does not answer for this repository: it is damaged, or git does not trust its owner',
      hint: 'git status says which; secrets scan --ignored searches all files without git',
    });
  }
  return (await gitLine(git, ['check-ignore', '--quiet', '.'])) === undefined;
}

async function* trackedIn(folder: string, context: SearchContext): AsyncGenerator<Buffer> {
  const git = gitIn(folder, context.env);
  const base = Buffer.from(folder);
  const isFolder = folderCheck(base);
  let last: Buffer | undefined;
  for await (const name of gitRecords(git, ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], 0)) {
    // A file with a conflict is listed once for each side.
    if (last !== undefined && name.equals(last)) continue;
    last = Buffer.from(name);
    const end = name.lastIndexOf(SLASH);
    if (end < 0 || isFolder(name.subarray(0, end))) yield joined(base, name);
  }
}

const joined = (folder: Buffer, name: Buffer): Buffer => Buffer.concat([folder, SLASH, name]);

/** Tells real folders from links that took the place of a tracked folder and lead elsewhere. */
function folderCheck(base: Buffer): (name: Buffer) => boolean {
  const known = new Map<string, boolean>();
  const check = (name: Buffer): boolean => {
    const key = name.toString('latin1');
    const end = name.lastIndexOf(SLASH);
    const answer = known.get(key) ?? ((end < 0 || check(name.subarray(0, end))) && isRealFolder(joined(base, name)));
    known.set(key, answer);
    return answer;
  };
  return check;
}

function isRealFolder(folder: Buffer): boolean {
  try {
    return lstatSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/** Every file below a folder, in order of their names. Links are not followed, and git's own data is left out. */
function* walk(root: string, { unsearched }: SearchContext): Generator<Buffer> {
  const folders: Buffer[] = [Buffer.from(root)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: readonly Dirent<Buffer>[];
    try {
      entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' });
    } catch (error) {
      unsearched(folder.toString('utf8'), `it cannot be read (${errorCode(error)})`);
      continue;
    }
    const inner: Buffer[] = [];
    for (const entry of entries.toSorted((one, other) => one.name.compare(other.name))) {
      const file = joined(folder, entry.name);
      if (entry.isFile()) yield file;
      else if (entry.isDirectory() && !entry.name.equals(GIT_DATA)) inner.push(file);
    }
    folders.push(...inner.reverse());
  }
}
