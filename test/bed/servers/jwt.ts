/** RS256 tokens, as an issuer makes them and a service checks them. */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';

export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Token {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export function newKey(id: string): SigningKey {
  return { id, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

/** The public half, as it stands in a key set. */
export function publicJwk(key: SigningKey): JsonWebKey {
  return { ...key.publicKey.export({ format: 'jwk' }), kid: key.id, use: 'sig', alg: 'RS256' };
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function makeToken(key: SigningKey, claims: object, header: object = {}): string {
  const body = `${base64url({ typ: 'JWT', alg: 'RS256', kid: key.id, ...header })}.${base64url(claims)}`;
  return `${body}.${sign('RSA-SHA256', Buffer.from(body), key.privateKey).toString('base64url')}`;
}

/** Takes a token apart without checking it; throws when it is none. */
export function decodeToken(text: string): Token {
  const [head = '', body = '', signature = ''] = text.split('.');
  const parse = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  return {
    header: parse(head),
    claims: parse(body),
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

export function isSignedBy(token: Token, key: KeyObject): boolean {
  return token.header['alg'] === 'RS256' && verify('RSA-SHA256', token.signed, key, token.signature);
}

/** Whether the issuer's own key set, fetched from it, vouches for the token. */
export async function isSignedByIssuer(token: Token, issuer: string): Promise<boolean> {
  const getJson = async (url: string): Promise<Record<string, unknown>> => {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return (await response.json()) as Record<string, unknown>;
  };
  const { jwks_uri: keySet } = await getJson(`${issuer}/.well-known/openid-configuration`);
  const { keys } = (await getJson(String(keySet))) as { keys: readonly JsonWebKey[] };
  const key = keys.find((one) => one['kid'] === token.header['kid']);
  return key !== undefined && isSignedBy(token, createPublicKey({ key, format: 'jwk' }));
}
