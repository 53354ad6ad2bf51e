/**
 * Appends to the log. No lock is held: each write is one append at the end of the file, after a look at how it ends, so
 * a run that is killed stalls nobody. What it may have left, the beginning of a line, is closed by the next write.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, openSync, renameSync, writeSync, type Stats } from 'node:fs';
import path from 'node:path';
import { errorCode, makeFolders } from '../platform/atomic-file.ts';
import { BEGINNING, followsText, sign, type AuditKey, type Follows, type Tail } from './chain.ts';
import { noPlaceHint } from './key.ts';
import { endOf, fullParts, macBefore, numberOf, partFile, read, type FileEnd } from './parts.ts';
import type { AuditRecord } from './record.ts';
import { SinkFault } from './sinks/sink.ts';

/** A record that has no place yet. */
export type Draft = Omit<AuditRecord, 'seq'>;

export interface LogWriterOptions {
  readonly file: string;
  readonly key: AuditKey;
  /** What a record about a torn line says besides that. */
  readonly recovered: () => Draft;
  /** The size in bytes from which a part is full. */
  readonly partBytes?: number;
}

const PART_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

interface Signed {
  readonly line: string;
  readonly mac: string;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  /** Of this run's records that are in the log. */
  #count = 0;
  #own: string | undefined;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /**
   * Appends the records in one write.
   * @param durable whether they are on the disk on return
   * @returns their lines, as written
   * @throws SinkFault; what of them was written whole stays, and counts
   */
  async append(drafts: readonly Draft[], durable: boolean): Promise<readonly string[]> {
    let fd = openLog(this.#options.file);
    try {
      if (fstatSync(fd).size >= (this.#options.partBytes ?? PART_BYTES)) {
        await this.#beginPart();
        closeSync(fd);
        fd = openLog(this.#options.file);
      }
      const lines = this.#write(fd, drafts);
      if (durable) fdatasyncSync(fd);
      return lines;
    } catch (error) {
      throw error instanceof SinkFault ? error : unwritable(this.#options.file, error);
    } finally {
      closeSync(fd);
    }
  }

  /** Checks that the log could be appended to. @throws SinkFault */
  check(): void {
    closeSync(openLog(this.#options.file));
  }

  #write(fd: number, drafts: readonly Draft[]): readonly string[] {
    const { before, end } = settledEnd(fd);
    const first = before === 0 ? lastOfFull(this.#options.file) : end.tail;
    const all = end.torn ? [this.#options.recovered(), ...drafts] : drafts;
    const signed: Signed[] = [];
    for (const [index, draft] of all.entries()) {
      const own = signed.at(-1)?.mac ?? this.#own;
      const follows: Follows = { ...(own === undefined ? {} : { own }), ...(index === 0 ? { tail: first } : {}) };
      signed.push(sign({ ...draft, seq: this.#count + index, prev: followsText(follows) }, this.#options.key));
    }
    const text = `${end.torn ? '\n' : ''}${signed.map(({ line }) => `${line}\n`).join('')}`;
    const bytes = Buffer.from(text);
    const written = writeSync(fd, bytes);
    this.#advance(signed, bytes, written);
    if (written < bytes.length) throw new SinkFault(`the audit log ${this.#options.file} took only a part of what was written`, FULL_HINT);
    if (isGlued(fd, before, bytes)) {
      // The first of ours stands in the line of what was torn, where nobody reads it: it is written once more.
      this.#write(fd, [this.#options.recovered(), ...(end.torn ? [] : drafts.slice(0, 1))]);
    }
    return signed.slice(end.torn ? 1 : 0).map(({ line }) => line);
  }

  /** Counts those that are whole in what was written. */
  #advance(signed: readonly Signed[], bytes: Buffer, written: number): void {
    let whole = signed.length;
    // A line without its newline gets that from the next write.
    for (let end = bytes.length - 1; end > written && whole > 0; whole--) end -= Buffer.byteLength(signed[whole - 1]?.line ?? '') + 1;
    const last = signed[whole - 1];
    if (last === undefined) return;
    this.#count += whole;
    this.#own = last.mac;
  }

  /** Renames the full log, unless somebody else just did. */
  async #beginPart(): Promise<void> {
    const { file, partBytes = PART_BYTES } = this.#options;
    const { withLock } = await import('../platform/lock.ts');
    const rename = async (): Promise<void> => {
      const fd = openLog(file);
      try {
        if (fstatSync(fd).size >= partBytes) renameSync(file, partFile(file, numberOf(fd, fullParts(file))));
      } finally {
        closeSync(fd);
      }
    };
    // Where that does not work, the log grows on.
    await withLock(`${file}.lock`, { what: 'the audit log', waitMs: 500 }, rename).catch(() => undefined);
  }
}

const FULL_HINT = 'is the disk full?';

/** Its size in bytes; undefined where there is none. Makes nothing. @throws SinkFault where it could not be written */
export function lookAtLog(file: string): number | undefined {
  const fd = openLog(file, false);
  if (fd === undefined) return undefined;
  try {
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}

/** What the first record of a part follows: the end of the one before. */
function lastOfFull(log: string): Tail {
  const last = fullParts(log).at(-1);
  if (last === undefined) return BEGINNING;
  try {
    const fd = openSync(last.file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    try {
      const { offset } = endOf(fd, fstatSync(fd).size).tail;
      return { mac: macBefore(fd, offset), offset, part: last.number };
    } finally {
      closeSync(fd);
    }
  } catch {
    return { mac: '', offset: 0, part: last.number };
  }
}

/**
 * How the log ends. The beginning of a line may be a write that is not over yet, so it is looked at again before it is
 * taken for what a killed run left.
 */
function settledEnd(fd: number): { readonly before: number; readonly end: FileEnd } {
  for (let look = 1; ; look++) {
    const before = fstatSync(fd).size;
    const end = endOf(fd, before);
    if (!end.torn || look >= LOOKS) return { before, end };
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** A millisecond apart. */
const LOOKS = 10;

/** Whether our write came right behind a line that another run was killed in, which had no end when we looked. */
function isGlued(fd: number, before: number, bytes: Buffer): boolean {
  const size = fstatSync(fd).size;
  if (bytes[0] === NEWLINE || size === before + bytes.length) return false;
  const since = read(fd, before, size);
  const at = since.indexOf(bytes);
  return at > 0 && since[at - 1] !== NEWLINE;
}

/**
 * The log, made if it is not there. Never waits, never follows a link.
 * @throws SinkFault for what is not a plain file of this user's that no other user may write
 */
function openLog(file: string): number;
function openLog(file: string, make: false): number | undefined;
function openLog(file: string, make = true): number | undefined {
  const refuse = (why: string, hint: string): never => {
    throw new SinkFault(`the audit log ${file} ${why}`, hint);
  };
  let fd: number;
  try {
    // Windows has no O_NOFOLLOW.
    if (process.platform === 'win32' && isLink(file)) return refuse('is a symbolic link', 'remove it, or name the file itself');
    fd = make ? openOrMake(file) : openSync(file, OPEN_FLAGS);
  } catch (error) {
    if (error instanceof SinkFault) throw error;
    const code = errorCode(error);
    if (code === 'ENOENT' && !make) return undefined;
    if (code === 'ELOOP' || code === 'EMLINK') return refuse('is a symbolic link', 'remove it, or name the file itself');
    if (code === 'ENXIO' || code === 'EISDIR')
      return refuse('is not a plain file', 'name another file; SECRETS_AUDIT=stderr or fd:N takes streams');
    throw unwritable(file, error);
  }
  try {
    refuseForeign(fstatSync(fd), file, refuse);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function refuseForeign(stat: Stats, file: string, refuse: (why: string, hint: string) => never): void {
  if (!stat.isFile()) refuse('is not a plain file', 'name another file; SECRETS_AUDIT=stderr or fd:N takes streams');
  if (process.geteuid === undefined) return;
  if (stat.uid !== process.geteuid()) refuse('belongs to another user', 'name a file of your own');
  if ((stat.mode & 0o002) !== 0) refuse('can be written by every user', `chmod o-w ${file}`);
}

// Windows lacks some of them, which then say nothing.
const { O_RDWR, O_APPEND, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK } = constants;
const OPEN_FLAGS = O_RDWR | O_APPEND | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;

function openOrMake(file: string): number {
  const open = (): number => openSync(file, OPEN_FLAGS | constants.O_CREAT, 0o600);
  try {
    return open();
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    makeFolders(path.dirname(file));
    return open();
  }
}

function isLink(file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false;
  }
}

function unwritable(file: string, error: unknown): SinkFault {
  const code = errorCode(error);
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
  return new SinkFault(`the audit log ${file} cannot be written (${code})`, full ? FULL_HINT : noPlaceHint(path.dirname(file)));
}
