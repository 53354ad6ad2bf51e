/**
 * One version of one secret as an age file. Its plaintext names the secret, so that files which were swapped or
 * renamed are noticed, and is padded, so that its size says little about the value.
 */
import { isUtf8 } from 'node:buffer';
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { PENDING_SUFFIX } from '../../provider-kit/pending.ts';
import { encryptTo } from './age.ts';
import { decryptWith } from './age-read.ts';
import type { Version } from './index-file.ts';

/** What of the index a file must agree with. */
export type Place = Pick<Version, 'project' | 'name' | 'version' | 'pending'>;

/** The name inside the file: that of a pending value is no secret's, so exchanged files don't promote it. */
const nameInside = ({ name, pending }: Place): string => (pending === undefined ? name : name + PENDING_SUFFIX);

/** Bytes of the largest file: the largest value as base64, and the recipients of a large team. */
export const MAX_FILE_BYTES = 2_097_152;
const PADDING = 256;

export function sealDocument(place: Place, value: SecretValue, recipients: readonly string[]): Promise<Uint8Array> {
  return encryptTo(recipients, plaintextOf(place, value));
}

/**
 * Throws Fault 'corrupt' if the file is damaged or another's, 'denied' if it is not for any of the identities.
 * @param team whether a file that is not for us can be in order
 */
export async function openDocument(
  file: Uint8Array,
  place: Place,
  identities: readonly SecretValue[],
  team: boolean,
): Promise<SecretValue> {
  const decrypted = decryptWith(identities, file);
  if (decrypted.state === 'open') return valueOf(decrypted.plaintext, place);
  const which = `version ${place.version} of ${place.name}`;
  if (decrypted.state === 'no-key' && team) {
    throw new Fault('denied', {
      message: `${which} is not encrypted for your key`,
      hint: 'ask somebody who can read it to add your recipient (secrets whoami --recipient) and re-encrypt the store',
    });
  }
  const what =
    decrypted.state === 'no-key' ? 'does not open with the key of this store: it is damaged, or from another store' : 'is damaged';
  throw new Fault('corrupt', { message: `the file of ${which} ${what}`, hint: 'restore it from a backup, or set the secret again' });
}

function plaintextOf(place: Place, value: SecretValue): Buffer {
  const { project, version } = place;
  const name = nameInside(place);
  const bytes = value.reveal();
  const base64 = JSON.stringify({ project, name, version, base64: bytes.toString('base64') });
  const text = isUtf8(bytes) ? JSON.stringify({ project, name, version, utf8: bytes.toString('utf8') }) : base64;
  // Control characters take six bytes each in JSON.
  const json = text.length > 2 * base64.length ? base64 : text;
  const size = Buffer.byteLength(json);
  return Buffer.from(json + ' '.repeat(Math.ceil(size / PADDING) * PADDING - size));
}

function valueOf(plaintext: Buffer, place: Place): SecretValue {
  const document = parse(plaintext);
  const which = `version ${place.version} of ${place.name}`;
  if (document === undefined) {
    throw new Fault('corrupt', {
      message: `the file of ${which} does not hold a secret`,
      hint: 'restore it from a backup, or set the secret again',
    });
  }
  if (document.project !== place.project || document.name !== nameInside(place) || document.version !== place.version) {
    throw new Fault('corrupt', {
      message: `the file of ${which} holds another secret: files were swapped or renamed`,
      hint: 'restore the folder from a backup, or set the secret again',
    });
  }
  return document.value;
}

function parse(plaintext: Buffer): (Place & { readonly value: SecretValue }) | undefined {
  let json: unknown;
  try {
    json = JSON.parse(plaintext.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { project, name, version, utf8, base64, ...others } = json as Record<string, unknown>;
  if (typeof project !== 'string' || typeof name !== 'string' || typeof version !== 'number' || Object.keys(others).length > 0)
    return undefined;
  if (typeof utf8 === 'string' && base64 === undefined) return { project, name, version, value: SecretValue.fromText(utf8) };
  if (typeof base64 !== 'string' || utf8 !== undefined) return undefined;
  return { project, name, version, value: SecretValue.fromBytes(Buffer.from(base64, 'base64')) };
}
