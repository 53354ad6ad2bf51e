/**
 * A rotation whose value opens something else. planned → created → applied → verified → promoted, each step after
 * asking what is already so: begun anew after a crash at any point, it ends the same way. The value exists in the store
 * before the target hears of it, and it is made once.
 */
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { PendingInfo } from '../provider-kit/contract.ts';
import type { Ground } from './ground.ts';
import { isSameValue } from './same.ts';
import { promote } from './promote.ts';
import type { Target } from './target.ts';
import { faultOf, inProgress, isUnknown, neitherWorks, perhapsCreated, refused, unfinished } from './words.ts';

export type Step = 'planned' | 'created' | 'applied' | 'verified' | 'promoted' | 'retired' | 'aborted';

export interface StagedContext {
  readonly label: string;
  readonly ground: Ground;
  readonly target: Target;
  /** Id of the rotation; a backend without room for it gives the pending value one of its own. */
  readonly rotation: string;
  /** Whether a pending value of this rotation may be gone on with. */
  readonly resume: boolean;
  /** The version that the pending value was made over, where this machine has noted it. */
  readonly base?: string | undefined;
  readonly now: () => Date;
  /** Waits before another look at the target; false when it has waited long enough. */
  readonly patience: (tries: number) => Promise<boolean>;
  /** Called after a step, complete on return. */
  readonly reached: (step: Step, about: { readonly rotation: string; readonly version?: string | undefined }) => Promise<void>;
}

export interface Promoted {
  readonly version: string | undefined;
  /** The version that was current before. */
  readonly from: string | undefined;
  /** A failure of the target's last step, which changes nothing about the value. */
  readonly afterwards?: Fault;
}

/** @throws Fault; afterwards at least one stored value opens the target, or the fault says that none does */
export async function rotateStaged(context: StagedContext): Promise<Promoted> {
  const { ground, label } = context;
  const found = await ground.pending.find();
  if (found !== undefined && (!context.resume || found.rotation === undefined)) throw inProgress(label, found);
  const from = context.base ?? found?.base ?? (await ground.version());
  const { value, rotation } = found === undefined ? await create(context, from) : await readPending(context, found);
  try {
    await applied(context, rotation, value, found !== undefined);
    await context.reached('applied', { rotation });
    await verified(context, rotation, value);
    await context.reached('verified', { rotation });
    const version = await promote({ ...context, rotation }, value, from);
    await context.reached('promoted', { rotation, version });
    const afterwards = await context.target.finish(value).then(() => undefined, faultOf);
    return { version, from, ...(afterwards === undefined ? {} : { afterwards }) };
  } catch (error) {
    const fault = faultOf(error);
    throw isUnknown(fault) ? unfinished(label, fault) : fault;
  } finally {
    value.wipe();
  }
}

interface Pending {
  readonly value: SecretValue;
  /** As the backend calls it. */
  readonly rotation: string;
}

const MOST_TRIES = 3;

/** Makes the value and stores it. A lost answer is asked after; what is sent again is the same value. */
async function create(context: StagedContext, base: string | undefined): Promise<Pending> {
  const { ground, rotation, label } = context;
  const value = await context.target.next();
  const rotatedAt = context.now();
  for (let tries = 1; ; tries++) {
    const made = await ground.pending.create(value, rotatedAt, rotation).catch(faultOf);
    if (!(made instanceof Fault)) {
      const pending = { value, rotation: made.rotation ?? rotation };
      await context.reached('created', pending);
      return pending;
    }
    const fault = made;
    if (fault.kind !== 'conflict' && !isUnknown(fault)) throw fault;
    const found = await ground.pending.find().catch(() => {
      throw perhapsCreated(label, fault);
    });
    if (found !== undefined && (await isOurs(context, found, value, base))) return readPending(context, found);
    if (found !== undefined) throw inProgress(label, found);
    if (tries === MOST_TRIES) throw perhapsCreated(label, fault);
  }
}

/** Whether a pending value is what this process has sent, under whatever id. */
async function isOurs(
  { ground, rotation }: StagedContext,
  found: PendingInfo,
  value: SecretValue,
  base: string | undefined,
): Promise<boolean> {
  if (found.rotation === rotation) return true;
  if (found.rotation === undefined || found.base !== base) return false;
  return isSameValue(await ground.pending.read(found.rotation), value);
}

async function readPending(context: StagedContext, found: PendingInfo): Promise<Pending> {
  const rotation = found.rotation ?? context.rotation;
  const value = await context.ground.pending.read(rotation);
  await context.reached('created', { rotation });
  return { value, rotation };
}

/** Gives the value to the target, unless that has it from an earlier try. */
async function applied(context: StagedContext, rotation: string, value: SecretValue, again: boolean): Promise<void> {
  const { target, label } = context;
  if (again && (await target.accepts(value))) return;
  try {
    await target.apply(value);
  } catch (error) {
    const fault = faultOf(error);
    if (isUnknown(fault)) {
      if (fault.kind !== 'cancelled' && (await target.accepts(value))) return;
      throw fault;
    }
    if ((await putBack(context, rotation, value)) === 'current') throw refused(label, fault.detail.message);
  }
}

async function verified(context: StagedContext, rotation: string, value: SecretValue): Promise<void> {
  for (let tries = 1; ; tries++) {
    if (await context.target.accepts(value)) return;
    if (!(await context.patience(tries))) break;
  }
  if ((await putBack(context, rotation, value)) === 'current')
    throw refused(context.label, 'the target does not accept the new value after it was set');
}

/**
 * Makes sure that the current value opens the target, after the new one did not. A target that accepts neither is left
 * alone.
 * @returns which of the two it accepts in the end: a slow target may have taken the new one after all
 */
export async function putBack(
  { ground, target, label }: Pick<StagedContext, 'ground' | 'target' | 'label'>,
  rotation: string,
  pending: SecretValue,
): Promise<'current' | 'pending'> {
  const current = await ground.read();
  try {
    if (await target.accepts(current)) return 'current';
    await target.apply(current).catch((error: unknown) => {
      const fault = faultOf(error);
      if (isUnknown(fault)) throw fault;
    });
    if (await target.accepts(current)) return 'current';
    if (await target.accepts(pending)) return 'pending';
  } finally {
    current.wipe();
  }
  throw neitherWorks(label, await ground.version().catch(() => undefined), rotation);
}
