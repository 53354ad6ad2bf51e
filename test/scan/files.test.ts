import { chmodSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { searchFiles } from '../../src/scan/files.ts';
import { searchHistory, searchStaged } from '../../src/scan/history.ts';
import { canary } from '../e2e/support/canary.ts';
import { tempDir } from '../e2e/support/home.ts';
import { planOf, recorded, repository, type Recorded } from './support.ts';

const KEY = canary();
const plan = planOf({ KEY });
const filesOf = ({ findings }: Pick<Recorded, 'findings'>, dir: string): readonly string[] =>
  findings.map(({ file = '' }) => relative(dir, file)).toSorted();

async function searched(dir: string, paths: readonly string[] = [], ignored = false, cwd = dir): Promise<Recorded & { count: number }> {
  const context = recorded(plan, cwd, paths);
  return { ...context, count: await searchFiles(context, ignored) };
}

describe('searchFiles', () => {
  it('searches what git tracks or would track, from the top of the repository', async () => {
    const { dir, write, commit } = repository();
    write('.gitignore', 'ignored/\n*.log\n');
    write('src/tracked.txt', KEY);
    commit('one');
    write('new file.txt', `first\n second ${KEY}`);
    write('ignored/a.txt', KEY);
    write('b.log', KEY);
    const inside = await searched(dir, [], false, join(dir, 'src'));
    expect(filesOf(inside, dir)).toEqual(['new file.txt', 'src/tracked.txt']);
    expect(inside.findings.find(({ file }) => file?.endsWith('new file.txt') === true)).toMatchObject({
      place: 'file',
      line: 2,
      column: 9,
    });
    expect(inside.count).toBe(3);
    expect(filesOf(await searched(dir, [], true), dir)).toEqual(['b.log', 'ignored/a.txt', 'new file.txt', 'src/tracked.txt']);
  });

  it('searches what is named, ignored or not, once', async () => {
    const { dir, write } = repository();
    write('.gitignore', 'ignored/\n*.log\n');
    write('src/a.txt', KEY);
    write('src/b.log', KEY);
    write('other.txt', KEY);
    write('ignored/deep/c.txt', KEY);
    expect(filesOf(await searched(dir, ['src']), dir)).toEqual(['src/a.txt']);
    expect(filesOf(await searched(dir, ['src/b.log', 'src/a.txt', 'src']), dir)).toEqual(['src/a.txt', 'src/b.log']);
    expect(filesOf(await searched(dir, ['ignored']), dir)).toEqual(['ignored/deep/c.txt']);
    await expect(searched(dir, ['src', 'nowhere', 'no/where'])).rejects.toMatchObject({ code: 'IO', issues: [{}, {}] });
  });

  it('walks where there is no repository, without following links', async () => {
    const { dir, write } = repository(false);
    const other = repository(false);
    other.write('elsewhere.txt', KEY);
    write('a/b.txt', KEY);
    write('.git-like/c.txt', KEY);
    symlinkSync(other.dir, join(dir, 'folder'));
    symlinkSync(join(other.dir, 'elsewhere.txt'), join(dir, 'file'));
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    const { findings, warnings, count } = await searched(dir);
    expect(filesOf({ findings }, dir)).toEqual(['.git-like/c.txt', 'a/b.txt']);
    expect({ warnings, count }).toEqual({ warnings: [], count: 2 });
    expect(filesOf(await searched(dir, ['folder']), other.dir)).toEqual(['elsewhere.txt']);
  });

  it('does not follow a link that took the place of a tracked folder', async () => {
    const { dir, write, commit } = repository();
    const other = repository(false);
    other.write('a.txt', KEY);
    write('folder/a.txt', 'nothing');
    commit('one');
    renameSync(join(dir, 'folder'), join(dir, 'moved'));
    symlinkSync(other.dir, join(dir, 'folder'));
    expect((await searched(dir)).findings).toEqual([]);
  });

  it('names what it cannot read, and repositories inside', async () => {
    const { dir, write, git } = repository();
    write('inner/file.txt', KEY);
    git('init', '--quiet', 'inner');
    expect((await searched(dir)).warnings).toEqual([`${join(dir, 'inner')}: it is a repository of its own`]);
    expect(filesOf(await searched(dir, ['inner']), dir)).toEqual(['inner/file.txt']);
    if (process.getuid?.() === 0) return;
    write('closed.txt', KEY);
    chmodSync(join(dir, 'closed.txt'), 0o000);
    expect((await searched(dir, ['closed.txt'])).warnings).toEqual([`${join(dir, 'closed.txt')}: it cannot be read (EACCES)`]);
  });

  it('finds a file whose name is no text', async () => {
    const { dir, git } = repository();
    const name = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x61, 0xff, 0x62])]);
    execFileSync('sh', ['-c', 'printf %s "$1" > "$(printf "%s/a\\377b" "$2")"', 'sh', KEY, dir]);
    const { findings } = await searched(dir);
    expect(findings).toMatchObject([{ names: ['KEY'], file: name.toString('utf8') }]);
    expect(git('status', '--porcelain')).not.toBe('');
  });

  it('says so when git refuses the repository, instead of searching another set of files', async () => {
    const { dir, write } = repository();
    write('.git/config', '[broken');
    await expect(searched(dir)).rejects.toMatchObject({ code: 'IO' });
    write('a.txt', KEY);
    expect(filesOf(await searched(dir, [], true), dir)).toEqual(['a.txt']);
  });

  it('says so where there is no git, which --ignored does not need', async () => {
    const { dir, write } = repository();
    write('a.txt', KEY);
    const context = { ...recorded(plan, dir), env: { PATH: dir } };
    await expect(searchFiles(context, false)).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' });
    await expect(searchHistory(context)).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' });
    expect(await searchFiles(context, true)).toBe(1);
  });

  it('starts nothing that the repository names', async () => {
    const { dir, write, git, commit } = repository();
    const proof = join(tempDir('proof'), 'started');
    const program = (name: string): string => {
      write(name, `#!/bin/sh\ntouch ${proof}\ncat\n`);
      chmodSync(join(dir, name), 0o755);
      return join(dir, name);
    };
    write('.gitattributes', '* diff=evil filter=evil\n');
    write('a.txt', 'nothing');
    commit('one');
    program('hooks/post-index-change');
    git('config', 'core.hooksPath', join(dir, 'hooks'));
    for (const key of ['core.fsmonitor', 'core.pager', 'diff.evil.textconv', 'diff.evil.command', 'diff.external', 'filter.evil.clean'])
      git('config', key, program('evil'));
    for (const key of ['filter.evil.smudge', 'filter.evil.process']) git('config', key, program('evil'));
    write('a.txt', 'changed');
    await searchFiles(recorded(plan, dir), false);
    await searchStaged(recorded(plan, dir));
    await searchHistory(recorded(plan, dir));
    expect(existsSync(proof)).toBe(false);
    // An ordinary command does start it.
    git('status');
    expect(existsSync(proof)).toBe(true);
  });

  it('fetches nothing that is missing, by a program that the repository names', async () => {
    const { dir, write, git } = repository();
    const proof = join(tempDir('proof'), 'fetched');
    write('a.txt', 'nothing');
    git('add', '.');
    rmSync(join(dir, '.git/objects', git('rev-parse', ':a.txt').replace(/^../, '$&/')));
    git('config', 'core.repositoryFormatVersion', '1');
    git('config', 'extensions.partialClone', 'origin');
    git('config', 'remote.origin.url', `ext::sh -c touch% ${proof}`);
    git('config', 'remote.origin.promisor', 'true');
    git('config', 'protocol.ext.allow', 'always');
    const context = recorded(plan, dir);
    await searchStaged(context);
    expect(existsSync(proof)).toBe(false);
    expect(context.warnings).toEqual(['index: 1 of its objects is not on this machine']);
    expect(() => git('cat-file', '-p', ':a.txt')).toThrow('Command failed');
    expect(existsSync(proof)).toBe(true);
  });
});
