/** Whom a token is for, in the words of Entra ID. */
import type { SecretValue } from '../../core/secret-value.ts';

/** Who a token is for, by its claims. They are not verified: this is for people, not for a decision. */
export function identityOf(token: SecretValue): string | undefined {
  const claims = claimsOf(token);
  const who = ['upn', 'unique_name', 'appid', 'oid'].map((name) => printable(claims[name])).find((value) => value !== undefined);
  const tenant = printable(claims.tid);
  return who === undefined ? undefined : `${who}${tenant === undefined ? '' : ` of tenant ${tenant}`}`;
}

function claimsOf(token: SecretValue): Readonly<Record<string, unknown>> {
  try {
    const [, payload = ''] = token.reveal().toString('utf8').split('.');
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const printable = (claim: unknown): string | undefined =>
  typeof claim === 'string' && /^[0-9A-Za-z._@#+-]{1,128}$/.test(claim) ? claim : undefined;
