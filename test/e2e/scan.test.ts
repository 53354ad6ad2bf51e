/** `secrets scan`: copies of values in files, in what is staged, and in the history. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { environmentOf, PROGRAM } from './support/cli.ts';
import { project, type Project } from './support/project.ts';

const MANIFEST = `
version: 1
project: scan-test
secrets:
  DB_PASSWORD: local://db
  API_KEY: local://api
  DATABASE_URL: { template: "postgres://app:\${DB_PASSWORD|url}@db/app" }
`;

interface Repository extends Project {
  git(...args: string[]): string;
  /** Exit code and output of git, where it may refuse. */
  tryGit(...args: string[]): { readonly ok: boolean; readonly output: string };
}

async function repository(manifest = MANIFEST): Promise<Repository> {
  const made = await project({ manifest });
  const who = { GIT_AUTHOR_NAME: 'n', GIT_AUTHOR_EMAIL: 'n@example.com', GIT_COMMITTER_NAME: 'n', GIT_COMMITTER_EMAIL: 'n@example.com' };
  const options = { cwd: made.dir, env: environmentOf(made.home, who), encoding: 'utf8', stdio: 'pipe' } as const;
  const git = (...args: string[]): string => execFileSync('git', args, options).trim();
  git('init', '--quiet', '--initial-branch=main');
  const tryGit = (...args: string[]): { ok: boolean; output: string } => {
    try {
      return { ok: true, output: git(...args) };
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return { ok: false, output: stdout + stderr };
    }
  };
  return { ...made, git, tryGit };
}

