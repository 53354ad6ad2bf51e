/**
 * Checks a log from its beginning to its end, in time in proportion to its size: each record's `mac`, the chain of each
 * run, and what each write says the log ended with before it. The first record that is wrong is named.
 */
import { closeSync, fstatSync } from 'node:fs';
import { isAuthentic, macAtEnd, parseFollows, parseTail, type AuditKey, type Follows, type Tail } from './chain.ts';
import { linesOf, type Line } from './lines.ts';
import { allParts, endOf, macBefore, openToRead, type Part } from './parts.ts';
import { parseRecord, type ChainedRecord } from './record.ts';

export type Verdict =
  | {
      readonly ok: true;
      readonly records: number;
      readonly runs: number;
      /** Lines that a killed run did not finish. */
      readonly torn: number;
      /** When the first record was made. */
      readonly since?: string;
      readonly until?: string;
      /** The number of the oldest part that is there; above 1 the older ones were taken away. */
      readonly firstPart: number;
    }
  | {
      readonly ok: false;
      readonly file: string;
      /** Counts from 1; undefined where it is not about one line. */
      readonly line?: number;
      /** What is wrong, as the end of `line 7 …`. */
      readonly problem: string;
    };

type Wrong = Extract<Verdict, { ok: false }>;

/** Says that a line is wrong. */
class WrongLine extends Error {
  readonly wrong: Wrong;
  constructor(wrong: Wrong) {
    super(wrong.problem);
    this.wrong = wrong;
  }
}

const CHANGED = 'was changed, or was not written by secrets';

interface RunState {
  readonly seq: number;
  readonly mac: string;
}

/**
 * @param head what `audit head` printed before: whether the log still has everything up to there
 * @returns what the log holds, or the first wrong record. Throws Node's errors for a log that can't be read.
 */
export function verifyLog(log: string, key: AuditKey | undefined, head?: string): Verdict {
  const parts = allParts(log);
  const walk = new Walk(parts, key);
  try {
    for (const part of parts) walk.take(part);
    walk.finish();
    const missing = head === undefined ? undefined : missingHead(log, parts, head);
    return missing ?? walk.verdict();
  } catch (error) {
    if (error instanceof WrongLine) return error.wrong;
    throw error;
  } finally {
    walk.close();
  }
}

/** One word that names everything the log has now; undefined where it has nothing. */
export function headOf(log: string): string | undefined {
  const part = allParts(log).at(-1);
  const fd = part === undefined ? undefined : openToRead(part.file);
  if (part === undefined || typeof fd !== 'number') return undefined;
  try {
    const { tail } = endOf(fd, fstatSync(fd).size);
    return tail.mac === '' ? undefined : `${tail.mac}@${part.number}/${tail.offset}`;
  } finally {
    closeSync(fd);
  }
}

export const isHead = (word: string): boolean => {
  const tail = parseTail(word);
  return tail?.part !== undefined && tail.mac !== '';
};

function missingHead(log: string, parts: readonly Part[], head: string): Wrong | undefined {
  const tail = parseTail(head);
  const part = parts.find(({ number }) => number === tail?.part);
  if (tail === undefined || part === undefined)
    return { ok: false, file: log, problem: `does not have the part ${tail?.part ?? ''} that the given head is in` };
  const fd = openToRead(part.file);
  try {
    if (typeof fd === 'number' && fstatSync(fd).size >= tail.offset && macBefore(fd, tail.offset) === tail.mac) return undefined;
    return { ok: false, file: part.file, problem: 'does not have the record that the given head names: its end was cut off or replaced' };
  } finally {
    if (typeof fd === 'number') closeSync(fd);
  }
}

class Walk {
  readonly #parts: readonly Part[];
  readonly #key: AuditKey | undefined;
  readonly #runs = new Map<string, RunState>();
  /** Descriptors of the parts that were read, for what later records say about them. */
  readonly #open = new Map<number, number>();
  #records = 0;
  #torn = 0;
  #since: string | undefined;
  #until: string | undefined;
  /** A line that is no record; it must be closed by the next one. */
  #pending: (Pick<Line, 'start' | 'number'> & { readonly empty: boolean }) | undefined;
  /** A run whose record was written behind a torn line, which its next one must say. */
  #glued: { readonly run: string; readonly number: number } | undefined;
  /** The end of the last whole line of this part. */
  #last: Tail = { mac: '', offset: 0 };

  constructor(parts: readonly Part[], key: AuditKey | undefined) {
    this.#parts = parts;
    this.#key = key;
  }

  take(part: Part): void {
    const fd = openToRead(part.file);
    if (typeof fd !== 'number') throw new WrongLine({ ok: false, file: part.file, problem: 'cannot be read' });
    this.#open.set(part.number, fd);
    this.#last = { mac: '', offset: 0 };
    this.#pending = undefined;
    for (const line of linesOf(fd)) {
      if (line.whole) this.#line(line, part);
      else this.#torn++;
    }
    this.#refusePending(part);
  }

