/**
 * The key that records are signed with. Where it is kept is decided once, when it is made: in a file beside the log that
 * only its user can read, or in the OS keychain where the user asks for that, with a file that says so.
 */
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { linkSync } from 'node:fs';
import path from 'node:path';
import { SecretValue } from '../core/secret-value.ts';
import { dropFile, errorCode, makeFolders, readOwnFile, TEMP_SUFFIX, writeNewFile } from '../platform/atomic-file.ts';
import { OWN_KEYCHAIN_SERVICE } from '../platform/keychain-names.ts';
import type { Keychain } from '../provider-kit/keychain.ts';
import type { AuditKey } from './chain.ts';
import { SinkFault } from './sinks/sink.ts';

export type KeyCustody = 'file' | 'keychain';

export interface KeyPlace {
  /** Path of the key file. */
  readonly file: string;
  /** Where a new key goes. */
  readonly custody: KeyCustody;
  readonly keychain: () => Promise<Pick<Keychain, 'get' | 'set'>>;
}

const BYTES = 32;
const MAX_FILE_BYTES = 4096;

/** The key file of a log. */
export const keyFileOf = (log: string): string => `${path.join(path.dirname(log), path.parse(log).name)}.key`;

const kidOf = (key: Buffer): string => createHash('sha256').update('secrets audit key\0').update(key).digest('hex').slice(0, 8);
const accountOf = (kid: string): string => `audit ${kid}`;

interface KeyFile {
  readonly kid: string;
  /** Undefined where the keychain has it. */
  readonly key: Buffer | undefined;
}

/** The key; undefined where there is none yet. @throws SinkFault */
export async function readKey(place: Pick<KeyPlace, 'file' | 'keychain'>): Promise<AuditKey | undefined> {
  const found = await readKeyFile(place.file);
  if (found === undefined) return undefined;
  const key = found.key ?? (await fromKeychain(found.kid, place));
  if (key.length !== BYTES || kidOf(key) !== found.kid) throw damaged(place.file);
  return { kid: found.kid, key: createSecretKey(key) };
}

/** Where the key is kept; undefined where there is none yet. @throws SinkFault */
export async function custodyOf(file: string): Promise<KeyCustody | undefined> {
  const found = await readKeyFile(file);
  return found === undefined ? undefined : found.key === undefined ? 'keychain' : 'file';
}

/** The key, made if there is none. Of several that make one at once, one wins and all get its key. @throws SinkFault */
export async function keyFor(place: KeyPlace): Promise<AuditKey> {
  const known = await readKey(place);
  if (known !== undefined) return known;
  const key = randomBytes(BYTES);
  const kid = kidOf(key);
  if (place.custody === 'keychain') await intoKeychain(kid, key, place);
  await placeKeyFile(place.file, place.custody === 'keychain' ? { version: 1, kid } : { version: 1, kid, key: key.toString('base64url') });
  const placed = await readKey(place);
  if (placed === undefined) throw new SinkFault(`the key ${place.file} of the audit log went away while it was made`);
  return placed;
}

async function readKeyFile(file: string): Promise<KeyFile | undefined> {
  const read = await readOwnFile(file, MAX_FILE_BYTES);
  if (read.state === 'absent') return undefined;
  if (read.state !== 'read') {
    const why = read.state === 'failed' ? `cannot be read (${read.code})` : 'is not a plain file';
    throw new SinkFault(`the key ${file} of the audit log ${why}`, 'check who made it, and its permissions');
  }
  if (read.uid !== undefined && process.geteuid !== undefined && read.uid !== process.geteuid())
    throw new SinkFault(`the key ${file} of the audit log belongs to another user`, 'check who made it');
  if (read.mode !== undefined && (read.mode & 0o077) !== 0)
    throw new SinkFault(`others can read or write the key ${file} of the audit log`, `chmod 600 ${file}`);
  try {
    const { version, kid, key } = JSON.parse(read.bytes.toString('utf8')) as Readonly<Record<string, unknown>>;
    if (version === 1 && typeof kid === 'string' && (key === undefined || typeof key === 'string'))
      return { kid, key: key === undefined ? undefined : Buffer.from(key, 'base64url') };
  } catch {
    // said below
  }
  throw damaged(file);
}

const damaged = (file: string): SinkFault =>
  new SinkFault(
    `the key ${file} of the audit log is damaged`,
    `restore it, or move it and the log away: the next command begins a new log`,
  );

/** The file appears whole, and only if there is none. */
async function placeKeyFile(file: string, content: Readonly<Record<string, unknown>>): Promise<void> {
  const temp = `${file}.${randomBytes(6).toString('hex')}${TEMP_SUFFIX}`;
  try {
    makeFolders(path.dirname(file));
    await writeNewFile(temp, `${JSON.stringify(content)}\n`, 0o600);
    linkSync(temp, file);
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'EEXIST')
      throw new SinkFault(`the key ${file} of the audit log cannot be written (${code})`, noPlaceHint(path.dirname(file)));
  } finally {
    dropFile(temp);
  }
}

export const noPlaceHint = (folder: string): string => `check ${folder}, or SECRETS_AUDIT=stderr, or SECRETS_AUDIT=off`;

async function fromKeychain(kid: string, { file, keychain }: Pick<KeyPlace, 'file' | 'keychain'>): Promise<Buffer> {
  try {
    const item = await (await keychain()).get(OWN_KEYCHAIN_SERVICE, accountOf(kid));
    if (item.state === 'present') return Buffer.from(item.value.reveal().toString('latin1'), 'base64url');
  } catch {
    throw new SinkFault('the OS keychain, which has the key of the audit log, cannot be asked', 'secrets doctor');
  }
  throw new SinkFault(
    `the OS keychain does not have the key ${kid} of the audit log any more`,
    `move ${file} and the log away: the next command begins a new log`,
  );
}

async function intoKeychain(kid: string, key: Buffer, { keychain }: KeyPlace): Promise<void> {
  try {
    await (await keychain()).set(OWN_KEYCHAIN_SERVICE, accountOf(kid), SecretValue.fromText(key.toString('base64url')));
  } catch {
    throw new SinkFault('the OS keychain does not take the key of the audit log', 'secrets doctor, or key: file in the sink');
  }
}
