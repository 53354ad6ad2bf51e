/** What a status of the server's means. Its body is looked at, and never repeated. */
import { Fault, plainWord, type FaultDetail, type FaultKind } from '../../core/fault.ts';
import type { HttpResponse } from '../../provider-kit/http.ts';
import { parseObject, stringAt } from './json.ts';

export interface Asked {
  /** Name of the provider entry. */
  readonly provider: string;
  /** What was asked for, such as `secret/api` or `auth/jwt/login`. */
  readonly about: string;
  readonly namespace: string | undefined;
  readonly now: Date;
}

/** Marks the answer of a mount that takes no write without check-and-set. */
export const CAS_REQUIRED = 'cas-required';

/** The fault of an answer that is neither a success nor a 404 with data. */
export function statusFault({ status, headers, body }: HttpResponse, asked: Asked): Fault {
  const { provider, about, namespace } = asked;
  const text = body.toString('utf8');
  const requestId = plainWord(stringAt(parseObject(text), 'request_id'));
  const answered = `${provider} answered ${status} for ${about}`;
  const fault = (kind: FaultKind, words: string, more: Partial<FaultDetail> = {}): Fault =>
    new Fault(kind, { message: `${answered}: ${words}`, status, ...(requestId === undefined ? {} : { requestId }), ...more });
  switch (status) {
    case 400:
      return badRequest(text, fault);
    case 403:
      return fault('denied', 'permission denied');
    case 404:
      if (text.includes('namespace not found')) {
        return fault('options', `there is no namespace ${namespace ?? ''}`, {
          hint: 'correct namespace in the provider, or VAULT_NAMESPACE',
        });
      }
      if (text.includes('no handler for route')) {
        return fault('not-found', 'no secrets engine is mounted there', { hint: 'check the first part of the path, and the namespace' });
      }
      if (text.includes('unsupported path')) return fault('unsupported', 'this server or secrets engine has no such path');
      return fault('not-found', 'there is nothing', { hint: 'check the path and the namespace' });
    case 405:
      return fault('unsupported', 'this secrets engine has no such operation');
    case 412:
      return fault('unavailable', 'it has not yet caught up with the latest writes');
    case 413:
      return fault('unsupported', 'the value is too large for it', { code: 'VALUE_INVALID', hint: 'store less in one secret' });
    case 429:
      return fault('throttled', 'too many requests', retryAfter(headers['retry-after'], asked.now));
    case 472:
      return fault('unavailable', 'it is a disaster recovery secondary, which serves no secrets', {
        hint: 'set address to the primary cluster',
      });
    case 473:
      return fault('unavailable', 'it is a performance standby that cannot serve this', {
        hint: 'set address to the active node or the load balancer',
      });
    case 501:
      return fault('unavailable', 'it is not initialised', {
        hint: 'an operator must run: bao operator init (or vault operator init)',
        retryable: false,
      });
    case 503:
      if (!/is sealed/.test(text))
        return fault('unavailable', 'overloaded or in maintenance', retryAfter(headers['retry-after'], asked.now));
      return fault('unavailable', 'it is sealed', { hint: 'an operator must unseal it: bao operator unseal (or vault operator unseal)' });
    default:
      if (status >= 500 || status === 408 || status === 425)
        return fault('unavailable', 'it failed', retryAfter(headers['retry-after'], asked.now));
      return fault('protocol', 'an unexpected status', { hint: 'check that the address is that of a Vault or OpenBao server' });
  }
}

type MakeFault = (kind: FaultKind, words: string, more?: Partial<FaultDetail>) => Fault;

function badRequest(text: string, fault: MakeFault): Fault {
  if (text.includes('check-and-set parameter did not match')) return fault('conflict', 'another version is current');
  if (text.includes('check-and-set parameter required')) {
    return fault('conflict', 'the mount takes no write without check-and-set', { backendCode: CAS_REQUIRED });
  }
  // Just after a KV engine was mounted or upgraded.
  if (text.includes('Upgrading from non-versioned')) return fault('unavailable', 'the secrets engine is being upgraded');
  if (text.includes('unknown role')) return fault('not-found', 'there is no such role');
  if (text.includes('HTTP request to an HTTPS server')) {
    return fault('unavailable', 'that port speaks https', { hint: 'write https:// in the address', retryable: false });
  }
  return fault('protocol', 'it does not understand the request', { hint: 'check the path of the reference' });
}

/** Reads Retry-After: seconds, or an HTTP date. */
function retryAfter(header: string | undefined, now: Date): Partial<FaultDetail> {
  if (header === undefined) return {};
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now.getTime();
  return Number.isNaN(ms) ? {} : { retryAfterMs: Math.max(0, ms) };
}
