import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { createHttpClient } from '../../src/platform/http.ts';
import type { HttpClient, HttpClientOptions, HttpRequest } from '../../src/provider-kit/http.ts';
import { startServer, type Answerer, type TestServer } from './http-server.ts';

const CANARY = 'canary-5f1be0c4a9d27e63';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(answer: Answerer): Promise<TestServer> {
  const server = await startServer(answer);
  closers.push(() => server.close());
  return server;
}

/** A server that speaks no HTTP: what it does with a connection is up to the test. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(baseUrl: string, options: Partial<HttpClientOptions> = {}, env: Record<string, string> = {}): HttpClient {
  const made = createHttpClient({ baseUrl, ...options }, env);
  closers.push(() => made.close());
  return made;
}

const get = (path = '/', more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  path,
  signal: new AbortController().signal,
  ...more,
});

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no fault but ${String(error)}`);
}

describe('a request', () => {
  it('is joined to the base path and carries the headers of the client and its own', async () => {
    const server = await serve((_, response) => response.end());
    const http = client(`${server.url}/base/`, { headers: { 'x-all': '1', 'x-both': 'client' } });
    await http.request({ ...get('/v1/a%20b?c=d'), method: 'PATCH', headers: { 'x-both': 'request' }, body: '{"ä":1}' });
    expect(server.received[0]).toMatchObject({ method: 'PATCH', url: '/base/v1/a%20b?c=d', body: '{"ä":1}' });
    expect(server.received[0]?.headers).toMatchObject({ 'x-all': '1', 'x-both': 'request', 'content-length': '8' });
    expect(server.received[0]?.headers['accept-encoding']).toBeUndefined();
  });

  it('gives back status, lower-case headers and exact bytes', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    const server = await serve((_, response) => {
      response.writeHead(
        418,
        [
          ['X-Some-Header', 'a'],
          ['x-some-header', 'b'],
          ['Set-Cookie', 'c=1'],
          ['Set-Cookie', 'd=2'],
        ].flat(),
      );
      response.end(bytes);
    });
    const answer = await client(server.url).request(get());
    expect(answer.status).toBe(418);
    expect(answer.headers).toMatchObject({ 'x-some-header': 'a, b', 'set-cookie': 'c=1, d=2' });
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('gives a redirect back as it is', async () => {
    const other = await serve((_, response) => response.end('reached'));
    const server = await serve((_, response) => {
      response.writeHead(307, { location: `${other.url}/elsewhere` });
      response.end();
    });
    const answer = await client(server.url).request(get());
    expect([answer.status, answer.headers['location']]).toEqual([307, `${other.url}/elsewhere`]);
    expect(other.received).toEqual([]);
  });

  it('keeps the connection for the next one', async () => {
    const server = await serve((_, response) => response.end('x'));
    const http = client(server.url);
    for (let i = 0; i < 5; i++) await http.request(get());
    expect(server.connections()).toBe(1);
  });

  it('opens 32 connections at most', async () => {
    let inFlight = 0;
    let most = 0;
    const server = await serve(async (_, response) => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      response.end();
    });
    const http = client(server.url);
    await Promise.all(Array.from({ length: 100 }, () => http.request(get())));
    expect(server.connections()).toBe(32);
    expect(most).toBeLessThanOrEqual(32);
  });

  it('is not sent with a header value that holds a line break, which is not repeated', async () => {
    const server = await serve((_, response) => response.end());
    for (const value of [`${CANARY}\n`, `${CANARY}\r\nx-injected: 1`, `${CANARY}\u0000`, `${CANARY}\u00fc`]) {
      const fault = await faultOf(client(server.url).request(get('/', { headers: { 'x-vault-token': value } })));
      expect(fault.kind).toBe('options');
      expect(fault.message).toContain('x-vault-token');
      expect(JSON.stringify([fault.message, fault.detail])).not.toContain(CANARY);
    }
    expect(server.received).toEqual([]);
  });
});

describe('an answer', () => {
  it('of 8 MiB is taken, one byte more is not', async () => {
    const server = await serve(({ url }, response) => response.end(Buffer.alloc(Number(url.slice(1)), 'x')));
    const http = client(server.url);
    expect((await http.request(get(`/${8 * 1024 * 1024}`))).body.length).toBe(8 * 1024 * 1024);
    const fault = await faultOf(http.request(get(`/${8 * 1024 * 1024 + 1}`)));
    expect([fault.kind, fault.retryable]).toEqual(['protocol', false]);
    expect(fault.message).toContain('8 MiB');
  });

  it('that breaks off is no answer', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')));
    const fault = await faultOf(client(url).request(get()));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', true]);
  });

  it('that is not HTTP is a protocol fault, and not repeated', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.end(`${CANARY} is not HTTP\r\n\r\n`)));
    const fault = await faultOf(client(url).request(get()));
    expect(fault.kind).toBe('protocol');
    expect(JSON.stringify([fault.message, fault.detail])).not.toContain(CANARY);
  });
});

describe('a connection', () => {
  it('that is refused is unavailable, and may be tried again', async () => {
    const server = await startServer((_, response) => response.end());
    await server.close();
    const fault = await faultOf(client(server.url).request(get()));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', true]);
    expect(fault.message).toBe(`cannot connect to 127.0.0.1:${server.port}: connection refused`);
  });

  it('that is reset is unavailable, and may be tried again', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const fault = await faultOf(client(url).request(get()));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', true]);
    expect(fault.message).toContain('connection reset');
  });

  it('to plain http on another machine is refused before anything is done', () => {
    expect(() => createHttpClient({ baseUrl: 'http://vault.example.com' }, {})).toThrow(/unencrypted/);
    expect(() => createHttpClient({ baseUrl: 'https://vault.example.com' }, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toThrow(
      /NODE_TLS_REJECT_UNAUTHORIZED/,
    );
  });
});

describe('an abort', () => {
  it('before the request sends nothing', async () => {
    const server = await serve((_, response) => response.end());
    expect((await faultOf(client(server.url).request(get('/', { signal: AbortSignal.abort() })))).kind).toBe('cancelled');
    expect(server.connections()).toBe(0);
  });

  it('while the server is silent ends the request and its connection', async () => {
    const abort = new AbortController();
    let closed: Promise<unknown> | undefined;
    const url = await listen((socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve));
      socket.once('data', () => abort.abort());
    });
    expect((await faultOf(client(url).request(get('/', { signal: abort.signal })))).kind).toBe('cancelled');
    await closed;
  });

  it('in the middle of the body ends it too', async () => {
    const abort = new AbortController();
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => abort.abort());
    });
    expect((await faultOf(client(server.url).request(get('/', { signal: abort.signal })))).kind).toBe('cancelled');
  });

  it('ends a request that still waits for a connection', async () => {
    const server = await serve(() => {});
    const http = client(server.url);
    const abort = new AbortController();
    const busy = Array.from({ length: 32 }, () => faultOf(http.request(get('/', { signal: abort.signal }))));
    const one = new AbortController();
    const waiting = faultOf(http.request(get('/', { signal: one.signal })));
    one.abort();
    expect((await waiting).kind).toBe('cancelled');
    abort.abort();
    expect(new Set((await Promise.all(busy)).map(({ kind }) => kind))).toEqual(new Set(['cancelled']));
  });

  it('by a time limit is a timeout; one that brings its own fault gives that', async () => {
    const server = await serve(() => {});
    const http = client(server.url);
    const late = await faultOf(http.request(get('/', { signal: AbortSignal.timeout(20) })));
    expect([late.kind, late.retryable]).toEqual(['timeout', true]);
    const own = new Fault('timeout', 'no answer within 30 s');
    expect(await faultOf(http.request(get('/', { signal: AbortSignal.abort(own) })))).toBe(own);
  });
});

describe('a proxy', () => {
  const proxied = (port: number, options: Partial<HttpClientOptions> = {}): HttpClient =>
    client('https://vault.example.com', options, { HTTPS_PROXY: `http://user:${CANARY}@127.0.0.1:${port}` });

  it('that is not there is told apart from a server that is not there', async () => {
    const server = await startServer(() => {});
    await server.close();
    const fault = await faultOf(proxied(server.port).request(get()));
    expect(fault.kind).toBe('unavailable');
    expect(fault.message).toBe(`cannot connect to the proxy 127.0.0.1:${server.port}: connection refused`);
    expect(fault.detail.hint).toContain('HTTPS_PROXY');
    expect(JSON.stringify([fault.message, fault.detail])).not.toContain(CANARY);
  });

  it.each([
    [407, false, /asks for other credentials/],
    [403, false, /opened no connection to vault\.example\.com \(403\)/],
    [502, true, /opened no connection to vault\.example\.com \(502\)/],
  ])('that answers %i', async (status, retryable, message) => {
    let asked = '';
    const url = await listen((socket) =>
      socket.once('data', (data) => {
        asked = data.toString();
        socket.end(`HTTP/1.1 ${status} ${CANARY}\r\nconnection: close\r\n\r\n`);
      }),
    );
    const fault = await faultOf(proxied(Number(new URL(url).port)).request(get()));
    expect([fault.kind, fault.retryable, fault.detail.status]).toEqual(['unavailable', retryable, status]);
    expect(fault.message).toMatch(message);
    expect(JSON.stringify([fault.message, fault.detail])).not.toContain(CANARY);
    expect(asked).toContain('CONNECT vault.example.com:443 HTTP/1.1');
    expect(asked).toContain(`proxy-authorization: Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`);
  });

  it('passes plain http on, and its own 407 is not taken for the server', async () => {
    const proxy = await serve(({ url }, response) => {
      if (url.endsWith('/denied')) response.statusCode = 407;
      response.end('through the proxy');
    });
    const http = client('http://vault.example.com', { insecureHttp: true }, { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` });
    expect((await http.request(get('/v1/x'))).body.toString()).toBe('through the proxy');
    expect(proxy.received[0]?.url).toBe('http://vault.example.com/v1/x');
    expect((await faultOf(http.request(get('/denied')))).message).toContain('asks for other credentials');
  });

  it('is not used for loopback', async () => {
    const server = await serve((_, response) => response.end('direct'));
    const http = client(server.url, {}, { HTTP_PROXY: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' });
    expect((await http.request(get())).body.toString()).toBe('direct');
  });
});
