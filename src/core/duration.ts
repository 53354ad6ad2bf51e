/** Durations as people write them: `90d`, `24h`, `1h30m`. */
import type { Milliseconds } from './model.ts';

const SECOND = 1000;
/** Largest first; a year is 365 days. */
const UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['y', 365 * 86_400 * SECOND],
  ['w', 7 * 86_400 * SECOND],
  ['d', 86_400 * SECOND],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
  ['ms', 1],
];
/** The pattern of a duration, largest unit first, each at most once. */
export const DURATION =
  /^(?=\d)(?:(\d{1,6})y)?(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,10})s)?(?:(\d{1,12})ms)?$/;
/** Longer than any policy, and far from where numbers lose their precision. */
const LONGEST = 1000 * 365 * 86_400 * SECOND;

/** Milliseconds of a text such as `90d`, `24h`, `15m`, `30s`, `500ms`, `2w`, `1y` or `1h30m`; undefined if it is none. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const total = UNITS.reduce((sum, [, milliseconds], index) => sum + Number(match[index + 1] ?? 0) * milliseconds, 0);
  return total <= LONGEST ? total : undefined;
}

/**
 * A text that {@link parseDuration} reads as these milliseconds, for whole numbers from 0: whole days as `2w`, `90d`
 * or `1y`, everything else as `1h30m`.
 */
export function formatDuration(milliseconds: Milliseconds): string {
  let rest = Math.max(0, Math.round(milliseconds));
  const [year, week, day] = [365 * 86_400 * SECOND, 7 * 86_400 * SECOND, 86_400 * SECOND];
  if (rest > 0 && rest % day === 0) {
    if (rest % year === 0) return `${rest / year}y`;
    return rest % week === 0 && rest <= 8 * week ? `${rest / week}w` : `${rest / day}d`;
  }
  let text = '';
  for (const [unit, size] of UNITS.slice(2)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}
