/**
 * `index.json`: what a store holds, without a value.
 *
 * Names and dates are in the clear, so listing needs no key. There is one line for each version and for each
 * recipient, sorted, each ending in a comma (the last element of a list is a marker), and the line of a version never
 * changes: so git merges two branches that wrote different names, and with `merge=union`, which the store's
 * `.gitattributes` asks for, also neighbouring lines. If both wrote the same name, two lines carry the same version
 * number; nobody can say which is the newer, so reading that name is refused until it is set again. A union may bring
 * back the lines of a secret that one branch removed; its files stay removed, and lines without any file count for
 * nothing in a team store. Every version line has a checksum of its own, so a flipped bit is found, and a person may
 * still resolve a conflict by choosing whole lines.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../core/fault.ts';
import { checkShape, formatOf, type VersionLine } from './index-shape.ts';

export interface Version {
  readonly project: string;
  readonly name: string;
  readonly version: number;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** When single fields were last written. */
  readonly rotated?: Readonly<Record<string, string>>;
  /** A value that no reader gets: of a rotation under way, until that is promoted. */
  readonly pending?: PendingMark;
  /** Not given to readers, until it is enabled again. */
  readonly disabled?: true;
  /** Name of the age file in the store's folder. */
  readonly file: string;
}

/** Whose the pending value is, and what it is for. */
export interface PendingMark {
  readonly rotation: string;
  /** The field whose next value it is; undefined is the whole secret. */
  readonly field?: string;
  /** The version that was the newest when it was made. */
  readonly base?: number;
}

/** Who keeps the store's private key. */
export type Custody =
  | { readonly kind: 'keychain' }
  /** An age file of the store's folder, encrypted with the passphrase. */
  | { readonly kind: 'passphrase'; readonly file: string }
  /** An age identity file; without a path, the one in the config folder that is named after the recipient. */
  | { readonly kind: 'identity'; readonly file?: string };

export interface StoreIndex {
  readonly versions: readonly Version[];
  readonly recipients: readonly string[];
  /** Undefined in a team store, whose readers use keys of their own. */
  readonly custody?: Custody;
  /** A place that must not keep the key: a change of custody was under way. */
  readonly retired?: Custody;
}

export const INDEX_FILE = 'index.json';
const FORMAT = 1;
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

/** Throws Fault 'corrupt' with what is wrong. @param where path of the file, for the message */
export function parseIndex(text: string, where: string): StoreIndex {
  const corrupt = (what: string, hint?: string): Fault =>
    new Fault('corrupt', { message: `${where} ${what}`, hint: hint ?? 'restore it from a backup, together with the folder it is in' });
  if (/^<{7} /m.test(text)) {
    throw corrupt('has a merge conflict that is not resolved', 'keep the lines of both sides and take the marker lines out');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw corrupt('is damaged: it is not whole JSON');
  }
  const format = formatOf(json);
  if (format === undefined) throw corrupt('is not the index of a store');
  if (format !== FORMAT) {
    throw corrupt(`has format ${format}, which this version does not know`, 'npm install -g secretsrc, for a newer version');
  }
  const shape = checkShape(json);
  if (typeof shape === 'string') throw corrupt(`is damaged: ${/^[\w.]{1,40}$/.test(shape) ? shape : 'it'} is not what it should be`);
  const { versions, recipients, custody, retired, sum } = shape;
  if (!endsIn(versions, (last) => 'end' in last) || !endsIn(recipients, (last) => last === ''))
    throw corrupt('is damaged: a list has no end');
  const lines = versions
    .filter((line) => 'sum' in line)
    .map(({ sum: lineSum, ...line }) => {
      const version = orderedVersion(line);
      if (lineSum !== sumOf(version)) throw corrupt(`is damaged: the line of ${line.name}, version ${line.version}, was changed`);
      return version;
    });
  const list = recipients.slice(0, -1);
  if (!list.every((text) => RECIPIENT.test(text))) throw corrupt('is damaged: a recipient is not one');
  if (custody === undefined ? retired !== undefined || sum !== undefined : sum !== sumOf([custody, retired ?? null, list])) {
    throw corrupt('is damaged: the custody of its key was changed');
  }
  return {
    versions: lines,
    recipients: list,
    ...(custody && { custody }),
    ...(retired && { retired }),
  };
}

export function formatIndex({ versions, recipients, custody, retired }: StoreIndex): string {
  const list = [...new Set(recipients)].sort();
  const lines = versions
    .toSorted((a, b) => compare(a.project, b.project) || compare(a.name, b.name) || a.version - b.version || compare(a.file, b.file))
    .map(orderedVersion)
    .map((version) => `${JSON.stringify({ ...version, sum: sumOf(version) })},\n`);
  const custodyLines =
    custody === undefined
      ? []
      : [`"custody":${JSON.stringify(custody)}`, ...(retired === undefined ? [] : [`"retired":${JSON.stringify(retired)}`])].concat(
          `"sum":${JSON.stringify(sumOf([custody, retired ?? null, list]))}`,
        );
  return [
    `{"format":${FORMAT},\n"versions":[\n${lines.join('')}{"end":true}],\n`,
    `"recipients":[\n${list.map((text) => `${JSON.stringify(text)},\n`).join('')}""]`,
    ...custodyLines.map((line) => `,\n${line}`),
    '}\n',
  ].join('');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const endsIn = <T>(list: readonly T[], isEnd: (last: T) => boolean): boolean => list.findIndex(isEnd) === list.length - 1;

const sumOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

function orderedVersion({ project, name, version, created, rotated, pending, disabled, file }: Version | VersionLine): Version {
  const fields = rotated === undefined ? undefined : Object.fromEntries(Object.entries(rotated).sort(([a], [b]) => compare(a, b)));
  return {
    project,
    name,
    version,
    created,
    ...(fields === undefined ? {} : { rotated: fields }),
    ...(pending && { pending: orderedMark(pending) }),
    ...(disabled && { disabled }),
    file,
  };
}

const orderedMark = ({ rotation, field, base }: PendingMark): PendingMark => ({
  rotation,
  ...(field === undefined ? {} : { field }),
  ...(base === undefined ? {} : { base }),
});

/** All versions of a name, newest first; a pending value is none. */
export function versionsOf(index: StoreIndex, project: string, name: string): readonly Version[] {
  return linesOf(index, project, name)
    .filter((line) => line.pending === undefined)
    .sort((a, b) => b.version - a.version);
}

/** Every line of a name. */
export const linesOf = (index: StoreIndex, project: string, name: string): readonly Version[] =>
  index.versions.filter((line) => line.project === project && line.name === name);

/** The pending value of a name. Of two, which only merged branches can have, the older one counts. */
export function pendingOf(index: StoreIndex, project: string, name: string): (Version & { readonly pending: PendingMark }) | undefined {
  const [first] = linesOf(index, project, name)
    .flatMap((line) => (line.pending === undefined ? [] : [{ ...line, pending: line.pending }]))
    .sort((a, b) => compare(a.created, b.created) || compare(a.file, b.file));
  return first;
}

/** One version of a name, the newest if none is given; undefined if it is not there. Throws Fault 'conflict' where two have its number. */
export function pickVersion(index: StoreIndex, project: string, name: string, version?: string): Version | undefined {
  const all = versionsOf(index, project, name);
  const [first, second] = version === undefined ? all : all.filter((line) => String(line.version) === version);
  if (first === undefined || second?.version !== first.version) return first;
  throw new Fault('conflict', {
    message: `version ${first.version} of ${name} was written on two branches that were merged`,
    hint: `secrets set ${name}, or take one of its two lines out of ${INDEX_FILE}`,
  });
}
