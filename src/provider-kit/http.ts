/** HTTP as adapters see it. */

export interface HttpClientOptions {
  /** `https://…`; `http://` only to loopback or with `insecureHttp`. */
  readonly baseUrl: string;
  readonly insecureHttp?: boolean;
  /** PEM file of a private CA, used besides the system's. */
  readonly caFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  /** Name to check the certificate against, where it differs from the address. */
  readonly serverName?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpRequest {
  readonly method: string;
  /** Joined to the base URL; already encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpClient {
  /**
   * Sends one request. Any status is an answer; redirects are not followed. Throws Fault: 'unavailable' (refused,
   * reset, DNS; TLS failures are final), 'timeout', 'cancelled', 'protocol' (not HTTP, over 8 MiB).
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}
