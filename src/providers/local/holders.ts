/** The three places that can hold the key of a store, each with its way to keep, fetch and forget it. */
import { unlinkSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { errorCode, readOwnFile } from '../../platform/atomic-file.ts';
import { OWN_KEYCHAIN_SERVICE } from '../../platform/keychain-names.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { decryptWithPassphrase, encryptWithPassphrase } from './age.ts';
import { checkPrivate, createFault, unreadable } from './faults.ts';
import {
  identityText,
  MAX_IDENTITY_BYTES,
  parseIdentities,
  readIdentityFile,
  writeIdentityFile,
  type OwnIdentity,
} from './identity-file.ts';
import type { Custody } from './index-file.ts';
import type { Location } from './location.ts';
import type { Change } from './store.ts';

const TRIES = 3;

/** A value of the environment that opens a store; undefined where it is not set. Throws Fault 'locked' for an empty one. */
export function fromEnvironment(host: Host, variable: 'SECRETS_PASSPHRASE' | 'SECRETS_IDENTITY_FILE'): string | undefined {
  const value = host.env[variable];
  if (value === '') throw new Fault('locked', { message: `${variable} is set and empty`, hint: `give ${variable} a value, or unset it` });
  return value;
}

/** The identity file that the environment names, as an absolute path. */
export function givenIdentityFile(host: Host): string | undefined {
  const file = fromEnvironment(host, 'SECRETS_IDENTITY_FILE');
  if (file === undefined) return undefined;
  host.credentialsUsed(['SECRETS_IDENTITY_FILE']);
  return path.resolve(file);
}

/** The identity file of a key in the config folder. */
export function ownIdentityFile(host: Host, recipient: string): string | undefined {
  return host.folders.config === undefined ? undefined : path.join(host.folders.config, 'identities', `${recipient}.txt`);
}

/** Where custody by an identity file says that it is; undefined without a home folder. */
export const identityPath = (custody: Extract<Custody, { kind: 'identity' }>, recipient: string, host: Host): string | undefined =>
  custody.file ?? ownIdentityFile(host, recipient);

/** Name of the keychain item of a key. */
export const keychainAccount = (recipient: string): string => `identity ${recipient}`;

/**
 * Fetches the key from where the index says it is, and from nowhere else.
 * @throws Fault 'locked' when it can't be had, 'denied' and 'corrupt' for a file that can't be used
 */
export async function fetchIdentity(custody: Custody, recipient: string, location: Location, host: Host): Promise<OwnIdentity> {
  const found = await fetchAll(custody, recipient, location, host);
  const own = found.find((candidate) => candidate.recipient === recipient);
  if (own === undefined) {
    const given = custody.kind === 'identity' && host.env.SECRETS_IDENTITY_FILE !== undefined;
    throw new Fault('locked', {
      message: `${given ? 'SECRETS_IDENTITY_FILE' : placeOf(custody, recipient, host)} holds another key than that of the store ${location.folder}`,
      hint: 'use the key that the store was made with, or another store (SECRETS_STORE)',
    });
  }
  host.sensitive(own.identity);
  return own;
}

function fetchAll(custody: Custody, recipient: string, location: Location, host: Host): Promise<readonly OwnIdentity[]> {
  switch (custody.kind) {
    case 'keychain':
      return fromKeychain(recipient, host);
    case 'passphrase':
      return fromPassphrase(path.join(location.folder, custody.file), host);
    case 'identity':
      return fromFile(custody, recipient, host);
  }
}

async function fromKeychain(recipient: string, host: Host): Promise<readonly OwnIdentity[]> {
  const item = await (await host.keychain()).get(OWN_KEYCHAIN_SERVICE, keychainAccount(recipient)).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    throw new Fault('locked', {
      message: `the key of the local store is in the OS keychain: ${error.message}`,
      hint: error.detail.hint ?? 'secrets doctor',
    });
  });
  if (item.state === 'present') return parseIdentities(item.value.reveal(), 'the keychain item of the local store');
  throw new Fault('locked', {
    message: 'the key of the local store should be in the OS keychain, and is not there any more',
    hint: `restore the keychain item ${OWN_KEYCHAIN_SERVICE} / ${keychainAccount(recipient)} from a backup`,
  });
}

