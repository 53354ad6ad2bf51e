/** What an adapter may throw or return: a kind, our own words, and codes. Never a backend's text, never a cause. */
import type { ErrorCode } from './errors.ts';

export type FaultKind =
  | 'options'
  | 'ref'
  | 'unauthenticated'
  | 'denied'
  | 'locked'
  | 'not-found'
  | 'no-field'
  | 'conflict'
  | 'throttled'
  | 'unavailable'
  | 'timeout'
  | 'cancelled'
  | 'unsupported'
  | 'corrupt'
  | 'protocol';

export interface FaultDetail {
  /** What happened, in the adapter's own words: safe to print. Starts in lower case, ends without a stop. */
  readonly message: string;
  /** The next command to type, or what to change; safe to print. */
  readonly hint?: string;
  /** The backend's status, such as an HTTP status. */
  readonly status?: number;
  /** The backend's machine-readable error code, only if it is a plain word (letters, digits, `._-`). */
  readonly backendCode?: string;
  /** The backend's id of the request, for its log; a plain word too. */
  readonly requestId?: string;
  /** How long the backend asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Overrides whether the kind is tried again: a failed TLS check is 'unavailable' but final. */
  readonly retryable?: boolean;
  /** A code finer than the kind's own, for example STORE_BUSY for a conflict. */
  readonly code?: ErrorCode;
}

const KIND_CODES = {
  options: 'PROVIDER_OPTIONS',
  ref: 'REF_INVALID',
  unauthenticated: 'UNAUTHENTICATED',
  denied: 'DENIED',
  locked: 'STORE_LOCKED',
  'not-found': 'REF_NOT_FOUND',
  'no-field': 'FIELD_NOT_FOUND',
  conflict: 'CONFLICT',
  throttled: 'PROVIDER_THROTTLED',
  unavailable: 'PROVIDER_UNAVAILABLE',
  timeout: 'PROVIDER_TIMEOUT',
  cancelled: 'INTERRUPTED',
  unsupported: 'CAPABILITY_UNSUPPORTED',
  corrupt: 'STORE_CORRUPT',
  protocol: 'PROVIDER_PROTOCOL',
} as const satisfies Record<FaultKind, ErrorCode>;

const RETRIED: ReadonlySet<FaultKind> = new Set(['throttled', 'unavailable', 'timeout']);

export class Fault extends Error {
  override readonly name = 'Fault';
  readonly kind: FaultKind;
  readonly detail: FaultDetail;

  constructor(kind: FaultKind, detail: FaultDetail | string) {
    const full = typeof detail === 'string' ? { message: detail } : detail;
    super(full.message);
    this.kind = kind;
    this.detail = full;
  }

  get code(): ErrorCode {
    return this.detail.code ?? KIND_CODES[this.kind];
  }

  /** Whether the same read may succeed when it is tried again. */
  get retryable(): boolean {
    return this.detail.retryable ?? RETRIED.has(this.kind);
  }
}

/** A text of a backend's if it is a plain word that is safe to print (an error code, a request id), else undefined. */
export function plainWord(text: unknown, limit = 80): string | undefined {
  return typeof text === 'string' && text.length <= limit && /^[A-Za-z0-9._:-]+$/.test(text) ? text : undefined;
}

/** A result or what went wrong: in a batch, partial failure is data. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

export const done = <T>(value: T): Outcome<T> => ({ ok: true, value });
export const failed = (fault: Fault): { readonly ok: false; readonly fault: Fault } => ({ ok: false, fault });
