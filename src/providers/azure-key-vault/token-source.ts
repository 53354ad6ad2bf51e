/** Tokens for every vault of a provider: one sign-in, however many vaults and calls ask for it at once. */
import type { TokenCredential } from '@azure/identity';

import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { entraFault, otherTenant } from './entra-fault.ts';
import { exchanges, type Exchange } from './exchange.ts';
import type { Options } from './options.ts';
import { DEFAULT_VAULT_DOMAIN } from './reference.ts';
import type * as sdkModule from './sdk.ts';
import { chooseSignIn, type Chosen, type SignIn } from './sign-in-method.ts';
import { identityOf } from './token-identity.ts';
import { libraryOptions, Transport } from './transport.ts';

type Sdk = typeof sdkModule;

/** A token this close to its end, in milliseconds, is replaced first. */
const RENEW_BEFORE_MS = 120_000;
/** How long a virtual machine's metadata service may take to show that it is there. */
const METADATA_MS = 1_000;
/** Longest time for `az`, which starts an interpreter of its own. */
const CLI_MS = 20_000;

/** Where the tenants of other clouds sign in, by the domain of their vaults. */
const AUTHORITIES: Readonly<Record<string, string>> = {
  'vault.azure.cn': 'https://login.chinacloudapi.cn',
  'vault.usgovcloudapi.net': 'https://login.microsoftonline.us',
};

interface Token {
  readonly value: SecretValue;
  readonly expiresAt: number;
}

/** What the vault asked for: a scope, and its own tenant. */
interface Wanted {
  readonly scope: string;
  readonly tenantId?: string | undefined;
  /** Extra conditions of a continuous access evaluation; a token that meets them is never taken from the cache. */
  readonly claims?: string | undefined;
}

export class TokenSource {
  readonly #sdk: Sdk;
  readonly #options: Options;
  readonly #host: Host;
  readonly #transport: Transport;
  readonly #tokens = new Map<string, Token>();
  readonly #flights = new Map<string, Promise<Token>>();
  #chosen: Promise<Chosen> | undefined;

  constructor(sdk: Sdk, options: Options, host: Host, caFile: string | undefined) {
    this.#sdk = sdk;
    this.#options = options;
    this.#host = host;
    this.#transport = new Transport(host, { caFile });
  }

  /** A valid token, from the cache where there is one. Throws Fault. */
  async get(wanted: Wanted, signal: AbortSignal): Promise<SecretValue> {
    const id = JSON.stringify([wanted.scope, wanted.tenantId, wanted.claims]);
    for (;;) {
      const known = this.#tokens.get(id);
      if (known !== undefined && known.expiresAt - RENEW_BEFORE_MS > this.#host.now().getTime()) return known.value;
      const running = this.#flights.get(id);
      if (running === undefined) return (await this.#start(id, wanted, signal)).value;
      try {
        return (await unlessAborted(running, signal)).value;
      } catch (error) {
        // Another call's own end is no answer to this one.
        if (signal.aborted || !(error instanceof Fault) || !isOwnEnd(error)) throw error;
      }
    }
  }

  /** How this provider signs in. Throws Fault 'unauthenticated' when there is nothing to sign in with. */
  async signIn(signal: AbortSignal): Promise<SignIn> {
    return (await this.#choice(signal)).signIn;
  }

  /** A token that was fetched for some vault, if there is one. */
  latest(): SecretValue | undefined {
    return [...this.#tokens.values()].at(-1)?.value;
  }

  /** Drops what is cached, after a vault has refused it. */
  forget(): void {
    this.#tokens.clear();
  }

  close(): void {
    this.#tokens.clear();
    this.#transport.close();
  }

  async #start(id: string, wanted: Wanted, signal: AbortSignal): Promise<Token> {
    const flight = this.#fetch(wanted, signal);
    this.#flights.set(id, flight);
    try {
      const token = await flight;
      this.#tokens.set(id, token);
      const identity = identityOf(token.value);
      if (identity !== undefined) this.#host.signedInAs?.(identity);
      return token;
    } finally {
      this.#flights.delete(id);
    }
  }

  async #fetch(wanted: Wanted, signal: AbortSignal): Promise<Token> {
    const { signIn, credentials } = await this.#choice(signal);
    this.#checkTenant(signIn, wanted.tenantId);
    this.#host.credentialsUsed(credentials);
    for (const name of credentials) this.#host.sensitive(SecretValue.fromText(this.#host.env[name] ?? ''));
    const exchange: Exchange = { signal };
    try {
      const got = await exchanges.run(exchange, () =>
        this.#credential(signIn).getToken(wanted.scope, {
          enableCae: true,
          ...(wanted.tenantId === undefined ? {} : { tenantId: wanted.tenantId }),
          ...(wanted.claims === undefined ? {} : { claims: wanted.claims }),
        }),
      );
      if (got === null) throw entraFault(signIn, exchange.answer);
      const token = { value: SecretValue.fromText(got.token), expiresAt: got.expiresOnTimestamp };
      this.#host.sensitive(token.value);
      return token;
    } catch (error) {
      throw exchange.fault ?? (error instanceof Fault ? error : entraFault(signIn, exchange.answer, error));
    }
  }

