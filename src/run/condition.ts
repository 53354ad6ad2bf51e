/** What the metadata of one reference means at a moment: its age, what is due when, and its state. No I/O. */
import type { Milliseconds, SecretSpec } from '../core/model.ts';
import type { Metadata } from '../provider-kit/contract.ts';
import { fieldPath } from '../provider-kit/json-document.ts';

/**
 * `pending`: a rotation has made its next value. `overdue`: older than `maxAge`, or past its next rotation. `due` and
 * `expiring`: soon so. `missing`: its manager has nothing there.
 */
export const STATES = ['current', 'due', 'overdue', 'expiring', 'expired', 'missing', 'disabled', 'pending', 'unknown'] as const;

export type State = (typeof STATES)[number];

const DAY: Milliseconds = 86_400_000;
/** How long before a date it counts as soon: a tenth of the time that was given, within these days. */
const SOON = { part: 0.1, due: 7 * DAY, expiring: 14 * DAY } as const;

export interface Condition {
  readonly state: State;
  /** When the value, not its neighbours in the same document, was made; undefined where nothing says so. */
  readonly madeAt?: Date;
  /** From 0: a date that a wrong clock puts into the future is now. */
  readonly ageMs?: Milliseconds;
  /** By `rotate.every` or the backend's own schedule, the earlier. */
  readonly rotatesAt?: Date;
  /** When it should be replaced: by `rotatesAt`, `maxAge` or its expiry, the earliest. */
  readonly dueAt?: Date;
}

/** @param pending whether a rotation has a value in store that is not current yet */
export function conditionOf(
  metadata: Metadata,
  field: string | undefined,
  policy: Pick<SecretSpec, 'maxAge' | 'rotate'>,
  now: Date,
  pending = false,
): Condition {
  const madeAt = madeOf(metadata, field);
  const ageMs = madeAt === undefined ? undefined : Math.max(0, now.getTime() - madeAt.getTime());
  const limitAt = after(madeAt, policy.maxAge);
  const rotatesAt = earliest([after(madeAt, policy.rotate?.every), metadata.nextRotationAt]);
  const dueAt = earliest([limitAt, rotatesAt, metadata.expiresAt]);
  const isThere = metadata.presence !== 'absent';
  return {
    state: stateOf(metadata, { madeAt, limitAt, rotatesAt, pending }, now),
    ...(madeAt === undefined ? {} : { madeAt }),
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(rotatesAt === undefined || !isThere ? {} : { rotatesAt }),
    ...(dueAt === undefined || !isThere ? {} : { dueAt }),
  };
}

interface Dates {
  readonly madeAt: Date | undefined;
  readonly limitAt: Date | undefined;
  readonly rotatesAt: Date | undefined;
  readonly pending: boolean;
}

/** The first that holds; what only concerns the future comes last. */
function stateOf({ presence, enabled, expiresAt }: Metadata, { madeAt, limitAt, rotatesAt, pending }: Dates, now: Date): State {
  if (presence === 'absent') return 'missing';
  if (enabled === false) return 'disabled';
  if (expiresAt !== undefined && expiresAt <= now) return 'expired';
  if (pending) return 'pending';
  if ((limitAt !== undefined && limitAt < now) || (rotatesAt !== undefined && rotatesAt < now)) return 'overdue';
  if (isSoon(expiresAt, madeAt, SOON.expiring, now)) return 'expiring';
  if (isSoon(limitAt, madeAt, SOON.due, now) || isSoon(rotatesAt, madeAt, SOON.due, now)) return 'due';
  return presence === 'present' ? 'current' : 'unknown';
}

function isSoon(at: Date | undefined, from: Date | undefined, most: Milliseconds, now: Date): boolean {
  if (at === undefined) return false;
  const given = from === undefined || from >= at ? Number.POSITIVE_INFINITY : at.getTime() - from.getTime();
  return at.getTime() - now.getTime() <= Math.min(most, given * SOON.part);
}

const after = (date: Date | undefined, limit: Milliseconds | undefined): Date | undefined =>
  date === undefined || limit === undefined ? undefined : new Date(date.getTime() + limit);

const earliest = (dates: readonly (Date | undefined)[]): Date | undefined =>
  dates.reduce((first, date) => (first === undefined || (date !== undefined && date < first) ? date : first), undefined);

/**
 * Age is per field: what the backend has recorded for it, else the time of the document where that can mean nothing
 * but this value.
 */
function madeOf({ presence, rotatedAt, fields, updatedAt }: Metadata, field: string | undefined): Date | undefined {
  if (presence === 'absent') return undefined;
  if (field === undefined) return updatedAt;
  const path = fieldPath(field) ?? [];
  const [name = field] = path;
  const names = path.length === 1 ? [name, field] : [field];
  const recorded = names.find((one) => rotatedAt !== undefined && Object.hasOwn(rotatedAt, one));
  if (recorded !== undefined) return rotatedAt?.[recorded];
  return fields?.length === 1 && path.length === 1 ? updatedAt : undefined;
}
