/**
 * Who holds the private key of a store. Decided once, when the store is made, and written into its index; from then
 * on the key is looked for there and nowhere else, until a person moves it with {@link rekey}.
 */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { generateIdentity, recipientOf } from './age.ts';
import { createFault } from './faults.ts';
import { fetchIdentity, forgetIdentity, fromEnvironment, givenIdentityFile, keepIdentity, ownIdentityFile, placeOf } from './holders.ts';
import { readIdentityFile, type OwnIdentity } from './identity-file.ts';
import type { Custody, StoreIndex } from './index-file.ts';
import { locate, ownLocation, type Location } from './location.ts';
import type { Options } from './options.ts';
import { changeStore, createStore, newWrappedFile, readIndex, type Change } from './store.ts';

/** How long the OS keychain may take to say that it is there. */
const KEYCHAIN_MS = 2_000;

export type CustodyKind = Custody['kind'];

interface Decision {
  readonly custody: Custody;
  readonly own: OwnIdentity;
  readonly passphrase?: SecretValue;
}

/** Makes a personal store, with its key, unless it is there by now. Asks and generates before the lock is taken. */
export async function createPersonalStore(location: Location, host: Host, signal: AbortSignal | undefined): Promise<void> {
  const { custody, own, passphrase } = await decide(host);
  await createStore(location, signal, async (change) => {
    await keepIdentity(custody, own, change, host, passphrase);
    await change.commit({ versions: [], recipients: [own.recipient], custody });
    host.notice(`made a local store in ${location.folder}; ${sayCustody(custody, own.recipient, host)}`);
  });
}

async function decide(host: Host): Promise<Decision> {
  const file = givenIdentityFile(host);
  if (file !== undefined) {
    const [there] = (await readIdentityFile(file)) ?? [];
    return { custody: { kind: 'identity', file }, own: there ?? (await newIdentity()) };
  }
  const given = fromEnvironment(host, 'SECRETS_PASSPHRASE');
  if (given !== undefined) {
    host.credentialsUsed(['SECRETS_PASSPHRASE']);
    return { custody: { kind: 'passphrase', file: newWrappedFile() }, own: await newIdentity(), passphrase: SecretValue.fromText(given) };
  }
  if (await keychainAnswers(host)) return { custody: { kind: 'keychain' }, own: await newIdentity() };
  if (host.interactive) {
    return { custody: { kind: 'passphrase', file: newWrappedFile() }, own: await newIdentity(), passphrase: await askNewPassphrase(host) };
  }
  return { custody: { kind: 'identity' }, own: await newIdentity() };
}

async function newIdentity(): Promise<OwnIdentity> {
  const identity = await generateIdentity();
  const recipient = await recipientOf(identity);
  if (recipient === undefined) throw new Fault('protocol', { code: 'INTERNAL', message: 'a new age identity is not usable' });
  return { identity, recipient };
}

async function keychainAnswers(host: Host): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), KEYCHAIN_MS);
  const probe = host.keychain().then(async (keychain) => (await keychain.probe()).state === 'open');
  try {
    return await Promise.race([probe.catch(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function askNewPassphrase(host: Host): Promise<SecretValue> {
  const passphrase = await host.prompt({ kind: 'password', message: 'New passphrase for the local store', repeat: true });
  if (passphrase.size > 0) return passphrase;
  throw createFault('the passphrase is empty, so the store would be open to everybody', 'run it again and type one');
}

function sayCustody(custody: Custody, recipient: string, host: Host): string {
  const place = `its key is in ${placeOf(custody, recipient, host)}`;
  if (custody.kind !== 'identity') return place;
  return `${place}: whoever can read that file can read the store (secrets providers rekey local --to passphrase protects it more)`;
}

/**
 * The keys that this user reads a store with.
 * @throws Fault 'locked', and as `fetchIdentity`
 */
export async function unlock(location: Location, index: StoreIndex, host: Host): Promise<readonly SecretValue[]> {
  const [recipient] = index.recipients;
  if (index.custody !== undefined && recipient !== undefined) {
    return [(await fetchIdentity(index.custody, recipient, location, host)).identity];
  }
  return (await ownIdentities(host)).map(({ identity }) => identity);
}

/** The user's own keys, for team stores: those of `SECRETS_IDENTITY_FILE`, else that of the user's own store. */
async function ownIdentities(host: Host): Promise<readonly OwnIdentity[]> {
  const file = givenIdentityFile(host);
  if (file !== undefined) {
    const found = await readIdentityFile(file);
    if (found === undefined)
      throw new Fault('locked', { message: `the identity file ${file} is not there`, hint: 'point SECRETS_IDENTITY_FILE to yours' });
    for (const { identity } of found) host.sensitive(identity);
    return found;
  }
  const own = await ownStore(host);
  if (own !== undefined) return [await fetchIdentity(own.custody, own.recipient, own.location, host)];
  throw new Fault('locked', {
    message: 'you have no key to read a team store with',
    hint: 'secrets whoami --recipient makes one and prints what the others need; on a machine, export SECRETS_IDENTITY_FILE',
  });
}

interface OwnStore {
  readonly location: Location;
  readonly custody: Custody;
  readonly recipient: string;
}

async function ownStore(host: Host): Promise<OwnStore | undefined> {
  const location = ownLocation(host);
  const index = location === undefined ? undefined : await readIndex(location);
  const recipient = index?.recipients[0];
  return location === undefined || index?.custody === undefined || recipient === undefined
    ? undefined
    : { location, custody: index.custody, recipient };
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

/** The store that holds the key which opens the store of these options: itself, or of a team store the user's own. */
function holdingLocation(options: Options, host: Host): Location | undefined {
  const location = locate(options, host);
  return location?.team === true ? ownLocation(host) : location;
}

export const noPlace = (): Fault =>
  createFault('there is no place for a local store: this user has no home folder', 'export SECRETS_STORE=FOLDER');

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
