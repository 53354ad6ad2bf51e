/** `secrets run`: resolve, inject, launch, supervise. */
import type { ChildProcess } from 'node:child_process';
import { Option, type Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { EnvRules, Manifest, MaskRules } from '../../core/model.ts';
import type { KeepRule } from '../../platform/descriptors.ts';
import { launch, lookUp } from '../../run/launch.ts';
import { prepare, type Prepared, type Run } from '../../run/prepare.ts';
import { needsMasking } from '../../platform/output-kind.ts';
import type { Streams } from '../../run/streams.ts';
import { endAs, Relay, statusOf, supervise, type Ending } from '../../run/supervise.ts';
import { announceMasks, takesMasks } from '../ci-masks.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { list, references } from '../options.ts';
import { selectOptionsOf } from '../select-options.ts';
import { loadFor, openRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';
import { ensureTrusted } from '../trust-gate.ts';

interface RunOptions {
  readonly only?: readonly string[];
  readonly except?: readonly string[];
  readonly tag?: readonly string[];
  readonly envFile?: readonly string[];
  readonly ref?: readonly string[];
  readonly inherit?: string;
  readonly passEnv?: readonly string[];
  readonly keepEnv?: readonly string[];
  readonly keepFd?: readonly string[];
  readonly mask?: MaskRules['mode'];
  readonly ciMask?: 'auto' | 'off';
  readonly dryRun?: boolean;
  readonly trust?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[command...]', 'the program and its arguments, best behind --')
    .passThroughOptions()
    .addOption(new Option('--only <names>', 'only these secrets').argParser(list))
    .addOption(new Option('--except <names>', 'all but these').argParser(list))
    .addOption(new Option('--tag <tags>', 'only secrets with one of these tags').argParser(list))
    .addOption(new Option('--env-file <file>', 'add the entries of a dotenv file').argParser(collect))
    .addOption(new Option('--ref <name=reference>', 'add one reference').argParser(collect))
    .option('--inherit <what>', "of the parent's environment: all, none, or names and globs")
    .addOption(new Option('--pass-env <names>', 'sign-in credentials that the program may keep').argParser(list))
    .addOption(new Option('--keep-env <names>', "names whose value in the parent's environment wins").argParser(list))
    .addOption(new Option('--keep-fd <n>', 'keep an open descriptor for the program; auto: those of make and systemd').argParser(list))
    .addOption(
      new Option('--mask <mode>', 'mask values in the output: auto (all but terminals), always, never').choices([
        'auto',
        'always',
        'never',
      ]),
    )
    .addOption(new Option('--ci-mask <mode>', 'tell GitHub Actions and Azure Pipelines what to mask: auto, off').choices(['auto', 'off']))
    .option('--trust', 'trust the manifest for this run, unseen')
    .option('--dry-run', 'show what would be fetched and injected; talks to nobody')
    .action(async (argv: string[], options: RunOptions, self: Command) => runCommand(open(self), argv, options));
};

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

async function runCommand(context: Context, argv: readonly string[], options: RunOptions): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined && options.dryRun !== true) {
    throw new SecretsError({ code: 'USAGE', message: 'the program to run is missing', hint: 'secrets run -- npm start' });
  }
  // Before anything else, so that no signal is lost; until there is a child, a signal ends the preparation.
  const cancel = new AbortController();
  let stopping: NodeJS.Signals | undefined;
  const relay = new Relay((signal) => {
    if (stopping !== undefined) process.exit(statusOf(signal));
    stopping = signal;
    cancel.abort();
    setTimeout(() => process.exit(statusOf(signal)), 2_000).unref();
  });

  const keepFds = keepRule(options.keepFd ?? []);
  const loaded = await loadFor(context, { envFiles: options.envFile ?? [], refs: references(options.ref ?? []) });
  const { manifest } = loaded;
  const rules = rulesFor(manifest, options);
  if (options.dryRun === true) {
    const { printPlan } = await import('./run-plan.ts');
    await printPlan(context, manifest, selectOptionsOf(options), rules, argv);
    return;
  }
  const command = lookUp([program ?? '', ...args], context.env, context.cwd);
  if (!('file' in command)) {
    context.output.error(
      new SecretsError({ code: 'USAGE', message: `${shown(program ?? '')}: ${command.message}`, hint: 'check the spelling and PATH' }),
      'nothing was fetched',
    );
    process.exit(command.exit);
  }

  try {
    await ensureTrusted(context, loaded, { once: options.trust === true, envFiles: options.envFile ?? [], signal: cancel.signal });
  } catch (error) {
    if (stopping !== undefined) process.exit(statusOf(stopping));
    throw error;
  }
  const run = openRun(context, loaded, cancel.signal);
  let prepared: Prepared;
  try {
    prepared = await withSpinner(context, 'fetching secrets', () =>
      prepare(manifest, run, { select: selectOptionsOf(options), argv, rules }),
    );
  } catch (error) {
    await closeQuickly(run);
    if (stopping !== undefined) process.exit(statusOf(stopping));
    throw error;
  }
  if (options.ciMask !== 'off' && takesMasks(context.env)) await announceMasks(context, prepared, manifest.mask);
  report(context, prepared);
  // Sign-in tokens are given back as soon as nothing needs them; a lease lives as long as its token.
  const leased = prepared.valid.secrets.some(({ secret }) => secret.lease !== undefined);
  if (!leased) await closeQuickly(run);
  if (stopping !== undefined) {
    await closeQuickly(run);
    process.exit(statusOf(stopping));
  }

  const streams = await openStreams(context, prepared, run, maskRules(manifest, options));
  const launched = await launch(command, {
    env: prepared.composed.env,
    parent: context.env,
    cwd: context.cwd,
    keepFds,
    streams,
  });
  if (!launched.ok) {
    streams?.abandon();
    await closeQuickly(run);
    context.output.error(
      new SecretsError({ code: 'ENV_INVALID', message: `${shown(program ?? '')}: ${launched.message}` }),
      'nothing was started',
    );
    process.exit(launched.exit);
  }
  relay.attach(launched.child, { ownSession: streams?.ownSession ?? false, ownGroup: launched.ownGroup });
  const damage = watchStreams(context, streams, launched.child);
  const ending = await supervise(launched.child);
  const cutBy = await finishStreams(context, streams, relay.late);
  await closeQuickly(run);
  relay.release();
  const { scrubbed } = prepared.composed;
  if (scrubbed.length > 0 && !isSuccess(ending)) context.output.notice(scrubNotice(scrubbed));
  if (damage.maskFailed) process.exit(RUN_FAILURE);
  endAs(cutBy === undefined ? ending : { signal: cutBy });
}

