/** What one call of the client library did on the wire: its time limit on the way out, its answer on the way back. */
import { AsyncLocalStorage } from 'node:async_hooks';

import { plainWord, type Fault } from '../../core/fault.ts';
import type { HttpResponse } from '../../provider-kit/http.ts';

/** The codes of an answer; only words and numbers that are safe to print. */
export interface Answer {
  readonly status: number;
  /** Key Vault's or Entra ID's code, such as `Forbidden` or `invalid_client`. */
  readonly code: string | undefined;
  /** Key Vault's finer code, such as `SecretDisabled`. */
  readonly inner: string | undefined;
  /** `AADSTS…` of Entra ID, `AKV…` of Key Vault. */
  readonly number: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
}

export interface Exchange {
  readonly signal: AbortSignal;
  /** The method of the last request. */
  method?: string;
  /** Why it got no answer. */
  fault?: Fault;
  /** The last answer. */
  answer?: Answer;
  /** The address of the next page, where the answer named one. */
  nextLink?: string;
}

/**
 * The exchange of the call in progress. The libraries drop the signal on their way to later pages and to token
 * requests, and keep an answer's codes only in part; so the transport takes both from here.
 */
export const exchanges = new AsyncLocalStorage<Exchange>();

/** Reads an answer's codes; `now` is for a `Retry-After` that names a date. */
export function readAnswer(response: HttpResponse, now: Date): Answer {
  const { status, headers } = response;
  const body = status >= 300 ? bodyOf(response) : {};
  const error = isRecord(body.error) ? body.error : undefined;
  const inner = error?.innererror ?? error?.innerError;
  const told = error === undefined ? body.error_description : error.message;
  return {
    status,
    code: plainWord(error === undefined ? body.error : error.code),
    inner: isRecord(inner) ? plainWord(inner.code) : undefined,
    number: typeof told === 'string' ? /\b(?:AADSTS\d{4,9}|AKV\d{5})\b/.exec(told)?.[0] : undefined,
    requestId: plainWord(headers['x-ms-request-id']) ?? plainWord(headers['x-ms-client-request-id']),
    retryAfterMs: retryAfter(headers, now),
  };
}

/** The next page's address in a list's answer. */
export function readNextLink(response: HttpResponse): string | undefined {
  const { nextLink } = response.status === 200 ? bodyOf(response) : {};
  return typeof nextLink === 'string' ? nextLink : undefined;
}

function bodyOf(response: HttpResponse): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(response.body.toString('utf8'));
    return isRecord(body) ? body : {};
  } catch {
    return {};
  }
}

function retryAfter(headers: Readonly<Record<string, string>>, now: Date): number | undefined {
  const ms = headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms'];
  if (ms !== undefined && /^\d{1,9}$/.test(ms)) return Number(ms);
  const after = headers['retry-after'];
  if (after === undefined) return undefined;
  if (/^\d{1,7}$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
