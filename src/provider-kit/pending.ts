/** What the pending values of all adapters have in common: the name of their sibling, and the words for what is wrong. */
import { Fault } from '../core/fault.ts';
import type { ParsedRef, PendingInfo } from './contract.ts';

/** Ends the name of the sibling that holds a document's pending value. No reference may name one. */
export const PENDING_SUFFIX = '.pending';

export const isPendingKey = (key: string): boolean => key.endsWith(PENDING_SUFFIX);

/** Throws Fault 'ref' for the name of a pending value: for an adapter's `parseRef`, offline. */
export function refusePendingKey(key: string): void {
  if (!isPendingKey(key)) return;
  throw new Fault('ref', {
    message: `names that end in ${PENDING_SUFFIX} are kept for values of rotations that are not in use yet`,
    hint: `name the secret itself: take ${PENDING_SUFFIX} off the reference`,
  });
}

/** Throws Fault 'conflict' unless the pending value is this rotation's, for this field. */
export function checkRotation(ref: ParsedRef, rotation: string, found: PendingInfo): void {
  if (found.rotation !== rotation) {
    const whose = found.rotation === undefined ? 'another tool' : 'another rotation';
    throw new Fault('conflict', { message: `the pending value of ${ref.key} is that of ${whose}`, hint: 'secrets describe NAME shows it' });
  }
  if (found.field !== ref.field)
    throw new Fault('conflict', `the pending value of ${ref.key} is ${found.field === undefined ? 'for all of it' : 'for another field'}`);
}

export const noPending = ({ key }: ParsedRef): Fault =>
  new Fault('not-found', { message: `${key} has no pending value`, hint: 'secrets rotate makes one' });

/** There is one already, whoever made it. */
export const alreadyPending = ({ key }: ParsedRef): Fault =>
  new Fault('conflict', {
    message: `${key} has a pending value already: a rotation of it is under way or was left half-finished`,
    hint: 'secrets rotate --resume goes on with it, --abort takes it away',
  });

/** A version that was compared is not current any more. */
export const notCurrent = ({ key }: ParsedRef): Fault =>
  new Fault('conflict', { message: `another version of ${key} is current by now; nothing was promoted`, hint: 'secrets rotate --abort' });
