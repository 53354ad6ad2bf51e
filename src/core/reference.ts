/**
 * References: `provider://path[?option=value…][#field]`.
 *
 * Only the provider, `?` and `#` are split here; what a path means belongs to the adapter. A literal `?`, `#` or
 * `%` inside a path, option or field is percent-encoded.
 */
import { CONTROL } from './printable.ts';

/** A reference, taken apart and decoded. */
export interface Reference {
  /** Name of the provider entry, which is the scheme. */
  readonly provider: string;
  readonly path: string;
  readonly options: Readonly<Record<string, string>>;
  /** A key's name, or a JSON pointer when it begins with `/`. */
  readonly field?: string;
  /** As it was written. */
  readonly text: string;
}

export type ReferenceResult =
  | { readonly ok: true; readonly reference: Reference }
  | { readonly ok: false; readonly message: string; readonly hint?: string };

const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

/** The scheme of a text that has the shape of a reference, else undefined. */
export function schemeOf(text: string): string | undefined {
  return /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(text)?.[1];
}

/**
 * Takes a reference apart. The failure messages never quote the text: somebody may have pasted a value there.
 */
export function parseReference(text: string): ReferenceResult {
  // They could forge log lines or requests.
  if (CONTROL.test(text)) return { ok: false, message: 'the reference holds a control character' };
  const match = SHAPE.exec(text);
  if (match === null) {
    const scheme = schemeOf(text);
    if (scheme !== undefined && scheme !== scheme.toLowerCase()) {
      return { ok: false, message: 'the provider in front of :// must be in lower case', hint: `write ${scheme.toLowerCase()}://…` };
    }
    return { ok: false, message: 'this is not a reference', hint: 'write provider://path#field, for example local://NAME' };
  }
  const [, provider = '', rawPath = '', rawOptions, rawField] = match;
  const path = decode(rawPath);
  const field = rawField === undefined ? undefined : decode(rawField);
  if (path === undefined || (rawField !== undefined && field === undefined)) return badEncoding;
  if (path === '') return { ok: false, message: 'the reference has no path after ://' };
  if (field === '') return { ok: false, message: 'the reference ends with an empty #field' };
  if (CONTROL.test(path) || (field !== undefined && CONTROL.test(field)))
    return { ok: false, message: 'the reference holds an encoded control character' };
  if (path.split('/').includes('..') || path.split('/').includes('.'))
    return { ok: false, message: "'.' and '..' segments are refused in a path" };
  const options: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of rawOptions === undefined || rawOptions === '' ? [] : rawOptions.split('&')) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? undefined : decode(pair.slice(at + 1));
    if (!/^[a-z][a-zA-Z0-9-]*$/.test(name) || at < 0) return { ok: false, message: 'options are written ?name=value&name=value' };
    if (value === undefined) return badEncoding;
    if (value === '' || CONTROL.test(value)) return { ok: false, message: `the option ${name} has no usable value` };
    if (name in options) return { ok: false, message: `the option ${name} stands twice` };
    options[name] = value;
  }
  return { ok: true, reference: { provider, path, options, ...(field === undefined ? {} : { field }), text } };
}

const badEncoding = {
  ok: false,
  message: 'a % must be followed by two hexadecimal digits of UTF-8',
  hint: 'write a literal % as %25',
} as const;

function decode(part: string): string | undefined {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const encode = (part: string, special: RegExp): string => part.replace(special, (character) => encodeURIComponent(character));

/** The shortest text that {@link parseReference} reads as this reference. */
export function formatReference(reference: Omit<Reference, 'text'>): string {
  const options = Object.entries(reference.options).map(([name, value]) => `${name}=${encode(value, /[%#&]/g)}`);
  return [
    `${reference.provider}://${encode(reference.path, /[%?#]/g)}`,
    options.length > 0 ? `?${options.join('&')}` : '',
    reference.field === undefined ? '' : `#${encode(reference.field, /%/g)}`,
  ].join('');
}
