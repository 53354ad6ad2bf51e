/** `secrets run`: resolve, inject, launch, supervise. */
import type { Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import { emptyCores } from '../../platform/core-files.ts';
import { descriptorsToKeep } from '../../platform/descriptors.ts';
import { userFolders } from '../../platform/folders.ts';
import { closeInspector } from '../../platform/hygiene.ts';
import { Footprint, type FootprintOptions } from '../../run/footprint.ts';
import { Handover } from '../../run/handover.ts';
import { launch, lookUp, type Command as Program, type Launched } from '../../run/launch.ts';
import type { Loaded } from '../../run/load.ts';
import { outerRun } from '../../run/nested.ts';
import { prepare, type Prepared } from '../../run/prepare.ts';
import type { Streams } from '../../run/streams.ts';
import { Relay, statusOf } from '../../run/supervise.ts';
import { announceMasks, takesMasks } from '../ci-masks.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { references } from '../options.ts';
import {
  addRunOptions,
  keepRule,
  maskRules,
  refuseBesideSealed,
  rulesFor,
  stopRules,
  type RunOptions,
  envFilesOf,
} from '../run-options.ts';
import { openStreams } from '../run-output.ts';
import { reportPrepared, shown } from '../run-report.ts';
import { closeQuickly, watchOver } from '../run-watch.ts';
import { selectOptionsOf } from '../select-options.ts';
import { loadFor, openRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';
import { ensureTrusted } from '../trust-gate.ts';

export const define: CommandModule['define'] = (command, open) => {
  addRunOptions(command.argument('[command...]', 'the program and its arguments, best behind --').passThroughOptions()).action(
    async (argv: string[], options: RunOptions, self: Command) => runCommand(open(self), argv, options),
  );
};

async function runCommand(context: Context, argv: readonly string[], options: RunOptions): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined && options.dryRun !== true) {
    throw new SecretsError({ code: 'USAGE', message: 'the program to run is missing', hint: 'secrets run -- npm start' });
  }
  // Before anything else, so that no signal is lost; until there is a child, a signal ends the preparation.
  const cancel = new AbortController();
  let early: NodeJS.Signals | undefined;
  const relay = new Relay((signal) => {
    if (early !== undefined) process.exit(statusOf(signal));
    early = signal;
    cancel.abort();
    setTimeout(() => process.exit(statusOf(signal)), 2_000).unref();
  });

  if (process.pid === 1 && options.replace !== true && options.dryRun !== true) {
    (await import('../run-init.ts')).leavePid1(context, options);
  }
  const coresBefore = emptyCores();
  const keepFds = keepRule(options.keepFd ?? []);
  const stops = stopRules(options);
  refuseBesideSealed(options);
  const asked: readonly [string, ...string[]] = [program ?? '', ...args];
  const sealed = options.sealed === undefined ? undefined : await unseal(context, options.sealed, asked);
  const loaded = sealed?.loaded ?? (await loadFor(context, { envFiles: envFilesOf(options), refs: references(options.ref ?? []) }));
  const { manifest } = loaded;
  const rules = rulesFor(manifest, options);
  if (options.dryRun === true) {
    const { printPlan } = await import('./run-plan.ts');
    await printPlan(context, manifest, selectOptionsOf(options), rules, argv);
    return;
  }
  const command = sealed?.command ?? commandOrExit(context, asked);
  const mask = maskRules(manifest, options);
  const replacing = options.replace === true ? await import('../run-replace.ts') : undefined;
  const replacement = replacing?.planReplacement(context, manifest, options, command, mask);
  const wrapper = options.dieWithParent === true ? await parentDeath(context) : undefined;

  try {
    await ensureTrusted(context, loaded, { once: options.trust === true, envFiles: envFilesOf(options), signal: cancel.signal });
  } catch (error) {
    if (early !== undefined) process.exit(statusOf(early));
    throw error;
  }
  closeInspector();
  const run = openRun(context, loaded, cancel.signal);
  const stateFolder = userFolders(context.env).state;
  const outer = outerRun(context.env, stateFolder);
  const handover = new Handover(descriptorsToKeep(args, context.env, keepFds));
  let prepared: Prepared;
  try {
    prepared = await withSpinner(context, 'fetching secrets', () =>
      prepare(manifest, run, {
        select: selectOptionsOf(options),
        argv: replacement?.argv ?? argv,
        rules,
        outer: sealed === undefined ? outer : undefined,
        fresh: options.fresh,
        settled: sealed?.settled,
        handover,
      }),
    );
    replacing?.refuseLeases(prepared);
  } catch (error) {
    await closeQuickly(run);
    if (early !== undefined) process.exit(statusOf(early));
    throw error;
  }
  if (options.ciMask !== 'off' && takesMasks(context.env)) await announceMasks(context, prepared, manifest.mask);
  reportPrepared(context, prepared);
  // Sign-in tokens are given back as soon as nothing needs them; a lease lives as long as its token.
  const leased = prepared.valid.secrets.some(({ secret }) => secret.lease !== undefined);
  if (!leased) await closeQuickly(run);
  if (early !== undefined) {
    await closeQuickly(run);
    process.exit(statusOf(early));
  }

  // Counted last, so that a run that can't begin uses nothing up.
  await sealed?.takeUse();
  const footprint = await leaveFootprint(context, { run, prepared, command, handover, stateFolder });
  const programCores = options.core === true ? coresBefore : undefined;
  let streams: Streams | undefined;
  let launched: Launched;
  try {
    if (replacing !== undefined && replacement !== undefined) {
      replacing.becomeProgram(context, prepared, replacement, mask, programCores);
    }
    streams = await openStreams(context, prepared, run, mask);
    // A signal before this line ends the preparation, one behind it is the program's.
    relay.hold();
    launched =
      early === undefined
        ? await launch(command, {
            env: prepared.composed.env,
            parent: context.env,
            cwd: context.cwd,
            keepFds,
            streams,
            descriptors: handover.descriptors,
            wrapper,
            cores: programCores,
          })
        : { ok: false, exit: 125, message: 'interrupted' };
  } catch (error) {
    footprint.remove();
    await closeQuickly(run);
    throw error;
  }
  if (!launched.ok) {
    streams?.abandon();
    footprint.remove();
    await closeQuickly(run);
    if (early !== undefined) process.exit(statusOf(early));
    context.output.error(
      new SecretsError({ code: 'ENV_INVALID', message: `${shown(program ?? '')}: ${launched.message}` }),
      'nothing was started',
    );
    process.exit(launched.exit);
  }
  await watchOver(context, { launched, relay, stops, streams, footprint, run, scrubbed: prepared.composed.scrubbed });
}

