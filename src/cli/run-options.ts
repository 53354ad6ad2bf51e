/** The options of `secrets run`, and what they say together with the manifest. */
import { Option, type Command } from 'commander';
import { parseDuration } from '../core/duration.ts';
import { SecretsError, type Issue } from '../core/errors.ts';
import type { EnvRules, Manifest, MaskRules, Milliseconds } from '../core/model.ts';
import { suggest } from '../core/suggest.ts';
import type { KeepRule } from '../platform/descriptors.ts';
import { parseSignal, type StopRules } from '../run/stopping.ts';
import { list, REASON, type ReasonOption } from './options.ts';
import { addSelectOptions, type SelectArguments } from './select-options.ts';

export interface RunOptions extends SelectArguments, ReasonOption {
  readonly envFile?: readonly string[];
  readonly dotenv?: readonly string[];
  readonly ref?: readonly string[];
  readonly inherit?: string;
  readonly passEnv?: readonly string[];
  readonly keepEnv?: readonly string[];
  readonly keepFd?: readonly string[];
  readonly mask?: MaskRules['mode'];
  readonly ciMask?: 'auto' | 'off';
  readonly dryRun?: boolean;
  readonly trust?: boolean;
  readonly fresh?: boolean;
  readonly sealed?: string;
  readonly watch?: boolean;
  readonly watchInterval?: string;
  readonly onChange?: string;
  readonly overlap?: boolean;
  readonly stopSignal?: string;
  readonly killAfter?: string;
  readonly ttl?: string;
  readonly dieWithParent?: boolean;
  readonly replace?: boolean;
  readonly core?: boolean;
}

export const addRunOptions = (command: Command): Command =>
  addSelectOptions(command)
    .addOption(new Option('--dotenv <file>', 'add the entries of a dotenv file').argParser(collect))
    .addOption(new Option('--env-file <file>', 'the same, by a name that Node itself acts on too').argParser(collect))
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
    .option('--replace', 'put the program in the place of secrets: nothing is masked, nobody stays')
    .option('--stop-signal <signal>', 'asks the program to end: after --ttl, and for a SIGTERM that secrets gets (TERM)')
    .option('--kill-after <duration>', 'from asking the program to end to SIGKILL (10s after --ttl, otherwise never)')
    .option('--ttl <duration>', 'how long the program may run')
    .option('--watch', 'start the program anew when a secret has a new version; asks for metadata alone')
    .option('--watch-interval <duration>', 'how often to look for new versions (60s)')
    .option('--on-change <what>', 'restart, exit, or signal:HUP after files of as: file have their new values')
    .option('--overlap', 'start the new program before the old one is asked to end')
    .option('--die-with-parent', 'kill the program if secrets itself is killed (Linux)')
    .option('--core', 'let the program write core files, which hold its values')
    .option('--fresh', 'inside another run: ask the managers for everything, also for what that run has injected')
    .option('--sealed <file>', 'take the values from a file of secrets seal; talks to nobody, reads no manifest')
    .option(...REASON)
    .option('--trust', 'trust the manifest for this run, unseen')
    .option('--dry-run', 'show what would be fetched and injected; talks to nobody');

/** What needs a manifest or a manager, beside a file that replaces both. @throws SecretsError USAGE */
export function refuseBesideSealed(options: RunOptions): void {
  const { sealed, ref, fresh, trust, dryRun } = options;
  const also = { '--ref': ref, '--env-file': envFilesOf(options)[0], '--fresh': fresh, '--trust': trust, '--dry-run': dryRun };
  const [wrong] = Object.entries(also).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (sealed === undefined || wrong === undefined) return;
  throw wrongOption(`--sealed takes everything from its file, so ${wrong} does not go with it`, '--sealed FILE');
}

