import { expect, it } from 'vitest';
import { plainSwap } from '../../src/platform/swap.ts';

it('names swap that is not encrypted', () => {
  const files: Readonly<Record<string, string>> = {
    '/proc/swaps': 'Filename\tType\tSize\n/dev/zram0 partition 1\n/dev/dm-1 partition 1\n/dev/dm-2 partition 1\n/swapfile file 1\n',
    '/sys/block/dm-1/dm/uuid': 'CRYPT-LUKS2-0-swap\n',
    '/sys/block/dm-2/dm/uuid': 'LVM-0\n',
  };
  const read = (file: string): string => {
    const text = files[file];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
  expect(plainSwap(read)).toEqual(['/dev/dm-2', '/swapfile']);
  expect(plainSwap(() => 'Filename\n')).toEqual([]);
  expect(
    plainSwap(() => {
      throw new Error('no such file');
    }),
  ).toEqual([]);
});
