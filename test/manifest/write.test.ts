import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeManifest } from '../../src/manifest/index.ts';
import { folder } from './folder.ts';

const OLD = 'version: 1\n';
const NEW = 'version: 1\nproject: p\n';

describe('writeManifest', () => {
  it('replaces the text and keeps the mode', async () => {
    const path = join(folder({ '.secretsrc': OLD }), '.secretsrc');
    chmodSync(path, 0o640);
    const mode = statSync(path).mode & 0o777;
    await writeManifest(path, NEW, OLD);
    expect(readFileSync(path, 'utf8')).toBe(NEW);
    expect(statSync(path).mode & 0o777).toBe(mode);
    expect(readdirSync(join(path, '..')).toSorted()).toEqual(['.git', '.secretsrc']);
  });

  it('follows a link to what it points to', async () => {
    const dir = folder({ 'real/m': OLD });
    symlinkSync('real/m', join(dir, '.secretsrc'));
    await writeManifest(join(dir, '.secretsrc'), NEW, OLD);
    expect(lstatSync(join(dir, '.secretsrc')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(dir, 'real/m'), 'utf8')).toBe(NEW);
  });

  it('makes a new file', async () => {
    const path = join(folder({}), '.secretsrc');
    await writeManifest(path, NEW, undefined);
    expect(readFileSync(path, 'utf8')).toBe(NEW);
    await expect(writeManifest(path, OLD, undefined)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(readFileSync(path, 'utf8')).toBe(NEW);
  });

  it('leaves a file alone that changed or went', async () => {
    const path = join(folder({ '.secretsrc': OLD }), '.secretsrc');
    writeFileSync(path, 'version: 1 \n');
    await expect(writeManifest(path, NEW, OLD)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(readFileSync(path, 'utf8')).toBe('version: 1 \n');
    await expect(writeManifest(join(path, '../nope'), NEW, OLD)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('says when it cannot write', async () => {
    const dir = folder({});
    await expect(writeManifest(join(dir, 'no/folder/here'), NEW, undefined)).rejects.toMatchObject({ code: 'IO' });
    mkdirSync(join(dir, '.secretsrc'));
    await expect(writeManifest(join(dir, '.secretsrc'), NEW, undefined)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
