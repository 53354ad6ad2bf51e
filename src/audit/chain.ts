/**
 * What ties the records together. Each run is a chain: `prev` of a record is the `mac` of the record before it in its
 * run. No lock is held, so runs lie between each other; what ties those together is that the first record of every
 * write also says what the log ended with just before, as `MAC@OFFSET`: the last whole line and the bytes up to its
 * end. A line that is taken out or put in moves the ends of all lines behind it, and is found by the next write.
 *
 * `prev` is therefore `TAIL` for the first record of a run, `MAC TAIL` for the first of each later write, else `MAC`.
 * A tail in another part of the log is `MAC@PART/OFFSET`; at the very beginning it is `@0`.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { canonical, type ChainedRecord } from './record.ts';

/** The end of a whole line: bytes from the beginning of its part, and the line's own `mac`, empty where it has none. */
export interface Tail {
  readonly mac: string;
  readonly offset: number;
  /** The number of its part; undefined is the same part. */
  readonly part?: number;
}

export interface AuditKey {
  readonly kid: string;
  /** Prepared once: with the bare bytes each signature takes six times as long. */
  readonly key: KeyObject;
}

export const BEGINNING: Tail = { mac: '', offset: 0 };

const tailText = ({ mac, offset, part }: Tail): string => `${mac}@${part === undefined ? '' : `${part}/`}${offset}`;

export function parseTail(text: string): Tail | undefined {
  const [, mac, part, offset] = /^([\w-]{43}|)@(?:(\d{1,9})\/)?(\d{1,15})$/.exec(text) ?? [];
  if (mac === undefined || offset === undefined) return undefined;
  return { mac, offset: Number(offset), ...(part === undefined ? {} : { part: Number(part) }) };
}

/** What a record says it follows. */
export interface Follows {
  /** The record before it in its run; undefined for the first. */
  readonly own?: string;
  /** What the log ended with; undefined for all but the first record of a write. */
  readonly tail?: Tail;
}

export const followsText = ({ own, tail }: Follows): string =>
  [own, tail === undefined ? undefined : tailText(tail)].filter((part) => part !== undefined).join(' ');

export function parseFollows(prev: string): Follows | undefined {
  const [first = '', second, ...rest] = prev.split(' ');
  if (rest.length > 0) return undefined;
  const own = /^[\w-]{43}$/.test(first) ? first : undefined;
  const tail = parseTail(second ?? (own === undefined ? first : ''));
  if (own === undefined ? tail === undefined || second !== undefined : second !== undefined && tail === undefined) return undefined;
  return { ...(own === undefined ? {} : { own }), ...(tail === undefined ? {} : { tail }) };
}

const macOf = (text: string | Uint8Array, key: KeyObject): string => createHmac('sha256', key).update(text).digest('base64url');

/** The record's line, without its newline, and its `mac`. */
export function sign(record: Omit<ChainedRecord, 'mac' | 'kid'>, { kid, key }: AuditKey): { readonly line: string; readonly mac: string } {
  const text = canonical({ ...record, kid });
  const mac = macOf(text, key);
  return { line: `${text.slice(0, -1)},"mac":"${mac}"}`, mac };
}

/** `,"mac":"…"}` */
const MAC_BYTES = ',"mac":""}'.length + 43;
const BRACE = Buffer.from('}');

/** The `mac` at the end of a line, whether right or wrong; empty where there is none. @param line without its newline */
export function macAtEnd(line: Buffer): string {
  const text = line.toString('latin1', Math.max(0, line.length - MAC_BYTES));
  return /^,"mac":"([\w-]{43})"\}$/.exec(text)?.[1] ?? '';
}

/** Bytes that a line's `mac` with the newline takes at its end. */
export const END_BYTES = MAC_BYTES + 1;

/** Whether a line's `mac` is that of its bytes. @param line without its newline */
export function isAuthentic(line: Buffer, key: KeyObject): boolean {
  const mac = macAtEnd(line);
  return mac !== '' && macOf(Buffer.concat([line.subarray(0, line.length - MAC_BYTES), BRACE]), key) === mac;
}
