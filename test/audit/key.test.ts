import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { custodyOf, keyFor, readKey, type KeyPlace } from '../../src/audit/key.ts';
import { OWN_KEYCHAIN_SERVICE } from '../../src/platform/keychain-names.ts';
import { tempDir } from '../e2e/support/home.ts';
import { testHost } from '../support/host.ts';
import { noKeychain } from './support.ts';

const place = (more: Partial<KeyPlace> = {}): KeyPlace => ({
  file: join(tempDir('key'), 'state', 'audit.key'),
  custody: 'file',
  keychain: noKeychain,
  ...more,
});
const bytesOf = (key: { readonly key: { export(): Buffer } } | undefined): string | undefined => key?.key.export().toString('hex');

describe('the key of the log', () => {
  it('is made once, however many ask for it at once', async () => {
    const where = place();
    expect(await readKey(where)).toBeUndefined();
    const keys = await Promise.all(Array.from({ length: 10 }, () => keyFor(where)));
    expect(new Set(keys.map(bytesOf)).size).toBe(1);
    expect(bytesOf(await readKey(where))).toBe(bytesOf(keys[0]));
    expect(await custodyOf(where.file)).toBe('file');
  });

  it('is in the keychain where that was asked for when it was made, and looked for there alone', async () => {
    const host = testHost();
    const where = place({ custody: 'keychain', keychain: () => host.keychain() });
    const made = await keyFor(where);
    expect([...host.keychainItems.keys()]).toEqual([`${OWN_KEYCHAIN_SERVICE}\0audit ${made.kid}`]);
    expect(readFileSync(where.file, 'utf8')).not.toContain([...host.keychainItems.values()][0]);
    expect(await custodyOf(where.file)).toBe('keychain');
    // What is asked for later changes nothing.
    expect(bytesOf(await keyFor({ ...where, custody: 'file' }))).toBe(bytesOf(made));
    host.keychainItems.clear();
    await expect(keyFor({ ...where, custody: 'file' })).rejects.toThrow(/does not have the key/);
    await expect(keyFor({ ...where, keychain: noKeychain })).rejects.toThrow(/cannot be asked/);
    await expect(keyFor(place({ custody: 'keychain' }))).rejects.toThrow(/does not take the key/);
  });

  it('is refused where others could know it, or where it is damaged', async () => {
    const where = place();
    await keyFor(where);
    const good = readFileSync(where.file, 'utf8');
    chmodSync(where.file, 0o644);
    await expect(keyFor(where)).rejects.toThrow(/others can read/);
    chmodSync(where.file, 0o600);
    for (const text of ['', '{}', good.replace(/"kid":"../, '"kid":"zz'), good.replace(/"key":".*"/, '"key":"AAAA"')]) {
      writeFileSync(where.file, text);
      await expect(keyFor(where)).rejects.toThrow(/damaged/);
    }
  });
});
