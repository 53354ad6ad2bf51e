import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/core/duration.ts';

const DAY = 86_400_000;

describe('parseDuration', () => {
  it.each([
    ['90d', 90 * DAY],
    ['24h', DAY],
    ['15m', 900_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['2w', 14 * DAY],
    ['1y', 365 * DAY],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
    ['1y2w3d4h5m6s7ms', 365 * DAY + 17 * DAY + 4 * 3_600_000 + 306_007],
    ['0s', 0],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '90', 'd', '1.5h', '-1d', '30m1h', '1d1d', '1 d', '1D', 'P1D', '5000y', '99999999999999999999d', '1h ', '\n1h'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('formatDuration', () => {
  it.each([
    [90 * DAY, '90d'],
    [14 * DAY, '2w'],
    [365 * DAY, '1y'],
    [730 * DAY, '2y'],
    [5_400_000, '1h30m'],
    [DAY, '1d'],
    [36 * 3_600_000, '1d12h'],
    [0, '0s'],
    [500, '500ms'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('is read back as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900 * 365 * DAY }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});
