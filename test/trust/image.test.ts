import { describe, expect, it } from 'vitest';
import { isOfImage, parseMounts, type Entry, type FileSystem } from '../../src/trust/image.ts';

const FIXED: Entry = { uid: 0, gid: 0, mode: 0o100644, isLink: false, writing: 'denied' };

/** A system in which everything belongs to root, but for what is said. */
function system(entries: Readonly<Record<string, Partial<Entry> | undefined>> = {}, more: Partial<FileSystem> = {}): FileSystem {
  return {
    entry: (file) => (Object.hasOwn(entries, file) && entries[file] === undefined ? undefined : { ...FIXED, ...entries[file] }),
    realPath: (file) => file,
    hasOwners: () => true,
    ...more,
  };
}

const FILE = '/app/src/.secretsrc';

describe('isOfImage', () => {
  it('is a manifest of root that we cannot change', () => {
    expect(isOfImage([FILE], system())).toBe(true);
    expect(isOfImage([FILE], system({ [FILE]: { mode: 0o100664 } }))).toBe(true);
    expect(isOfImage([], system())).toBe(false);
  });

  it.each<readonly [string, Partial<Entry> | undefined]>([
    ['that belongs to somebody else', { uid: 1000 }],
    ['that we can write', { writing: 'allowed' }],
    ['that everybody can write', { mode: 0o100666 }],
    ['that a group can write', { gid: 1000, mode: 0o100664 }],
    ['that cannot be seen', undefined],
  ])('is no file or folder %s', (_, entry) => {
    for (const place of [FILE, '/app/src', '/app', '/']) expect(isOfImage([FILE], system({ [place]: entry }))).toBe(false);
  });

  it('needs the same of every file it extends', () => {
    expect(isOfImage([FILE, '/base/.secretsrc'], system({ '/base': { uid: 1000 } }))).toBe(false);
  });

  it('holds for root on read-only file systems only', () => {
    const readOnly = { writing: 'read-only', mode: 0o40777 } as const;
    const all = { [FILE]: readOnly, '/app/src': readOnly, '/app': readOnly, '/': readOnly };
    expect(isOfImage([FILE], system(all))).toBe(true);
    expect(isOfImage([FILE], system({ ...all, '/': { writing: 'allowed' } }))).toBe(false);
  });

  it('looks at links and at where they lead', () => {
    const linked = (entries: Readonly<Record<string, Partial<Entry>>>): FileSystem => ({
      ...system({ [FILE]: { isLink: true, mode: 0o120777 }, ...entries }),
      realPath: () => '/data/v1/.secretsrc',
    });
    expect(isOfImage([FILE], linked({}))).toBe(true);
    expect(isOfImage([FILE], linked({ '/data/v1': { writing: 'allowed' } }))).toBe(false);
    expect(isOfImage([FILE], linked({ '/app/src': { writing: 'allowed' } }))).toBe(false);
    expect(isOfImage([FILE], { ...linked({}), realPath: () => undefined })).toBe(false);
  });

  it('does not believe the owners of a mount that says nosuid', () => {
    expect(isOfImage([FILE], system({}, { hasOwners: (file) => file !== '/app' }))).toBe(false);
  });
});

describe('parseMounts', () => {
  it('finds nosuid mounts, the uppermost of each place', () => {
    const text = [
      '22 1 0:21 / / rw,relatime - ext4 /dev/sda rw',
      '23 22 0:22 / /media/usb\\040stick rw,nosuid,nodev - ext4 /dev/sdb rw',
      '24 22 0:23 / /a rw,nosuid - tmpfs tmpfs rw',
      '25 24 0:24 / /a rw - tmpfs tmpfs rw',
      '',
    ].join('\n');
    expect([...parseMounts(text)]).toEqual(['/media/usb stick']);
  });
});
