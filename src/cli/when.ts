/** How times are shown: short in tables, exact in JSON. */
import type { Milliseconds } from '../core/model.ts';

const SECOND = 1000;
const UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['y', 365 * 86_400 * SECOND],
  ['d', 86_400 * SECOND],
  ['h', 3_600 * SECOND],
  ['m', 60 * SECOND],
];

/** `3y`, `12d`, `5h`, `8m` or `now`: the largest unit that is full; years from two on only. */
export function ageText(age: Milliseconds): string {
  for (const [unit, size] of UNITS) {
    const count = Math.floor(age / size);
    if (count >= (unit === 'y' ? 2 : 1)) return `${count}${unit}`;
  }
  return 'now';
}

/** `2026-03-01`, UTC. */
export const dayText = (date: Date): string => date.toISOString().slice(0, 10);

/** `2026-03-01 14:05:09 UTC` */
export const timeText = (date: Date): string => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
