/**
 * `secrets ps`: the programs that this user has started by `secrets run` and that are running, with the names and
 * versions of what they got, and which of it has a newer version by now. Asks managers for metadata only; `--offline`
 * asks nobody.
 *
 * --json: `{ runs: [{ id, pid, supervisor, since, profile, manifest, command, state, stale, secrets: [{ name, as, reference,
 * version, freshness, currentVersion }] }] }`. `state` is `alive`, or `unknown` where this system does not let it be seen.
 * `freshness` is `current`, `stale` or `unknown`; `stale` is true if that is so of one of its secrets. Times are RFC 3339
 * in UTC.
 */
import type { Command } from 'commander';
import type { RecordedSecret } from '../../run/records.ts';
import { printColumns, shortId } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { freshnessOf, type Freshness } from '../freshness.ts';
import { named } from '../inventory.ts';
import { runningPrograms, type Running } from '../running.ts';
import { withSpinner } from '../spinner.ts';
import type { Cell } from '../table.ts';
import { timeText } from '../when.ts';

interface PsOptions {
  readonly offline?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .option('--offline', 'ask no manager whether there are newer versions')
    .action(async (options: PsOptions, self: Command) => ps(open(self), options));
};

type Fresh = ReadonlyMap<RecordedSecret, Freshness>;

async function ps(context: Context, options: PsOptions): Promise<void> {
  const { output } = context;
  const programs = runningPrograms(context);
  const fresh: Fresh =
    options.offline === true || programs === undefined || programs.length === 0
      ? new Map()
      : await withSpinner(context, 'asking which versions are current', () => freshnessOf(context, programs));
  if (output.json) {
    output.resultJson({ runs: (programs ?? []).map((program) => programJson(program, fresh)) });
    return;
  }
  if (programs === undefined || programs.length === 0) {
    output.notice(programs === undefined ? 'there is no state folder, so nothing is known of running programs' : 'nothing is running');
    return;
  }
  printColumns(
    output,
    [
      { title: 'RUN', spare: 4 },
      { title: 'PID' },
      { title: 'SINCE', spare: 2 },
      { title: 'PROFILE', spare: 3 },
      { title: 'COMMAND' },
      { title: 'SECRETS', spare: 1 },
      { title: 'VERSIONS' },
    ],
    programs.map((program) => [
      shortId(program.record.id),
      `${program.program.pid}${program.state === 'unknown' ? '?' : ''}`,
      timeText(new Date(program.record.since)),
      program.record.profile ?? '',
      program.record.command,
      program.injected.map(({ name, version }) => (version === undefined ? name : `${name}@${shortId(version)}`)).join(','),
      freshCell(program, fresh),
    ]),
  );
  const stale = programs.filter((program) => staleOf(program, fresh).length > 0);
  if (stale.length > 0) {
    const names = [...new Set(stale.flatMap((program) => staleOf(program, fresh)))];
    output.notice(
      `a newer version is current of ${named(names)}: restart ${stale.length === 1 ? 'the program' : 'the programs'} to take it`,
    );
  }
}

const staleOf = ({ injected }: Running, fresh: Fresh): readonly string[] =>
  injected.flatMap((secret) => (fresh.get(secret)?.is === 'stale' ? [secret.name] : []));

function freshCell(program: Running, fresh: Fresh): Cell {
  const stale = staleOf(program, fresh);
  if (stale.length > 0) return { text: 'stale', style: 'yellow' };
  const all = program.injected.every((secret) => fresh.get(secret)?.is === 'current');
  return all ? { text: 'current', style: 'green' } : { text: 'unknown', style: 'dim' };
}

const programJson = (program: Running, fresh: Fresh): Record<string, unknown> => ({
  id: program.record.id,
  pid: program.program.pid,
  supervisor: program.record.run.pid,
  since: program.record.since,
  profile: program.record.profile,
  manifest: program.record.manifest,
  command: program.record.command,
  state: program.state,
  stale: staleOf(program, fresh).length > 0,
  secrets: program.injected.map((secret) => ({
    name: secret.name,
    as: secret.as,
    reference: secret.reference,
    version: secret.version,
    freshness: fresh.get(secret)?.is ?? 'unknown',
    currentVersion: fresh.get(secret)?.version,
  })),
});
