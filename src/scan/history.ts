/** Searches what git keeps: the files that the next commit would hold, and those of all commits. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { SearchContext } from './finding.ts';
import { gitHere, gitLine, gitRecords, type Git } from './git.ts';
import { readObjects, type Wanted } from './objects.ts';
import { Search } from './search.ts';

/** A submodule's entry: its id is that of a commit in another repository. */
const SUBMODULE = '160000';
/** A path that the user names has no wildcards. */
const LITERAL = '--literal-pathspecs';

/**
 * Searches the staged version of every file that differs from the last commit.
 * @returns how many files were searched
 * @throws SecretsError USAGE outside of a repository, IO when git fails
 */
export async function searchStaged(context: SearchContext): Promise<number> {
  const git = await repositoryOf(context);
  const up = (await gitLine(git, ['rev-parse', '--show-cdup'])) ?? '';
  let count = 0;
  const missing = await readObjects(git, stagedFiles(git, context.paths), (file, kind) => {
    if (kind !== 'blob') return undefined;
    count++;
    const shown = path.join(up, file);
    return new Search(context.plan, (hit) => context.found({ place: 'staged', file: shown, ...hit }));
  });
  warnOfMissing(context, 'index', missing);
  return count;
}

const DIFF = 'diff-index --cached --raw -z --no-abbrev --no-renames --no-ext-diff --no-textconv --diff-filter=d'.split(' ');

async function* stagedFiles(git: Git, paths: readonly string[]): AsyncGenerator<Wanted<string>> {
  const head = await gitLine(git, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  // Before the first commit everything differs from the empty tree, whose id depends on the repository's format.
  const base = head ?? (await gitLine(git, ['hash-object', '-t', 'tree', '--stdin'])) ?? '';
  let entry: readonly string[] | undefined;
  for await (const record of gitRecords(git, [LITERAL, ...DIFF, base, '--', ...paths], 0)) {
    const text = record.toString('utf8');
    if (entry === undefined) {
      // `:100644 100644 OLD NEW M`, then the path as a record of its own.
      entry = text.split(' ');
      continue;
    }
    const [, mode, , id = ''] = entry;
    entry = undefined;
    // A file with a conflict has no id, and no commit is made with one.
    if (mode !== SUBMODULE && !NO_ID.test(id)) yield { id, about: text };
  }
}

const NO_ID = /^0+$/;

/** A line of `rev-list --objects`. */
interface Origin {
  readonly commit: string;
  /** Undefined for the commit itself. */
  readonly name: string | undefined;
}

/**
 * Searches every version of every file once, by the commit that brought it in, and the commits and tags themselves.
 * @returns how many objects were searched
 * @throws SecretsError USAGE outside of a repository, IO when git fails
 */
export async function searchHistory(context: SearchContext): Promise<number> {
  const git = await repositoryOf(context);
  if ((await gitLine(git, ['rev-parse', '--is-shallow-repository'])) === 'true') {
    context.unsearched('history', 'this clone is shallow, so older commits are not here', 'git fetch --unshallow');
  }
  let count = 0;
  let missing = 0;
  const origins = allObjects(git, context.paths, () => missing++);
  const gone = await readObjects(git, origins, ({ commit, name }, kind) => {
    if (kind === 'tree') return undefined;
    count++;
    const where = kind === 'blob' ? { commit, file: name ?? '' } : kind === 'tag' ? { tag: name ?? '' } : { commit };
    return new Search(context.plan, ({ names, offset, ...at }) =>
      context.found({ place: 'history', ...where, names, offset, ...(kind === 'blob' ? at : {}) }),
    );
  });
  warnOfMissing(context, 'history', missing + gone);
  return count;
}

function warnOfMissing({ unsearched }: SearchContext, what: string, missing: number): void {
  if (missing === 0) return;
  const objects = missing === 1 ? '1 of its objects is' : `${missing} of its objects are`;
  unsearched(what, `${objects} not on this machine`, 'git fetch --refetch gets them; git fsck looks for damage');
}

const OBJECTS = 'rev-list --all --objects --in-commit-order --topo-order --reverse --missing=print'.split(' ');

/** Oldest commits first, each with what was not there before it. */
async function* allObjects(git: Git, paths: readonly string[], onMissing: () => void): AsyncGenerator<Wanted<Origin>> {
  // By default git leaves out side branches that ended in the same files.
  const limits = paths.length === 0 ? [] : ['--full-history', '--', ...paths];
  let commit = '';
  for await (const record of gitRecords(git, [LITERAL, ...OBJECTS, ...limits], 0x0a)) {
    const line = record.toString('utf8');
    if (line.startsWith('?')) {
      onMissing();
      continue;
    }
    const [id = ''] = line.split(' ', 1);
    const name = line.length > id.length ? line.slice(id.length + 1) : undefined;
    if (name === undefined) commit = id;
    yield { id, about: { commit, name } };
  }
}

/** @throws SecretsError USAGE */
async function repositoryOf({ cwd, env }: SearchContext): Promise<Git> {
  const git = gitHere(cwd, env);
  if ((await gitLine(git, ['rev-parse', '--git-dir'])) !== undefined) return git;
  throw new SecretsError({
    code: 'USAGE',
    message: 'this folder is in no git repository, or in one that git does not trust',
    hint: 'git status says which; secrets scan PATH searches files',
  });
}
