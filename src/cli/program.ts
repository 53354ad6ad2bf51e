/** The command line: one commander program, in which only the command that is called is loaded. */
import { isatty } from 'node:tty';
import { Command, CommanderError, Option } from 'commander';
import { CODES, SecretsError, type Issue } from '../core/errors.ts';
import { parseDuration } from '../core/duration.ts';
import { suggest } from '../core/suggest.ts';
import { VERSION } from '../core/version.ts';
import { silenceNodeDebug } from '../platform/node-debug.ts';
import { refuseInspection } from '../platform/hygiene.ts';
import { isMissingPart, MISSING_PART } from '../provider-kit/operation.ts';
import { DEFAULT_LIMITS } from '../run/prepare.ts';
import { COMMANDS, FOREIGN, FOREIGN_OPTIONS } from './commands.ts';
import type { Context, GlobalOptions } from './context.ts';
import { debugFacts } from './debug-facts.ts';
import { rescueInPlace } from './emergency.ts';
import { Output } from './output.ts';
import { canAsk } from './prompts.ts';

/** `run` keeps 125 for all of its own failures, since the other codes belong to the child. */
const RUN_FAILURE = 125;

export async function runProgram(typed: readonly string[]): Promise<void> {
  // Only the command that is called is loaded, so `help run` is answered as `run --help`.
  const argv = typed[0] === 'help' && typed[1] !== undefined && !typed[1].startsWith('-') ? [typed[1], '--help'] : typed;
  refuseInspection();
  silenceNodeDebug();
  const called = calledCommand(argv);
  const state: { output: Output } = { output: outputFor(earlyOptions(argv, called)) };
  process.on('uncaughtException', (error) => fail(error, state.output, called));
  process.on('unhandledRejection', (error) => fail(error, state.output, called));
  try {
    const program = await build(called, (options) => {
      state.output = outputFor(options);
      return contextFor(options, state.output);
    });
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    fail(error, state.output, called);
  }
}

async function build(called: string | undefined, open: (options: GlobalOptions) => Context): Promise<Command> {
  const program = new Command('secrets')
    .description('Runs programs with secrets fetched just in time from the manager that owns them.')
    .version(VERSION, '-V, --version', 'print the version')
    .usage('[options] COMMAND')
    .helpCommand('help [command]', 'show help for a command')
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .addHelpText('after', HELP_END);
  withGlobals(program);
  const callee = called === undefined ? undefined : nameOf(called);
  for (const [name, entry] of Object.entries(COMMANDS)) {
    // The others are only there to be listed, by help and by completion.
    if (callee !== undefined && callee !== 'completion' && callee !== name) continue;
    const command = program.command(name).summary(entry.summary).description(sentence(entry.summary)).helpGroup(`${entry.group}:`);
    command
      .aliases([...(entry.aliases ?? [])])
      .exitOverride()
      .configureOutput(SILENT);
    if (callee === name) {
      (await entry.load()).define(command, (self) => open(globalsOf(program, self)));
      withGlobals(command);
    }
  }
  program.exitOverride().configureOutput(SILENT);
  if (called !== undefined && callee === undefined && called !== 'help') throw new SecretsError(unknownCommand(called));
  if (called === undefined) program.action(() => program.outputHelp());
  return program;
}

const HELP_END = `
First steps:
  secrets init                      a manifest for this project
  secrets set API_KEY               store a value, typed or piped
  secrets run -- npm start          start a program with it

Exit codes: 0 done, 1 the answer is no, 64 and up as in sysexits; run: the program's own, 125 before it started.`;

