/**
 * The forms in which a program may print a value. Each function takes the value's bytes and returns what its encoder
 * would print; the caller drops duplicates and forms that are too short.
 */
import { isUtf8 } from 'node:buffer';

/** One printed form of a value. */
export interface Form {
  readonly bytes: Buffer;
  /** Whether encoders break this form into lines, as base64 does. */
  readonly wraps: boolean;
}

const form = (bytes: Buffer | string, wraps = false): Form => ({
  bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes,
  wraps,
});

/** Every derived form of a value, without the value itself. */
export function derivedForms(value: Buffer): readonly Form[] {
  const forms = [...base64Forms(value), ...hexForms(value), ...percentForms(value)];
  if (isUtf8(value)) {
    const text = value.toString('utf8');
    forms.push(...jsonForms(text), ...shellForms(text), ...xmlForms(text), ...utf16Forms(text));
  }
  return forms;
}

/**
 * base64 and base64url of the value at each of the three positions it can have in a longer input. The characters at
 * both ends that its neighbours share are cut off, so that the core is found whatever stands around it.
 */
export function base64Forms(value: Buffer): readonly Form[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), value]).toString('base64');
    const from = Math.ceil((shift * 8) / 6);
    const to = Math.floor(((shift + value.length) * 8) / 6);
    const core = encoded.slice(from, to);
    // Where the value ends the input, its last bits and the padding are its own.
    const rest = encoded.slice(from);
    const url = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');
    return [core, rest, url(core), url(rest), url(rest.replace(/=+$/, ''))].map((text) => form(text, true));
  });
}

function hexForms(value: Buffer): readonly Form[] {
  const hex = value.toString('hex');
  return [form(hex, true), form(hex.toUpperCase(), true)];
}

const UNRESERVED = /[A-Za-z0-9._~-]/;
const COMPONENT = /[A-Za-z0-9._~!*'()-]/;
const URI = /[A-Za-z0-9._~!*'();/?:@&=+$,#-]/;
const PATH = /[A-Za-z0-9._~/-]/;
const FORM = /[A-Za-z0-9._*-]/;

/** RFC 3986, encodeURIComponent, encodeURI, a path, form data, each with upper and lower case digits. */
function percentForms(value: Buffer): readonly Form[] {
  const encode = (keep: RegExp, plus: boolean): string =>
    Array.from(value, (byte) => {
      const character = String.fromCharCode(byte);
      if (keep.test(character)) return character;
      return plus && byte === 0x20 ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }).join('');
  const upper = [
    encode(UNRESERVED, false),
    encode(COMPONENT, false),
    encode(URI, false),
    encode(PATH, false),
    encode(FORM, true),
    encode(UNRESERVED, true),
  ];
  return [...upper, ...upper.map((text) => text.replaceAll(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase()))].map((text) => form(text));
}

/** The inside of JSON strings and of string literals of common languages, with and without non-ASCII characters. */
function jsonForms(text: string): readonly Form[] {
  const json = JSON.stringify(text).slice(1, -1);
  const unicode = (digits: (code: string) => string) => (source: string) =>
    source.replaceAll(/[\u007f-\uffff]/g, (character) => `\\u${digits(character.charCodeAt(0).toString(16).padStart(4, '0'))}`);
  const ascii = unicode((code) => code);
  const html = json.replaceAll(/[<>&'+]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const single = json.replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`);
  const both = [
    json,
    json.replaceAll('/', String.raw`\/`),
    html,
    html.replaceAll(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`),
    single,
  ];
  const hexed = single.replaceAll(/\\u00([0-9a-f]{2})/g, String.raw`\x$1`);
  return [...both, ...both.map(ascii), ascii(json.replaceAll('/', String.raw`\/`)), unicode((code) => code.toUpperCase())(json), hexed].map(
    (source) => form(Buffer.from(source)),
  );
}

// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f'\\]/g;

/** Words as shells print them: single quotes in both ways of escaping, `$'…'`, and backslashes. */
function shellForms(text: string): readonly Form[] {
  const named: Readonly<Record<string, string>> = {
    '\n': String.raw`\n`,
    '\t': String.raw`\t`,
    '\r': String.raw`\r`,
    '\u001b': String.raw`\E`,
    "'": String.raw`\'`,
    '\\': String.raw`\\`,
  };
  const dollar = text.replaceAll(
    UNPRINTABLE,
    (character) => named[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  const bytes = Array.from(Buffer.from(dollar), (byte) => (byte > 126 ? `\\${byte.toString(8)}` : String.fromCharCode(byte))).join('');
  return [
    text.replaceAll("'", String.raw`'\''`),
    text.replaceAll("'", `'"'"'`),
    dollar,
    bytes,
    text.replaceAll(/[^A-Za-z0-9_@%+=:,./\u0080-\uffff-]/g, String.raw`\$&`),
    text.replaceAll(/[^A-Za-z0-9_@%+:,./\u0080-\uffff-]/g, String.raw`\$&`),
    text.replaceAll(/["$`\\!]/g, String.raw`\$&`),
    text.replaceAll(/["$`\\]/g, String.raw`\$&`),
    text.replaceAll('$', '$$$$'),
  ].map((source) => form(Buffer.from(source)));
}

/** XML and HTML text and attributes, with the names and numbers that common encoders use. */
function xmlForms(text: string): readonly Form[] {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quoted = base.replaceAll('"', '&quot;');
  const numeric = (source: string): string => source.replaceAll(/[\u0080-\uffff]/g, (character) => `&#${character.charCodeAt(0)};`);
  const all = [
    base,
    quoted,
    ...['&apos;', '&#39;', '&#x27;', '&#039;'].map((quote) => quoted.replaceAll("'", quote)),
    base.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
  ];
  return [...all, ...all.map(numeric)].map((source) => form(Buffer.from(source)));
}

function utf16Forms(text: string): readonly Form[] {
  const little = Buffer.from(text, 'utf16le');
  return [form(little), form(Buffer.from(little).swap16())];
}