  /** To be called behind the last part. */
  finish(): void {
    const last = this.#parts.at(-1);
    if (this.#glued !== undefined && last !== undefined) this.#fail(last, this.#glued.number, CHANGED);
  }

  verdict(): Verdict {
    return {
      ok: true,
      records: this.#records,
      runs: this.#runs.size,
      torn: this.#torn,
      firstPart: this.#parts[0]?.number ?? 1,
      ...(this.#since === undefined ? {} : { since: this.#since }),
      ...(this.#until === undefined ? {} : { until: this.#until }),
    };
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
  }

  #line(line: Line, part: Part): void {
    const mac = macAtEnd(line.bytes);
    const record = this.#key !== undefined && isAuthentic(line.bytes, this.#key.key) ? parseRecord(line.bytes.toString('utf8')) : undefined;
    if (record !== undefined) this.#record(record, mac, line, part);
    else if (mac === '') this.#notARecord(line, part);
    else if (!this.#takeGlued(line, mac, part)) this.#fail(part, line.number, this.#whyNotAuthentic(line));
    this.#last = { mac, offset: line.start + line.bytes.length + 1 };
  }

  #whyNotAuthentic({ bytes }: Line): string {
    const kid = parseRecord(bytes.toString('utf8'))?.kid;
    if (this.#key === undefined) return 'cannot be checked: there is no key';
    if (kid !== undefined && kid !== this.#key.kid) return `is signed with the key ${kid}, and the key here is ${this.#key.kid}`;
    return CHANGED;
  }

  /** An unfinished line of a killed run, if the next one says so. */
  #notARecord({ bytes, start, number }: Line, part: Part): void {
    this.#refusePending(part);
    this.#pending = { start, number, empty: bytes.length === 0 };
  }

  #refusePending(part: Part): void {
    if (this.#pending !== undefined) this.#fail(part, this.#pending.number, 'is not a record');
  }

  /** Written right behind an unfinished line, before anybody could close that. */
  #takeGlued(line: Line, mac: string, part: Part): boolean {
    const at = line.bytes.lastIndexOf('{"v":1,"ts":"');
    const rest = line.bytes.subarray(at);
    if (at <= 0 || this.#key === undefined || !isAuthentic(rest, this.#key.key)) return false;
    const record = parseRecord(rest.toString('utf8'));
    if (record === undefined) return false;
    this.#record(record, mac, line, part);
    this.#glued = { run: record.run, number: line.number };
    return true;
  }

  #record(record: ChainedRecord, mac: string, line: Line, part: Part): void {
    const { number } = line;
    const follows = record.prev === undefined ? undefined : parseFollows(record.prev);
    if (follows === undefined) return this.#fail(part, number, 'does not say what it follows');
    if (line.start === 0 && follows.tail === undefined)
      return this.#fail(part, number, 'is not the beginning of a log: what stood before it is missing');
    this.#closes(record, follows, part);
    this.#continues(record, follows, number, part);
    if (follows.tail !== undefined) this.#behind(follows.tail, line, part);
    this.#runs.set(record.run, { seq: record.seq, mac });
    this.#records++;
    this.#since ??= record.ts;
    this.#until = record.ts;
  }

  /** What stood before and is no record must be what a killed run left, and this record must be about it. */
  #closes(record: ChainedRecord, { tail }: Follows, part: Part): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (this.#glued?.run === record.run) {
      if (record.event !== 'recovered') this.#fail(part, this.#glued.number, CHANGED);
      this.#glued = undefined;
      this.#torn++;
    }
    if (pending === undefined) return;
    const saw = tail?.part === undefined ? tail?.offset : undefined;
    // What a run takes for unfinished may be closed by another run before, or be finished: then its own newline is too many.
    const isClosed = record.event === 'recovered' && saw !== undefined && (pending.empty ? saw < pending.start : saw === pending.start);
    if (!isClosed) this.#fail(part, pending.number, 'is not a record');
    if (!pending.empty) this.#torn++;
  }

  #continues({ run, seq }: ChainedRecord, { own, tail }: Follows, number: number, part: Part): void {
    const before = this.#runs.get(run);
    if (before === undefined) {
      if (seq === 0 && own === undefined && tail !== undefined) return;
      if (seq > 0 && (this.#parts[0]?.number ?? 1) > 1 && part === this.#parts[0]) return;
      this.#fail(
        part,
        number,
        `is record ${seq} of its run, and the ${seq === 1 ? 'one' : `${seq}`} before it ${seq === 1 ? 'is' : 'are'} missing`,
      );
    } else if (seq !== before.seq + 1) {
      const what = seq > before.seq ? 'some before it are missing or stand behind it' : 'it stands there twice or in the wrong order';
      this.#fail(part, number, `is record ${seq} of its run and comes after record ${before.seq}: ${what}`);
    } else if (own !== before.mac) this.#fail(part, number, 'does not follow the record before it in its run');
  }

  /** The line that the log ended with when this was written must still end at the same byte. */
  #behind(tail: Tail, { start, number }: Line, part: Part): void {
    const there = tail.part ?? part.number;
    const isSame = tail.part === undefined || tail.part === part.number;
    if (isSame && tail.offset === this.#last.offset && tail.mac === this.#last.mac) return;
    const fd = this.#open.get(there);
    const oldest = this.#parts[0]?.number ?? 1;
    if (fd === undefined) {
      if (there < oldest && part.number === oldest) return;
      this.#fail(part, number, `follows part ${there} of the log, which is missing`);
    } else if ((isSame && tail.offset > start) || macBefore(fd, tail.offset) !== tail.mac) {
      this.#fail(part, number, 'does not find the log as it was: something before it was taken out, put in, moved or changed');
    }
  }

  #fail(part: Part, line: number, problem: string): void {
    throw new WrongLine({ ok: false, file: part.file, line, problem });
  }
}
