/** Every command by name: what `--help` shows without loading any of them, and how to load each. */
import type { Command } from 'commander';
import type { Context } from './context.ts';

export interface CommandModule {
  /**
   * Adds arguments, options and the action. The action gets its context from `open`, which reads the global options.
   */
  define(command: Command, open: (command: Command) => Context): void;
}

export interface CommandEntry {
  readonly summary: string;
  readonly group: 'Run' | 'See' | 'Change' | 'Set up' | 'More';
  readonly load: () => Promise<CommandModule>;
  readonly aliases?: readonly string[];
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    group: 'Run',
    summary: 'run a program with its secrets in the environment',
    aliases: ['exec'],
    load: () => import('./commands/run.ts'),
  },
  redact: { group: 'Run', summary: 'copy stdin to stdout with values masked', load: () => import('./commands/redact.ts') },
  seal: {
    group: 'Run',
    summary: 'put a few values into an encrypted file for a host that reaches no manager',
    load: () => import('./commands/seal.ts'),
  },
  list: {
    group: 'See',
    summary: 'list the references of this manifest: metadata, never a value',
    aliases: ['ls'],
    load: () => import('./commands/list.ts'),
  },
  check: {
    group: 'See',
    summary: 'a gate for CI: fails if something required is absent, old or undocumented',
    load: () => import('./commands/check.ts'),
  },
  describe: {
    group: 'See',
    summary: 'show everything known about one secret without its value',
    load: () => import('./commands/describe.ts'),
  },
  explain: {
    group: 'See',
    summary: 'show where each variable would come from and why; checks the whole manifest offline',
    load: () => import('./commands/explain.ts'),
  },
  scan: {
    group: 'See',
    summary: 'find copies of values in files, staged changes and history; never shows one',
    load: () => import('./commands/scan.ts'),
  },
  ps: { group: 'See', summary: 'list the running programs that got secrets, and which', load: () => import('./commands/ps.ts') },
  history: { group: 'See', summary: 'list the versions of a secret by their metadata', load: () => import('./commands/history.ts') },
  get: { group: 'See', summary: 'write one value to stdout, only with --reveal', load: () => import('./commands/get.ts') },
  set: { group: 'Change', summary: 'store a value, typed, piped, from a file, or generated', load: () => import('./commands/set.ts') },
  rotate: {
    group: 'Change',
    summary: 'replace values by new ones, in steps that survive a crash',
    load: () => import('./commands/rotate.ts'),
  },
  rollback: {
    group: 'Change',
    summary: 'make an older value current again',
    load: () => import('./commands/rollback.ts'),
  },
  revoke: {
    group: 'Change',
    summary: 'take versions out of service in their manager',
    load: () => import('./commands/revoke.ts'),
  },
  schedule: {
    group: 'Set up',
    summary: 'print a timer that rotates what is due every day',
    load: () => import('./commands/schedule.ts'),
  },
  move: { group: 'Change', summary: 'move a value to another manager, with its reference', load: () => import('./commands/move.ts') },
  remove: { group: 'Change', summary: 'remove a value from its manager', aliases: ['rm'], load: () => import('./commands/remove.ts') },
  audit: {
    group: 'See',
    summary: 'show and check the record of what was done with values',
    load: () => import('./commands/audit.ts'),
  },
  init: { group: 'Set up', summary: 'write a manifest for this project', load: () => import('./commands/init.ts') },
  import: { group: 'Set up', summary: 'move the secrets of a .env file into a store', load: () => import('./commands/import.ts') },
  setup: {
    group: 'Set up',
    summary: 'ask for each required value that is missing: the first command after a clone',
    load: () => import('./commands/setup.ts'),
  },
  bootstrap: {
    group: 'Set up',
    summary: 'make a first credential for a machine that has none, which can be used once',
    load: () => import('./commands/bootstrap.ts'),
  },
  trust: {
    group: 'Set up',
    summary: 'agree to where a manifest sends credentials and what it starts',
    load: () => import('./commands/trust.ts'),
  },
  doctor: { group: 'Set up', summary: 'check every provider in use; reads no secret', load: () => import('./commands/doctor.ts') },
  whoami: { group: 'Set up', summary: 'show who each provider says you are', load: () => import('./commands/whoami.ts') },
  providers: {
    group: 'More',
    summary: 'list the providers, their options and what they can do',
    load: () => import('./commands/providers.ts'),
  },
  schema: { group: 'More', summary: 'print the JSON Schema of .secretsrc, for editors', load: () => import('./commands/schema.ts') },
  completion: {
    group: 'More',
    summary: 'print a completion script for bash, zsh, fish or powershell',
    load: () => import('./commands/completion.ts'),
  },
};

/** What people type who come from other tools, and what to type here. */
export const FOREIGN: Readonly<Record<string, string>> = {
  inject: 'secrets run -- COMMAND starts a program with its secrets; secrets import FILE reads a .env file',
  read: 'secrets get NAME --reveal',
};

/** The same for options of `run`. */
export const FOREIGN_OPTIONS: Readonly<Record<string, string>> = {
  '--env': '--profile NAME chooses a profile; --env-file FILE adds the entries of a dotenv file',
  '-e': '--profile NAME chooses a profile; --ref NAME=REFERENCE adds one reference',
};
