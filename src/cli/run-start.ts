/** Starting the program: its footprint, its streams, and the launch itself; or everything is taken back. */
import { SecretsError } from '../core/errors.ts';
import type { MaskRules } from '../core/model.ts';
import type { CoreFilter } from '../platform/core-files.ts';
import type { KeepRule } from '../platform/descriptors.ts';
import { Footprint } from '../run/footprint.ts';
import type { Handover } from '../run/handover.ts';
import { launchEntries } from '../run/audit-entries.ts';
import { launch, type Command, type Launched } from '../run/launch.ts';
import type { Prepared, Run } from '../run/prepare.ts';
import type { Streams } from '../run/streams.ts';
import { statusOf, type Relay } from '../run/supervise.ts';
import { record, summarise } from './auditing.ts';
import type { Context } from './context.ts';
import { openStreams, type PipeSource } from './run-output.ts';
import { shown } from './run-report.ts';
import { closeQuickly } from './within.ts';

/** What is the same for every start of a run. */
export interface StartOptions {
  readonly run: Run;
  readonly command: Command;
  readonly relay: Relay;
  readonly mask: MaskRules;
  /** For the program's output, where it is masked. */
  readonly newPipes: PipeSource;
  readonly keepFds: KeepRule;
  /** Put in front of the program. */
  readonly wrapper: readonly string[] | undefined;
  /** The setting for core files that the program gets; undefined: ours. */
  readonly cores: CoreFilter;
  readonly stateFolder: string | undefined;
  /** Whether this program may get further values while it runs. */
  readonly growing: boolean;
  /** A signal that asked to end before the program was there. */
  readonly interrupted: () => NodeJS.Signals | undefined;
}

/** A program that runs, and what is there for it. */
export interface Started {
  readonly launched: Extract<Launched, { ok: true }>;
  readonly streams: Streams | undefined;
  readonly footprint: Footprint;
  /** Names of the credentials that the program did not get. */
  readonly scrubbed: readonly string[];
}

/**
 * Starts the program; where that fails, says why and ends this process as a shell would.
 * @param instead done at the last moment in place of the launch, and does not return: becoming the program
 * @throws SecretsError where files or streams can't be made; nothing is left then
 */
export async function startProgram(
  context: Context,
  options: StartOptions,
  prepared: Prepared,
  handover: Handover,
  instead?: () => never,
): Promise<Started> {
  const { run, command, relay, mask, newPipes, keepFds, wrapper, cores, growing, interrupted } = options;
  const footprint = await leaveFootprint(context, options, prepared, handover);
  let streams: Streams | undefined;
  let launched: Launched;
  try {
    await record(run, prepared.plan.manifest, 'resolve', launchEntries(prepared));
    await summarise(context);
    instead?.();
    streams = await openStreams(context, prepared, run, mask, growing, newPipes);
    // A signal before this line ends the preparation, one behind it is the program's.
    relay.hold();
    launched =
      interrupted() === undefined
        ? await launch(command, {
            env: prepared.composed.env,
            parent: context.env,
            cwd: context.cwd,
            keepFds,
            streams,
            descriptors: handover.descriptors,
            wrapper,
            cores,
          })
        : { ok: false, exit: 125, message: 'interrupted' };
  } catch (error) {
    footprint.remove();
    await closeQuickly(run);
    throw error;
  }
  if (launched.ok) return { launched, streams, footprint, scrubbed: prepared.composed.scrubbed };
  streams?.abandon();
  footprint.remove();
  await closeQuickly(run);
  const early = interrupted();
  if (early !== undefined) process.exit(statusOf(early));
  context.output.error(
    new SecretsError({ code: 'ENV_INVALID', message: `${shown(command.argv[0])}: ${launched.message}` }),
    'nothing was started',
  );
  process.exit(launched.exit);
}

async function leaveFootprint(
  context: Context,
  { run, command, stateFolder }: StartOptions,
  prepared: Prepared,
  handover: Handover,
): Promise<Footprint> {
  try {
    const footprint = new Footprint({ run, prepared, command, handover, stateFolder });
    if (footprint.unrecorded !== undefined)
      context.output.detail(`no record of this run can be kept (${footprint.unrecorded}), so secrets ps does not show it`);
    return footprint;
  } catch (error) {
    await closeQuickly(run);
    throw error;
  }
}
