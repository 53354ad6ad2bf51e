import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import type { Metadata, Provider } from '../../src/provider-kit/contract.ts';
import { Deadline } from '../../src/provider-kit/deadline.ts';
import { Sessions } from '../../src/provider-kit/session.ts';
import { conditionOf, inspect, type InspectOptions } from '../../src/run/inspect.ts';
import type { PlannedReference } from '../../src/run/plan.ts';
import { testHost } from '../support/host.ts';
import { KnownWorld, knownProvider } from '../support/known-provider.ts';
import { manifest, reference } from '../support/model.ts';

function planned(text: string, provider: Provider): PlannedReference {
  const placed = reference(text);
  const config = { name: placed.reference.provider, use: 'vault', options: {}, positionOf: () => undefined, personal: false, baseDir: '/' };
  return { placed, configured: { config, provider, options: {} }, parsed: provider.parseRef(placed.reference, {}) };
}

async function states(references: readonly PlannedReference[], options: InspectOptions = {}): Promise<readonly string[]> {
  const deadline = new Deadline(5_000);
  const sessions = new Sessions(deadline, 5_000, () => testHost());
  try {
    const outcomes = await inspect(references, manifest([]), sessions, options);
    return outcomes.map((outcome) => (outcome.ok ? outcome.value.presence : outcome.fault.code));
  } finally {
    await sessions.close();
    deadline.close();
  }
}

describe('inspect', () => {
  it('asks each session once for all of its references, in their order, and reads nothing', async () => {
    const [one, two] = [new KnownWorld(), new KnownWorld()];
    one.metadata.set('b', { presence: 'present' });
    two.metadata.set('x', { presence: 'present' });
    const [first, second] = [knownProvider(one, ['describe'], 'one'), knownProvider(two, ['describe'], 'two')];
    const references = [
      planned('vault://a', first),
      planned('other://x', second),
      planned('vault://b', first),
      planned('vault://a', first),
    ];
    expect(await states(references)).toEqual(['absent', 'present', 'present', 'absent']);
    expect([one.described, two.described]).toEqual([[['a', 'b', 'a']], [['x']]]);
    expect([one.read, two.read, one.closed]).toEqual([[], [], 1]);
  });

  it('keeps the failure of one reference and of one session apart from the others', async () => {
    const [good, bad] = [new KnownWorld(), new KnownWorld()];
    good.metadata.set('a', { presence: 'present' });
    good.metadata.set('b', new Fault('denied', 'not for you'));
    const failing: Provider = {
      ...knownProvider(bad, ['describe'], 'bad'),
      open: () => Promise.reject(new Fault('unavailable', { message: 'nobody listens', retryable: false })),
    };
    const provider = knownProvider(good, ['describe'], 'good');
    const references = [
      planned('vault://a', provider),
      planned('bad://x', failing),
      planned('vault://b', provider),
      planned('bad://y', failing),
    ];
    expect(await states(references)).toEqual(['present', 'PROVIDER_UNAVAILABLE', 'DENIED', 'PROVIDER_UNAVAILABLE']);
  });

  it('does not know what a backend without describe holds', async () => {
    const world = new KnownWorld();
    expect(await states([planned('vault://a', knownProvider(world, []))])).toEqual(['unknown']);
    expect(world.read).toEqual([]);
  });

  it.each([
    ['vault://a#key', undefined, 'unknown'],
    ['vault://a#key', ['key', 'other'], 'present'],
    ['vault://a#key', ['other'], 'absent'],
    ['vault://a#/key/deep', ['key'], 'present'],
    ['vault://a#/deep/key', ['key'], 'absent'],
    ['vault://a', undefined, 'present'],
  ])('takes %s with the fields %j for %s', async (text, fields, expected) => {
    const world = new KnownWorld();
    world.metadata.set('a', { presence: 'present', ...(fields === undefined ? {} : { fields }) });
    expect(await states([planned(text, knownProvider(world))])).toEqual([expected]);
  });

  it('reads only what stayed unknown when asked to, each document once', async () => {
    const world = new KnownWorld();
    world.metadata.set('known', { presence: 'present' });
    world.metadata.set('doc', { presence: 'present' });
    world.metadata.set('locked', { presence: 'unknown' });
    world.values.set('doc', '{"key":"canary-0123456789abcdef"}');
    world.values.set('locked', new Fault('locked', 'the keychain is locked'));
    const provider = knownProvider(world);
    const references = ['vault://known', 'vault://doc#key', 'vault://doc#other', 'vault://gone', 'vault://locked'].map((text) =>
      planned(text, provider),
    );
    expect(await states(references, { read: true })).toEqual(['present', 'present', 'absent', 'absent', 'STORE_LOCKED']);
    expect(world.read).toEqual([['doc', 'locked']]);
  });
});

