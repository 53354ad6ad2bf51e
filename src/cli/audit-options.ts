/** What the commands under `secrets audit` have in common: which log, and which of its records. */
import path from 'node:path';
import { Option, type Command } from 'commander';
import { merged, recordsOf, type Filter, type Found } from '../audit/read.ts';
import { logOf } from '../audit/places.ts';
import { parseDuration } from '../core/duration.ts';
import { SecretsError } from '../core/errors.ts';
import { userFolders } from '../platform/folders.ts';
import type { Context } from './context.ts';
import { list, someOf } from './options.ts';

export interface RecordOptions {
  readonly name?: readonly string[];
  readonly event?: readonly string[];
  readonly result?: readonly string[];
  readonly run?: string;
  readonly since?: string;
  readonly until?: string;
  readonly from?: readonly string[];
}

export const addRecordOptions = (command: Command): Command =>
  command
    .addOption(new Option('--name <names>', 'only about these secrets or references').argParser(someOf('--name')))
    .addOption(new Option('--event <events>', 'only these, such as reveal or rotate').argParser(someOf('--event')))
    .addOption(new Option('--result <results>', 'only ok, denied, absent or failed').argParser(someOf('--result')))
    .option('--run <id>', 'only of one run; the beginning of its id is enough')
    .option('--since <when>', 'from then on: a time such as 2026-11-24T08:00Z, or how long ago, such as 7d')
    .option('--until <when>', 'up to then')
    .addOption(new Option('--from <file>', 'read exports in JSON lines instead, merged by time').argParser(files));

const files = (value: string, before: readonly string[] = []): readonly string[] => [...before, ...list(value)];

const RESULTS = ['ok', 'denied', 'absent', 'failed'];

/** @throws SecretsError USAGE for what is no time or result, IO for an export that can't be read */
export function wantedRecords(context: Context, options: RecordOptions, now = new Date()): Iterable<Found> {
  const wrong = options.result?.find((result) => !RESULTS.includes(result));
  if (wrong !== undefined)
    throw new SecretsError({ code: 'USAGE', message: `--result takes ${RESULTS.join(', ')}`, hint: '--result denied' });
  const filter: Filter = {
    names: options.name,
    events: options.event,
    results: options.result,
    run: options.run,
    since: moment('--since', options.since, now),
    until: moment('--until', options.until, now),
  };
  if (options.from !== undefined)
    return merged(
      options.from.map((file) => path.resolve(context.cwd, file)),
      filter,
    );
  const log = ownLog(context);
  return log === undefined ? [] : recordsOf(log, filter);
}

/** Path of this user's log; undefined where there is no folder for one. */
export const ownLog = ({ env, cwd }: Pick<Context, 'env' | 'cwd'>): string | undefined =>
  logOf({ env, cwd, stateFolder: userFolders(env).state });

function moment(option: string, text: string | undefined, now: Date): Date | undefined {
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  if (ago !== undefined) return new Date(now.getTime() - ago);
  const at = /^\d{4}-\d\d-\d\d(?:$|[T ])/.test(text) ? new Date(text) : undefined;
  if (at !== undefined && !Number.isNaN(at.getTime())) return at;
  throw new SecretsError({
    code: 'USAGE',
    message: `${option} takes a time or how long ago`,
    hint: `${option} 2026-11-24T08:00Z, or ${option} 7d`,
  });
}