const RUN_FAILURE = 125;
const isSuccess = (ending: Ending): boolean => 'code' in ending && ending.code === 0;

function maskRules(manifest: Manifest, options: RunOptions): MaskRules {
  if (manifest.protected && options.mask === 'never') {
    throw new SecretsError({
      code: 'USAGE',
      message: `--mask never is refused in the protected profile ${manifest.profile ?? ''}`,
      hint: 'leave it out',
    });
  }
  return { ...manifest.mask, mode: options.mask ?? manifest.mask.mode };
}

/** Masking is loaded only where a stream needs it. */
async function openStreams(context: Context, prepared: Prepared, run: Run, rules: MaskRules): Promise<Streams | undefined> {
  if (rules.mode === 'never') return undefined;
  if (!needsMasking(rules.mode)) return undefined;
  const { Streams } = await import('../../run/streams.ts');
  const { maskingFor } = await import('../../run/masking.ts');
  const { plan, unmasked } = maskingFor(prepared, run.reported, rules);
  if (unmasked.length > 0) context.output.warn({ message: `${unmasked.join(', ')}: too short or too common to be masked in the output` });
  if (plan === undefined) return undefined;
  const streams = new Streams(plan, rules.mode);
  if (streams.ptyMissing) noPty(context, streams, rules);
  if (streams.sockets)
    context.output.notice('this system gives no pipe, so the program cannot open /dev/stdout itself while its output is masked');
  return streams;
}

function noPty(context: Context, streams: Streams, rules: MaskRules): void {
  const message = 'no pseudo-terminal is to be had, so what goes to the terminal cannot be masked';
  const hint = 'npm install @lydell/node-pty, or send the output to a pipe: … | cat';
  if (!rules.requirePty) {
    context.output.warn({ message, hint });
    return;
  }
  streams.abandon();
  throw new SecretsError({ code: 'DEPENDENCY_MISSING', message, hint });
}

