/** What the pending values of all adapters have in common: the name of their sibling, the words for what is wrong, promoting. */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { Expectation, ParsedRef, Patch, PendingInfo, PutResult } from './contract.ts';
import { extractField } from './json-document.ts';

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
    throw new Fault('conflict', {
      message: `the pending value of ${ref.key} is that of ${whose}`,
      hint: 'secrets rotate NAME --abort takes it away, once nobody works with it',
    });
  }
  if (found.field !== ref.field)
    throw new Fault('conflict', `the pending value of ${ref.key} is ${found.field === undefined ? 'for all of it' : 'for another field'}`);
}

export const noPending = ({ key }: ParsedRef): Fault =>
  new Fault('not-found', { message: `${key} has no pending value`, hint: 'secrets rotate NAME makes one' });

/** There is one already, whoever made it. */
export const alreadyPending = ({ key }: ParsedRef): Fault =>
  new Fault('conflict', {
    message: `${key} has a pending value already: a rotation of it is under way or was left half-finished`,
    hint: 'secrets rotate NAME --resume goes on with it, --abort takes it away',
  });

/** A version that was compared is not current any more. */
export const notCurrent = ({ key }: ParsedRef): Fault =>
  new Fault('conflict', {
    message: `another version of ${key} is current by now; nothing was promoted`,
    hint: 'secrets rotate NAME --abort',
  });

/** A pending value that lies beside its document, and how that document is read and written. */
export interface Promotion {
  readonly ref: ParsedRef;
  readonly value: SecretValue;
  readonly createdAt: Date;
  readonly base: string | undefined;
  /** The document as it is; bytes are undefined where it is absent. */
  current(): Promise<{ readonly version: string | undefined; readonly bytes: SecretValue | undefined }>;
  /** The adapter's own write. */
  put(patch: Patch, expectation: Expectation): Promise<PutResult>;
  /** Takes the pending value away. */
  clear(): Promise<void>;
}

/**
 * Promotes a pending value that lies beside its document: writes it, unless an earlier attempt has done so, and only
 * then takes it away.
 * @throws Fault 'conflict' where the expectation does not hold
 */
export async function promoteSibling(promotion: Promotion, { expect }: Expectation): Promise<PutResult> {
  const { ref, value, createdAt, base } = promotion;
  const { field } = ref;
  const { version, bytes } = await promotion.current();
  const held = bytes === undefined ? undefined : partOf(bytes, field);
  let result: PutResult = version === undefined ? {} : { version };
  // After a lost answer, or a kill between the two steps, the value is there already.
  if (held === undefined || version === base || !isSame(held, value, field)) {
    if (expect !== undefined && (expect === 'absent' ? held !== undefined : held === undefined || expect !== version))
      throw notCurrent(ref);
    const patch: Patch = { value, rotatedAt: createdAt, ...(field === undefined ? {} : { field }) };
    const expected = bytes === undefined ? 'absent' : version;
    result = await promotion.put(patch, expected === undefined ? {} : { expect: expected });
  }
  await promotion.clear();
  return result;
}

/** The document's part that the pending value takes the place of, undefined where it is absent. */
function partOf(bytes: SecretValue, field: string | undefined): SecretValue | undefined {
  if (field === undefined) return bytes;
  const part = extractField(bytes, field);
  return part.ok ? part.value : undefined;
}

/** Backends may write a whole JSON document in their own order, so it is compared as what it says. */
function isSame(held: SecretValue, value: SecretValue, field: string | undefined): boolean {
  if (held.equals(value)) return true;
  if (field !== undefined) return false;
  const [a, b] = [held, value].map(jsonOf);
  return a !== undefined && isDeepStrictEqual(a, b);
}

function jsonOf(value: SecretValue): unknown {
  try {
    return JSON.parse(value.reveal().toString('utf8'));
  } catch {
    return undefined;
  }
}
