/** Values that the tool makes itself: from the system's random numbers, every character equally likely. */
import { randomBytes } from 'node:crypto';
import type { Alphabet, GenerateSpec } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';

const DIGITS = '0123456789';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `ascii` is everything that can be printed except the space. */
const CHARACTERS: Readonly<Record<Alphabet, string>> = {
  base64url: `${LETTERS}${DIGITS}-_`,
  alphanumeric: `${LETTERS}${DIGITS}`,
  hex: `${DIGITS}abcdef`,
  ascii: Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index)).join(''),
};

/**
 * A random value. Bytes beyond the largest multiple of the alphabet's size are thrown away, since taking the
 * remainder of all would make some characters likelier.
 * @param random returns that many random bytes, which are overwritten after use
 */
export function generateValue(spec: GenerateSpec, random: (size: number) => Buffer = randomBytes): SecretValue {
  const characters = Buffer.from(CHARACTERS[spec.alphabet], 'latin1');
  const end = 256 - (256 % characters.length);
  const value = Buffer.alloc(spec.length);
  let at = 0;
  while (at < value.length) {
    const bytes = random(value.length - at + 16);
    for (const byte of bytes) {
      if (byte >= end) continue;
      if (at === value.length) break;
      value[at++] = characters[byte % characters.length] ?? 0;
    }
    bytes.fill(0);
  }
  const secret = SecretValue.fromBytes(value);
  value.fill(0);
  return secret;
}
