/** Values that their backend rotates by itself: it is asked to, and watched until the new version is there. */
import { Fault } from '../core/fault.ts';
import type { Ground } from './ground.ts';
import type { Promoted } from './staged.ts';
import { faultOf, isUnknown } from './words.ts';

export interface BackendContext {
  readonly ground: Ground;
  /** Waits before another look; false when it has waited long enough. */
  readonly patience: (tries: number) => Promise<boolean>;
  readonly planned: (from: string | undefined) => Promise<void>;
}

/** @throws Fault 'timeout' where the backend has begun and no new version came in time */
export async function rotateByBackend({ ground, patience, planned }: BackendContext): Promise<Promoted> {
  const before = await ground.metadata();
  if (before.presence === 'absent') throw new Fault('not-found', 'there is nothing that its manager could rotate');
  const stamp = (one: typeof before): string => JSON.stringify([one.version, one.updatedAt?.getTime()]);
  await planned(before.version);
  let lost: Fault | undefined;
  const asked = await ground.rotate().catch((error: unknown) => {
    const fault = faultOf(error);
    if (!isUnknown(fault) || fault.kind === 'cancelled') throw fault;
    lost = fault;
    return undefined;
  });
  for (let tries = 1; ; tries++) {
    const now = await ground.metadata();
    if (stamp(now) !== stamp(before)) return { version: now.version ?? asked?.version, from: before.version };
    // A backend that tells no versions has done it when it says so.
    if (asked !== undefined && now.version === undefined && now.updatedAt === undefined) return { version: asked.version, from: undefined };
    if (!(await patience(tries))) break;
  }
  throw (
    lost ??
    new Fault('timeout', {
      message: 'its manager has begun to rotate it, and there is no new version yet',
      hint: 'secrets history NAME shows when it is there; the log of the manager says why it takes long',
      retryable: false,
    })
  );
}
