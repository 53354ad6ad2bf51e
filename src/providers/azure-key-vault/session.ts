/** A session with the vaults of one provider. */
import { resolve as resolvePath } from 'node:path';

import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type {
  Document,
  DocumentKey,
  DoctorReport,
  Expectation,
  Host,
  ListEntry,
  Metadata,
  Operation,
  ParsedRef,
  Patch,
  PendingStore,
  PutResult,
  SessionFor,
  VersionInfo,
} from '../../provider-kit/contract.ts';
import { examine } from './doctor.ts';
import type { Options } from './options.ts';
import { listingOf, ownVault, placeOf } from './reference.ts';
import { abandonPending, createPending, findPending, promotePending, readPending, type Place } from './pending.ts';
import type * as sdkModule from './sdk.ts';
import { TokenSource } from './token-source.ts';
import { Vault } from './vault.ts';
import { historyOf, isPendingVersion, metadataOf } from './versions.ts';
import { put, removeOneField, removeSecret } from './write.ts';

/** A clock that is this much behind, in milliseconds, is not taken for a secret that is not valid yet. */
const CLOCK_SKEW_MS = 60_000;

export type KeyVaultSession = SessionFor<'describe' | 'list' | 'versions' | 'put' | 'remove' | 'setState' | 'pending'>;

/** Loads the client libraries and silences them: under AZURE_LOG_LEVEL or DEBUG they would print to our stderr. */
export async function openSession(options: Options, host: Host): Promise<KeyVaultSession> {
  const sdk = await import('./sdk.ts');
  sdk.setLogLevel();
  return new Session(sdk, options, host);
}

class Session implements KeyVaultSession {
  readonly #sdk: typeof sdkModule;
  readonly #options: Options;
  readonly #host: Host;
  readonly #caFile: string | undefined;
  readonly #tokens: TokenSource;
  readonly #vaults = new Map<string, Vault>();

  constructor(sdk: typeof sdkModule, options: Options, host: Host) {
    this.#sdk = sdk;
    this.#options = options;
    this.#host = host;
    this.#caFile = options.caFile === undefined ? undefined : resolvePath(host.baseDir, options.caFile);
    this.#tokens = new TokenSource(sdk, options, host, this.#caFile);
  }