  /** A credential that is used once: what it would keep is kept here. */
  #credential(signIn: SignIn): TokenCredential {
    const {
      AzureCliCredential,
      ClientCertificateCredential,
      ClientSecretCredential,
      ManagedIdentityCredential,
      WorkloadIdentityCredential,
    } = this.#sdk;
    const tenants = { additionallyAllowedTenants: [...(this.#options.additionallyAllowedTenants ?? [])] };
    const common = {
      authorityHost: authorityOf(this.#options, this.#host),
      disableInstanceDiscovery: this.#options.disableInstanceDiscovery ?? false,
      ...libraryOptions(this.#transport, this.#host),
    };
    switch (signIn.method) {
      case 'client-secret':
        return new ClientSecretCredential(signIn.tenantId, signIn.clientId, signIn.secret.reveal().toString('utf8'), {
          ...common,
          ...tenants,
        });
      case 'client-certificate':
        return new ClientCertificateCredential(
          signIn.tenantId,
          signIn.clientId,
          {
            certificatePath: signIn.file,
            ...(signIn.password === undefined ? {} : { certificatePassword: signIn.password.reveal().toString('utf8') }),
          },
          { ...common, ...tenants },
        );
      case 'workload-identity':
        return new WorkloadIdentityCredential({
          tenantId: signIn.tenantId,
          clientId: signIn.clientId,
          tokenFilePath: signIn.tokenFile,
          ...common,
          ...tenants,
        });
      case 'managed-identity':
        return new ManagedIdentityCredential({ ...(signIn.clientId === undefined ? {} : { clientId: signIn.clientId }), ...common });
      case 'cli':
        return new AzureCliCredential({
          ...(signIn.tenantId === undefined ? {} : { tenantId: signIn.tenantId }),
          ...(signIn.subscription === undefined ? {} : { subscription: signIn.subscription }),
          processTimeoutInMs: CLI_MS,
          ...tenants,
        });
    }
  }

  #checkTenant(signIn: SignIn, asked: string | undefined): void {
    const own = signIn.method === 'managed-identity' ? undefined : signIn.tenantId;
    const allowed = this.#options.additionallyAllowedTenants ?? [];
    if (own === undefined || asked === undefined || own === 'adfs' || own === asked || allowed.includes('*') || allowed.includes(asked))
      return;
    throw otherTenant(/^[0-9A-Za-z-]{1,64}$/.test(asked) ? asked : undefined);
  }

  #choice(signal: AbortSignal): Promise<Chosen> {
    this.#chosen ??= chooseSignIn(this.#options, this.#host, () => this.#metadataAnswers(signal)).catch((error: unknown) => {
      this.#chosen = undefined;
      throw error;
    });
    return this.#chosen;
  }

  /**
   * Whether Azure's metadata service answers here: it refuses a request without its header with 400, unlike those of
   * other clouds at the same address.
   */
  async #metadataAnswers(signal: AbortSignal): Promise<boolean> {
    const client = this.#host.http({ baseUrl: 'http://169.254.169.254', insecureHttp: true });
    try {
      const { status } = await client.request({
        method: 'GET',
        path: '/metadata/identity/oauth2/token',
        signal: AbortSignal.any([signal, AbortSignal.timeout(METADATA_MS)]),
      });
      return status === 400;
    } catch {
      return false;
    } finally {
      client.close();
    }
  }
}

/**
 * Where signing in happens: as the options say, else the environment, else by the vaults' cloud.
 * Throws Fault 'options' for an environment that names an address without https.
 */
function authorityOf(options: Options, host: Host): string {
  if (options.authorityHost !== undefined) return options.authorityHost;
  const told = host.env.AZURE_AUTHORITY_HOST;
  if (told === undefined || told === '')
    return AUTHORITIES[options.vaultDomain ?? DEFAULT_VAULT_DOMAIN] ?? 'https://login.microsoftonline.com';
  if (told.startsWith('https://') && URL.canParse(told)) return told;
  throw new Fault('options', {
    message: 'AZURE_AUTHORITY_HOST is not an address with https://',
    hint: 'set it to https://login.microsoftonline.com, or unset it',
  });
}

/** Whether a fault says that one call's own time was over, which says nothing about another's. */
export const isOwnEnd = (fault: Fault): boolean => fault.kind === 'cancelled' || fault.kind === 'timeout';

/** Waits for a result, but no longer than the signal lets us. Throws Fault 'cancelled' when it ends the wait. */
export function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new Fault('cancelled', 'the wait for another request was ended'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([result, ended]).finally(() => signal.removeEventListener('abort', onAbort));
}
