import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestsBelow } from '../../src/trust/workspace.ts';
import { emptyFolder, git, repository, write } from './folders.ts';

const FILES = {
  '.gitignore': 'ignored/\n',
  '.secretsrc': '',
  'packages/a/.secretsrc': '',
  'packages/b/.secretsrc.yaml': '',
  'packages/b/.secretsrc.json': '',
  'packages/c/node_modules/x/.secretsrc': '',
  'packages/d/.secretsrc.local': '',
};
const FOUND = ['.secretsrc', 'packages/a/.secretsrc', 'packages/b/.secretsrc.yaml'];
const env = { PATH: process.env['PATH'] };

const found = async (
  dir: string,
  root = dir,
  environment: Readonly<Record<string, string | undefined>> = env,
): Promise<readonly string[]> => (await manifestsBelow(dir, environment)).map((file) => relative(root, file));

describe('manifestsBelow', () => {
  it('finds those of the repository, from any folder in it', async () => {
    const root = repository(FILES);
    write(root, 'ignored/.secretsrc', '');
    write(root, 'new/.secretsrc.yml', '');
    expect(await found(root)).toEqual(['.secretsrc', 'new/.secretsrc.yml', ...FOUND.slice(1)]);
    expect(await found(join(root, 'packages/a'), root)).toEqual(['.secretsrc', 'new/.secretsrc.yml', ...FOUND.slice(1)]);
  });

  it('leaves out other repositories inside, and what is gone', async () => {
    const root = repository({ ...FILES, 'gone/.secretsrc': '' });
    git(root, 'rm', '--quiet', '--cached', 'gone/.secretsrc');
    mkdirSync(join(root, 'inner'));
    git(join(root, 'inner'), 'init', '--quiet');
    write(root, 'inner/.secretsrc', '');
    expect(await found(root)).toEqual([FOUND[0], 'gone/.secretsrc', ...FOUND.slice(1)]);
  });

  it('starts nothing that the repository is configured to start', async () => {
    const root = repository(FILES);
    const hook = write(root, 'hook.sh', `#!/bin/sh\ntouch "${join(root, 'started')}"\n`);
    chmodSync(hook, 0o755);
    git(root, 'config', 'core.fsmonitor', hook);
    git(root, 'status');
    expect(existsSync(join(root, 'started'))).toBe(true);
    const other = repository(FILES);
    git(other, 'config', 'core.fsmonitor', `touch "${join(other, 'started')}"; false`);
    expect(await found(other)).toEqual(FOUND);
    expect(existsSync(join(other, 'started'))).toBe(false);
  });

  it('means this repository, whatever GIT_DIR says', async () => {
    const [root, other] = [repository(FILES), repository({ '.secretsrc.json': '' })];
    expect(await found(root, root, { ...env, GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other })).toEqual(FOUND);
  });

  it('walks where there is no git', async () => {
    const root = emptyFolder(FILES);
    write(root, 'inner/.git/HEAD', '');
    write(root, 'inner/.secretsrc', '');
    expect(await found(root)).toEqual(FOUND);
    const repo = repository(FILES);
    await expect(manifestsBelow(repo, { PATH: emptyFolder() })).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' });
  });
});
