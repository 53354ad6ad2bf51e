/** The journal: what is kept, what is not believed, and what is thrown away. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, type RotationRecord } from '../../src/rotation/journal.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'secrets-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (more: Partial<RotationRecord> = {}): RotationRecord => ({
  id: '11111111-2222-3333-4444-555555555555',
  document: 'd',
  label: 'DB',
  reference: 'local://db',
  using: 'exec',
  step: 'created',
  since: '2026-01-01T00:00:00.000Z',
  at: '2026-01-01T00:00:00.000Z',
  ...more,
});

describe('Journal', () => {
  it('keeps the last step, for the user alone', async () => {
    const journal = new Journal(path.join(folder, 'a', 'rotations'));
    journal.prepare();
    await journal.write(record());
    await journal.write(record({ step: 'applied', from: '1' }));
    expect(await journal.all()).toEqual([record({ step: 'applied', from: '1' })]);
    const [name = ''] = readdirSync(journal.folder ?? '');
    expect(statSync(path.join(journal.folder ?? '', name)).mode & 0o777).toBe(0o600);
    expect(await journal.unfinished('d')).toMatchObject({ step: 'applied' });
    for (const step of ['promoted', 'retired', 'aborted'] as const) {
      await journal.write(record({ step, at: new Date().toISOString() }));
      expect(await journal.unfinished('d')).toBeUndefined();
    }
  });

  it('believes nothing that it did not write', async () => {
    const journal = new Journal(folder);
    const name = (digit: string): string => path.join(folder, `${digit.repeat(8)}-2222-3333-4444-555555555555.json`);
    writeFileSync(name('1'), '{');
    writeFileSync(name('2'), JSON.stringify({ journal: 1, ...record(), label: 'bad\u001b[2J' }));
    writeFileSync(name('3'), JSON.stringify({ journal: 2, ...record() }));
    writeFileSync(name('4'), JSON.stringify({ journal: 1, ...record(), step: 'stolen' }));
    writeFileSync(path.join(folder, 'other.json'), JSON.stringify({ journal: 1, ...record() }));
    symlinkSync('/etc/passwd', name('5'));
    expect(await journal.all()).toEqual([]);
  });

  it('forgets what has been over for long, and nothing that is open', async () => {
    const journal = new Journal(folder);
    await journal.write(record({ step: 'retired' }));
    await journal.write(record({ id: '21111111-2222-3333-4444-555555555555' }));
    expect((await journal.all(new Date('2026-01-20T00:00:00Z'))).length).toBe(2);
    expect((await journal.all(new Date('2026-03-01T00:00:00Z'))).map(({ step }) => step)).toEqual(['created']);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('says in our words that it can not be written', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    const journal = new Journal(path.join(file, 'rotations'));
    expect(() => journal.prepare()).toThrow(expect.objectContaining({ code: 'IO' }) as Error);
    await expect(journal.write(record())).rejects.toMatchObject({ code: 'IO' });
    expect(readFileSync(file, 'utf8')).toBe('');
    await expect(new Journal(undefined).write(record())).resolves.toBeUndefined();
  });
});
