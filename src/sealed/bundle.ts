/**
 * What a sealed file holds: the values of a few secrets, for one run or a few, until a moment, for a command. Its
 * plaintext is JSON inside one age file; who can open it is said by the recipients alone.
 */
import { isUtf8 } from 'node:buffer';
import * as z from 'zod/mini';
import type { Delivery, MaskRules } from '../core/model.ts';
import { PRINTABLE } from '../core/printable.ts';
import { SecretValue } from '../core/secret-value.ts';

export interface SealedSecret {
  readonly name: string;
  readonly as: Delivery;
  readonly sensitive: boolean;
  /** A plain setting or default: the parent's own value wins. */
  readonly yields: boolean;
  /** Where it came from; undefined for templates and plain values. */
  readonly reference?: string | undefined;
  readonly version?: string | undefined;
  /** RFC 3339, as `expiresAt`. */
  readonly createdAt?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly owner?: string | undefined;
  readonly contact?: string | undefined;
  readonly runbook?: string | undefined;
  readonly value: SecretValue;
}

export interface Bundle {
  /** What its uses are counted by. */
  readonly id: string;
  readonly project?: string | undefined;
  readonly profile?: string | undefined;
  /** Whether the profile was protected, whose rules go along. */
  readonly protected: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** How many runs; undefined is any number. */
  readonly uses?: number | undefined;
  /** The command it is for: its words, of which the first is the program. */
  readonly command?: readonly string[] | undefined;
  readonly mask: MaskRules;
  readonly secrets: readonly SealedSecret[];
}

const date = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/));
// Whatever of a bundle may be printed: it was written by somebody else.
const text = z.string().check(z.maxLength(1024), z.regex(PRINTABLE));

const BUNDLE = z.strictObject({
  kind: z.literal('secrets sealed bundle'),
  version: z.literal(1),
  id: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  project: z.optional(text),
  profile: z.optional(text),
  protected: z.boolean(),
  createdAt: date,
  expiresAt: date,
  uses: z.optional(z.int().check(z.minimum(1))),
  command: z.optional(z.array(text).check(z.minLength(1))),
  mask: z.strictObject({ mode: z.enum(['auto', 'always', 'never']), minLength: z.int().check(z.minimum(1)), requirePty: z.boolean() }),
  secrets: z.array(
    z.strictObject({
      name: text.check(z.minLength(1)),
      as: z.enum(['env', 'file', 'fd', 'none']),
      sensitive: z.boolean(),
      yields: z.boolean(),
      reference: z.optional(text),
      version: z.optional(text),
      createdAt: z.optional(date),
      expiresAt: z.optional(date),
      owner: z.optional(text),
      contact: z.optional(text),
      runbook: z.optional(text),
      utf8: z.optional(z.string()),
      base64: z.optional(z.base64()),
    }),
  ),
});

/** The plaintext of a bundle. */
export function bundleText({ secrets, createdAt, expiresAt, ...rest }: Bundle): SecretValue {
  const content = {
    kind: 'secrets sealed bundle',
    version: 1,
    ...rest,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    secrets: secrets.map(({ value, ...secret }) => ({ ...secret, ...encoded(value.reveal()) })),
  };
  return SecretValue.fromText(JSON.stringify(content));
}

const encoded = (bytes: Buffer): { readonly utf8: string } | { readonly base64: string } =>
  isUtf8(bytes) ? { utf8: bytes.toString('utf8') } : { base64: bytes.toString('base64') };

/** Undefined where the plaintext is no bundle of this version. */
export function parseBundle(plaintext: Uint8Array): Bundle | undefined {
  const parsed = BUNDLE.safeParse(jsonOf(plaintext));
  if (!parsed.success) return undefined;
  const { kind: _kind, version: _version, createdAt, expiresAt, secrets, ...rest } = parsed.data;
  const values: SealedSecret[] = [];
  for (const { utf8, base64, ...secret } of secrets) {
    if ((utf8 === undefined) === (base64 === undefined)) return undefined;
    const value = utf8 === undefined ? SecretValue.fromBytes(Buffer.from(base64 ?? '', 'base64')) : SecretValue.fromText(utf8);
    values.push({ ...secret, value });
  }
  if (new Set(values.map(({ name }) => name)).size !== values.length) return undefined;
  return { ...rest, createdAt: new Date(createdAt), expiresAt: new Date(expiresAt), secrets: values };
}

function jsonOf(plaintext: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}
