import { mkdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/trust/place.ts';
import { emptyFolder, git, repository, write } from './folders.ts';

const FILES = { '.secretsrc': 'secrets: {}\n', 'packages/a/.secretsrc': 'secrets: {}\n' };
const keyOf = (...parts: readonly string[]): string => placeOf(join(...parts, '.secretsrc')).key;

describe('placeOf', () => {
  it('is the same for the worktrees of a repository, and another for every manifest in it', () => {
    const main = repository(FILES);
    const other = join(emptyFolder(), 'worktree');
    git(main, 'worktree', 'add', '--quiet', other);
    expect(keyOf(other)).toBe(keyOf(main));
    expect(keyOf(other, 'packages/a')).toBe(keyOf(main, 'packages/a'));
    expect(keyOf(main, 'packages/a')).not.toBe(keyOf(main));
    expect(placeOf(join(other, 'packages/a/.secretsrc')).root).toBe(other);
  });

  it('is another for another clone', () => {
    const main = repository(FILES);
    const clone = join(emptyFolder(), 'clone');
    git(main, 'clone', '--quiet', main, clone);
    expect(keyOf(clone)).not.toBe(keyOf(main));
  });

  it('follows links in the path, and takes a linked manifest for one of its own', () => {
    const main = repository(FILES);
    const links = emptyFolder();
    symlinkSync(main, join(links, 'repository'));
    symlinkSync(join(main, '.secretsrc'), join(links, '.secretsrc'));
    expect(keyOf(links, 'repository')).toBe(keyOf(main));
    expect(keyOf(links)).not.toBe(keyOf(main));
  });

  it('does without git', () => {
    const [one, other] = [emptyFolder(FILES), emptyFolder(FILES)];
    expect(keyOf(one)).not.toBe(keyOf(other));
    expect(keyOf(one)).toBe(keyOf(one));
    expect(placeOf(join(one, 'packages/a/.secretsrc')).root).toBe(realpathSync(join(one, 'packages/a')));
  });

  describe('does not believe a folder that claims to belong to a trusted repository', () => {
    it('by a .git file that names its common folder or one of its worktrees', () => {
      const trusted = repository(FILES);
      git(trusted, 'worktree', 'add', '--quiet', join(emptyFolder(), 'worktree'));
      for (const target of ['.git', '.git/worktrees/worktree']) {
        const evil = emptyFolder({ ...FILES, '.git': `gitdir: ${join(trusted, target)}\n` });
        expect(keyOf(evil)).not.toBe(keyOf(trusted));
      }
    });

    it('by files of git that it brings itself', () => {
      const trusted = repository(FILES);
      const evil = emptyFolder({ ...FILES, '.git': 'gitdir: fake/worktrees/x\n' });
      write(evil, 'fake/worktrees/x/commondir', `${join(trusted, '.git')}\n`);
      write(evil, 'fake/worktrees/x/gitdir', `${join(evil, '.git')}\n`);
      expect(keyOf(evil)).not.toBe(keyOf(trusted));
    });

    it('by a link, or by a commondir in a .git of its own', () => {
      const trusted = repository(FILES);
      const linked = emptyFolder(FILES);
      symlinkSync(join(trusted, '.git'), join(linked, '.git'));
      expect(keyOf(linked)).not.toBe(keyOf(trusted));
      const redirected = emptyFolder({ ...FILES, '.git/commondir': `${join(trusted, '.git')}\n` });
      expect(keyOf(redirected)).not.toBe(keyOf(trusted));
    });
  });

  it('asks again for a worktree that was moved by hand', () => {
    const main = repository(FILES);
    const parent = emptyFolder();
    git(main, 'worktree', 'add', '--quiet', join(parent, 'before'));
    renameSync(join(parent, 'before'), join(parent, 'after'));
    expect(keyOf(parent, 'after')).not.toBe(keyOf(main));
  });

  it('takes a submodule for a repository of its own', () => {
    const sub = repository(FILES);
    const main = repository(FILES);
    git(main, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', sub, 'sub');
    expect(new Set([keyOf(main), keyOf(main, 'sub'), keyOf(sub)]).size).toBe(3);
    expect(placeOf(join(main, 'sub/.secretsrc')).root).toBe(join(main, 'sub'));
  });

  it('works for a manifest that is not there yet', () => {
    const dir = emptyFolder();
    mkdirSync(join(dir, '.git'));
    expect(placeOf(join(dir, 'packages/new/.secretsrc')).root).toBe(dir);
  });
});
