/**
 * The wire under Azure's client libraries: the host's HTTP in place of theirs, so that proxy, private CA, redirects
 * and size limits are the same as everywhere else, and a token goes to no other origin.
 */
import type { SecretClientOptions } from '@azure/keyvault-secrets';

import { Fault } from '../../core/fault.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { HttpClient } from '../../provider-kit/http.ts';
import { exchanges, readAnswer, readNextLink } from './exchange.ts';

type SdkTransport = NonNullable<SecretClientOptions['httpClient']>;
type SdkRequest = Parameters<SdkTransport['sendRequest']>[0];
type SdkHeaders = SdkRequest['headers'];

interface TransportOptions {
  /** The only origin that may be asked; undefined: any with https, and the plain addresses of managed identity. */
  readonly origin?: string;
  readonly caFile?: string | undefined;
  /** Called before each request that carries a token. */
  readonly onAuthorized?: () => void;
}

const UNUSED_AGENT: NonNullable<SecretClientOptions['agent']> = {
  destroy: () => undefined,
  maxFreeSockets: 0,
  maxSockets: 0,
  sockets: {},
  requests: {},
};

/** The options that the libraries' clients have in common: what they would do by themselves is the kit's or the transport's. */
export const libraryOptions = (transport: SdkTransport, host: Host) => ({
  httpClient: transport,
  retryOptions: { maxRetries: 0 },
  redirectOptions: { maxRetries: 0 },
  // Both keep them from reading the proxy variables: they would throw at forms that are fine elsewhere, and print a
  // proxy's password under DEBUG. The transport uses neither.
  proxyOptions: { host: 'http://unused.invalid', port: 1 },
  agent: UNUSED_AGENT,
  userAgentOptions: { userAgentPrefix: host.userAgent },
});

export class Transport implements SdkTransport {
  readonly #host: Host;
  readonly #options: TransportOptions;
  readonly #clients = new Map<string, HttpClient>();

  constructor(host: Host, options: TransportOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Throws Fault, which is also left in the exchange: the libraries wrap what comes from here. */
  async sendRequest(request: SdkRequest): ReturnType<SdkTransport['sendRequest']> {
    const exchange = exchanges.getStore();
    if (exchange === undefined) throw new Fault('protocol', { message: 'a request outside any operation', code: 'INTERNAL' });
    exchange.method = request.method;
    try {
      const url = new URL(request.url);
      const client = this.#clientFor(url);
      if (request.headers.has('authorization')) this.#options.onAuthorized?.();
      const body = bodyOf(request);
      const response = await client.request({
        method: request.method,
        path: url.pathname + url.search,
        headers: headersOf(request),
        ...(body === undefined ? {} : { body }),
        signal: exchange.signal,
      });
      exchange.answer = readAnswer(response, this.#host.now());
      const nextLink = readNextLink(response);
      if (nextLink === undefined) delete exchange.nextLink;
      else exchange.nextLink = nextLink;
      return { request, status: response.status, headers: new Headers(response.headers), bodyAsText: response.body.toString('utf8') };
    } catch (error) {
      exchange.fault = error instanceof Fault ? error : new Fault('unavailable', 'the request could not be sent');
      throw exchange.fault;
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientFor(url: URL): HttpClient {
    const { origin, caFile } = this.#options;
    if (origin !== undefined && url.origin !== origin) {
      throw new Fault('protocol', 'the vault pointed to another address; nothing was sent there');
    }
    const known = this.#clients.get(url.origin);
    if (known !== undefined) return known;
    const client = this.#host.http({
      baseUrl: url.origin,
      // The metadata service of a virtual machine has no TLS; link-local addresses never leave the machine.
      insecureHttp: /^169\.254\.\d{1,3}\.\d{1,3}$/.test(url.hostname),
      ...(caFile === undefined ? {} : { caFile }),
    });
    this.#clients.set(url.origin, client);
    return client;
  }
}

function bodyOf(request: SdkRequest): string | Uint8Array | undefined {
  const { body } = request;
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new Fault('protocol', { message: 'a request body of an unexpected kind', code: 'INTERNAL' });
}

/** All but those that belong to the wire, which the host's HTTP sets itself. */
function headersOf(request: SdkRequest): Record<string, string> {
  const { 'accept-encoding': _encoding, 'content-length': _length, connection: _connection, ...rest } = request.headers.toJSON();
  return rest;
}

/** Response headers in the libraries' shape. */
class Headers implements SdkHeaders {
  readonly #headers: Map<string, string>;

  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = new Map(Object.entries(headers));
  }

  get(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase());
  }

  has(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  set(name: string, value: string | number | boolean): void {
    this.#headers.set(name.toLowerCase(), String(value));
  }

  delete(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#headers);
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#headers.entries();
  }
}