/** The program of the command, or this process ends as a shell does that has not found it. */
function commandOrExit(context: Context, argv: readonly [string, ...string[]]): Program {
  const command = lookUp(argv, context.env, context.cwd);
  if ('file' in command) return command;
  context.output.error(
    new SecretsError({
      code: 'USAGE',
      message: `${shown(argv[0])}: ${command.message}`,
      hint: command.exit === 126 ? 'chmod +x FILE, or name its interpreter: secrets run -- sh FILE' : 'check the spelling and PATH',
    }),
    'nothing was fetched',
  );
  process.exit(command.exit);
}

/** The sealed file in place of a manifest; its terms are about the command, which is looked up first therefore. */
async function unseal(context: Context, file: string, argv: readonly [string, ...string[]]) {
  const command = commandOrExit(context, argv);
  const { openSealed } = await import('../sealed.ts');
  const { manifest, settled, takeUse } = await openSealed(context, file, { argv, file: command.file, now: new Date() });
  const loaded: Loaded = { manifest, warnings: [] };
  return { command, loaded, settled, takeUse };
}

async function leaveFootprint(context: Context, options: FootprintOptions): Promise<Footprint> {
  try {
    const footprint = new Footprint(options);
    if (footprint.unrecorded !== undefined)
      context.output.detail(`no record of this run can be kept (${footprint.unrecorded}), so secrets ps does not show it`);
    return footprint;
  } catch (error) {
    await closeQuickly(options.run);
    throw error;
  }
}

async function parentDeath(context: Context): Promise<readonly string[]> {
  const wrapper = (await import('../../platform/parent-death.ts')).dieWithParent(context.env['PATH']);
  if (wrapper !== undefined) return wrapper;
  throw new SecretsError({
    code: 'DEPENDENCY_MISSING',
    message: '--die-with-parent needs Linux and a setpriv (util-linux) that knows --pdeathsig',
    hint: 'install util-linux, or leave the option out',
  });
}
