/**
 * Canonical text: the same for the same thing, another for everything else, and safe to show at a terminal.
 *
 * A line is a kind and fields, one space between them. A field is a bare word or JSON in ASCII, so neither a space nor
 * a quote inside of one can look like the border between two.
 */
import { createHash } from 'node:crypto';

const BARE = /^[A-Za-z0-9_.~:/@%+*,=#?&-]+$/;
const USER_IN_URL = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^/?#]*)@/;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const lineOf = (kind: string, ...fields: readonly string[]): string => [kind, ...fields].join(' ');

/** A text as a field: as it is where nothing in it could be misread, else quoted. */
export const word = (text: string): string => (BARE.test(text) ? text : quoted(text));

/** JSON of a text in printable ASCII: look-alikes of other alphabets and control characters show as what they are. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * Plain data as JSON: keys in order, without white space. A user and password in a URL are replaced by their hash,
 * since a line is shown and stored.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string')
    return quoted(value.replace(USER_IN_URL, (_, scheme: string, user: string) => `${scheme}[sha256:${sha256(user)}]@`));
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : String(value);
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return 'null';
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${quoted(key)}:${canonical(inner)}`).join(',')}}`;
}

/** The kind and the fields of a line, each as it stands there. */
export function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  for (let start = 0; start <= line.length;) {
    const end = endOfField(line, start);
    fields.push(line.slice(start, end));
    start = end + 1;
  }
  return fields;
}

/** Index of the next space that is not inside a quoted text. */
function endOfField(line: string, start: number): number {
  let inside = false;
  for (let at = start; at < line.length; at++) {
    const character = line[at];
    if (character === '\\') at++;
    else if (character === '"') inside = !inside;
    else if (character === ' ' && !inside) return at;
  }
  return line.length;
}

/** What {@link word} or {@link canonical} was made of; undefined for what JSON does not have. */
export function valueOf(field: string): unknown {
  try {
    return /^["{[]/.test(field) ? (JSON.parse(field) as unknown) : field;
  } catch {
    return undefined;
  }
}
