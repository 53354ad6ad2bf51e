/**
 * `secrets audit show`: the records, the oldest first, one a line. With `--from` those of other machines.
 *
 * --json: `{ records: [{ ts, seq, run, event, actor, host, identity, ci, project, profile, trust, reason, name, reference, version,
 * request, result, code, source, ms }] }`; what a record does not say is left out.
 */
import type { Command } from 'commander';
import { FIELD_NAMES, printable, type ChainedRecord } from '../../audit/record.ts';
import { addRecordOptions, ownLog, wantedRecords, type RecordOptions } from '../audit-options.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';

export const define: CommandModule['define'] = (command, open) => {
  addRecordOptions(
    command.summary('show what was done with values').description('Shows what was done with values, the oldest first.'),
  ).action((options: RecordOptions, self: Command) => show(open(self), options));
};

/** Of the chain, which `verify` is for. */
const HIDDEN: ReadonlySet<string> = new Set(['v', 'kid', 'prev']);

function show(context: Context, options: RecordOptions): void {
  const { output } = context;
  if (output.json) {
    const records = [...wantedRecords(context, options)].map(({ record }) =>
      Object.fromEntries(FIELD_NAMES.flatMap((name) => (HIDDEN.has(name) || record[name] === undefined ? [] : [[name, record[name]]]))),
    );
    output.resultJson({ records });
    return;
  }
  let count = 0;
  for (const { record } of wantedRecords(context, options)) {
    count++;
    output.result(`${lineOf(context, record, options.from !== undefined)}\n`);
  }
  if (count > 0) return;
  const log = ownLog(context);
  output.notice(log === undefined && options.from === undefined ? 'there is no home folder for an audit log' : 'no record fits');
}

function lineOf({ output }: Context, record: ChainedRecord, severalHosts: boolean): string {
  const { ts, event, result, code, name, reference, version, actor, host, identity, ci, run, reason } = record;
  const what = [name, reference, version === undefined ? undefined : `(version ${version})`].filter((part) => part !== undefined).join(' ');
  const who = [
    severalHosts ? `${actor}@${host}` : actor,
    identity === undefined ? undefined : `as ${identity}`,
    ci === undefined ? undefined : `in ${ci}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');
  return [
    output.styled('dim', ts.replace('T', ' ').replace(/\.\d+Z$/, 'Z'), 'stdout'),
    event.padEnd(15),
    output.styled(result === 'ok' ? 'green' : 'red', result.padEnd(6), 'stdout'),
    ...(code === undefined || result === 'absent' ? [] : [code]),
    ...(what === '' ? [] : [printable(what)]),
    printable(`by ${who}`),
    output.styled('dim', run.slice(0, 8), 'stdout'),
    ...(reason === undefined ? [] : [printable(`: ${reason}`)]),
  ].join('  ');
}
