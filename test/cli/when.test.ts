import { describe, expect, it } from 'vitest';
import { ageText, dayText, timeText } from '../../src/cli/when.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

describe('ageText', () => {
  it.each([
    [0, 'now'],
    [MINUTE - 1, 'now'],
    [MINUTE, '1m'],
    [60 * MINUTE - 1, '59m'],
    [60 * MINUTE, '1h'],
    [DAY - 1, '23h'],
    [DAY, '1d'],
    [365 * DAY, '365d'],
    [730 * DAY - 1, '729d'],
    [730 * DAY, '2y'],
  ])('shows %i ms as %s', (ms, text) => {
    expect(ageText(ms)).toBe(text);
  });
});

describe('dates', () => {
  it('are in UTC', () => {
    const date = new Date('2026-03-01T23:59:59.900-05:00');
    expect([dayText(date), timeText(date)]).toEqual(['2026-03-02', '2026-03-02 04:59:59 UTC']);
  });
});