/** Reacts at once when a stream can't be forwarded. */
function watchStreams(context: Context, streams: Streams | undefined, child: ChildProcess): { maskFailed: boolean } {
  const damage = { maskFailed: false };
  streams?.start(child, (stream, how) => {
    if (how === 'unwritable')
      context.output.error(
        new SecretsError({
          code: 'IO',
          message: `${stream} cannot be written; what the program prints there is lost`,
          hint: 'check where it goes: is the disk full?',
        }),
      );
    if (how !== 'mask-failed') return;
    damage.maskFailed = true;
    context.output.error(
      new SecretsError({ code: 'INTERNAL', message: `masking ${stream} failed, so nothing more of it is shown` }),
      'the program is ended',
    );
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 2_000).unref();
  });
  return damage;
}

/** How long what is being written may take when a signal asks to end, in milliseconds. */
const CUT_MS = 200;

/**
 * Passes on what the child left. A signal meanwhile cuts it off.
 * @returns that signal when the reader took nothing more even then: only a signal ends a process that is writing
 */
async function finishStreams(
  context: Context,
  streams: Streams | undefined,
  late: Promise<NodeJS.Signals>,
): Promise<NodeJS.Signals | undefined> {
  if (streams === undefined) return undefined;
  const cut = late.then(async (signal) => {
    streams.stop();
    return new Promise<NodeJS.Signals>((resolve) => setTimeout(resolve, CUT_MS, signal));
  });
  const summary = await Promise.race([streams.finish(), cut]);
  if (typeof summary === 'string') return summary;
  for (const [stream, counts] of summary.masked) {
    const list = [...counts].map(([name, count]) => `${name} ×${count}`).join(', ');
    context.output.notice(`masked in ${stream}: ${list} (--mask never passes bytes through)`);
  }
  return undefined;
}

/** Two seconds are enough to give tokens back; a manager that hangs must not hold the program. */
async function closeQuickly(run: Run): Promise<void> {
  await Promise.race([run.close(), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
}

function rulesFor(manifest: Manifest, options: RunOptions): EnvRules {
  if (manifest.protected && (options.keepEnv ?? []).length > 0) {
    throw new SecretsError({
      code: 'USAGE',
      message: `--keep-env is refused in the protected profile ${manifest.profile ?? ''}`,
      hint: 'leave it out',
    });
  }
  const { env } = manifest;
  const asked = options.inherit;
  const inherit =
    asked === undefined ? env.inherit : asked === 'all' ? true : asked === 'none' ? false : asked.split(',').filter((name) => name !== '');
  return { ...env, inherit, pass: [...env.pass, ...(options.passEnv ?? [])], keep: [...env.keep, ...(options.keepEnv ?? [])] };
}

function keepRule(texts: readonly string[]): KeepRule {
  return texts.map((text) => {
    if (text === 'auto') return text;
    if (!/^\d{1,4}$/.test(text) || Number(text) < 3)
      throw new SecretsError({
        code: 'USAGE',
        message: '--keep-fd takes a descriptor from 3 on, or auto',
        hint: 'secrets run --keep-fd 3 -- COMMAND',
      });
    return Number(text);
  });
}

function report(context: Context, { valid, composed }: Prepared): void {
  const { output } = context;
  for (const warning of valid.warnings) output.warn(warning);
  for (const spec of valid.absent) output.detail(`${spec.name} is absent and optional, so it is not set`);
  for (const name of composed.overridden) output.detail(`${name} replaces the value of the parent's environment`);
  for (const name of composed.kept) output.detail(`${name} keeps the value of the parent's environment`);
  output.detail(`injected ${composed.injected.length === 0 ? 'nothing' : composed.injected.join(', ')}`);
  if (composed.scrubbed.length > 0) output.notice(scrubNotice(composed.scrubbed));
}

const scrubNotice = (names: readonly string[]): string =>
  `${names.join(', ')} signed in to fetch the secrets and ${names.length === 1 ? 'is' : 'are'} not passed on (--pass-env ${names.join(',')} keeps ${names.length === 1 ? 'it' : 'them'})`;

/** A command as typed, if it is fit to print. */
const shown = (command: string): string => (/^[\x20-\x7e]{1,200}$/.test(command) ? command : 'the command');
