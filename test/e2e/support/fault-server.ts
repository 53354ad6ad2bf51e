/** An HTTP server that answers as it is told to, one scripted answer a request, and remembers what it was asked. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './at-end.ts';

export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Uint8Array | object;
  /** Milliseconds before the answer. */
  readonly delayMs?: number;
  /** `hang` reads the request and never answers, `reset` closes the connection at once. */
  readonly instead?: 'hang' | 'reset';
}

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Milliseconds since the server started. */
  readonly at: number;
}

export interface FaultServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** The most requests that were open at the same time. */
  maxInFlight(): number;
  /** Connections so far, also those that brought no request. */
  connections(): number;
  /** Waits until that many requests came in. */
  seen(count: number): Promise<void>;
  close(): Promise<void>;
}

export type Script = readonly [Answer, ...Answer[]] | ((request: SeenRequest, index: number) => Answer | Promise<Answer>);

/** Starts one on a free port of 127.0.0.1. Of a list of answers the last one is repeated. Closed when the test file is over. */
export async function faultServer(script: Script, tls?: { readonly cert: string; readonly key: string }): Promise<FaultServer> {
  const began = performance.now();
  const requests: SeenRequest[] = [];
  const watchers = new Set<() => void>();
  let open = 0;
  let most = 0;

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    open++;
    most = Math.max(most, open);
    response.once('close', () => open--);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      at: performance.now() - began,
    };
    const index = requests.push(request) - 1;
    for (const watcher of watchers) watcher();
    const answer = typeof script === 'function' ? await script(request, index) : (script[Math.min(index, script.length - 1)] ?? {});
    if (answer.delayMs !== undefined) await sleep(answer.delayMs);
    if (answer.instead === 'hang') return;
    if (answer.instead === 'reset') return void incoming.socket.resetAndDestroy();
    const { body } = answer;
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
    response.writeHead(answer.status ?? 200, { ...(isJson ? { 'content-type': 'application/json' } : {}), ...answer.headers });
    response.end(isJson ? JSON.stringify(body) : body);
  };
  // A client that goes away in the middle of a request is what some tests are about.
  const listener = (incoming: IncomingMessage, response: ServerResponse): void =>
    void serve(incoming, response).catch(() => response.destroy());
  const server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  let connections = 0;
  // Of a TLS server these are the connections below, before any handshake.
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  atEnd(close);
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    maxInFlight: () => most,
    connections: () => connections,
    seen: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (requests.length < count) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    close,
  };
}
