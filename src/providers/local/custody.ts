/**
 * Who holds the private key of a store. Decided once, when the store is made, and written into its index; from then
 * on the key is looked for there and nowhere else, until a person moves it with {@link rekey}.
 */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { askNewPassphrase, createPersonalStore, noPlace, sayCustody } from './create.ts';
import { fetchIdentity, forgetIdentity, fromEnvironment, givenIdentityFile, keepIdentity, ownIdentityFile, placeOf } from './holders.ts';
import { readIdentityFile, type OwnIdentity } from './identity-file.ts';
import type { Custody } from './index-file.ts';
import { holdingLocation } from './location.ts';
import type { Options } from './options.ts';
import { changeStore, newWrappedFile, readIndex, type Change } from './store.ts';

export type CustodyKind = Custody['kind'];

/** What `doctor` and `providers` say about the key. */
export interface CustodyStatus {
  readonly kind: CustodyKind;
  readonly recipient: string;
  /** In plain words: `the OS keychain`. */
  readonly place: string;
  /** Whether a change of custody was interrupted; the next write to the store ends it. */
  readonly unfinished: boolean;
}

/** Needs no key. Undefined where there is no store. Throws Fault as `readIndex`. */
export async function custodyStatus(options: Options, host: Host): Promise<CustodyStatus | undefined> {
  const location = holdingLocation(options, host);
  const index = location === undefined ? undefined : await readIndex(location);
  const recipient = index?.recipients[0];
  if (index?.custody === undefined || recipient === undefined) return undefined;
  const place = placeOf(index.custody, recipient, host);
  return { kind: index.custody.kind, recipient, place, unfinished: index.retired !== undefined };
}

/**
 * The recipient that others encrypt to so that this user can read, `age1…`. Needs no private key, except of a
 * `SECRETS_IDENTITY_FILE`.
 * @returns undefined where there is none and `create` is false
 * @throws Fault as for making a store
 */
export async function ownRecipient(options: Options, host: Host, { create }: { readonly create: boolean }): Promise<string | undefined> {
  const location = holdingLocation(options, host);
  const file = givenIdentityFile(host);
  const given = file === undefined ? undefined : await readIdentityFile(file);
  if (given !== undefined) return given[0]?.recipient;
  if (location === undefined) {
    if (create) throw noPlace();
    return undefined;
  }
  const index = await readIndex(location);
  if (index !== undefined || !create) return index?.recipients[0];
  await createPersonalStore(location, host, undefined);
  return (await readIndex(location))?.recipients[0];
}

/**
 * Moves the key to another holder; the key itself and every secret stay as they are. To `passphrase` also changes the
 * passphrase. Killed at any moment, the store opens with the old holder or the new one, and the next write removes
 * the key from the other.
 * @throws Fault: 'not-found' if there is no store, 'locked' if its key can't be had, and as the new holder refuses
 */
export async function rekey(options: Options, host: Host, to: CustodyKind, op?: Operation): Promise<CustodyStatus> {
  const location = holdingLocation(options, host);
  const before = location === undefined ? undefined : await readIndex(location);
  const recipient = before?.recipients[0];
  if (location === undefined || before?.custody === undefined || recipient === undefined) {
    throw new Fault('not-found', { message: 'there is no local store whose key could be moved', hint: 'secrets set NAME makes one' });
  }
  const old = before.custody;
  const own = await fetchIdentity(old, recipient, location, host);
  const custody = targetOf(to, own, host);
  if (sameHolder(old, custody, recipient, host))
    throw new Fault('options', { message: `the key is in ${placeOf(old, recipient, host)} already`, hint: 'name another holder' });
  if (to === 'keychain') await requireOpenKeychain(host);
  const passphrase = to === 'passphrase' ? await newPassphrase(old, host) : undefined;
  await changeStore(location, op?.signal, async (change) => {
    if (JSON.stringify(change.index.custody) !== JSON.stringify(old)) {
      throw new Fault('conflict', { message: 'the key of the store was moved by somebody else meanwhile', hint: 'secrets doctor' });
    }
    await finishRetired(change, host);
    await change.commit({ ...change.index, retired: custody });
    await keepIdentity(custody, own, change, host, passphrase);
    await change.commit({ ...change.index, custody, retired: old });
    await finishRetired(change, host);
  });
  if (old.kind === 'identity' && old.file !== undefined) host.notice(`${old.file} still holds the key: delete it if nothing else uses it`);
  host.notice(`moved the key of the local store; ${sayCustody(custody, recipient, host)}`);
  return { kind: to, recipient, place: placeOf(custody, recipient, host), unfinished: false };
}

function targetOf(to: CustodyKind, own: OwnIdentity, host: Host): Custody {
  if (to === 'keychain') return { kind: 'keychain' };
  if (to === 'passphrase') return { kind: 'passphrase', file: newWrappedFile() };
  const file = givenIdentityFile(host);
  if (file === undefined && ownIdentityFile(host, own.recipient) === undefined) {
    throw new Fault('options', {
      message: 'there is no home folder for an identity file',
      hint: 'export SECRETS_IDENTITY_FILE or SECRETS_CONFIG_DIR',
    });
  }
  return file === undefined ? { kind: 'identity' } : { kind: 'identity', file };
}

/** Before anything is changed, since a key that may be half in a keychain needs that keychain to be cleaned up. */
async function requireOpenKeychain(host: Host): Promise<void> {
  const probe = await (await host.keychain()).probe();
  if (probe.state === 'open') return;
  throw new Fault('unavailable', { message: `the OS keychain cannot take the key: ${probe.message}`, hint: probe.hint, retryable: false });
}

function sameHolder(old: Custody, custody: Custody, recipient: string, host: Host): boolean {
  return old.kind === custody.kind && custody.kind !== 'passphrase' && placeOf(old, recipient, host) === placeOf(custody, recipient, host);
}

/** `SECRETS_PASSPHRASE` opens the store if it has a passphrase now, so the new one is asked for. */
async function newPassphrase(old: Custody, host: Host): Promise<SecretValue> {
  const given = old.kind === 'passphrase' ? undefined : fromEnvironment(host, 'SECRETS_PASSPHRASE');
  if (given === undefined) return askNewPassphrase(host);
  host.credentialsUsed(['SECRETS_PASSPHRASE']);
  return SecretValue.fromText(given);
}

/** Ends a change of custody that was interrupted: removes the key from where it should not be. */
async function finishRetired(change: Change, host: Host): Promise<void> {
  const { retired, ...index } = change.index;
  const [recipient] = index.recipients;
  if (retired === undefined || recipient === undefined) return;
  await forgetIdentity(retired, recipient, change, host);
  await change.commit(index);
}

/** The same, on the way of another write, which it must not fail. */
export async function tidyCustody(change: Change, host: Host): Promise<void> {
  if (change.index.retired === undefined) return;
  await finishRetired(change, host).catch(() =>
    host.notice('the key of the local store is still in a former place; secrets doctor says where'),
  );
}
