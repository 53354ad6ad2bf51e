/** What the Azure stand-ins share: settings, tokens, the vault's content, injected faults, and the log of requests. */
import { readSettings } from '../http.ts';
import type { Reply } from '../http.ts';
import { decodeToken, isSignedBy, makeToken, newKey } from '../jwt.ts';
import type { Token } from '../jwt.ts';

export interface Settings {
  readonly entraPort: number;
  readonly vaultPort: number;
  readonly identityPort: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly identityHeader: string;
}

export type Target = 'vault' | 'entra' | 'identity';

export interface InjectedFault {
  readonly target: Target;
  /** How many requests it still meets. */
  count: number;
  readonly status?: number;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly delayMs?: number;
}

export interface Federated {
  readonly issuer: string;
  readonly subject: string;
  readonly audience?: string;
}

export interface Version {
  readonly value: string;
  readonly version: string;
  contentType: unknown;
  tags: unknown;
  readonly attributes: Record<string, unknown>;
}

export interface Secret {
  readonly name: string;
  readonly versions: Version[];
  /** Seconds since 1970. */
  deletedAt?: number;
}

export const settings = readSettings() as Settings;
export const VAULT = 'https://vault.azure.net';
export const ENTRA = `https://127.0.0.1:${settings.entraPort}`;
export const ALL_PERMISSIONS = ['get', 'list', 'set', 'delete', 'recover', 'purge'];
export const key = newKey('bed-key-1');

function fresh() {
  return {
    secrets: new Map<string, Secret>(),
    deleted: new Map<string, Secret>(),
    federated: [] as Federated[],
    faults: [] as InjectedFault[],
    permissions: ALL_PERMISSIONS as readonly string[],
    /** Names of single secrets that nobody may use. */
    denied: new Set<string>(),
    /** Of the tokens issued from now on, in seconds. */
    lifetime: 3_599,
    audience: undefined as string | undefined,
    /** Seconds that the clock is moved by. */
    skew: 0,
    requests: [] as { target: Target; method: string; path: string; status: number }[],
  };
}

export const state = fresh();

export function reset(): void {
  Object.assign(state, fresh());
}

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1_000) + state.skew;

const tokenIssuer = `https://sts.windows.net/${settings.tenantId}/`;

export function issueToken(resource: string, application: string): string {
  const at = now();
  return makeToken(key, {
    aud: state.audience ?? resource,
    iss: tokenIssuer,
    iat: at,
    nbf: at,
    exp: at + state.lifetime,
    appid: application,
    appidacr: '1',
    oid: application,
    sub: application,
    tid: settings.tenantId,
    ver: '1.0',
  });
}

/** Why a caller's token is no good for the vault; undefined when it is good. */
export function badToken(authorization: string | undefined): string | undefined {
  const text = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  if (text === undefined) return 'AKV10000: Request is missing a Bearer or PoP token.';
  let token: Token;
  try {
    token = decodeToken(text);
  } catch {
    return 'AKV10001: The token could not be read.';
  }
  if (!isSignedBy(token, key.publicKey)) return 'AKV10046: Unable to resolve the key used for signature validation.';
  if (token.claims['iss'] !== tokenIssuer) return 'AKV10032: Invalid issuer.';
  if (token.claims['aud'] !== VAULT) return `AKV10022: Invalid audience. Expected ${VAULT}, found: ${String(token.claims['aud'])}.`;
  if (Number(token.claims['exp']) <= now()) return 'AKV10001: The token has expired.';
  return undefined;
}

export function vaultError(status: number, code: string, message: string, inner?: string): Reply {
  return { status, body: { error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } } };
}