/** The dotenv files, by either name of the option. */
export const envFilesOf = ({ envFile = [], dotenv = [] }: RunOptions): readonly string[] => [...envFile, ...dotenv];

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function maskRules(manifest: Manifest, options: RunOptions): MaskRules {
  if (manifest.protected && options.mask === 'never') {
    throw new SecretsError({
      code: 'USAGE',
      message: `--mask never is refused in the protected profile ${manifest.profile ?? ''}`,
      hint: 'leave it out',
    });
  }
  return { ...manifest.mask, mode: options.mask ?? manifest.mask.mode };
}

export function rulesFor(manifest: Manifest, options: RunOptions): EnvRules {
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

/** Warns of a name that was probably meant to be `all` or `none`. */
export function inheritWarning(
  { inherit }: RunOptions,
  env: Readonly<Record<string, string | undefined>>,
): Omit<Issue, 'code'> | undefined {
  if (inherit === undefined || inherit === 'all' || inherit === 'none' || env[inherit] !== undefined) return undefined;
  const near = suggest(inherit, ['all', 'none']);
  if (near === undefined) return undefined;
  return {
    message: `--inherit takes what was given for the name of a variable, and there is none of that name`,
    hint: `did you mean --inherit ${near}?`,
  };
}

export function keepRule(texts: readonly string[]): KeepRule {
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

/** @throws SecretsError USAGE for what is no duration or signal */
export function stopRules({ stopSignal, killAfter, ttl }: RunOptions): StopRules {
  const signal = parseSignal(stopSignal ?? 'SIGTERM');
  if (signal === undefined) throw wrongOption('--stop-signal takes a signal that ends programs', '--stop-signal INT');
  return { signal, killAfter: durationOf('--kill-after', killAfter, 0), ttl: durationOf('--ttl', ttl, 1) };
}

/** What `--watch` does, and how often it looks. */
export interface WatchRules {
  readonly interval: Milliseconds;
  readonly action: 'restart' | 'exit' | { readonly signal: NodeJS.Signals };
  readonly overlap: boolean;
}

const WATCH_INTERVAL: Milliseconds = 60_000;

/** Undefined without --watch. @throws SecretsError USAGE */
export function watchRules(options: RunOptions): WatchRules | undefined {
  const { watch, watchInterval, onChange, overlap = false, sealed } = options;
  if (watch !== true) {
    const alone = Object.entries({ '--watch-interval': watchInterval, '--on-change': onChange, '--overlap': options.overlap });
    const [lonely] = alone.flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (lonely !== undefined) throw wrongOption(`${lonely} is about --watch`, `--watch ${lonely === '--overlap' ? lonely : `${lonely} …`}`);
    return undefined;
  }
  if (sealed !== undefined) throw wrongOption('a sealed file does not change, so --watch does not go with --sealed', '--sealed FILE');
  const interval = durationOf('--watch-interval', watchInterval, 1_000) ?? WATCH_INTERVAL;
  const action = actionOf(onChange ?? 'restart');
  if (overlap && action !== 'restart') throw wrongOption('--overlap is about --on-change restart', '--watch --overlap');
  return { interval, action, overlap };
}

function actionOf(text: string): WatchRules['action'] {
  if (text === 'restart' || text === 'exit') return text;
  const signal = /^signal:(.+)$/.exec(text)?.[1];
  const known = signal === undefined ? undefined : parseSignal(signal);
  if (known !== undefined) return { signal: known };
  throw wrongOption('--on-change takes restart, exit or signal:NAME', '--watch --on-change signal:HUP');
}

function durationOf(option: string, text: string | undefined, least: Milliseconds): Milliseconds | undefined {
  if (text === undefined) return undefined;
  const duration = parseDuration(text);
  if (duration === undefined || duration < least) throw wrongOption(`${option} takes a duration, such as 30s, 5m or 1h`, `${option} 30s`);
  return duration;
}

const wrongOption = (message: string, example: string): SecretsError =>
  new SecretsError({ code: 'USAGE', message, hint: `secrets run ${example} -- COMMAND` });
