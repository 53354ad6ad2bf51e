/** One vault: its client, and the only way that requests to it are sent. */
import type { TokenCredential } from '@azure/identity';
import type { SecretClient, SecretProperties, SetSecretOptions } from '@azure/keyvault-secrets';

import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { CallOptions, Host, Operation } from '../../provider-kit/contract.ts';
import { exchanges, type Exchange } from './exchange.ts';
import type { Options } from './options.ts';
import { DEFAULT_VAULT_DOMAIN } from './reference.ts';
import type * as sdkModule from './sdk.ts';
import { isOwnEnd, unlessAborted, type TokenSource } from './token-source.ts';
import { libraryOptions, Transport } from './transport.ts';
import { absent, malformed, vaultFault, wrongChallenge, type Target } from './vault-fault.ts';

/** The most that the service puts on one page. */
const PAGE_SIZE = 25;

/** A version of a secret with its value. */
interface Secret {
  readonly value: SecretValue;
  readonly properties: SecretProperties;
  /** The vault's id of the request that read it. */
  readonly requestId: string | undefined;
}

interface Answered<T> {
  readonly value: T;
  readonly requestId: string | undefined;
  readonly nextLink: string | undefined;
}

/** A request, and the secret and version that it concerns. */
type Call = CallOptions & Pick<Target, 'name' | 'version'>;

type Pages = ReturnType<SecretClient['listPropertiesOfSecrets']>;

export class Vault {
  /** Its short name for messages and hints. */
  readonly name: string;
  readonly #host: string;
  readonly #client: SecretClient;
  readonly #tokens: TokenSource;
  readonly #transport: Transport;
  /** The last version that was written here, by the secret's name in lower case. */
  readonly #made = new Map<string, string>();
  #authorized = false;
  #first: PromiseWithResolvers<void> | undefined;

