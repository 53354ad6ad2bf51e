import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { placeOf } from '../../src/trust/place.ts';
import { addRecord, askingAlone, keepingOf, readRecords, removeRecords, type Keeping } from '../../src/trust/record.ts';
import { emptyFolder } from './folders.ts';

const NOW = new Date('2026-11-24T10:00:00Z');

type Kept = Extract<Keeping, { ok: true }>;

function keeping(state = join(emptyFolder(), 'state')): Kept {
  const found = keepingOf(placeOf(join(emptyFolder(), '.secretsrc')), state);
  if (!found.ok) throw new Error(found.problem.message);
  return found;
}

afterEach(() => vi.unstubAllEnvs());

describe('a record', () => {
  it('is kept private, newest first, each set once', async () => {
    const kept = keeping();
    expect(await readRecords(kept)).toEqual({ sets: [] });
    await addRecord(kept, ['a'], NOW);
    await addRecord(kept, ['a', 'b'], NOW);
    await addRecord(kept, ['a'], NOW);
    expect((await readRecords(kept)).sets.map(({ lines }) => lines)).toEqual([['a'], ['a', 'b']]);
    expect((await readRecords(kept)).sets[0]?.at).toBe('2026-11-24T10:00:00.000Z');
    expect(statSync(kept.file).mode & 0o777).toBe(0o600);
    expect(statSync(kept.folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(kept.folder)).toHaveLength(1);
  });

  it('holds a bounded number of sets', async () => {
    const kept = keeping();
    for (let index = 0; index < 20; index++) await addRecord(kept, [String(index)], NOW);
    const { sets } = await readRecords(kept);
    expect(sets).toHaveLength(16);
    expect(sets[0]?.lines).toEqual(['19']);
  });

  it('loses nothing when several write', async () => {
    const kept = keeping();
    await Promise.all(['a', 'b', 'c', 'd'].map((line) => addRecord(kept, [line], NOW)));
    expect((await readRecords(kept)).sets).toHaveLength(4);
  });

  it('can be forgotten', async () => {
    const kept = keeping();
    expect(await removeRecords(kept)).toBe(false);
    await addRecord(kept, ['a'], NOW);
    expect(await removeRecords(kept)).toBe(true);
    expect(await readRecords(kept)).toEqual({ sets: [] });
  });
});

describe('a record that others could have written', () => {
  async function existing(): Promise<Kept> {
    const kept = keeping();
    await addRecord(kept, ['a'], NOW);
    return kept;
  }

  const refused = async (kept: Kept): Promise<string | undefined> => {
    const { sets, problem } = await readRecords(kept);
    expect(sets).toEqual([]);
    return problem?.message;
  };

  it('does not count by its mode or that of its folder', async () => {
    const one = await existing();
    chmodSync(one.file, 0o620);
    expect(await refused(one)).toContain('others may write to');
    const other = await existing();
    chmodSync(other.folder, 0o702);
    expect(await refused(other)).toContain('others may write to');
    await expect(addRecord(other, ['b'], NOW)).rejects.toMatchObject({ code: 'IO' });
  });

  it.runIf(process.getuid?.() === 0)('does not count by its owner or that of its folder', async () => {
    const one = await existing();
    chownSync(one.file, 12_345, 12_345);
    expect(await refused(one)).toContain('another user');
    const other = await existing();
    chownSync(other.folder, 12_345, 12_345);
    expect(await refused(other)).toContain('another user');
  });

  it('does not count behind a link', async () => {
    const kept = await existing();
    renameSync(kept.file, `${kept.file}.moved`);
    symlinkSync(`${kept.file}.moved`, kept.file);
    expect(await refused(kept)).toContain('no file');
    const other = await existing();
    renameSync(other.folder, `${other.folder}.moved`);
    symlinkSync(`${other.folder}.moved`, other.folder);
    expect(await refused(other)).toContain('no folder');
  });

  it('does not count if it is damaged, and is replaced by the next', async () => {
    const kept = await existing();
    for (const text of ['', '{', '[]', '{"version":2,"sets":[]}', '{"version":1,"sets":[{"lines":[1],"at":""}]}', 'null']) {
      writeFileSync(kept.file, text);
      expect(await refused(kept)).toContain('damaged');
    }
    await addRecord(kept, ['b'], NOW);
    expect((await readRecords(kept)).sets).toHaveLength(1);
  });
});

describe('where records can be kept', () => {
  it('nowhere without a home', async () => {
    const none = keepingOf(placeOf(join(emptyFolder(), '.secretsrc')), undefined);
    expect(none).toMatchObject({ ok: false, problem: { hint: expect.stringContaining('SECRETS_STATE_DIR') as string } });
    expect((await readRecords(none)).problem).toBeDefined();
    await expect(addRecord(none, ['a'], NOW)).rejects.toMatchObject({ code: 'IO' });
    expect(await removeRecords(none)).toBe(false);
  });

  it('not in the repository itself, not even behind a link, but beside it', () => {
    const root = emptyFolder({ '.git/HEAD': '', 'sub/.secretsrc': '' });
    vi.stubEnv('HOME', emptyFolder());
    const place = placeOf(join(root, 'sub', '.secretsrc'));
    const links = emptyFolder();
    symlinkSync(root, join(links, 'link'));
    for (const state of [join(root, '.state'), root, join(root, '..state'), join(links, 'link', 'deep', 'state')])
      expect(keepingOf(place, state)).toMatchObject({
        ok: false,
        problem: { message: expect.stringContaining('inside the repository') as string },
      });
    expect(keepingOf(place, `${root}-state`).ok).toBe(true);
  });

  it('in a home folder that is a repository', () => {
    const home = emptyFolder({ '.git/HEAD': '' });
    vi.stubEnv('HOME', home);
    expect(keepingOf(placeOf(join(home, '.secretsrc')), join(home, '.local/state/secrets')).ok).toBe(true);
  });

  it('says that a folder cannot be written', async () => {
    const dir = emptyFolder({ file: '' });
    const states = [join(dir, 'file', 'state'), ...(process.platform === 'linux' ? ['/proc/none/state'] : [])];
    for (const state of states) {
      await expect(addRecord(keeping(state), ['a'], NOW)).rejects.toMatchObject({
        code: 'IO',
        primary: { message: expect.stringContaining('cannot be written') as string },
      });
    }
  });
});

describe('askingAlone', () => {
  it('asks one after the other, and tells those that waited of a refusal', async () => {
    const kept = keeping();
    const asked: boolean[] = [];
    const one = (lines: readonly string[] = ['a']): Promise<void> =>
      askingAlone(
        kept,
        lines,
        undefined,
        async (declined, decline) => {
          asked.push(declined);
          await decline();
        },
        Date.now(),
      );
    await Promise.all([one(), one(), one()]);
    expect(asked).toEqual([false, true, true]);
    while (Date.now() <= (JSON.parse(readFileSync(`${kept.file}.declined`, 'utf8')) as { readonly at: number }).at) await setImmediate();
    await one();
    expect(asked.at(-1)).toBe(false);
    await Promise.all([one(['a']), one(['b'])]);
    expect(asked.slice(-2)).toEqual([false, false]);
  });

  it('ends when it is cancelled while it waits', async () => {
    const kept = keeping();
    const cancel = new AbortController();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    const first = askingAlone(kept, ['a'], undefined, async () => {
      isAsked();
      await held;
    });
    await asked;
    const second = askingAlone(kept, ['a'], cancel.signal, () => Promise.reject(new Error('not to be asked')));
    cancel.abort();
    await expect(second).rejects.toMatchObject({ code: 'INTERRUPTED' });
    release();
    await first;
  });

  it('forgets a refusal with the next record', async () => {
    const kept = keeping();
    await askingAlone(kept, ['a'], undefined, (_, decline) => decline());
    expect(existsSync(`${kept.file}.declined`)).toBe(true);
    expect(readFileSync(`${kept.file}.declined`, 'utf8')).toContain('"a"');
    await addRecord(kept, ['a'], NOW);
    expect(existsSync(`${kept.file}.declined`)).toBe(false);
  });
});
