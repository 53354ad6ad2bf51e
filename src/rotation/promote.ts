/** The step that makes the pending value the current one, whatever becomes of the answer. */
import type { SecretValue } from '../core/secret-value.ts';
import type { StagedContext } from './staged.ts';
import { isSameValue } from './same.ts';
import { editedMeanwhile, faultOf, isUnknown } from './words.ts';

const MOST_TRIES = 4;

/**
 * @param base the version that was current when the value was made
 * @returns the version that is current now
 * @throws Fault 'conflict' where somebody has stored another value meanwhile; a neighbouring field that was changed is no conflict
 */
export async function promote(
  context: Pick<StagedContext, 'ground' | 'rotation' | 'label'>,
  value: SecretValue,
  base: string | undefined,
): Promise<string | undefined> {
  const { ground, rotation } = context;
  let expect = base;
  for (let tries = 1; ; tries++) {
    try {
      return (await ground.pending.promote(rotation, expect)).version;
    } catch (error) {
      const fault = faultOf(error);
      const open = isUnknown(fault) || fault.kind === 'not-found' || fault.kind === 'conflict';
      if (!open || fault.kind === 'cancelled' || tries === MOST_TRIES) throw fault;
      if ((await ground.pending.find()) === undefined) {
        if (isSameValue(await ground.read(), value)) return ground.version();
        throw fault.kind === 'conflict' ? fault : editedMeanwhile(context.label);
      }
      if (fault.kind === 'conflict') expect = await rebased(context, base, fault);
    }
  }
}

/** The current version, if it differs from the base in other fields only. */
async function rebased(
  { ground, label }: Pick<StagedContext, 'ground' | 'label'>,
  base: string | undefined,
  fault: Error,
): Promise<string | undefined> {
  const current = await ground.version();
  if (base === undefined || current === base || current === undefined || (await ground.versions()) === undefined) throw fault;
  const [before, now] = [await ground.read(base), await ground.read(current)];
  if (!isSameValue(before, now)) throw editedMeanwhile(label);
  return current;
}
