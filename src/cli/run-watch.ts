/** The part of `secrets run` that begins when the program runs: it ends as the program did, and never without it. */
import { formatDuration } from '../core/duration.ts';
import { CODES, type SecretsError } from '../core/errors.ts';
import type { Footprint } from '../run/footprint.ts';
import type { Launched } from '../run/launch.ts';
import type { Run } from '../run/prepare.ts';
import { DEFAULT_KILL_AFTER, Stopping, type StopRules } from '../run/stopping.ts';
import type { Streams } from '../run/streams.ts';
import { endAs, supervise, type Ending, type Relay } from '../run/supervise.ts';
import type { Context } from './context.ts';
import { onEmergency } from './emergency.ts';
import { finishStreams, watchStreams } from './run-output.ts';
import { scrubNotice } from './run-report.ts';

export interface Watched {
  readonly launched: Extract<Launched, { ok: true }>;
  readonly relay: Relay;
  readonly stops: StopRules;
  readonly streams: Streams | undefined;
  readonly footprint: Footprint;
  readonly run: Run;
  /** Names of the credentials that the program did not get. */
  readonly scrubbed: readonly string[];
}

/** Passes signals and output on until the program ends, and ends this process. A failure of ours ends the program too. */
export async function watchOver(context: Context, watched: Watched): Promise<void> {
  const { launched, relay, stops, streams, footprint, run, scrubbed } = watched;
  const { child, ownGroup } = launched;
  const stopping = new Stopping(
    stops,
    (signal) => relay.send(signal),
    () => {
      const kill = formatDuration(stops.killAfter ?? DEFAULT_KILL_AFTER);
      context.output.notice(`the program's time (--ttl) is over, so it gets ${stops.signal}, and SIGKILL after ${kill}`);
    },
  );
  let failed = false;
  const fail = (error: SecretsError): void => {
    // The first failure ends everything already; what comes behind it may well be its consequence.
    if (failed) return;
    failed = true;
    const runs = child.exitCode === null && child.signalCode === null;
    context.output.error(error, runs ? 'the program is ended' : 'the program had ended before');
    void endAfterFailure(watched, stopping);
  };
  onEmergency(fail);
  relay.attach(child, { ownSession: streams?.ownSession ?? false, ownGroup, stopping });
  stopping.begin();
  watchStreams(context, streams, child, fail);
  footprint.started(child);
  const ending = await supervise(child);
  if (failed) return;
  stopping.end();
  footprint.remove();
  const cutBy = await finishStreams(context, streams, relay.late);
  await closeQuickly(run);
  if (failed) return;
  relay.release();
  if (scrubbed.length > 0 && !isSuccess(ending)) context.output.notice(scrubNotice(scrubbed));
  endAs(cutBy === undefined ? ending : { signal: cutBy });
}

const isSuccess = (ending: Ending): boolean => 'code' in ending && ending.code === 0;

/** What is left of the program's output is passed on for this long, in milliseconds. */
const LAST_OUTPUT_MS = 1_000;

async function endAfterFailure({ launched, streams, footprint, run }: Watched, stopping: Stopping): Promise<never> {
  stopping.stopForGood();
  await supervise(launched.child);
  stopping.end();
  footprint.remove();
  await within(LAST_OUTPUT_MS, streams?.finish());
  await closeQuickly(run);
  process.exit(CODES.INTERNAL.exit);
}

/** Two seconds are enough to give tokens back; a manager that hangs must not hold the program. */
export const closeQuickly = (run: Run): Promise<void> => within(2_000, run.close());

async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // The timer keeps the process alive: with nothing left to do it would end by itself, and with another code.
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]).catch(() => undefined);
  clearTimeout(timer);
}
