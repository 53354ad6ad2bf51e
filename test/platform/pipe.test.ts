import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, fstatSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closePipes, makePipes, readPipe } from '../../src/platform/pipe.ts';
import { tempDir } from '../e2e/support/home.ts';

/** A `mkfifo` that notes where it was to make one, in PATH before all others. */
function noting(then: string) {
  const at = tempDir('bin');
  writeFileSync(join(at, 'mkfifo'), `#!/bin/sh\necho "$3" >'${at}/asked.part'\nmv '${at}/asked.part' '${at}/asked'\n${then}\n`);
  chmodSync(join(at, 'mkfifo'), 0o700);
  return { path: `${at}:${process.env['PATH'] ?? ''}`, asked: () => readFileSync(join(at, 'asked'), 'utf8').trim(), at };
}

describe.skipIf(process.platform === 'win32')('pipes', () => {
  it('are FIFOs that end when their writer closes, and whose names are gone', async () => {
    const pipes = await makePipes(2);
    expect(pipes).toHaveLength(2);
    const [first, second] = pipes ?? [];
    if (first === undefined || second === undefined) return;
    for (const { readFd, writeFd } of [first, second]) {
      expect([fstatSync(readFd).isFIFO(), fstatSync(writeFd).isFIFO()]).toEqual([true, true]);
      expect(fstatSync(readFd).nlink).toBe(0);
    }
    const pieces: string[] = [];
    const socket = readPipe(first.readFd).on('data', (bytes: Buffer) => pieces.push(bytes.toString()));
    writeSync(first.writeFd, 'through it');
    closeSync(first.writeFd);
    await once(socket, 'close');
    expect(pieces.join('')).toBe('through it');
    closePipes([second]);
    expect(() => fstatSync(second.readFd)).toThrow('EBADF');
  });

  it.each([
    ['there is no mkfifo', undefined],
    ['mkfifo fails', 'exit 1'],
    ['mkfifo makes none', 'exit 0'],
  ])('are undefined where %s, and nothing is left', async (_, then) => {
    const { path, asked } = noting(then ?? '');
    const before = process.env['PATH'];
    process.env['PATH'] = then === undefined ? '/nowhere' : path;
    try {
      expect(await makePipes(1)).toBeUndefined();
    } finally {
      process.env['PATH'] = before;
    }
    if (then !== undefined) expect(existsSync(join(asked(), '..'))).toBe(false);
  });

  it('leave nothing behind when the process ends while they are made', async () => {
    const { path, asked, at } = noting('exec sleep 60');
    const pipe = join(import.meta.dirname, '..', '..', 'src', 'platform', 'pipe.ts');
    const program = `
      import { existsSync } from 'node:fs';
      const { makePipes } = await import(${JSON.stringify(pipe)});
      void makePipes(1);
      setInterval(() => existsSync(${JSON.stringify(join(at, 'asked'))}) && process.exit(3), 5);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { PATH: path }, stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([3, null]);
    const folder = join(asked(), '..');
    expect(folder).toMatch(/\/secrets-[^/]+$/);
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(at).toSorted()).toEqual(['asked', 'mkfifo']);
  });
});
