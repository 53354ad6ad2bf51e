import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { searchHistory, searchStaged } from '../../src/scan/history.ts';
import { canary } from '../e2e/support/canary.ts';
import { tempDir } from '../e2e/support/home.ts';
import { planOf, recorded, repository } from './support.ts';

const KEY = canary();
const OTHER = canary();
const plan = planOf({ KEY, OTHER });

describe('searchStaged', () => {
  it('searches what is staged, not what is in the work tree, also before the first commit', async () => {
    const { dir, write, git, commit } = repository();
    write('sub/a b.txt', `x\n${KEY}`);
    git('add', '.');
    write('sub/a b.txt', 'changed again');
    const before = recorded(plan, join(dir, 'sub'));
    expect(await searchStaged(before)).toBe(1);
    expect(before.findings).toEqual([{ place: 'staged', file: '../sub/a b.txt', names: ['KEY'], offset: 2, line: 2, column: 1 }]);
    commit('one');
    const after = recorded(plan, dir);
    write('b.txt', OTHER);
    expect(await searchStaged(after)).toBe(0);
    git('add', '.');
    git('rm', '--quiet', '--cached', 'sub/a b.txt');
    expect(await searchStaged(after)).toBe(1);
    expect(after.findings).toMatchObject([{ file: 'b.txt', names: ['OTHER'] }]);
  });

  it('limits itself to paths, which are no patterns', async () => {
    const { dir, write, git } = repository();
    write('a.txt', KEY);
    write('b.txt', KEY);
    write('*.txt', OTHER);
    git('add', '.');
    const limited = recorded(plan, dir, ['*.txt']);
    expect(await searchStaged(limited)).toBe(1);
    expect(limited.findings).toMatchObject([{ file: '*.txt', names: ['OTHER'] }]);
  });

  it('is a usage error outside of a repository', async () => {
    await expect(searchStaged(recorded(plan, tempDir('none')))).rejects.toMatchObject({ code: 'USAGE' });
    await expect(searchHistory(recorded(plan, tempDir('none')))).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('searchHistory', () => {
  it('names the commit that brought a value in, and its path, once', async () => {
    const { dir, write, git, commit } = repository();
    write('a.txt', 'nothing');
    commit('one');
    write('dir/a b.txt', `1\n 2 ${KEY}\n`);
    const second = commit('two');
    write('dir/a b.txt', 'gone');
    write('c.txt', 'x');
    commit('three');
    git('switch', '--quiet', '--create', 'side');
    write('bin', Buffer.concat([Buffer.alloc(9), Buffer.from(OTHER)]));
    const side = commit(`message with ${KEY}`);
    git('switch', '--quiet', 'main');
    git('tag', '--annotate', 'v1', '--message', `for ${OTHER}`);
    const context = recorded(plan, dir);
    expect(await searchHistory(context)).toBeGreaterThan(8);
    const found = context.findings.map((finding) => ({ ...finding, offset: 0 }));
    expect(found).toHaveLength(4);
    expect(found).toContainEqual({ place: 'history', commit: second, file: 'dir/a b.txt', names: ['KEY'], offset: 0, line: 2, column: 4 });
    expect(found).toContainEqual({ place: 'history', commit: side, file: 'bin', names: ['OTHER'], offset: 0 });
    expect(found).toContainEqual({ place: 'history', commit: side, names: ['KEY'], offset: 0 });
    expect(found).toContainEqual({ place: 'history', tag: 'v1', names: ['OTHER'], offset: 0 });
    expect(context.warnings).toEqual([]);
  });

  it('limits itself to paths, also to what a merge left out', async () => {
    const { dir, write, git, commit } = repository();
    write('a.txt', 'one');
    commit('one');
    git('switch', '--quiet', '--create', 'side');
    write('a.txt', KEY);
    const first = commit('side 1');
    write('a.txt', 'one');
    write('b.txt', OTHER);
    commit('side 2');
    git('switch', '--quiet', 'main');
    write('c.txt', 'main');
    commit('main');
    git('merge', '--quiet', '--no-edit', 'side');
    git('branch', '--quiet', '--delete', 'side');
    const context = recorded(plan, dir, ['a.txt']);
    await searchHistory(context);
    expect(context.findings).toMatchObject([{ commit: first, file: 'a.txt', names: ['KEY'] }]);
  });

  it('warns of a shallow clone and of objects that are not there, and fetches none', async () => {
    const { dir, write, git, commit } = repository();
    write('a.txt', KEY);
    commit('one');
    write('a.txt', 'gone');
    commit('two');
    git('config', 'uploadpack.allowFilter', 'true');
    const clone = (name: string, ...args: string[]): string => {
      const target = join(tempDir('clone'), name);
      execFileSync('git', ['clone', '--quiet', ...args, `file://${dir}`, target], { stdio: 'pipe' });
      return target;
    };
    const shallow = recorded(plan, clone('shallow', '--depth=1'));
    await searchHistory(shallow);
    expect(shallow.findings).toEqual([]);
    expect(shallow.warnings.join()).toMatch(/^history: this clone is shallow/);
    const partial = recorded(plan, clone('partial', '--filter=blob:none', '--no-checkout'));
    await searchHistory(partial);
    expect(partial.findings).toEqual([]);
    expect(partial.warnings.join()).toMatch(/^history: 2 of its objects are not on this machine/);
  });

  it('warns of a lost object, and fails when one is damaged', async () => {
    const { dir, write, git, commit } = repository();
    write('a.txt', KEY);
    commit('one');
    const fileOf = (name: string): string => join(dir, '.git/objects', git('rev-parse', name).replace(/^../, '$&/'));
    const warning = async (): Promise<string> => {
      const context = recorded(plan, dir);
      await searchHistory(context);
      return context.warnings.join();
    };
    const [file, folder] = [fileOf('HEAD:a.txt'), fileOf('HEAD^{tree}')];
    rmSync(file);
    expect(await warning()).toMatch(/^history: 1 of its objects is not on this machine/);
    writeFileSync(file, 'no object');
    expect(await warning()).toMatch(/^history: 1 of its objects is not on this machine/);
    rmSync(folder);
    writeFileSync(folder, 'no object');
    await expect(searchHistory(recorded(plan, dir))).rejects.toMatchObject({ code: 'IO' });
  });

  it('reads objects of any size and number, in order', async () => {
    const { dir, write, commit } = repository();
    for (let index = 0; index < 400; index++) write(`many/${index}.txt`, index % 100 === 7 ? `${index} ${KEY}` : String(index));
    write('empty', '');
    write('large', `${'line\n'.repeat(1_000_000)}${OTHER}`);
    commit('all');
    const context = recorded(plan, dir);
    await searchHistory(context);
    expect(context.findings.map(({ file, line, names }) => [file, line, ...names])).toEqual([
      ['large', 1_000_001, 'OTHER'],
      ...['107', '207', '307', '7'].map((index) => [`many/${index}.txt`, 1, 'KEY']),
    ]);
  });
});
