/**
 * One line of the log. What may stand in it is a list of fields, each with its form and its bound: nothing gets in that
 * is not on the list, whatever an entry carries.
 */
import type { AuditEntry } from './event.ts';

/** A record as it is written, without its place in the chain. Times are RFC 3339 in UTC with milliseconds. */
export interface AuditRecord extends AuditEntry {
  readonly v: 1;
  readonly ts: string;
  /** Counts the records of a run from 0. */
  readonly seq: number;
  /** Id of the run. */
  readonly run: string;
  /** The user's name in the system, else `uid:N`. */
  readonly actor: string;
  /** Name of the machine, so that the logs of several can be merged. */
  readonly host: string;
  /** The CI system with its project and job. */
  readonly ci?: string;
  /** Of the manifest: what tells the `local` references of several apart. */
  readonly project?: string;
  readonly profile?: string;
  /** How the manifest is trusted. */
  readonly trust?: string;
  /** `--reason`, else SECRETS_REASON. */
  readonly reason?: string;
}

/** Where a record stands in the chain; a record that only went to other places than the log has none. */
interface ChainFields {
  /** Names the key of `mac`. */
  readonly kid?: string;
  /** What the record follows; see chain.ts. */
  readonly prev?: string;
  readonly mac?: string;
}

export type ChainedRecord = AuditRecord & ChainFields;

type Form =
  /** Free text of at most so many characters. */
  | { readonly most: number }
  /** A word of our own or of a protocol's; anything else is left out. */
  | { readonly word: RegExp }
  | { readonly number: true };

const EVENT = /^[a-z]{1,20}(?:\.[a-z]{1,20})?$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Every field in the order in which it is written. */
const FIELDS = {
  v: { number: true },
  ts: { word: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
  seq: { number: true },
  run: { word: UUID },
  event: { word: EVENT },
  actor: { most: 128 },
  host: { most: 128 },
  identity: { most: 256 },
  ci: { most: 256 },
  project: { most: 128 },
  profile: { most: 128 },
  trust: { word: /^[a-z]{1,20}$/ },
  reason: { most: 512 },
  name: { most: 256 },
  reference: { most: 1024 },
  version: { most: 128 },
  request: { word: /^[\w.:-]{1,128}$/ },
  result: { word: /^(?:ok|denied|absent|failed)$/ },
  code: { word: /^[A-Z][A-Z0-9_]{0,39}$/ },
  source: { word: /^[a-z]{1,20}$/ },
  ms: { number: true },
  kid: { word: /^[\w-]{1,32}$/ },
  prev: { word: /^[\w@/ -]{1,200}$/ },
} as const satisfies Readonly<Record<Exclude<keyof ChainedRecord, 'mac'>, Form>>;

export type Field = keyof typeof FIELDS;

/** The fields that a reader sees, in their order. */
export const FIELD_NAMES = Object.keys(FIELDS) as readonly Field[];

/**
 * Beyond what JSON escapes itself: other control characters, and those that end a line or turn the direction of
 * writing at a terminal.
 */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** JSON in which nothing acts on a terminal. */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A text that others wrote, without what acts on a terminal. */
// oxlint-disable-next-line no-control-regex
export const printable = (text: string): string => text.replaceAll(/[\u0000-\u001f]/g, '\ufffd').replace(UNSAFE, '\ufffd');

function fieldText(form: Form, value: unknown): string | undefined {
  if ('number' in form) return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? String(Math.round(value)) : undefined;
  if (typeof value !== 'string') return undefined;
  if ('word' in form) return form.word.test(value) ? safeJson(value) : undefined;
  return safeJson(value.length <= form.most ? value : `${value.slice(0, form.most - 1)}…`);
}

/** The last value of each field and how it is written: most fields are the same in all records of a run. */
const before = new Map<Field, { readonly value: unknown; readonly part: string | undefined }>();

function partOf(name: Field, value: unknown): string | undefined {
  const last = before.get(name);
  if (last?.value === value) return last?.part;
  const text = fieldText(FIELDS[name], value);
  const part = text === undefined ? undefined : `"${name}":${text}`;
  before.set(name, { value, part });
  return part;
}

/** The record as JSON on one line, without its newline and its `mac`. */
export function canonical(record: Omit<ChainedRecord, 'mac'>): string {
  const parts: string[] = [];
  for (const name of FIELD_NAMES) {
    const value = record[name];
    const part = value === undefined ? undefined : partOf(name, value);
    if (part !== undefined) parts.push(part);
  }
  return `{${parts.join(',')}}`;
}

/** A line as a record; undefined for anything else. Fields that are not on the list, or not of their form, are dropped. */
export function parseRecord(line: string): ChainedRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || (value as { readonly v?: unknown }).v !== 1) return undefined;
  const given = value as Readonly<Record<string, unknown>>;
  const record: Record<string, unknown> = {};
  for (const name of FIELD_NAMES) if (given[name] !== undefined && fits(FIELDS[name], given[name])) record[name] = given[name];
  if (typeof given['mac'] === 'string') record['mac'] = given['mac'];
  const complete = ['ts', 'seq', 'run', 'event', 'actor', 'result'].every((name) => record[name] !== undefined);
  return complete ? (record as unknown as ChainedRecord) : undefined;
}

function fits(form: Form, value: unknown): boolean {
  if ('number' in form) return typeof value === 'number';
  return typeof value === 'string' && ('word' in form ? form.word.test(value) : value.length <= form.most);
}
