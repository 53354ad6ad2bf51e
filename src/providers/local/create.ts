/** Making a personal store: who keeps its key is decided here, once. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { generateIdentity } from './age.ts';
import { recipientOf } from './age-read.ts';
import { createFault } from './faults.ts';
import { fromEnvironment, givenIdentityFile, keepIdentity, placeOf } from './holders.ts';
import { readIdentityFile, type OwnIdentity } from './identity-file.ts';
import type { Custody } from './index-file.ts';
import type { Location } from './location.ts';
import { createStore, newWrappedFile } from './store.ts';

/** How long the OS keychain may take to say that it is there. */
const KEYCHAIN_MS = 2_000;

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
  const recipient = recipientOf(identity);
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

/** Throws Fault with code STORE_CREATE_FAILED for an empty one. */
export async function askNewPassphrase(host: Host): Promise<SecretValue> {
  const passphrase = await host.prompt({ kind: 'password', message: 'New passphrase for the local store', repeat: true });
  if (passphrase.size > 0) return passphrase;
  throw createFault('the passphrase is empty, so the store would be open to everybody', 'run it again and type one');
}

/** Where the key is, and how well that protects it. */
export function sayCustody(custody: Custody, recipient: string, host: Host): string {
  const place = `its key is in ${placeOf(custody, recipient, host)}`;
  if (custody.kind !== 'identity') return place;
  return `${place}: whoever can read that file can read the store (secrets providers rekey local --to passphrase protects it more)`;
}

export const noPlace = (): Fault =>
  createFault('there is no place for a local store: this user has no home folder', 'export SECRETS_STORE=FOLDER');
