/** The part of `secrets run` that begins when the program runs: it ends as the program did, and never without it. */
import { formatDuration } from '../core/duration.ts';
import { CODES, type SecretsError } from '../core/errors.ts';
import type { Run } from '../run/prepare.ts';
import { DEFAULT_KILL_AFTER, Stopping, type StopRules } from '../run/stopping.ts';
import { endAs, signalChild, supervise, type Ending, type Relay } from '../run/supervise.ts';
import type { Context } from './context.ts';
import { onEmergency } from './emergency.ts';
import { finishStreams, watchStreams } from './run-output.ts';
import { scrubNotice } from './run-report.ts';
import type { Started } from './run-start.ts';
import { closeQuickly, within } from './within.ts';

export interface Supervision {
  readonly run: Run;
  readonly relay: Relay;
  readonly stops: StopRules;
}

/** What may put another program in the place of the one that runs. */
export interface Successions {
  /** Begins to look for changes. */
  begin(stage: Stage): void;
  /** What is to be started now that the program has ended; undefined: nothing, it ended by itself. */
  next(): (() => Promise<Started>) | undefined;
  end(): void;
}

/** The program that runs now, as {@link Successions} sees it. */
export interface Stage {
  readonly program: RunningProgram;
  /** Another one takes its place while it still runs; it is asked to end then. */
  overtake(start: () => Promise<Started>): Promise<void>;
}

/** One start of the program, until it has ended and its output is passed on. */
class RunningProgram {
  readonly started: Started;
  readonly ended: Promise<Ending>;
  readonly #context: Context;
  readonly #relay: Relay;
  readonly #stopping: Stopping;

  constructor(context: Context, started: Started, { relay, stops }: Supervision, fail: (error: SecretsError) => void) {
    const { launched, streams, footprint } = started;
    const { child, ownGroup } = launched;
    this.started = started;
    this.#context = context;
    this.#relay = relay;
    this.#stopping = new Stopping(
      stops,
      (signal) => signalChild(child, ownGroup, signal),
      () => {
        const kill = formatDuration(stops.killAfter ?? DEFAULT_KILL_AFTER);
        context.output.notice(`the program's time (--ttl) is over, so it gets ${stops.signal}, and SIGKILL after ${kill}`);
      },
    );
    relay.attach(child, { ownSession: streams?.ownSession ?? false, ownGroup, stopping: this.#stopping });
    this.#stopping.begin();
    watchStreams(context, streams, child, fail);
    footprint.started(child);
    this.ended = supervise(child);
  }

  get runs(): boolean {
    const { child } = this.started.launched;
    return child.exitCode === null && child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    const { child, ownGroup } = this.started.launched;
    signalChild(child, ownGroup, signal);
  }

  /** Asks it to end, now, and sees to it that it does. */
  stopForGood(): void {
    this.#stopping.stopForGood();
  }

  /**
   * Waits for its last output, and takes away what was there for it.
   * @returns the signal that cut the output off
   */
  async finish(): Promise<NodeJS.Signals | undefined> {
    this.#stopping.end();
    this.started.footprint.remove();
    return finishStreams(this.#context, this.started.streams, this.#relay.late);
  }

  /**
   * The same where something of ours has failed: nothing is said, and nothing waited for.
   * @returns whether everything was passed on
   */
  async abandon(): Promise<boolean> {
    this.#stopping.end();
    this.started.footprint.remove();
    return doneInTime(this.started.streams?.finish());
  }
}

/** What is left of the program's output is passed on for this long, in milliseconds. */
const LAST_OUTPUT_MS = 1_000;

/** Passes signals and output on until the program ends, and ends this process. A failure of ours ends the program too. */
export async function watchOver(context: Context, first: Started, supervision: Supervision, changes?: Successions): Promise<void> {
  const { run, relay } = supervision;
  const programs = new Set<RunningProgram>();
  let failed = false;
  const fail = (error: SecretsError): void => {
    // The first failure ends everything already; what comes behind it may well be its consequence.
    if (failed) return;
    failed = true;
    const runs = [...programs].some((program) => program.runs);
    changes?.end();
    for (const program of programs) program.stopForGood();
    const said = context.output.errorAside(error, runs ? 'the program is ended' : 'the program had ended before');
    void endAfterFailure([...programs], run, said);
  };
  onEmergency(fail);
  const begin = (started: Started): RunningProgram => {
    const program = new RunningProgram(context, started, supervision, fail);
    programs.add(program);
    return program;
  };
  let current = begin(first);
  changes?.begin({
    get program() {
      return current;
    },
    overtake: async (start) => {
      const before = current;
      before.started.footprint.leaveRecord();
      current = begin(await start());
      before.stopForGood();
    },
  });
  for (;;) {
    const program = current;
    const ending = await program.ended;
    if (failed) return;
    const cutBy = await program.finish();
    programs.delete(program);
    if (failed) return;
    // One that another has overtaken; the newer one decides how this ends.
    if (program !== current) continue;
    const next = relay.asked ? undefined : changes?.next();
    if (next === undefined) {
      changes?.end();
      return endRun(context, ending, cutBy, program, supervision);
    }
    current = begin(await next());
  }
}

async function endRun(
  context: Context,
  ending: Ending,
  cutBy: NodeJS.Signals | undefined,
  { started: { scrubbed } }: RunningProgram,
  { run, relay }: Supervision,
): Promise<never> {
  await closeQuickly(run);
  relay.release();
  // Where a signal cut the output off, whoever reads stderr may take nothing more.
  if (scrubbed.length > 0 && !isSuccess(ending) && cutBy === undefined) context.output.notice(scrubNotice(scrubbed));
  return endAs(cutBy === undefined ? ending : { signal: cutBy });
}

const isSuccess = (ending: Ending): boolean => 'code' in ending && ending.code === 0;

/** @param said settles when the failure was told on stderr */
async function endAfterFailure(programs: readonly RunningProgram[], run: Run, said: Promise<void>): Promise<never> {
  const written = await Promise.all(
    programs.map(async (program) => {
      await program.ended;
      return program.abandon();
    }),
  );
  written.push(await doneInTime(said));
  await closeQuickly(run);
  if (!written.every(Boolean)) (await import('../platform/execute.ts')).exitAtOnce(CODES.INTERNAL.exit);
  process.exit(CODES.INTERNAL.exit);
}

/** Whether it was written before the time for that was over; a reader that takes nothing holds it up for ever. */
async function doneInTime(writing: Promise<unknown> | undefined): Promise<boolean> {
  let done = false;
  await within(
    LAST_OUTPUT_MS,
    writing?.then(() => (done = true)),
  );
  return writing === undefined || done;
}
