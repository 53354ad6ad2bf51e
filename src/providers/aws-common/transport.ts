/**
 * The wire under the SDK: the host's HTTP in place of the SDK's own, so that proxy, private CA, plain http, redirects
 * and size limits are the same as for every other provider.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { resolve } from 'node:path';

import { Fault } from '../../core/fault.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { HttpClient } from '../../provider-kit/http.ts';
import { variable } from './options.ts';
import type { AwsOptions } from './options.ts';

/** The SDK's request, as far as it is used. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

interface Exchange {
  readonly signal: AbortSignal;
  /** Why a request got no answer. */
  fault?: Fault;
}

/** The exchange in progress: the SDK wraps the errors of its sign-in requests, and gives them no signal. */
const exchanges = new AsyncLocalStorage<Exchange>();

export class Transport {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #host: Host;
  readonly #options: AwsOptions;
  readonly #clients = new Map<string, HttpClient>();

  constructor(host: Host, options: AwsOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Runs calls of the SDK; what they throw comes out as a Fault. */
  async during<T>(signal: AbortSignal, toFault: (error: unknown) => Fault, run: () => Promise<T>): Promise<T> {
    const exchange: Exchange = { signal };
    try {
      return await exchanges.run(exchange, run);
    } catch (error) {
      throw exchange.fault ?? toFault(error);
    }
  }

  /** Sends one request of the SDK's. Throws Fault, which is also left in the exchange. */
  async handle(request: SdkRequest): Promise<{ response: SdkResponse }> {
    const exchange = exchanges.getStore();
    if (exchange === undefined) throw new Fault('protocol', { message: 'a request outside any operation', code: 'INTERNAL' });
    try {
      const response = await this.#client(request).request({
        method: request.method,
        path: request.path + queryOf(request),
        headers: headersOf(request),
        ...bodyOf(request),
        signal: exchange.signal,
      });
      return { response: { statusCode: response.status, headers: { ...response.headers }, body: response.body } };
    } catch (error) {
      exchange.fault = error instanceof Fault ? error : new Fault('unavailable', 'the request could not be sent');
      throw exchange.fault;
    }
  }

  destroy(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #client({ protocol, hostname, port }: SdkRequest): HttpClient {
    const baseUrl = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
    const known = this.#clients.get(baseUrl);
    if (known !== undefined) return known;
    const client = this.#host.http({
      baseUrl,
      ...(this.#options.insecureHttp === true ? { insecureHttp: true } : {}),
      ...this.#ca(),
    });
    this.#clients.set(baseUrl, client);
    return client;
  }

  #ca(): { caFile?: string } {
    const { caFile } = this.#options;
    if (caFile !== undefined) return { caFile: resolve(this.#host.baseDir, caFile) };
    const bundle = variable(this.#host.env, 'AWS_CA_BUNDLE');
    return bundle === undefined ? {} : { caFile: bundle };
  }
}

function queryOf({ query = {} }: SdkRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one ?? '')}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** All but those that belong to the wire, which the host's HTTP sets itself. */
function headersOf({ headers }: SdkRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:host|content-length|connection)$/i.test(name)));
}

function bodyOf({ body }: SdkRequest): { body?: string | Uint8Array } {
  if (body === undefined || body === null) return {};
  if (typeof body === 'string' || body instanceof Uint8Array) return { body };
  throw new Fault('protocol', { message: 'a request body of an unexpected kind', code: 'INTERNAL' });
}
