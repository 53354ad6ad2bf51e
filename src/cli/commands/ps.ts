/**
 * `secrets ps`: the programs that this user has started by `secrets run` and that are running, with the names of what
 * they got.
 *
 * --json: `{ runs: [{ id, pid, supervisor, since, profile, command, state, secrets: [{ name, as, reference, version }] }] }`.
 * `state` is `alive`, or `unknown` where this system does not let it be seen; times are RFC 3339 in UTC.
 */
import type { Command } from 'commander';
import { userFolders } from '../../platform/folders.ts';
import { holderState } from '../../platform/lock-holder.ts';
import { runsFolder, sweepRecords, type RunRecord } from '../../run/records.ts';
import { printColumns, shortId } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { timeText } from '../when.ts';

export const define: CommandModule['define'] = (command, open) => {
  command.action((_options: unknown, self: Command) => ps(open(self)));
};

function ps({ env, output }: Context): void {
  const { state: stateFolder } = userFolders(env);
  const records = stateFolder === undefined ? [] : sweepRecords(runsFolder(stateFolder));
  const rows = records
    .map((record) => ({ record, program: record.program ?? record.run }))
    .map((row) => ({ ...row, state: holderState(row.program) }))
    .filter(({ state }) => state !== 'dead')
    .sort((one, other) => one.record.since.localeCompare(other.record.since));
  if (output.json) {
    output.resultJson({
      runs: rows.map(({ record, program, state }) => ({
        id: record.id,
        pid: program.pid,
        supervisor: record.run.pid,
        since: record.since,
        profile: record.profile,
        command: record.command,
        state,
        secrets: injectedOf(record).map(({ name, as, reference, version }) => ({ name, as, reference, version })),
      })),
    });
    return;
  }
  if (rows.length === 0) {
    output.notice(stateFolder === undefined ? 'there is no state folder, so nothing is known of running programs' : 'nothing is running');
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
    ],
    rows.map(({ record, program, state }) => [
      shortId(record.id),
      `${program.pid}${state === 'unknown' ? '?' : ''}`,
      timeText(new Date(record.since)),
      record.profile ?? '',
      record.command,
      injectedOf(record)
        .map(({ name, version }) => (version === undefined ? name : `${name}@${shortId(version)}`))
        .join(','),
    ]),
  );
}

const injectedOf = (record: RunRecord): RunRecord['secrets'] => record.secrets.filter(({ state }) => state === 'injected');
