/** When each reference was last used, as the log says: read from its end, and not further back than is quick. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isOfProject } from './read.ts';
import { parseRecord } from './record.ts';

export interface LastUseOptions {
  /** How far back to look, in bytes. Default: 16 MB, some 40,000 records. */
  readonly bytes?: number;
  /** The project whose `local` references are meant: those of others have the same names. Default: any. */
  readonly project?: string | undefined;
  /** Only these references; the search ends when each was found. */
  readonly references?: ReadonlySet<string> | undefined;
}

const BYTES = 16 * 1024 * 1024;
const CHUNK = 256 * 1024;
/** A value was had: by a run, a person, or a comparison. */
const USES: ReadonlySet<string> = new Set(['resolve', 'reveal', 'use', 'unseal']);

/**
 * @param log path of the log; undefined where there is none
 * @returns the last use by reference, as it is written in manifests. Without an entry: not used lately, by this user on
 *   this machine. Never throws: a log that can't be read tells nothing.
 */
export async function lastUses(log: string | undefined, options: LastUseOptions = {}): Promise<ReadonlyMap<string, Date>> {
  const found = new Map<string, Date>();
  if (log === undefined) return found;
  try {
    const fd = openSync(log, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    try {
      collect(fd, options, found);
    } finally {
      closeSync(fd);
    }
  } catch {
    return found;
  }
  return found;
}

function collect(fd: number, { bytes = BYTES, project, references }: LastUseOptions, found: Map<string, Date>): void {
  const stat = fstatSync(fd);
  if (!stat.isFile()) return;
  const from = Math.max(0, stat.size - bytes);
  // The beginning of a line whose end was read already.
  let rest = Buffer.alloc(0);
  for (let end = stat.size; end > from;) {
    const start = Math.max(from, end - CHUNK);
    const chunk = Buffer.alloc(end - start);
    readSync(fd, chunk, 0, chunk.length, start);
    const text = Buffer.concat([chunk, rest]);
    const first = start === 0 ? 0 : text.indexOf(0x0a) + 1;
    if (first > 0 || start === 0) {
      for (const line of text.toString('utf8', first).split('\n').reverse()) note(line, { project, references }, found);
      if (references !== undefined && [...references].every((reference) => found.has(reference))) return;
      rest = text.subarray(0, first);
    } else rest = text;
    end = start;
  }
}

function note(line: string, { project, references }: LastUseOptions, found: Map<string, Date>): void {
  // Most lines are about other things: only what may count is parsed.
  if (!line.includes('"result":"ok"')) return;
  const record = parseRecord(line);
  if (record?.reference === undefined || record.result !== 'ok' || !USES.has(record.event)) return;
  if (references?.has(record.reference) === false || !isOfProject(record, project)) return;
  const at = new Date(record.ts);
  const known = found.get(record.reference);
  if (known === undefined || known < at) found.set(record.reference, at);
}
