import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCode, NotAFileError, readOwnFile, replaceFile, writeNewFile } from '../../src/platform/atomic-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'af-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const posix = process.platform !== 'win32';
const mode = (file: string): number => statSync(file).mode & 0o777;

describe('replacing a file', () => {
  it('makes it, then replaces it, with exactly the given mode and nothing left beside it', async () => {
    const file = path.join(folder, 'index');
    await replaceFile(file, 'one', 0o600);
    expect(mode(file)).toBe(posix ? 0o600 : mode(file));
    await replaceFile(file, Buffer.from('two'), 0o644);
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect(mode(file)).toBe(posix ? 0o644 : mode(file));
    expect(readdirSync(folder)).toEqual(['index']);
  });

  it.skipIf(!posix)('sets the mode whatever the umask is', async () => {
    const old = process.umask(0o077);
    try {
      await replaceFile(path.join(folder, 'index'), '', 0o644);
    } finally {
      process.umask(old);
    }
    expect(mode(path.join(folder, 'index'))).toBe(0o644);
  });

  it('gives a reader the old bytes or the new ones, never a part', async () => {
    const file = path.join(folder, 'index');
    const contents = ['a'.repeat(300_000), 'b'.repeat(200_000)];
    await replaceFile(file, contents[0] ?? '', 0o600);
    const state = { writing: true };
    const writer = (async () => {
      for (let round = 0; round < 20; round++) await replaceFile(file, contents[round % 2] ?? '', 0o600);
      state.writing = false;
    })();
    while (state.writing) {
      const got = await readOwnFile(file, 1_000_000);
      expect(got.state === 'read' && contents.includes(got.bytes.toString())).toBe(true);
    }
    await writer;
  });

  it('refuses a symbolic link and a folder, and leaves both as they are', async () => {
    const target = path.join(folder, 'target');
    writeFileSync(target, 'kept');
    symlinkSync(target, path.join(folder, 'link'));
    mkdirSync(path.join(folder, 'dir'));
    for (const name of ['link', 'dir'])
      await expect(replaceFile(path.join(folder, name), 'x', 0o600)).rejects.toBeInstanceOf(NotAFileError);
    expect(readFileSync(target, 'utf8')).toBe('kept');
    expect(readdirSync(folder).sort()).toEqual(['dir', 'link', 'target']);
  });

  it('makes a new file only where there is none', async () => {
    const file = path.join(folder, 'new');
    await writeNewFile(file, 'one', 0o600);
    expect(errorCode(await writeNewFile(file, 'two', 0o600).catch((error: unknown) => error))).toBe('EEXIST');
    expect(readFileSync(file, 'utf8')).toBe('one');
  });
});

describe('reading a file', () => {
  it('gives bytes and mode', async () => {
    const file = path.join(folder, 'f');
    writeFileSync(file, 'text');
    chmodSync(file, 0o640);
    const got = await readOwnFile(file, 4);
    expect(got).toMatchObject({ state: 'read', bytes: Buffer.from('text'), ...(posix ? { mode: 0o640, uid: process.getuid?.() } : {}) });
  });

  it('tells what is in its way apart', async () => {
    const file = path.join(folder, 'f');
    writeFileSync(file, 'text');
    symlinkSync(file, path.join(folder, 'link'));
    expect(await readOwnFile(path.join(folder, 'none'), 9)).toEqual({ state: 'absent' });
    expect(await readOwnFile(path.join(folder, 'link'), 9)).toEqual({ state: 'symlink' });
    expect(await readOwnFile(path.join(folder, 'link'), 9, { follow: true })).toMatchObject({ state: 'read' });
    expect(await readOwnFile(file, 3)).toEqual({ state: 'too-big' });
    expect(await readOwnFile(folder, 9)).toEqual({ state: 'not-a-file' });
    expect(await readOwnFile(path.join(file, 'below'), 9)).toEqual({ state: 'failed', code: 'ENOTDIR' });
  });

  it.skipIf(!posix)('does not wait for the other end of a pipe', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await readOwnFile(pipe, 9)).toEqual({ state: 'not-a-file' });
  });
});