/** commander's own error text is not printed: its errors become ours. Help goes to stdout. */
const SILENT = { writeErr: () => undefined, outputError: () => undefined };

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The options that every command takes, in front of the command and behind it. */
function withGlobals(command: Command): Command {
  const group = 'Global options:';
  const options = [
    new Option('-m, --manifest <file>', 'the manifest to use'),
    new Option('-p, --profile <name>', 'the profile to use'),
    new Option('--json', 'results and errors as JSON'),
    new Option('-q, --quiet', 'only errors on stderr'),
    new Option('-v, --verbose', 'say more on stderr'),
    new Option('--debug', 'say where time goes, and more about a failure'),
    new Option('--no-color', 'no colour'),
    new Option('--no-input', 'never ask'),
    new Option('--timeout <duration>', 'time limit for talking to providers (30s)'),
  ];
  for (const option of options) command.addOption(option.helpGroup(group));
  return command;
}

const WITH_VALUE = new Set(['-m', '--manifest', '-p', '--profile', '--timeout']);

/** The global options, wherever they stand; behind the command they count more than in front of it. */
function globalsOf(program: Command, command: Command): GlobalOptions {
  const given = (of: Command): GlobalOptions =>
    Object.fromEntries(Object.entries(of.opts()).filter(([name]) => of.getOptionValueSource(name) !== 'default'));
  const between = command.parent === null || command.parent === program ? {} : given(command.parent);
  return { ...given(program), ...between, ...given(command) };
}

/** The first word that is not an option or an option's value. */
function calledCommand(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') return undefined;
    if (!word.startsWith('-')) return word;
    if (WITH_VALUE.has(word)) at++;
  }
  return undefined;
}

const nameOf = (called: string): string | undefined =>
  Object.hasOwn(COMMANDS, called) ? called : Object.entries(COMMANDS).find(([, entry]) => entry.aliases?.includes(called) === true)?.[0];

/** Those options that shape output, read before commander does, so that its own errors come out right. */
function earlyOptions(argv: readonly string[], called: string | undefined): GlobalOptions {
  const end = called !== undefined && nameOf(called) === 'run' && argv.includes('--') ? argv.indexOf('--') : argv.length;
  const own = argv.slice(0, end);
  return {
    json: own.includes('--json'),
    quiet: own.includes('-q') || own.includes('--quiet'),
    debug: own.includes('--debug'),
    color: !own.includes('--no-color'),
  };
}

function outputFor(options: GlobalOptions): Output {
  const { env } = process;
  const wanted = options.color !== false && (env['NO_COLOR'] === undefined || env['NO_COLOR'] === '') && env['TERM'] !== 'dumb';
  return new Output({
    json: options.json === true,
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    debug: options.debug === true,
    cwd: workingFolder(),
    color: { stdout: wanted && isatty(1), stderr: wanted && isatty(2) },
    columns: isatty(1) ? process.stdout.columns : undefined,
    given: { manifest: options.manifest, profile: options.profile },
  });
}

function contextFor(options: GlobalOptions, output: Output): Context {
  const { env } = process;
  const text = options.timeout ?? nonEmpty(env['SECRETS_TIMEOUT']);
  const totalMs = text === undefined ? DEFAULT_LIMITS.totalMs : parseDuration(text);
  if (totalMs === undefined || totalMs <= 0) {
    throw new SecretsError({
      code: 'USAGE',
      message: `${options.timeout === undefined ? 'SECRETS_TIMEOUT' : '--timeout'} is not a duration`,
      hint: 'write 30s, 2m or 1h',
    });
  }
  const context: Context = {
    env,
    cwd: workingFolder(),
    output,
    limits: { totalMs, requestMs: Math.min(DEFAULT_LIMITS.requestMs, totalMs) },
    manifest: options.manifest ?? nonEmpty(env['SECRETS_MANIFEST']),
    profile: options.profile ?? nonEmpty(env['SECRETS_PROFILE']),
    reason: nonEmpty(env['SECRETS_REASON']),
    interactive: options.input !== false && canAsk(),
  };
  if (options.debug === true) for (const fact of debugFacts(context, options)) output.debug(fact);
  return context;
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    throw new SecretsError({ code: 'IO', message: 'the working directory is gone', hint: 'cd to a folder that exists' });
  }
}

