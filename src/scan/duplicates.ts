/** The same value behind two references: rotating one of them leaves the other as it was. Compared in memory only. */
import { isSame } from '../run/write.ts';
import { groupEqual } from './plan.ts';
import type { NamedValue } from './values.ts';

export interface Duplicate {
  readonly names: readonly string[];
  /** Two or more, as they are written. */
  readonly references: readonly string[];
}

/** Names that share one reference are no duplicate of each other: there is one value, in one place. */
export function duplicatesOf(values: readonly NamedValue[]): readonly Duplicate[] {
  return groupEqual(values).flatMap((group) => {
    const distinct = group.filter(({ reference }, index) => !group.slice(0, index).some((other) => isSame(reference, other.reference)));
    if (distinct.length < 2) return [];
    return { names: group.map(({ name }) => name), references: distinct.map(({ reference }) => reference.placed.reference.text) };
  });
}
