/** Reading records back: of the log's parts, or of exports of several machines, merged by their time. */
import { closeSync } from 'node:fs';
import { SecretsError } from '../core/errors.ts';
import { linesOf } from './lines.ts';
import { allParts, openToRead } from './parts.ts';
import { parseRecord, type ChainedRecord } from './record.ts';

/** What is asked for; all of it must fit. */
export interface Filter {
  /** Name of a secret, or a reference. */
  readonly names?: readonly string[] | undefined;
  /** The project whose `local` references are meant. Default: any. */
  readonly project?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly results?: readonly string[] | undefined;
  /** The beginning of a run's id. */
  readonly run?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

export interface Found {
  readonly record: ChainedRecord;
  /** As it stands in the file. */
  readonly line: string;
}

/** The records of a log, the oldest first; what is no record is left out. Nothing where there is no log. */
export function* recordsOf(log: string, filter: Filter = {}): Generator<Found, void, undefined> {
  for (const { file } of allParts(log)) yield* recordsIn(file, filter);
}

/** The records of exports in JSON lines, merged by time. @throws SecretsError IO for a file that can't be read */
export function* merged(files: readonly string[], filter: Filter = {}): Generator<Found, void, undefined> {
  const streams = files.map((file) => recordsIn(file, filter));
  const heads = streams.map((stream) => stream.next());
  for (;;) {
    let first = -1;
    for (const [index, head] of heads.entries()) {
      const best = heads[first];
      if (head.done !== true && (best === undefined || best.done === true || head.value.record.ts < best.value.record.ts)) first = index;
    }
    const head = heads[first];
    const stream = streams[first];
    if (head === undefined || head.done === true || stream === undefined) return;
    yield head.value;
    heads[first] = stream.next();
  }
}

function* recordsIn(file: string, filter: Filter): Generator<Found, void, undefined> {
  const fd = openToRead(file);
  if (typeof fd !== 'number') {
    const why = fd === 'absent' ? 'it is not there' : fd === 'not-a-file' ? 'it is not a plain file' : `the system says ${fd.code}`;
    throw new SecretsError({ code: 'IO', message: `${file} cannot be read: ${why}`, hint: 'check the path' });
  }
  try {
    for (const { bytes } of linesOf(fd)) {
      const line = bytes.toString('utf8');
      const record = parseRecord(line);
      if (record !== undefined && isWanted(record, filter)) yield { record, line };
    }
  } finally {
    closeSync(fd);
  }
}

/** Whether a record is not about a `local` reference of another project. */
export const isOfProject = ({ reference, project }: ChainedRecord, wanted: string | undefined): boolean =>
  wanted === undefined || project === wanted || reference?.startsWith('local:') !== true;

function isWanted(record: ChainedRecord, { names, project, events, results, run, since, until }: Filter): boolean {
  if (!isOfProject(record, project)) return false;
  if (names !== undefined && !names.some((name) => name === record.name || name === record.reference)) return false;
  if (events !== undefined && !events.some((event) => event === record.event || record.event.startsWith(`${event}.`))) return false;
  if (results !== undefined && !results.includes(record.result)) return false;
  if (run !== undefined && !record.run.startsWith(run)) return false;
  const at = Date.parse(record.ts);
  return (since === undefined || at >= since.getTime()) && (until === undefined || at <= until.getTime());
}