  /** @param origin address of the vault @param caFile absolute path of a private CA's certificate */
  constructor(sdk: typeof sdkModule, origin: string, options: Options, host: Host, tokens: TokenSource, caFile: string | undefined) {
    const url = new URL(origin);
    const domain = `.${options.vaultDomain ?? DEFAULT_VAULT_DOMAIN}`;
    this.name = url.hostname.endsWith(domain) ? url.hostname.slice(0, -domain.length) : url.host;
    this.#host = url.host;
    this.#tokens = tokens;
    this.#transport = new Transport(host, { origin, caFile, onAuthorized: () => this.#open() });
    this.#client = new sdk.SecretClient(origin, asCredential(tokens), {
      ...(options.serviceVersion === undefined ? {} : { serviceVersion: options.serviceVersion }),
      disableChallengeResourceVerification: options.disableChallengeResourceVerification ?? false,
      ...libraryOptions(this.#transport, host),
    });
  }

  /** Reads a value; the newest version where none is named. Throws Fault. */
  async read(name: string, version: string | undefined, op: Operation): Promise<Secret> {
    const { value: secret, requestId } = await this.#call(op, { what: `read ${name} in ${this.name}`, name, version }, (client) =>
      client.getSecret(name, version === undefined ? {} : { version }),
    );
    if (secret.value === undefined) throw malformed(this.target(name));
    return { value: SecretValue.fromText(secret.value), properties: secret.properties, requestId };
  }

  /**
   * Metadata of all versions, oldest first; empty where there is no such secret. The service counts in seconds and lists in no useful
   * order: of versions made in the same second only one that was written here is known to be the last. Throws Fault.
   */
  async versions(name: string, op: Operation): Promise<readonly SecretProperties[]> {
    const call = { what: `list the versions of ${name} in ${this.name}`, name };
    try {
      const all = await this.#pages(op, call, (client) => client.listPropertiesOfSecretVersions(name));
      const last = this.#made.get(name.toLowerCase());
      const rank = ({ version }: SecretProperties): number => (version !== undefined && version === last ? 1 : 0);
      return all.toSorted((a, b) => time(a.createdOn) - time(b.createdOn) || rank(a) - rank(b));
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not-found') return [];
      throw error;
    }
  }

  /** Metadata of all secrets. Throws Fault. */
  list(op: Operation): Promise<readonly SecretProperties[]> {
    return this.#pages(op, { what: `list ${this.name}` }, (client) => client.listPropertiesOfSecrets());
  }

  /** Asks for one secret's metadata, whichever comes first: shows that the vault answers. Throws Fault. */
  async probe(op: Operation): Promise<void> {
    await this.#call(op, { what: `list ${this.name}` }, (client) => client.listPropertiesOfSecrets().byPage({ maxPageSize: 1 }).next());
  }

  /** Writes a new version; gives its id. Throws Fault. */
  async set(name: string, value: string, options: SetSecretOptions, op: Operation): Promise<string | undefined> {
    const call = { what: `write ${name} in ${this.name}`, kind: 'write', name } as const;
    const { version } = (await this.#call(op, call, (client) => client.setSecret(name, value, options))).value.properties;
    if (version !== undefined) this.#made.set(name.toLowerCase(), version);
    return version;
  }

  /** Enables or disables one version. Throws Fault 'not-found' when it is not there. */
  async enable(name: string, version: string, enabled: boolean, op: Operation): Promise<void> {
    const what = `${enabled ? 'enable' : 'disable'} a version of ${name} in ${this.name}`;
    await this.#call(op, { what, kind: 'write', name, version }, (client) => client.updateSecretProperties(name, version, { enabled }));
  }

  /** Begins to delete a secret with all its versions; whether it is done already. Throws Fault 'not-found' when it is not there. */
  async delete(name: string, op: Operation): Promise<boolean> {
    const call = { what: `delete ${name} in ${this.name}`, kind: 'write', name } as const;
    const begin = async (client: SecretClient): Promise<boolean> => {
      try {
        return (await client.beginDeleteSecret(name)).isDone();
      } catch (error) {
        // The library asks at once how far it is; when that fails, the deletion is under way all the same.
        if (exchanges.getStore()?.method !== 'DELETE') return false;
        throw error;
      }
    };
    return (await this.#call(op, call, begin)).value;
  }

  /** Whether a deletion is finished; also true where that may not be asked. Throws Fault. */
  async isDeleted(name: string, op: Operation): Promise<boolean> {
    try {
      await this.#call(op, { what: `wait for the deletion of ${name} in ${this.name}`, name }, (client) => client.getDeletedSecret(name));
      return true;
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not-found') return false;
      if (error instanceof Fault && error.kind === 'denied') return true;
      throw error;
    }
  }

  /** How a message calls a secret of this vault. */
  target(name?: string, version?: string): Target {
    return { host: this.#host, vault: this.name, name, version };
  }

  absent(name: string): Fault {
    return absent(this.target(name));
  }

  close(): void {
    this.#transport.close();
  }

  async #pages(op: Operation, call: Call, list: (client: SecretClient) => Pages): Promise<readonly SecretProperties[]> {
    const all: SecretProperties[] = [];
    let next: string | undefined;
    do {
      const continuation = next === undefined ? {} : { continuationToken: next };
      const page = await this.#call(op, call, (client) =>
        list(client)
          .byPage({ maxPageSize: PAGE_SIZE, ...continuation })
          .next(),
      );
      if (page.nextLink !== undefined && page.nextLink === next) throw malformed(this.target());
      if (page.value.done !== true) all.push(...page.value.value);
      next = page.nextLink;
    } while (next !== undefined);
    return all;
  }

  /**
   * Sends a call. Until one has shown a token to the vault, all others wait: the client library begins with a request
   * without a token for each of them, and mixes up their bodies. When that first one fails, so do those that waited.
   */
  async #call<T>(op: Operation, call: Call, send: (client: SecretClient) => Promise<T>): Promise<Answered<T>> {
    while (!this.#authorized) {
      if (this.#first === undefined) return this.#callFirst(op, call, send);
      try {
        await unlessAborted(this.#first.promise, op.signal);
      } catch (error) {
        if (op.signal.aborted || !(error instanceof Fault) || !isOwnEnd(error)) throw error;
      }
    }
    return this.#send(op, call, send);
  }

  async #callFirst<T>(op: Operation, call: Call, send: (client: SecretClient) => Promise<T>): Promise<Answered<T>> {
    const gate = Promise.withResolvers<void>();
    // Often nobody waits.
    gate.promise.catch(() => undefined);
    this.#first = gate;
    try {
      return await this.#send(op, call, send);
    } catch (error) {
      gate.reject(error);
      throw error;
    } finally {
      this.#first = undefined;
      gate.resolve();
    }
  }

  #open(): void {
    this.#authorized = true;
    this.#first?.resolve();
  }

  #send<T>(op: Operation, call: Call, send: (client: SecretClient) => Promise<T>): Promise<Answered<T>> {
    return op.call({ what: call.what, ...(call.kind === undefined ? {} : { kind: call.kind }) }, async (signal) => {
      const exchange: Exchange = { signal };
      try {
        const value = await exchanges.run(exchange, () => send(this.#client));
        return { value, requestId: exchange.answer?.requestId, nextLink: exchange.nextLink };
      } catch (error) {
        throw this.#faultOf(error, exchange, this.target(call.name, call.version));
      }
    });
  }

  #faultOf(error: unknown, { answer, fault, signal }: Exchange, target: Target): Fault {
    if (fault !== undefined) return fault;
    if (error instanceof Fault) return error;
    if (signal.aborted) return new Fault('cancelled', 'the request was ended');
    if (answer === undefined || answer.status < 300) return malformed(target);
    if (answer.status !== 401) return vaultFault(target, answer);
    this.#tokens.forget();
    // The library throws an error of its own where the challenge names another service than the address does.
    return error instanceof Error && error.name === 'RestError' ? vaultFault(target, answer) : wrongChallenge(target);
  }
}

/**
 * The token source in the library's shape. Each token is said to have ended already: the library then asks again for
 * every request, and never renews one behind our back, where a failure would be nobody's.
 */
function asCredential(tokens: TokenSource): TokenCredential {
  return {
    getToken: async (scopes, options) => {
      const signal = exchanges.getStore()?.signal ?? AbortSignal.abort();
      const scope = typeof scopes === 'string' ? scopes : (scopes[0] ?? '');
      const token = await tokens.get({ scope, tenantId: options?.tenantId, claims: options?.claims }, signal);
      return { token: token.reveal().toString('utf8'), expiresOnTimestamp: 0 };
    },
  };
}

const time = (date: Date | undefined): number => date?.getTime() ?? 0;