describe('conditionOf', () => {
  const now = new Date('2026-06-01T00:00:00Z');
  const daysAgo = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
  const DAY = 86_400_000;

  it('takes the age of a field from its own record, else from the document if nothing else is in it', () => {
    const updatedAt = daysAgo(1);
    const rotatedAt = { key: daysAgo(7), '/a/b': daysAgo(9) };
    const age = (metadata: Omit<Metadata, 'presence'>, field?: string): number | undefined => {
      const { ageMs } = conditionOf({ presence: 'present', ...metadata }, field, {}, now);
      return ageMs === undefined ? undefined : ageMs / DAY;
    };
    expect(age({ updatedAt })).toBe(1);
    expect(age({ updatedAt, rotatedAt, fields: ['key', 'a'] }, 'key')).toBe(7);
    expect(age({ updatedAt, rotatedAt }, '/key')).toBe(7);
    expect(age({ updatedAt, rotatedAt }, '/a/b')).toBe(9);
    expect(age({ updatedAt, fields: ['key'] }, 'key')).toBe(1);
    expect(age({ updatedAt, fields: ['key', 'other'] }, 'key')).toBeUndefined();
    expect(age({ updatedAt, fields: ['a'] }, '/a/b')).toBeUndefined();
    expect(age({ updatedAt }, 'key')).toBeUndefined();
    expect(age({ updatedAt, rotatedAt: {} }, 'toString')).toBeUndefined();
    expect(age({})).toBeUndefined();
  });

  it.each<[Metadata, string]>([
    [{ presence: 'absent', enabled: false, expiresAt: daysAgo(1) }, 'absent'],
    [{ presence: 'present', enabled: false, expiresAt: daysAgo(1) }, 'disabled'],
    [{ presence: 'present', expiresAt: daysAgo(0), updatedAt: daysAgo(99) }, 'expired'],
    [{ presence: 'present', expiresAt: daysAgo(-1), updatedAt: daysAgo(11) }, 'over-age'],
    [{ presence: 'present', updatedAt: daysAgo(10) }, 'present'],
    [{ presence: 'unknown', updatedAt: daysAgo(9) }, 'unknown'],
    [{ presence: 'present' }, 'present'],
  ])('takes %j for %s', (metadata, state) => {
    expect(conditionOf(metadata, undefined, { maxAge: 10 * DAY }, now).state).toBe(state);
  });

  it('is due at the earliest of what says so, and over age exactly when maxAge is passed', () => {
    const days = fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined });
    fc.assert(
      fc.property(days, days, days, days, days, (made, maxAge, every, next, expires) => {
        const metadata: Metadata = {
          presence: 'present',
          ...(made === undefined ? {} : { updatedAt: daysAgo(made) }),
          ...(next === undefined ? {} : { nextRotationAt: daysAgo(-next) }),
          ...(expires === undefined ? {} : { expiresAt: daysAgo(-expires) }),
        };
        const rotate = {
          using: 'generate',
          options: {},
          at: { file: '', line: 1, column: 1 },
          ...(every === undefined ? {} : { every: every * DAY }),
        };
        const condition = conditionOf(metadata, undefined, { rotate, ...(maxAge === undefined ? {} : { maxAge: maxAge * DAY }) }, now);
        const dues = [
          made === undefined || maxAge === undefined ? Infinity : maxAge - made,
          made === undefined || every === undefined ? Infinity : every - made,
          next ?? Infinity,
          expires ?? Infinity,
        ];
        const due = Math.min(...dues);
        expect(condition.dueAt).toEqual(due === Infinity ? undefined : daysAgo(-due));
        expect(condition.state).toBe(made !== undefined && maxAge !== undefined && made > maxAge ? 'over-age' : 'present');
      }),
    );
  });

  it('is due never when it is absent', () => {
    expect(conditionOf({ presence: 'absent', updatedAt: daysAgo(3) }, undefined, { maxAge: DAY }, now)).toEqual({ state: 'absent' });
  });
});
