import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Metadata } from '../../src/provider-kit/contract.ts';
import { conditionOf } from '../../src/run/condition.ts';

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
    [{ presence: 'absent', enabled: false, expiresAt: daysAgo(1) }, 'missing'],
    [{ presence: 'present', enabled: false, expiresAt: daysAgo(1) }, 'disabled'],
    [{ presence: 'present', expiresAt: daysAgo(0), updatedAt: daysAgo(99) }, 'expired'],
    [{ presence: 'present', expiresAt: daysAgo(-1), updatedAt: daysAgo(101) }, 'overdue'],
    [{ presence: 'present', updatedAt: new Date(daysAgo(100).getTime() - 1) }, 'overdue'],
    [{ presence: 'present', updatedAt: daysAgo(100) }, 'due'],
    [{ presence: 'present', updatedAt: daysAgo(93) }, 'due'],
    [{ presence: 'present', updatedAt: new Date(daysAgo(93).getTime() + 1) }, 'current'],
    [{ presence: 'present', nextRotationAt: new Date(now.getTime() - 1) }, 'overdue'],
    [{ presence: 'present', nextRotationAt: daysAgo(-7) }, 'due'],
    [{ presence: 'present', nextRotationAt: daysAgo(-7.01) }, 'current'],
    [{ presence: 'present', updatedAt: daysAgo(9), nextRotationAt: daysAgo(-1) }, 'due'],
    [{ presence: 'present', updatedAt: daysAgo(8), nextRotationAt: daysAgo(-1) }, 'current'],
    [{ presence: 'present', expiresAt: daysAgo(-14) }, 'expiring'],
    [{ presence: 'present', expiresAt: daysAgo(-14.01) }, 'current'],
    [{ presence: 'present', updatedAt: daysAgo(90), expiresAt: daysAgo(-10) }, 'expiring'],
    [{ presence: 'present', updatedAt: daysAgo(89), expiresAt: daysAgo(-10) }, 'current'],
    [{ presence: 'present', updatedAt: daysAgo(0.9), expiresAt: daysAgo(-0.1) }, 'expiring'],
    [{ presence: 'unknown', updatedAt: daysAgo(9) }, 'unknown'],
    [{ presence: 'unknown', updatedAt: daysAgo(101) }, 'overdue'],
    [{ presence: 'present' }, 'current'],
  ])('takes %j for %s', (metadata, state) => {
    expect(conditionOf(metadata, undefined, { maxAge: 100 * DAY }, now).state).toBe(state);
  });

  it('takes a value that is to come for pending, unless nobody can use the one that is there', () => {
    const stateWith = (metadata: Omit<Metadata, 'presence'>, presence: Metadata['presence'] = 'present'): string =>
      conditionOf({ presence, ...metadata }, undefined, { maxAge: DAY }, now, true).state;
    expect(stateWith({ updatedAt: daysAgo(9) })).toBe('pending');
    expect(stateWith({ expiresAt: daysAgo(1) })).toBe('expired');
    expect(stateWith({ enabled: false })).toBe('disabled');
    expect(stateWith({}, 'absent')).toBe('missing');
  });

  it('takes a date that a wrong clock puts into the future for now', () => {
    const { ageMs, state } = conditionOf({ presence: 'present', updatedAt: daysAgo(-400) }, undefined, { maxAge: DAY }, now);
    expect([ageMs, state]).toEqual([0, 'current']);
  });

  it('is due at the earliest of what says so, and overdue exactly when maxAge or its interval is passed', () => {
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
        const passed = (limit: number | undefined): boolean => made !== undefined && limit !== undefined && made > limit;
        expect(condition.state === 'overdue').toBe(passed(maxAge) || passed(every));
        const rotates = Math.min(dues[1] ?? Infinity, dues[2] ?? Infinity);
        expect(condition.rotatesAt).toEqual(rotates === Infinity ? undefined : daysAgo(-rotates));
      }),
    );
  });

  it('is due never when it is absent', () => {
    expect(conditionOf({ presence: 'absent', updatedAt: daysAgo(3) }, undefined, { maxAge: DAY }, now)).toEqual({ state: 'missing' });
  });
});
