/** A value that opens nothing by itself: one write, made only if the version is still the one that was seen. */
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { Ground } from './ground.ts';
import { isSameValue } from './same.ts';
import type { Promoted } from './staged.ts';
import { faultOf, isUnknown } from './words.ts';

const MOST_TRIES = 3;

export interface DirectContext {
  readonly ground: Ground;
  readonly next: () => SecretValue;
  readonly now: () => Date;
  /** The field that is written; undefined is the whole document. */
  readonly field: string | undefined;
  /** Called before the first request that may change something. */
  readonly planned: (from: string | undefined) => Promise<void>;
}

/**
 * Replaces the value. After a lost answer the backend is asked, and what is sent again is the same value under the same
 * condition.
 * @throws Fault 'conflict' where somebody else was faster
 */
export async function rotateDirect(context: DirectContext): Promise<Promoted> {
  const { ground } = context;
  const { presence, version: from } = await ground.metadata();
  if (presence === 'absent') throw new Fault('not-found', 'there is no value yet that could be replaced');
  await refuseForeignPending(ground);
  const value = context.next();
  const rotatedAt = context.now();
  await context.planned(from);
  try {
    for (let tries = 1; ; tries++) {
      try {
        return { version: (await ground.put(value, rotatedAt, from)).version, from };
      } catch (error) {
        const fault = faultOf(error);
        const mayBeOurs = isUnknown(fault) || (tries > 1 && fault.kind === 'conflict');
        if (!mayBeOurs || fault.kind === 'cancelled') throw fault;
        if (await isWritten(context, from, value, rotatedAt)) return { version: await ground.version(), from };
        // Without a version to expect, sending it again could write over somebody else's value.
        if (fault.kind === 'conflict' || from === undefined || tries === MOST_TRIES) throw notKnown(fault);
      }
    }
  } finally {
    value.wipe();
  }
}

async function isWritten(
  { ground, field }: DirectContext,
  from: string | undefined,
  value: SecretValue,
  rotatedAt: Date,
): Promise<boolean> {
  const { version, rotatedAt: dates } = await ground.metadata();
  if (version !== undefined && version === from) return false;
  const recorded = field === undefined ? undefined : dates?.[field];
  if (recorded !== undefined && recorded.getTime() === rotatedAt.getTime()) return true;
  const now = await ground.read();
  const same = isSameValue(now, value);
  now.wipe();
  return same;
}

/** A pending value means that another rotation is under way, which a write would lose. */
async function refuseForeignPending(ground: Ground): Promise<void> {
  const found = await ground.pending.find().catch((error: unknown) => {
    if (faultOf(error).kind === 'unsupported') return undefined;
    throw error;
  });
  if (found !== undefined)
    throw new Fault('conflict', {
      message: 'another rotation has a pending value here; nothing was changed',
      hint: 'secrets rotate NAME --resume or --abort, with the rotator that began it',
    });
}

const notKnown = (fault: Fault): Fault =>
  fault.kind === 'conflict'
    ? fault
    : new Fault(fault.kind, { ...fault.detail, message: `${fault.detail.message}; the value in the store is still the former one` });
