/** Templates: `postgres://app:${DB_PASSWORD|url}@db/app`. Filled in on bytes, so that any value survives. */
import type { TemplateFilter, TemplatePart } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';

const FILTERS: Readonly<Record<TemplateFilter, (bytes: Buffer) => Buffer>> = {
  // RFC 3986: everything but unreserved characters, byte by byte.
  url: (bytes) =>
    Buffer.from(
      [...bytes].map((byte) => (UNRESERVED.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${hex(byte)}`)).join(''),
    ),
  base64: (bytes) => Buffer.from(bytes.toString('base64')),
  // The inside of a JSON string, without the quotes around it.
  json: (bytes) => Buffer.from(JSON.stringify(bytes.toString('utf8')).slice(1, -1)),
  // One word for a POSIX shell.
  shell: (bytes) =>
    Buffer.concat([Buffer.from("'"), Buffer.from(bytes.toString('latin1').replaceAll("'", `'\\''`), 'latin1'), Buffer.from("'")]),
};

const UNRESERVED = /[A-Za-z0-9._~-]/;
const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

/** @returns the filled-in template, or the names whose values are not there */
export function fillTemplate(
  parts: readonly TemplatePart[],
  valueOf: (name: string) => SecretValue | undefined,
): { readonly value: SecretValue } | { readonly missing: readonly string[] } {
  const missing: string[] = [];
  const pieces = parts.map((part): Buffer => {
    if ('text' in part) return Buffer.from(part.text);
    const value = valueOf(part.name);
    if (value === undefined) {
      missing.push(part.name);
      return Buffer.alloc(0);
    }
    return part.filters.reduce<Buffer>((bytes, filter) => FILTERS[filter](bytes), value.reveal());
  });
  return missing.length > 0 ? { missing } : { value: SecretValue.fromBytes(Buffer.concat(pieces)) };
}