async function fromPassphrase(file: string, host: Host): Promise<readonly OwnIdentity[]> {
  const read = await readOwnFile(file, MAX_IDENTITY_BYTES);
  if (read.state === 'absent')
    throw new Fault('corrupt', { message: `${file} with the key of the store is missing`, hint: 'restore it from a backup' });
  if (read.state !== 'read') throw unreadable(read, file);
  checkPrivate(file, read);
  const given = fromEnvironment(host, 'SECRETS_PASSPHRASE');
  if (given === undefined && !host.interactive) {
    throw new Fault('locked', {
      message: 'the local store opens with a passphrase, and there is nobody to ask for it',
      hint: 'export SECRETS_PASSPHRASE',
    });
  }
  if (given !== undefined) host.credentialsUsed(['SECRETS_PASSPHRASE']);
  for (let tries = 1; ; tries++) {
    const passphrase =
      given === undefined ? await host.prompt({ kind: 'password', message: 'Passphrase of the local store' }) : SecretValue.fromText(given);
    const opened = await decryptWithPassphrase(passphrase, read.bytes);
    if (opened.state === 'open') return parseIdentities(opened.plaintext, file);
    if (opened.state === 'damaged')
      throw new Fault('corrupt', { message: `${file} with the key of the store is damaged`, hint: 'restore it from a backup' });
    if (given !== undefined)
      throw new Fault('locked', { message: 'SECRETS_PASSPHRASE is not the passphrase of the local store', hint: 'export the right one' });
    if (tries === TRIES) throw new Fault('locked', { message: `the passphrase was wrong ${TRIES} times`, hint: 'run it again' });
    host.notice('wrong passphrase');
  }
}

async function fromFile(custody: Extract<Custody, { kind: 'identity' }>, recipient: string, host: Host): Promise<readonly OwnIdentity[]> {
  const file = givenIdentityFile(host) ?? identityPath(custody, recipient, host);
  if (file === undefined) {
    throw new Fault('locked', {
      message: 'the key of the local store is in an identity file, and there is no home folder to look in',
      hint: 'export SECRETS_IDENTITY_FILE',
    });
  }
  const found = await readIdentityFile(file);
  if (found !== undefined) return found;
  throw new Fault('locked', {
    message: `the identity file ${file} of the local store is not there`,
    hint: 'restore it, or export SECRETS_IDENTITY_FILE',
  });
}

/** Puts the key into a place, and makes sure that it is there. @param passphrase for custody by passphrase */
export async function keepIdentity(
  custody: Custody,
  own: OwnIdentity,
  change: Change,
  host: Host,
  passphrase: SecretValue | undefined,
): Promise<void> {
  switch (custody.kind) {
    case 'keychain': {
      const keychain = await host.keychain();
      const account = keychainAccount(own.recipient);
      await keychain.set(OWN_KEYCHAIN_SERVICE, account, own.identity);
      const kept = await keychain.get(OWN_KEYCHAIN_SERVICE, account);
      if (kept.state === 'present' && kept.value.equals(own.identity)) return;
      throw createFault(
        'the OS keychain took the key of the store and does not give it back',
        'secrets doctor, or keep the key with SECRETS_PASSPHRASE',
      );
    }
    case 'passphrase':
      if (passphrase === undefined) throw new Fault('locked', 'no passphrase was given');
      return change.add(custody.file, await encryptWithPassphrase(passphrase, Buffer.from(identityText(own, host.now()))));
    case 'identity': {
      const file = identityPath(custody, own.recipient, host);
      if (file === undefined) {
        throw createFault(
          'there is no place for the key of the store: no home folder, no OS keychain, nobody to ask for a passphrase',
          'export SECRETS_PASSPHRASE, SECRETS_IDENTITY_FILE or SECRETS_CONFIG_DIR',
        );
      }
      const there = await readIdentityFile(file);
      if (there === undefined) return writeIdentityFile(file, own, host.now());
      if (!there.some(({ recipient }) => recipient === own.recipient))
        throw createFault(`${file} is there and holds another key`, 'name another identity file');
    }
  }
}

/** Removes the key from a place that is ours; a file that the user named stays. Nothing there is no error. */
export async function forgetIdentity(custody: Custody, recipient: string, change: Change, host: Host): Promise<void> {
  switch (custody.kind) {
    case 'keychain':
      await (await host.keychain()).delete(OWN_KEYCHAIN_SERVICE, keychainAccount(recipient));
      return;
    case 'passphrase':
      return change.delete(custody.file);
    case 'identity': {
      const file = custody.file === undefined ? ownIdentityFile(host, recipient) : undefined;
      if (file === undefined) return;
      try {
        unlinkSync(file);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    }
  }
}

/** Where a key is, as a person says it. */
export function placeOf(custody: Custody, recipient: string, host: Host): string {
  switch (custody.kind) {
    case 'keychain':
      return 'the OS keychain';
    case 'passphrase':
      return 'a file of the store that opens with a passphrase';
    case 'identity':
      return `the identity file ${identityPath(custody, recipient, host) ?? 'in the config folder'}`;
  }
}
