/** The programs that this user has started by `secrets run` and that are alive. */
import { userFolders } from '../platform/folders.ts';
import { holderState, type Holder, type HolderState } from '../platform/lock-holder.ts';
import { runsFolder, sweepRecords, type RecordedSecret, type RunRecord } from '../run/records.ts';
import type { Context } from './context.ts';

export interface Running {
  readonly record: RunRecord;
  /** The child, or what supervises it where the child is not known. */
  readonly program: Holder;
  readonly state: Exclude<HolderState, 'dead'>;
  /** What the program got. */
  readonly injected: readonly RecordedSecret[];
}

/** The oldest first. @returns undefined where there is no state folder, so that nothing is known */
export function runningPrograms({ env }: Context): readonly Running[] | undefined {
  const { state: folder } = userFolders(env);
  if (folder === undefined) return undefined;
  return sweepRecords(runsFolder(folder))
    .flatMap((record): readonly Running[] => {
      const program = record.program ?? record.run;
      const state = holderState(program);
      if (state === 'dead') return [];
      return [{ record, program, state, injected: record.secrets.filter((secret) => secret.state === 'injected') }];
    })
    .sort((one, other) => one.record.since.localeCompare(other.record.since));
}
