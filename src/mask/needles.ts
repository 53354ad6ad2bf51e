/** What the masker looks for: every form of every value, by the name of its secret. */
import { isUtf8 } from 'node:buffer';
import { base64Forms, derivedForms, type Form } from './encodings.ts';

/** A value to mask. */
export interface Masked {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Needle {
  readonly bytes: Buffer;
  /** Index into the names. */
  readonly owner: number;
  readonly wraps: boolean;
}

export interface Needles {
  readonly names: readonly string[];
  readonly needles: readonly Needle[];
  /** Names whose value is too short or too common to be masked. */
  readonly unmasked: readonly string[];
}

export interface NeedleLimits {
  /** Shortest value in bytes that is masked. */
  readonly minLength: number;
}

/** Forms other than the value itself are masked from two bytes more on, since short ones turn up by chance. */
const DERIVED_EXTRA = 2;

/** Words that every log holds: masking them would say more than it hides. */
const COMMON = new Set(
  (
    'production development staging testing localhost 127.0.0.1 0.0.0.0 default disabled enabled undefined example password passwd secret ' +
    'changeme postgres postgresql username administrator https:// http://localhost application/json 00000000 123456 12345678 123456789'
  ).split(' '),
);

export function needlesFor(values: readonly Masked[], limits: NeedleLimits): Needles {
  const names: string[] = [];
  const unmasked: string[] = [];
  const found = new Map<string, Needle>();
  for (const { name, bytes } of values) {
    const owner = names.push(name) - 1;
    if (!isMasked(bytes, limits)) unmasked.push(name);
    const add = (needle: Buffer, wraps: boolean, least: number): void => {
      if (needle.length < least) return;
      const key = needle.toString('latin1');
      if (!found.has(key)) found.set(key, { bytes: needle, owner, wraps });
    };
    for (const literal of literalsOf(bytes, limits)) {
      add(literal, false, 0);
      for (const form of formsOf(literal, bytes.length)) add(form.bytes, form.wraps, limits.minLength + DERIVED_EXTRA);
    }
  }
  return { names, needles: [...found.values()], unmasked };
}

/** Whether a value is masked at all; one that is short or common is not, nor is anything made of it. */
export const isMasked = (bytes: Buffer, { minLength }: NeedleLimits): boolean => bytes.length >= minLength && !isCommon(bytes);

/** Bytes of a value up to which all its forms are looked for; and up to which its base64 is. */
const ALL_FORMS = 8_192;
const BASE64_TOO = 65_536;

/** A large value has fewer forms, since each costs as much as the value: a program that prints it prints it as it is. */
const formsOf = (literal: Buffer, valueBytes: number): readonly Form[] =>
  valueBytes <= ALL_FORMS ? derivedForms(literal) : valueBytes <= BASE64_TOO ? base64Forms(literal) : [];

/**
 * The value and its parts, as they are: the leaves of a structured value, the lines of a long one, and so on inside of
 * them. What is too short or too common is left out; without the value itself there are no parts.
 */
export function literalsOf(bytes: Buffer, limits: NeedleLimits): readonly Buffer[] {
  if (!isMasked(bytes, limits)) return [];
  const parts = partsOf(bytes).filter((part) => standsAlone(part, limits));
  return [bytes, ...parts.flatMap((part) => literalsOf(part, limits))];
}

/** Whether a part of a value is long and rare enough to be masked where it stands alone. */
export const standsAlone = (part: Buffer, { minLength }: NeedleLimits): boolean =>
  part.length >= minLength + DERIVED_EXTRA && !isCommon(part);

const isCommon = (bytes: Buffer): boolean =>
  bytes.toString('latin1').trim() === '' || COMMON.has(bytes.toString('latin1').trim().toLowerCase());

/**
 * Pieces that a program may print alone: the leaves of a structured value, the password inside a URL, else the lines of
 * a long one.
 */
function partsOf(bytes: Buffer): readonly Buffer[] {
  if (!isUtf8(bytes)) return [];
  const text = bytes.toString('utf8');
  const leaves = jsonLeaves(text) ?? yamlLeaves(text);
  if (leaves !== undefined) return leaves.map((leaf) => Buffer.from(leaf));
  const password = urlPassword(text.trim());
  if (password !== undefined) return password.map((form) => Buffer.from(form));
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return lines.length > 1 ? lines.filter((line) => !/^-----(?:BEGIN|END) /.test(line)).map((line) => Buffer.from(line)) : [];
}

/** The password of `scheme://user:password@host`, as it is written and as it is meant. */
function urlPassword(text: string): readonly string[] | undefined {
  const written = /^[a-z][a-z0-9+.-]*:\/\/[^:@/?#\s]*:([^@/?#\s]+)@/i.exec(text)?.[1];
  if (written === undefined) return undefined;
  try {
    return [...new Set([written, decodeURIComponent(written)])];
  } catch {
    return [written];
  }
}

function jsonLeaves(text: string): readonly string[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const leaves: string[] = [];
    // Numbers as they are written: a long one would lose digits.
    JSON.parse(text, function collect(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }) {
      if (typeof value === 'string') leaves.push(value);
      else if (typeof value === 'number') leaves.push(context?.source ?? String(value));
      return value;
    });
    return leaves;
  } catch {
    return undefined;
  }
}

/**
 * The scalars of a block mapping in YAML, read line by line: `key: value` and `- value`. A full parser would be slow
 * and is not needed, because a line that it would read otherwise is still masked as a line.
 */
function yamlLeaves(text: string): readonly string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^\s*#/.test(line) && line.trim() !== '---');
  if (lines.length < 2) return undefined;
  const leaves = lines.map((line) => /^\s*(?:- )?(?:[\w.-]+:(?:\s+|$)|- )(.*)$/.exec(line)?.[1]);
  if (leaves.some((leaf) => leaf === undefined)) return undefined;
  return leaves.flatMap((leaf = '') => {
    const value = leaf.trim().replace(/^(['"])(.*)\1$/, '$2');
    return value === '' || /^[|>][+-]?$/.test(value) ? [] : [value];
  });
}
