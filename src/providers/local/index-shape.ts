/**
 * The shape of `index.json`. Checked by hand, since every run reads an index, and a schema library takes longer to
 * load than the index to read.
 */
import type { Custody, Version } from './index-file.ts';
import { isName } from './reference.ts';

export interface VersionLine extends Version {
  readonly sum: string;
}

/** The index as written: each list with its end mark. */
export interface WrittenIndex {
  readonly versions: readonly (VersionLine | { readonly end: true })[];
  readonly recipients: readonly string[];
  readonly custody?: Custody;
  readonly retired?: Custody;
  readonly sum?: string;
}

export const VERSION_FILE = /^[a-z0-9-]+-[1-9][0-9]*-[a-z0-9]{10}\.age$/;
export const WRAPPED_FILE = /^identity\.[a-z0-9]{10}\.age$/;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isSomeText: Check = (value) => typeof value === 'string' && value !== '';
const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A mapping with these keys, each as its check says, and no others. */
const isRecord = (value: unknown, fields: Fields): boolean =>
  isMapping(value) &&
  Object.keys(value).every((key) => Object.hasOwn(fields, key)) &&
  Object.entries(fields).every(([key, check]) => check(value[key]));

const PENDING: Fields = {
  rotation: isSomeText,
  field: optional(isText),
  base: optional((value) => Number.isSafeInteger(value)),
};

const VERSION: Fields = {
  project: isSomeText,
  name: (value) => typeof value === 'string' && isName(value),
  version: (value) => Number.isSafeInteger(value) && Number(value) > 0,
  created: matches(DATE),
  rotated: optional((value) => isMapping(value) && Object.values(value).every(matches(DATE))),
  pending: optional((value) => isRecord(value, PENDING)),
  disabled: optional((value) => value === true),
  file: matches(VERSION_FILE),
  sum: isText,
};
const END: Fields = { end: (value) => value === true };

const CUSTODY: Readonly<Record<Custody['kind'], Fields>> = {
  keychain: { kind: isText },
  passphrase: { kind: isText, file: matches(WRAPPED_FILE) },
  identity: { kind: isText, file: optional(isSomeText) },
};

const isCustody: Check = (value) => {
  const kind = isMapping(value) ? value['kind'] : undefined;
  return (kind === 'keychain' || kind === 'passphrase' || kind === 'identity') && isRecord(value, CUSTODY[kind]);
};

const INDEX: Fields = {
  format: () => true,
  versions: Array.isArray,
  recipients: (value) => Array.isArray(value) && value.every(isText),
  custody: optional(isCustody),
  retired: optional(isCustody),
  sum: optional(isText),
};

/** The format number of an index; undefined for anything else. */
export const formatOf = (json: unknown): number | undefined => {
  const format = isMapping(json) ? json['format'] : undefined;
  return Number.isInteger(format) ? Number(format) : undefined;
};

/** The index, or the path of the first part that is not what it should be. */
export function checkShape(json: unknown): WrittenIndex | string {
  if (!isMapping(json)) return 'it';
  const wrong = Object.keys({ ...INDEX, ...json }).find((key) => !Object.hasOwn(INDEX, key) || INDEX[key]?.(json[key]) !== true);
  if (wrong !== undefined) return wrong;
  const lines = json['versions'] as readonly unknown[];
  const line = lines.findIndex((value) => !isRecord(value, VERSION) && !isRecord(value, END));
  return line < 0 ? (json as unknown as WrittenIndex) : `versions.${line}`;
}
