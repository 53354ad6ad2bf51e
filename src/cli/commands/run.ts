/** `secrets run`: resolve, inject, launch, supervise. */
import type { Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import { stopwatch } from '../../core/stopwatch.ts';
import { emptyCores } from '../../platform/core-files.ts';
import { descriptorsToKeep } from '../../platform/descriptors.ts';
import { userFolders } from '../../platform/folders.ts';
import { closeInspector } from '../../platform/hygiene.ts';
import { Handover } from '../../run/handover.ts';
import { lookUp, type Command as Program } from '../../run/launch.ts';
import type { Loaded } from '../../run/load.ts';
import { outerRun } from '../../run/nested.ts';
import { prepare, type Prepared, type PrepareOptions } from '../../run/prepare.ts';
import { Relay, statusOf } from '../../run/supervise.ts';
import type { TrustState } from '../../trust/decide.ts';
import { record, recordAnyway } from '../auditing.ts';
import { announceMasks, takesMasks } from '../ci-masks.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { references, withReason } from '../options.ts';
import {
  addRunOptions,
  inheritWarning,
  keepRule,
  maskRules,
  refuseBesideSealed,
  rulesFor,
  stopRules,
  watchRules,
  type RunOptions,
  envFilesOf,
} from '../run-options.ts';
import { beginPipes } from '../run-output.ts';
import { reportPrepared, shown } from '../run-report.ts';
import { startProgram, type Started, type StartOptions } from '../run-start.ts';
import { watchOver } from '../run-supervise.ts';
import { closeQuickly } from '../within.ts';
import { selectOptionsOf } from '../select-options.ts';
import { loadFor, openRun, traceOf } from '../session.ts';
import { withSpinner } from '../spinner.ts';
import { ensureTrusted } from '../trust-gate.ts';

export const define: CommandModule['define'] = (command, open) => {
  addRunOptions(command.argument('[command...]', 'the program and its arguments, best behind --').passThroughOptions()).action(
    async (argv: string[], options: RunOptions, self: Command) => runCommand(withReason(open(self), options), argv, options),
  );
};

async function runCommand(context: Context, argv: readonly string[], options: RunOptions): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined && options.dryRun !== true) {
    throw new SecretsError({ code: 'USAGE', message: 'the program to run is missing', hint: 'secrets run -- npm start' });
  }
  // Until there is a child, a signal ends the preparation.
  const cancel = new AbortController();
  let early: NodeJS.Signals | undefined;
  const listen = (): Relay =>
    new Relay((signal) => {
      if (early !== undefined) process.exit(statusOf(signal));
      early = signal;
      cancel.abort();
      setTimeout(() => process.exit(statusOf(signal)), 2_000).unref();
    });
  // Until the manifest is read there is nothing to give back, so a signal ends us by itself, also while a file of a
  // hung disk or pipe does not come. Process 1 would not even notice one without a listener.
  const first = process.pid === 1 ? listen() : undefined;

  if (process.pid === 1 && options.replace !== true && options.dryRun !== true) {
    (await import('../run-init.ts')).leavePid1(context, options);
  }
  const coresBefore = emptyCores();
  const keepFds = keepRule(options.keepFd ?? []);
  const stops = stopRules(options);
  const watching = watchRules(options);
  refuseBesideSealed(options);
  const asked: readonly [string, ...string[]] = [program ?? '', ...args];
  const sealed = options.sealed === undefined ? undefined : await unseal(context, options.sealed, asked);
  const loaded = sealed?.loaded ?? (await loadFor(context, { envFiles: envFilesOf(options), refs: references(options.ref ?? []) }));
  const relay = first ?? listen();
  const { manifest } = loaded;
  const rules = rulesFor(manifest, options);
  const unlikely = inheritWarning(options, context.env);
  if (unlikely !== undefined) context.output.warn(unlikely);
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

  let trust: TrustState | undefined;
  try {
    trust = await ensureTrusted(context, loaded, { once: options.trust === true, envFiles: envFilesOf(options), signal: cancel.signal });
  } catch (error) {
    if (early !== undefined) process.exit(statusOf(early));
    throw error;
  }
  closeInspector();
  const step = stopwatch(traceOf(context));
  const newPipes = beginPipes(replacing === undefined ? mask : { ...mask, mode: 'never' });
  const run = openRun(context, loaded, cancel.signal, trust);
  const stateFolder = userFolders(context.env).state;
  const outer = outerRun(context.env, stateFolder);
  const newHandover = (): Handover => new Handover(descriptorsToKeep(args, context.env, keepFds));
  const handover = newHandover();
  const preparation: PrepareOptions = {
    select: selectOptionsOf(options),
    argv: replacement?.argv ?? argv,
    rules,
    outer: sealed === undefined ? outer : undefined,
    fresh: options.fresh,
    settled: sealed?.settled,
    handover,
  };
  let prepared: Prepared;
  try {
    prepared = await withSpinner(context, 'fetching secrets', () => prepare(manifest, run, preparation));
    replacing?.refuseLeases(prepared);
  } catch (error) {
    await recordAnyway(run, manifest, 'resolve');
    await closeQuickly(run);
    if (early !== undefined) process.exit(statusOf(early));
    throw error;
  }
  const announce = async (what: Prepared): Promise<void> => {
    if (options.ciMask !== 'off' && takesMasks(context.env)) await announceMasks(context, what, manifest.mask);
  };
  await announce(prepared);
  reportPrepared(context, prepared);
  // What an outer run has injected is old by then.
  const prepareAgain = async (how: Handover): Promise<Prepared> => {
    try {
      const again = await prepare(manifest, run, { ...preparation, handover: how, fresh: true });
      await record(run, manifest, 'resolve');
      await announce(again);
      return again;
    } catch (error) {
      await recordAnyway(run, manifest, 'resolve');
      throw error;
    }
  };
  // Sign-in tokens are given back as soon as nothing needs them; a lease lives as long as its token.
  const leased = prepared.valid.secrets.some(({ secret }) => secret.lease !== undefined);
  if (!leased && watching === undefined) await closeQuickly(run);
  if (early !== undefined) {
    await recordAnyway(run, manifest, 'resolve');
    await closeQuickly(run);
    process.exit(statusOf(early));
  }
  // Counted last, so that a run that can't begin uses nothing up.
  if (sealed !== undefined) {
    await run.sessions.ready();
    await sealed.takeUse();
  }
  const starting: StartOptions = {
    run,
    command,
    relay,
    mask,
    newPipes,
    keepFds,
    wrapper,
    cores: options.core === true ? coresBefore : undefined,
    stateFolder,
    growing: typeof watching?.action === 'object',
    interrupted: () => early,
  };
  const start = (what: Prepared, how: Handover): Promise<Started> => startProgram(context, starting, what, how);
  const instead =
    replacing === undefined || replacement === undefined
      ? undefined
      : () => replacing.becomeProgram(context, prepared, replacement, mask, starting.cores);
  const changes =
    watching === undefined
      ? undefined
      : (await import('../run-changes.ts')).changesOf(context, {
          rules: watching,
          run,
          mask,
          prepared,
          handover,
          prepareAgain,
          newHandover,
          start,
        });
  const started = await startProgram(context, starting, prepared, handover, instead);
  step(`from trust to the start of process ${started.launched.child.pid ?? 0}`);
  await watchOver(context, started, { run, relay, stops }, changes);
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

async function parentDeath(context: Context): Promise<readonly string[]> {
  const wrapper = (await import('../../platform/parent-death.ts')).dieWithParent(context.env['PATH']);
  if (wrapper !== undefined) return wrapper;
  throw new SecretsError({
    code: 'DEPENDENCY_MISSING',
    message: '--die-with-parent needs Linux and a setpriv (util-linux) that knows --pdeathsig',
    hint: 'install util-linux, or leave the option out',
  });
}
