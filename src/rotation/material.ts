/** Values that a rotation makes: passwords with required classes of characters, UUIDs, private keys. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { Fault } from '../core/fault.ts';
import { ALPHABETS, DEFAULT_GENERATE, GENERATED_LENGTH, type Alphabet } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';
import { generateValue } from '../run/generate.ts';

const MATERIAL_KINDS = ['password', 'uuid', 'ed25519', 'rsa'] as const;
export const CHARACTER_CLASSES = ['upper', 'lower', 'digit', 'symbol'] as const;

type MaterialKind = (typeof MATERIAL_KINDS)[number];
type CharacterClass = (typeof CHARACTER_CLASSES)[number];

export interface MaterialSpec {
  readonly kind: MaterialKind;
  readonly length: number;
  readonly alphabet: Alphabet;
  /** A password has at least one character of each. */
  readonly require: readonly CharacterClass[];
  /** Of an RSA key. */
  readonly bits: number;
}

const PATTERNS: Readonly<Record<CharacterClass, RegExp>> = { upper: /[A-Z]/, lower: /[a-z]/, digit: /\d/, symbol: /[^A-Za-z0-9]/ };
const POSSIBLE: Readonly<Record<Alphabet, readonly CharacterClass[]>> = {
  base64url: ['upper', 'lower', 'digit', 'symbol'],
  alphanumeric: ['upper', 'lower', 'digit'],
  hex: ['lower', 'digit'],
  ascii: ['upper', 'lower', 'digit', 'symbol'],
};
const RSA_BITS: readonly number[] = [2048, 3072, 4096];

/** Reads the options of a rotator. @throws Fault 'options' */
export function materialOf(options: Readonly<Record<string, unknown>>): MaterialSpec {
  const one = <T extends string>(key: string, words: readonly T[], fallback: T): T => {
    const given = options[key];
    if (given === undefined) return fallback;
    const known = words.find((word) => word === given);
    if (known === undefined) throw wrong(`rotate.${key}`, `one of ${words.join(', ')}`);
    return known;
  };
  const length = options['length'] ?? DEFAULT_GENERATE.length;
  if (typeof length !== 'number' || !Number.isInteger(length) || length < GENERATED_LENGTH.least || length > GENERATED_LENGTH.most)
    throw wrong('rotate.length', `a number from ${GENERATED_LENGTH.least} to ${GENERATED_LENGTH.most}`);
  const bits = options['bits'] ?? 3072;
  if (typeof bits !== 'number' || !RSA_BITS.includes(bits)) throw wrong('rotate.bits', `one of ${RSA_BITS.join(', ')}`);
  const alphabet = one('alphabet', ALPHABETS, DEFAULT_GENERATE.alphabet);
  const wanted = options['require'] ?? [];
  if (!Array.isArray(wanted) || wanted.some((word) => !CHARACTER_CLASSES.some((known) => known === word)))
    throw wrong('rotate.require', `a list of ${CHARACTER_CLASSES.join(', ')}`);
  const require = CHARACTER_CLASSES.filter((known) => wanted.includes(known));
  const missing = require.find((known) => !POSSIBLE[alphabet].includes(known));
  if (missing !== undefined)
    throw new Fault('options', {
      message: `no value of the alphabet ${alphabet} has a ${missing}`,
      hint: 'take another alphabet, such as ascii',
    });
  return { kind: one('kind', MATERIAL_KINDS, 'password'), length, alphabet, require, bits };
}

const wrong = (key: string, expected: string): Fault =>
  new Fault('options', { message: `${key} must be ${expected}`, hint: 'change it in the manifest' });

/** @param random for passwords; returns that many random bytes */
export function makeMaterial(spec: MaterialSpec, random: (size: number) => Buffer = randomBytes): SecretValue {
  switch (spec.kind) {
    case 'uuid':
      return SecretValue.fromText(randomUUID());
    case 'ed25519':
      return privateKey(generateKeyPairSync('ed25519').privateKey);
    case 'rsa':
      return privateKey(generateKeyPairSync('rsa', { modulusLength: spec.bits }).privateKey);
    case 'password':
      return password(spec, random);
  }
}

const privateKey = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }): SecretValue =>
  SecretValue.fromText(String(key.export({ type: 'pkcs8', format: 'pem' })));

/** Whole values are thrown away until one has every class: putting a character where it is missing would make some likelier. */
function password(spec: MaterialSpec, random: (size: number) => Buffer): SecretValue {
  for (;;) {
    const value = generateValue(spec, random);
    const text = value.reveal().toString('latin1');
    if (spec.require.every((one) => PATTERNS[one].test(text))) return value;
    value.wipe();
  }
}