describe('secrets scan', () => {
  it('finds a value and its encodings, names file, line and column, and shows nothing of it', async () => {
    const { run, set, write } = await repository();
    const [db, api] = [canary(), canary()];
    await set('DB_PASSWORD', db);
    await set('API_KEY', api);
    const clean = await run(['scan']);
    expect(clean).toMatchObject({ code: 0, stdout: '', stderr: 'secrets: searched 1 file for 2 values: no copy found\n' });

    write('.gitignore', 'ignored.txt\n');
    write('config/app.yaml', `db:\n  url: postgres://app:${db}@db/app\n`);
    write('notes.md', `curl -H 'Authorization: Basic ${Buffer.from(`app:${api}`).toString('base64')}'\n`);
    write('dump.bin', Buffer.concat([Buffer.alloc(3), Buffer.from(api, 'utf16le')]));
    write(`${api}.txt`, `name and content ${api}`);
    write('ignored.txt', db);
    const found = await run(['scan']);
    expect(found.code).toBe(1);
    expect(
      found.stdout
        .split('\n')
        .filter((line) => line !== '')
        .toSorted(),
    ).toEqual([
      '***.txt:1:18: API_KEY',
      'config/app.yaml:2:23: DB_PASSWORD',
      expect.stringMatching(/^dump\.bin: API_KEY \(binary, byte [23]\)$/),
      expect.stringMatching(/^notes\.md:1:\d+: API_KEY$/),
    ]);
    expect(found.stderr).toContain('searched 6 files for 2 values: DB_PASSWORD, API_KEY found in 4 places');
    expect(found.stderr).toContain('secrets set DB_PASSWORD');
    for (const value of [db, api, db.slice(8), api.slice(8)]) expect(found.stdout + found.stderr).not.toContain(value);

    const limited = await run(['scan', '--ignored', '--only', 'DATABASE_URL', 'ignored.txt', 'notes.md', '--json']);
    expect(limited.code).toBe(1);
    expect(JSON.parse(limited.stdout)).toEqual({
      ok: false,
      names: ['DB_PASSWORD'],
      notSearched: [],
      searched: { files: 2 },
      findings: [{ place: 'file', file: 'ignored.txt', names: ['DB_PASSWORD'], offset: 0, line: 1, column: 1 }],
      unsearched: [],
      failed: [],
    });
  });

  it('stops a commit as a hook, whichever way the commit is made', async () => {
    const { dir, set, write, tryGit } = await repository();
    const [db, api] = [canary(), canary()];
    await set('DB_PASSWORD', db);
    await set('API_KEY', api);
    write('.git/hooks/pre-commit', `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" scan --staged\n`);
    chmodSync(`${dir}/.git/hooks/pre-commit`, 0o755);
    write('a.txt', 'one\n');
    write('b.txt', 'two\n');
    tryGit('add', '.');
    expect(tryGit('commit', '--message', 'first')).toMatchObject({ ok: true });

    write('a.txt', `one\n${db}\n`);
    expect(tryGit('commit', '--message', 'nothing staged').output).not.toContain('DB_PASSWORD');
    for (const args of [['--all'], ['a.txt'], ['--include', 'a.txt']]) {
      const { ok, output } = tryGit('commit', '--message', 'leak', ...args);
      expect([args, ok, output]).toEqual([args, false, expect.stringContaining('a.txt:2:1: DB_PASSWORD')]);
      expect(output).not.toContain(db);
    }
    write('b.txt', 'three\n');
    expect(tryGit('commit', '--message', 'other', 'b.txt')).toMatchObject({ ok: true });
    tryGit('add', 'a.txt');
    write('a.txt', 'one\n');
    expect(tryGit('commit', '--message', 'staged')).toMatchObject({ ok: false });
  });

  it('finds what was deleted again, in the history', async () => {
    const { run, set, write, git } = await repository();
    const [db, api] = [canary(), canary()];
    await set('DB_PASSWORD', db);
    await set('API_KEY', api);
    write('src/a.js', `\nconst password = '${db}';\n`);
    git('add', '.');
    git('commit', '--quiet', '--message', 'add');
    const commit = git('rev-parse', 'HEAD');
    git('rm', '--quiet', 'src/a.js');
    git('commit', '--quiet', '--message', `remove, and add ${api} here`);
    expect(await run(['scan'])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await run(['scan', '--history']);
    expect(code).toBe(1);
    expect(stdout).toContain(`${commit.slice(0, 12)}:src/a.js:2:19: DB_PASSWORD\n`);
    expect(stdout).toMatch(/^[0-9a-f]{12}: API_KEY \(in its own text\)$/m);
    expect(stdout + stderr).not.toContain(db);
    expect(stdout + stderr).not.toContain(api);
  });

  it('names what it does not search for, and is no success when a value could not be fetched', async () => {
    const { run, set, write } = await repository(`
version: 1
project: scan-test
providers:
  vault: { address: "http://127.0.0.1:1", auth: [{ method: token }] }
secrets:
  KEY: local://key
  PIN: local://pin
  LATER: local://later
  REMOTE: vault://secret/api#key
  PLAIN: { value: canary-plain-text }
  FALLBACK: { ref: local://fallback, default: canary-default }
`);
    const key = canary();
    await set('KEY', key);
    await set('PIN', '1234');
    const options = { env: { VAULT_TOKEN: randomBytes(8).toString('hex') } };
    const failed = await run(['--timeout', '1s', 'scan'], options);
    expect(failed.code).toBe(69);
    expect(failed.stderr).toContain('PIN: too short or too common to be searched for');
    expect(failed.stderr).toContain('LATER has no value yet');
    expect(failed.stderr).toMatch(/error\[PROVIDER_UNAVAILABLE\]: REMOTE: /);
    write('a.txt', key);
    const found = await run(['--timeout', '1s', 'scan', '--json'], options);
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({
      ok: false,
      names: ['KEY'],
      notSearched: ['PIN', 'LATER'],
      failed: [{ code: 'PROVIDER_UNAVAILABLE', name: 'REMOTE' }],
    });
    expect(await run(['scan', '--except', 'REMOTE,KEY'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing was searched') as string,
    });
  });

  it('--duplicates: one value behind two references, not one reference behind two names', async () => {
    const { run, set } = await repository(`
version: 1
project: scan-test
secrets:
  A: local://a
  B: local://b
  ALSO_A: local://a
  C: local://c
`);
    const [shared, other] = [canary(), canary()];
    await set('A', shared);
    await set('B', other);
    await set('C', canary());
    expect(await run(['scan', '--duplicates'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'secrets: compared 4 values: no two references have the same\n',
    });
    await set('B', shared);
    const { code, stdout, stderr } = await run(['scan', '--duplicates']);
    expect([code, stdout]).toEqual([1, 'A, B, ALSO_A: one value behind local://a and local://b\n']);
    expect(stdout + stderr).not.toContain(shared);
    expect(JSON.parse((await run(['scan', '--duplicates', '--json'])).stdout)).toMatchObject({
      ok: false,
      duplicates: [{ names: ['A', 'B', 'ALSO_A'], references: ['local://a', 'local://b'] }],
    });
  });

  it('refuses what makes no sense together', async () => {
    const { run, set } = await repository();
    await set('API_KEY', canary());
    for (const args of [
      ['--duplicates', 'src'],
      ['--duplicates', '--history'],
      ['--ignored', '--staged'],
      ['--only', 'NOPE'],
    ])
      expect([args, (await run(['scan', ...args])).code]).toEqual([args, 64]);
  });
});
