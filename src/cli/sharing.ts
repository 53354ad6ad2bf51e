/** Which entries, of one manifest or of several, use the same value: what is affected when it is replaced. */
import type { Sessions } from '../provider-kit/session.ts';
import type { PlannedReference } from '../run/plan.ts';
import { fieldsOverlap } from '../run/write.ts';
import type { Row } from './inventory.ts';

export interface Use {
  readonly row: Row;
  /** Path of its manifest as it is shown; undefined where only one is looked at. */
  readonly file: string | undefined;
}

/** For each row with a reference: the other uses of its value, or of a document around it. */
export function sharedUses(uses: readonly Use[], sessions: Sessions): ReadonlyMap<Row, readonly Use[]> {
  const groups = Map.groupBy(uses, ({ row }) => (row.kind === 'reference' ? documentOf(row.reference, sessions) : undefined));
  const found = new Map<Row, readonly Use[]>();
  for (const [document, group] of groups) {
    if (document === undefined || group.length < 2) continue;
    for (const { row } of group) {
      if (row.kind !== 'reference') continue;
      const others = group.filter(
        (use) => use.row.kind === 'reference' && use.row.target !== row.target && fieldsOverlap(row.reference, use.row.reference),
      );
      if (others.length > 0) found.set(row, others);
    }
  }
  return found;
}

/** Two entries that sign in differently may be at the same backend all the same, which nobody can know. */
function documentOf({ configured, parsed }: PlannedReference, sessions: Sessions): string | undefined {
  try {
    return JSON.stringify([sessions.identity(configured, 'operator'), parsed.key]);
  } catch {
    return undefined; // options that don't name an identity: the row says so
  }
}
