/**
 * Requests to one server, over the host's HTTP. Own code in place of node-vault: that drops response headers
 * (`Retry-After`), follows redirects with the token, takes over the token of any login-like answer, prints values
 * under DEBUG, rounds large numbers, and loads axios, mustache and tv4 (50 ms of CPU).
 */
import { Fault, plainWord } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { HttpClient, HttpResponse } from '../../provider-kit/http.ts';
import { statusFault } from './faults.ts';
import { isObject, parseObject, stringAt, type JsonObject } from './json.ts';
import { encodePath } from './paths.ts';
import type { Settings } from './settings.ts';

export interface VaultRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Behind `/v1/`, not encoded. */
  readonly path: string;
  /** Without the question mark, encoded. */
  readonly query?: string;
  /** JSON text; a PATCH is a merge patch. */
  readonly body?: string;
  /** What messages name instead of the path: the document, where there is one. */
  readonly about?: string;
  /** Takes a 404 that carries data for an answer: that of a deleted or destroyed version. */
  readonly acceptGone?: boolean;
  /** Other statuses that the caller reads itself. */
  readonly accept?: readonly number[];
  /** Asks for the answer wrapped: a token that gives it out once, within so many milliseconds. */
  readonly wrapMs?: number;
  /** False for the few paths that exist only outside of namespaces. */
  readonly inNamespace?: boolean;
}

export interface Answer {
  readonly status: number;
  /** The body as it came; empty for 204. */
  readonly text: string;
  /** Undefined where there is no body. */
  readonly json: JsonObject | undefined;
  readonly requestId: string | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class Transport {
  readonly #http: HttpClient;
  readonly #host: Host;
  readonly #settings: Settings;
  readonly #base: URL;

  constructor(settings: Settings, host: Host) {
    this.#settings = settings;
    this.#host = host;
    this.#http = host.http(settings.http);
    this.#base = new URL(settings.http.baseUrl);
  }

  /** Sends one request. @throws Fault for every status that is neither 2xx nor an accepted 404 */
  async send(request: VaultRequest, token: SecretValue | undefined, signal: AbortSignal): Promise<Answer> {
    const { method, path, query, acceptGone = false, accept = [] } = request;
    const target = `/v1/${encodePath(path)}${query === undefined ? '' : `?${query}`}`;
    let response = await this.#request(request, target, token, signal);
    if (REDIRECTS.has(response.status)) {
      const next = this.#redirect(response, request, target);
      response = await this.#request(request, next, token, signal);
      if (REDIRECTS.has(response.status)) throw this.#refused(request, response.status, 'it redirects in a circle');
    }
    const { status } = response;
    const isSuccess = status >= 200 && status < 300;
    const text = response.body.toString('utf8');
    const json = parseObject(text);
    const isGone = acceptGone && status === 404 && isObject(json?.['data']);
    if (!isSuccess && !isGone && !accept.includes(status)) throw statusFault(response, { ...this.#asked(request), now: this.#host.now() });
    if (json === undefined && isSuccess && (text !== '' || method === 'GET')) {
      throw new Fault('protocol', {
        message: `${this.#host.provider} answered ${status} for ${this.#asked(request).about}, but not with a JSON object`,
        hint: 'check that the address is that of a Vault or OpenBao server, without a login page in front of it',
        status,
      });
    }
    return { status, text, json, requestId: plainWord(stringAt(json, 'request_id')) };
  }

  close(): void {
    this.#http.close();
  }

  #asked({ about, path }: VaultRequest): { readonly provider: string; readonly about: string; readonly namespace: string | undefined } {
    return { provider: this.#host.provider, about: about ?? path, namespace: this.#settings.namespace };
  }

  #request(request: VaultRequest, target: string, token: SecretValue | undefined, signal: AbortSignal): Promise<HttpResponse> {
    const { method, body, wrapMs, inNamespace = true } = request;
    const { namespace } = this.#settings;
    return this.#http.request({
      method,
      path: target,
      headers: {
        // A Vault agent in between may ask for it, against forged requests from browsers.
        'x-vault-request': 'true',
        ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
        ...(namespace === undefined || !inNamespace ? {} : { 'x-vault-namespace': namespace }),
        ...(wrapMs === undefined ? {} : { 'x-vault-wrap-ttl': `${Math.ceil(wrapMs / 1_000)}s` }),
        ...(token === undefined ? {} : { 'x-vault-token': token.reveal().toString('latin1') }),
      },
      ...(body === undefined ? {} : { body }),
      signal,
    });
  }

  /** The path to ask once more; never at another origin, where the token would go with it. */
  #redirect({ status, headers }: HttpResponse, request: VaultRequest, target: string): string {
    const prefix = this.#base.pathname.replace(/\/+$/, '');
    const location = URL.parse(headers['location'] ?? '', new URL(prefix + target, this.#base).href);
    if (location === null || !location.pathname.startsWith(`${prefix}/`))
      throw this.#refused(request, status, 'it redirects to no usable address');
    if (location.origin !== this.#base.origin) {
      throw this.#refused(
        request,
        status,
        `it redirects to another address (${plainWord(location.host) ?? 'unreadable'}), which gets no token`,
      );
    }
    const keepsMethod = status === 307 || status === 308 || request.method === 'GET';
    if (!keepsMethod) throw this.#refused(request, status, 'it redirects a write');
    return location.pathname.slice(prefix.length) + location.search;
  }

  #refused(request: VaultRequest, status: number, words: string): Fault {
    const { provider, about } = this.#asked(request);
    return new Fault('unavailable', {
      message: `${provider} answered ${status} for ${about}: ${words}`,
      hint: 'set address to the active node, or to the load balancer of the cluster',
      status,
      retryable: false,
    });
  }
}
