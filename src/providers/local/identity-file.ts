/** Age identity files, as `age-keygen` writes them: comments, and one secret key a line. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { readOwnFile, writeNewFile } from '../../platform/atomic-file.ts';
import { recipientOf } from './age-read.ts';
import { checkPrivate, unreadable } from './faults.ts';

export const MAX_IDENTITY_BYTES = 65_536;
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/;

/** A key and who it is. */
export interface OwnIdentity {
  readonly identity: SecretValue;
  readonly recipient: string;
}

/**
 * The keys of a file, in order, at least one; undefined if it is not there. A link is followed: mounted secrets are
 * links. Throws Fault 'denied' (readable for others, other owner) and 'corrupt' (not an identity file).
 */
export async function readIdentityFile(file: string): Promise<readonly OwnIdentity[] | undefined> {
  const read = await readOwnFile(file, MAX_IDENTITY_BYTES, { follow: true });
  if (read.state === 'absent') return undefined;
  if (read.state !== 'read') throw unreadable(read, file);
  checkPrivate(file, read);
  return parseIdentities(read.bytes, file);
}

/** @param where what the text is, for messages. Throws Fault 'corrupt'. */
export async function parseIdentities(bytes: Buffer, where: string): Promise<readonly OwnIdentity[]> {
  const text = bytes.toString('utf8');
  const corrupt = (what: string, hint: string): Fault => new Fault('corrupt', { message: `${where} ${what}`, hint });
  if (/^(?:age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/.test(text)) {
    throw corrupt('is an encrypted identity file', 'give the decrypted file, or keep the key with SECRETS_PASSPHRASE');
  }
  const lines = text.split('\n').flatMap((line) => (line.trim() === '' || line.startsWith('#') ? [] : [line.trim()]));
  const identities = lines.map((line) => (IDENTITY.test(line) ? SecretValue.fromText(line) : undefined));
  const owned = identities.map((identity) => ({ identity, recipient: identity === undefined ? undefined : recipientOf(identity) }));
  const good = owned.flatMap(({ identity, recipient }) =>
    identity === undefined || recipient === undefined ? [] : [{ identity, recipient }],
  );
  if (good.length === 0 || good.length < owned.length) {
    throw corrupt(
      'is not a file of age X25519 identities (AGE-SECRET-KEY-1…)',
      'make one with age-keygen -o FILE, or restore it from a backup',
    );
  }
  return good;
}

export function identityText({ identity, recipient }: OwnIdentity, created: Date): string {
  return `# created: ${created.toISOString()}\n# public key: ${recipient}\n${identity.reveal().toString('utf8')}\n`;
}

/** Makes an identity file that is not there yet, and its folder. Throws Node's errors. */
export async function writeIdentityFile(file: string, own: OwnIdentity, created: Date): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeNewFile(file, identityText(own, created), 0o600);
}