  resolve(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Document>[]> {
    return Promise.all(keys.map((key) => outcomeOf(() => this.#read(key, op))));
  }

  async describe(refs: readonly ParsedRef[], op: Operation): Promise<readonly Outcome<Metadata>[]> {
    const listed = new Map<string, ReturnType<Vault['versions']>>();
    const versionsOf = (key: string): ReturnType<Vault['versions']> => {
      const { vault, name } = this.#locate(key);
      const known = listed.get(key) ?? vault.versions(name, op);
      listed.set(key, known);
      return known;
    };
    return Promise.all(refs.map((ref) => outcomeOf(async () => metadataOf(ref, await versionsOf(ref.key)))));
  }

  async list(prefix: string, op: Operation): Promise<readonly ListEntry[]> {
    const { vaultUrl, name, keyStart } = listingOf(prefix, this.#options);
    // Names are the same in upper and lower case.
    const start = name.toLowerCase();
    const all = await this.#vault(vaultUrl).list(op);
    return all
      .filter((secret) => secret.name.toLowerCase().startsWith(start) && !isPendingVersion(secret))
      .map((secret) => ({
        key: keyStart + secret.name,
        // A listing shows the current version, so this is when that was made.
        ...(secret.createdOn === undefined ? {} : { updatedAt: secret.createdOn }),
      }));
  }

  async versions(key: DocumentKey, op: Operation): Promise<readonly VersionInfo[]> {
    const { vault, name } = this.#locate(key.key);
    const all = historyOf(await vault.versions(name, op));
    if (all.length === 0) throw vault.absent(name);
    return all;
  }

  put(key: DocumentKey, patch: Patch, expectation: Expectation, op: Operation): Promise<PutResult> {
    refusePinned(key);
    const { vault, name } = this.#locate(key.key);
    return put(vault, name, patch, expectation, this.#host, op);
  }

  /** @throws Fault 'unsupported' to destroy: the service deletes secrets with all their versions only */
  async setState(key: DocumentKey, version: string, state: 'enabled' | 'disabled' | 'destroyed', op: Operation): Promise<void> {
    const { vault, name } = this.#locate(key.key);
    if (state === 'destroyed') {
      throw new Fault('unsupported', {
        message: 'Key Vault destroys no single version',
        hint: 'disable it, or remove the whole secret: secrets remove NAME',
      });
    }
    const isThere = (await vault.versions(name, op)).some((one) => one.version === version);
    if (!isThere)
      throw new Fault('not-found', { message: `${name} in ${vault.name} has no version ${version}`, hint: 'secrets history NAME' });
    await vault.enable(name, version, state === 'enabled', op);
  }

  get pending(): PendingStore {
    const at = (ref: ParsedRef, op: Operation): Place => {
      refusePinned(ref);
      return { ...this.#locate(ref.key), host: this.#host, op };
    };
    return {
      find: (ref, op) => findPending(at(ref, op)),
      create: (ref, patch, rotation, op) => createPending(at(ref, op), ref, patch, rotation),
      read: (ref, rotation, op) => readPending(at(ref, op), ref, rotation),
      promote: (ref, rotation, expectation, op) => promotePending(at(ref, op), ref, rotation, expectation),
      abandon: (ref, rotation, op) => abandonPending(at(ref, op), ref, rotation),
    };
  }

  async remove(ref: ParsedRef, op: Operation): Promise<void> {
    refusePinned(ref);
    const { vault, name } = this.#locate(ref.key);
    return ref.field === undefined ? removeSecret(vault, name, this.#host, op) : removeOneField(vault, name, ref.field, this.#host, op);
  }

  doctor(op: Operation): Promise<DoctorReport> {
    const own = ownVault(this.#options);
    return examine(this.#options, this.#tokens, own === undefined ? undefined : this.#vault(own), op);
  }

  async close(): Promise<void> {
    for (const vault of this.#vaults.values()) vault.close();
    this.#tokens.close();
  }

  async #read(key: DocumentKey, op: Operation): Promise<Document> {
    const { vault, name } = this.#locate(key.key);
    const { value, properties, requestId } = await vault.read(name, key.version, op);
    // By its tags, which come with the value: the name alone may be an ordinary secret's.
    if (isPendingVersion(properties)) {
      throw new Fault('not-found', {
        message: `${name} in ${vault.name} is the next value of another secret, kept for its rotation`,
        hint: 'name the secret itself, without -pending',
      });
    }
    const { version, createdOn, expiresOn, notBefore } = properties;
    if (notBefore !== undefined && notBefore.getTime() - CLOCK_SKEW_MS > this.#host.now().getTime()) {
      throw new Fault('denied', {
        message: `${name} in ${vault.name} is not valid before ${notBefore.toISOString()}`,
        hint: `az keyvault secret set-attributes --vault-name ${vault.name} --name ${name} --not-before DATE`,
      });
    }
    return {
      bytes: value,
      ...(version === undefined ? {} : { version }),
      ...(createdOn === undefined ? {} : { createdAt: createdOn }),
      ...(expiresOn === undefined ? {} : { expiresAt: expiresOn }),
      ...(requestId === undefined ? {} : { requestId }),
    };
  }

  #locate(key: string): { readonly vault: Vault; readonly name: string } {
    const { vaultUrl, name } = placeOf(key, this.#options);
    return { vault: this.#vault(vaultUrl), name };
  }

  #vault(origin: string): Vault {
    const known = this.#vaults.get(origin);
    if (known !== undefined) return known;
    const vault = new Vault(this.#sdk, origin, this.#options, this.#host, this.#tokens, this.#caFile);
    this.#vaults.set(origin, vault);
    return vault;
  }
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return done(await work());
  } catch (error) {
    if (error instanceof Fault) return failed(error);
    throw error;
  }
}

function refusePinned({ version }: DocumentKey): void {
  if (version === undefined) return;
  throw new Fault('unsupported', { message: 'a version that is pinned cannot be changed', hint: 'take ?version= off the reference' });
}
