import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ignoreIn, isTracked, withIgnored } from '../../src/cli/git-files.ts';

const NAMES = ['.secretsrc.local', '.env'];

describe('withIgnored', () => {
  it('adds what is missing and keeps the rest', () => {
    expect(withIgnored('', NAMES)).toBe('.secretsrc.local\n.env\n');
    expect(withIgnored('dist\n.env', NAMES)).toBe('dist\n.env\n.secretsrc.local\n');
    expect(withIgnored('dist\r\n', NAMES)).toBe('dist\r\n.secretsrc.local\r\n.env\r\n');
    expect(withIgnored('/.env\n.secretsrc.local\n', NAMES)).toBeUndefined();
  });

  it('is done after one time', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('dist', '.env', '# x', '', '!.env.example')), fc.constantFrom('\n', '\r\n'), (lines, eol) => {
        const once = withIgnored(lines.join(eol), NAMES) ?? lines.join(eol);
        expect(once.startsWith(lines.join(eol))).toBe(true);
        expect(withIgnored(once, NAMES)).toBeUndefined();
      }),
    );
  });
});

describe('ignoreIn and isTracked', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'secrets-git-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const text = (): string => readFileSync(path.join(folder, '.gitignore'), 'utf8');

  it('works without a repository', async () => {
    expect(await ignoreIn(folder, NAMES)).toEqual(NAMES);
    expect(text()).toBe('.secretsrc.local\n.env\n');
    expect(await ignoreIn(folder, NAMES)).toEqual([]);
    expect(await isTracked(path.join(folder, '.gitignore'))).toBe(false);
  });

  it('leaves away what a pattern ignores already', async () => {
    execFileSync('git', ['init', '-q', folder]);
    writeFileSync(path.join(folder, '.gitignore'), '.env*\n');
    expect(await ignoreIn(folder, NAMES)).toEqual(['.secretsrc.local']);
    expect(text()).toBe('.env*\n.secretsrc.local\n');
  });

  it('changes nothing through a link', async () => {
    symlinkSync('/dev/null', path.join(folder, '.gitignore'));
    expect(await ignoreIn(folder, NAMES)).toBeUndefined();
  });

  it('knows what git has', async () => {
    execFileSync('git', ['init', '-q', folder]);
    writeFileSync(path.join(folder, '.env'), 'A=1\n');
    expect(await isTracked(path.join(folder, '.env'))).toBe(false);
    execFileSync('git', ['-C', folder, 'add', '.env']);
    expect(await isTracked(path.join(folder, '.env'))).toBe(true);
  });
});
