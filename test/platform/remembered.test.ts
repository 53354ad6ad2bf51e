import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recall, remember } from '../../src/platform/remembered.ts';
import { tempDir } from '../e2e/support/home.ts';

function home() {
  const at = tempDir('home');
  chmodSync(at, 0o700);
  const folder = join(at, '.cache', 'secrets');
  return { env: { HOME: at }, folder, file: join(folder, 'remembered.json') };
}

describe.skipIf(process.platform === 'win32')('what earlier runs were told', () => {
  it('is remembered by key, the last text of each, in one private file', async () => {
    const { env, folder, file } = home();
    expect(await recall(env, 'a')).toBeUndefined();
    await remember(env, 'a', 'one');
    await remember(env, 'b', 'two');
    await remember(env, 'a', 'three');
    expect([await recall(env, 'a'), await recall(env, 'b'), await recall(env, 'c')]).toEqual(['three', 'two', undefined]);
    expect(readdirSync(folder)).toEqual(['remembered.json']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is bounded: the oldest goes, and what is too long is not kept', async () => {
    const { env, file } = home();
    for (let n = 0; n < 70; n++) await remember(env, `key ${n}`, 'x'.repeat(3_990));
    await remember(env, 'long', 'x'.repeat(4_000));
    expect([await recall(env, 'key 5'), await recall(env, 'long')]).toEqual([undefined, undefined]);
    expect(await recall(env, 'key 6')).toHaveLength(3_990);
    expect(statSync(file).size).toBeLessThan(300_000);
  });

  it('is not taken from a file that others may have written, and is replaced then', async () => {
    const { env, folder, file } = home();
    await remember(env, 'a', 'one');
    chmodSync(file, 0o620);
    expect(await recall(env, 'a')).toBeUndefined();
    chmodSync(file, 0o600);
    renameSync(file, join(folder, '..', 'elsewhere'));
    symlinkSync(join(folder, '..', 'elsewhere'), file);
    expect(await recall(env, 'a')).toBeUndefined();
    await remember(env, 'a', 'two');
    expect(readFileSync(join(folder, '..', 'elsewhere'), 'utf8')).toContain('one');
  });

  it.each(['', '[]', '{"version":2,"entries":[]}', '{"version":1,"entries":[["a"]]}', '{"version":1,"entries":[["a",1]]}', '\0'])(
    'is nothing where the file holds %j',
    async (content) => {
      const { env, file } = home();
      await remember(env, 'a', 'one');
      writeFileSync(file, content);
      expect(await recall(env, 'a')).toBeUndefined();
      await remember(env, 'a', 'two');
      expect(await recall(env, 'a')).toBe('two');
    },
  );

  it('is nothing where there is no private folder, or none can be written', async () => {
    for (const env of [{}, { HOME: '/proc' }]) {
      await remember(env, 'a', 'one');
      expect(await recall(env, 'a')).toBeUndefined();
    }
    const { env, folder, file } = home();
    await remember(env, 'a', 'one');
    chmodSync(folder, 0o777);
    expect(await recall(env, 'a')).toBeUndefined();
    const other = home();
    mkdirSync(other.file, { recursive: true, mode: 0o700 });
    await remember(other.env, 'a', 'one');
    expect(await recall(other.env, 'a')).toBeUndefined();
    expect(readdirSync(other.folder)).toEqual(['remembered.json']);
    expect(statSync(file).isFile()).toBe(true);
  });
});
