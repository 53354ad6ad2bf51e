import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../../src/sealed/bundle.ts';
import { takeUse } from '../../src/sealed/ledger.ts';

const NOW = new Date('2026-01-02T03:04:05.000Z');
const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);
const bundle = (uses: number | undefined, id = 'a'.repeat(32)): Bundle => ({ id, uses, expiresAt: later(60) }) as Bundle;

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'ledger-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

describe('takeUse', () => {
  it('gives each bundle as many uses as it has, also to many at once', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => takeUse(bundle(3), state, NOW)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    await expect(takeUse(bundle(3), state, NOW)).rejects.toThrow('used up');
    await expect(takeUse(bundle(1, 'b'.repeat(32)), state, NOW)).resolves.toBeUndefined();
  });

  it('counts nothing where any number is allowed', async () => {
    for (let run = 0; run < 3; run++) await takeUse(bundle(undefined), state, NOW);
    expect(readdirSync(join(state, 'sealed')).sort()).toEqual(['clock.json']);
  });

  it('refuses a clock that went back by more than hosts differ', async () => {
    await takeUse(bundle(undefined), state, later(30));
    await expect(takeUse(bundle(undefined), state, later(26))).resolves.toBeUndefined();
    await expect(takeUse(bundle(undefined), state, later(24))).rejects.toThrow('went back');
  });

  it('takes no use where the clock went back', async () => {
    await takeUse(bundle(undefined), state, later(30));
    await expect(takeUse(bundle(1), state, NOW)).rejects.toThrow('went back');
    await expect(takeUse(bundle(1), state, later(31))).resolves.toBeUndefined();
  });

  it('does not begin again where its count cannot be read', async () => {
    await takeUse(bundle(2), state, NOW);
    writeFileSync(join(state, 'sealed', `${'a'.repeat(32)}.json`), '{"used":');
    await expect(takeUse(bundle(2), state, NOW)).rejects.toThrow('cannot be counted');
  });

  it('needs a folder only where it counts', async () => {
    await expect(takeUse(bundle(undefined), undefined, NOW)).resolves.toBeUndefined();
    await expect(takeUse(bundle(1), undefined, NOW)).rejects.toThrow('cannot be counted');
    await expect(takeUse(bundle(1), '/dev/null/state', NOW)).rejects.toThrow('cannot be counted');
  });

  it('forgets bundles that are long over', async () => {
    await takeUse(bundle(1), state, NOW);
    await takeUse({ ...bundle(1, 'b'.repeat(32)), expiresAt: later(60 * 27) }, state, later(60 * 26));
    expect(readdirSync(join(state, 'sealed')).sort()).toEqual([`${'b'.repeat(32)}.json`, 'clock.json']);
  });
});