function unknownCommand(called: string): Issue {
  const foreign = Object.hasOwn(FOREIGN, called) ? FOREIGN[called] : undefined;
  const near = suggest(called, [...Object.keys(COMMANDS), ...Object.values(COMMANDS).flatMap((entry) => entry.aliases ?? [])]);
  const shown = /^[\w-]{1,40}$/.test(called) ? ` ${called}` : ' of that name';
  return {
    code: 'USAGE',
    message: `there is no command${shown}`,
    hint: foreign ?? (near === undefined ? 'secrets --help' : `did you mean secrets ${near}?`),
  };
}

/** Prints what went wrong and ends, at once or after what runs. Nothing but our own errors is quoted. */
function fail(error: unknown, output: Output, called: string | undefined): void {
  const isRun = called !== undefined && nameOf(called) === 'run';
  if (error instanceof CommanderError && error.exitCode === 0) process.exit(0);
  const known =
    error instanceof SecretsError ? error : error instanceof CommanderError ? usageError(error, called) : internal(error, output);
  const rescue = rescueInPlace();
  if (rescue !== undefined) {
    rescue(known);
    return;
  }
  output.error(known, isRun && known.code !== 'INTERRUPTED' ? 'nothing was started' : undefined);
  process.exit(isRun && known.code !== 'INTERRUPTED' ? RUN_FAILURE : CODES[known.code].exit);
}

function usageError(error: CommanderError, called: string | undefined): SecretsError {
  const command = called === undefined ? undefined : nameOf(called);
  const typed = /^error: unknown option '(--?[a-z][a-z-]{0,20})'/.exec(error.message)?.[1];
  const foreign = command === 'run' && typed !== undefined && Object.hasOwn(FOREIGN_OPTIONS, typed) ? FOREIGN_OPTIONS[typed] : undefined;
  const near = /\(Did you mean (?:one of )?(.+)\?\)\s*$/.exec(error.message)?.[1];
  const help = command === undefined ? 'secrets --help' : `secrets ${command} --help`;
  const hint = foreign ?? (near === undefined ? help : `did you mean ${near}?`);
  return new SecretsError({ code: 'USAGE', message: usageMessage(error, command), hint });
}

/** What was typed may be a value in the wrong place: of that, only the name of an option is repeated. */
function usageMessage({ code, message }: CommanderError, command: string | undefined): string {
  if (code === 'commander.help') return 'a command is missing';
  const own = message.replace(/^error: /, '').replace(/\s*\(Did you mean .*\)\s*$/s, '');
  if (/^commander\.(?:missing|optionMissing)/.test(code)) return own;
  if (code === 'commander.excessArguments') {
    const expected = /Expected (\d+)/.exec(own)?.[1] ?? '0';
    const takes = expected === '0' ? 'no argument' : expected === '1' ? 'one argument' : `${expected} arguments`;
    return `too many arguments: secrets${command === undefined ? '' : ` ${command}`} takes ${takes}`;
  }
  const choice = /^option '(?:-\w, )?(--[a-z-]+)[^']*' argument .* is invalid\. Allowed choices are (.+)\.$/s.exec(own);
  if (choice !== null) return `${choice[1] ?? ''} takes one of ${choice[2] ?? ''}`;
  const word = /is invalid for argument '([a-z]+)'\. Allowed choices are (.+)\.$/s.exec(own);
  if (word !== null) return `${word[1] ?? ''} is one of ${word[2] ?? ''}`;
  return own.replaceAll(/'([^']*)'/g, (quoted, text: string) =>
    /^--?[a-z][a-z-]{0,20}(?:[ ,].*)?$/.test(text) ? quoted : 'what was given',
  );
}

/** A mistake of ours: its text may hold a value, so a stack without messages is all that --debug shows. */
function internal(error: unknown, output: Output): SecretsError {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  for (const frame of frames) output.debug(frame.trim());
  if (isMissingPart(error)) return new SecretsError({ code: 'INTERNAL', ...MISSING_PART });
  return new SecretsError({ code: 'INTERNAL', message: 'something failed that should not have' });
}
