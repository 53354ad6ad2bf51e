/** HTTP/1.1 over Node's own client. Redirects are answers, bodies are bounded, errors are words of ours. */
import { readFileSync } from 'node:fs';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { SecureContext } from 'node:tls';
import { Fault, plainWord } from '../core/fault.ts';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from '../provider-kit/http.ts';
import { checkEndpoint, checkTlsEnvironment } from './http-endpoint.ts';
import { connectionFault, proxyStatusFault, type ConnectionContext } from './http-faults.ts';
import { proxyFor, type Proxy } from './http-proxy.ts';

/** As many as the requests that one provider may have in flight. */
const MAX_SOCKETS = 32;
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Ends an idle connection, and one to a proxy that accepts and stays silent, which no abort reaches. */
const SOCKET_TIMEOUT_MS = 30_000;

type Env = Readonly<Record<string, string | undefined>>;

interface Connection {
  readonly agent: Agent;
  open(options: { readonly method: string; readonly path: string }): ClientRequest;
}

/**
 * A client for one address. Nothing is loaded, read or connected before the first request.
 * @param env for HTTPS_PROXY, HTTP_PROXY, NO_PROXY and the check of the TLS settings
 * @throws Fault 'options' for an address or a proxy that may not be used
 */
export function createHttpClient(options: HttpClientOptions, env: Env): HttpClient {
  const base = checkEndpoint(options.baseUrl, { what: 'the address', insecureHttp: options.insecureHttp });
  checkTlsEnvironment(env);
  const proxy = proxyFor(base, env);
  const context: ConnectionContext = {
    host: base.host,
    checkedName: options.serverName ?? base.hostname,
    caFile: options.caFile,
    extraCaFile: env['NODE_EXTRA_CA_CERTS'] || undefined,
    proxy,
  };
  let connection: Promise<Connection> | undefined;
  return {
    request: async (request) => {
      const headers = checkedHeaders({ ...options.headers, ...request.headers });
      throwIfAborted(request.signal);
      connection ??= connect(base, options, proxy);
      const opened = await connection;
      throwIfAborted(request.signal);
      return send(opened, { ...request, headers, path: base.pathname.replace(/\/+$/, '') + request.path }, context);
    },
    close: () => {
      connection?.then(({ agent }) => agent.destroy()).catch(() => undefined);
    },
  };
}

async function connect(base: URL, options: HttpClientOptions, proxy: Proxy | undefined): Promise<Connection> {
  const shared = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: SOCKET_TIMEOUT_MS };
  const target = { protocol: base.protocol, hostname: base.hostname.replace(/^\[|\]$/g, ''), port: base.port };
  // getBuiltinModule, because import() reads every export, and one getter of node:http loads 35 ms worth of fetch.
  if (base.protocol === 'http:') {
    const http = process.getBuiltinModule('node:http');
    const agent = new http.Agent({ ...shared, ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy.url } }) });
    return { agent, open: (request) => http.request({ ...target, ...request, agent }) };
  }
  const https = process.getBuiltinModule('node:https');
  const agent = new https.Agent({
    ...shared,
    // A context instead of its parts: Node's debug output of an agent's options would show a private key.
    secureContext: await secureContext(options),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(options.serverName === undefined ? {} : { servername: options.serverName }),
    ...(proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy.url } }),
  });
  return { agent, open: (request) => https.request({ ...target, ...request, agent }) };
}

async function secureContext(options: HttpClientOptions): Promise<SecureContext> {
  const tls = process.getBuiltinModule('node:tls');
  const [ca, cert, key] = await Promise.all([
    pemFile(options.caFile, 'caFile'),
    pemFile(options.clientCertFile, 'clientCertFile'),
    pemFile(options.clientKeyFile, 'clientKeyFile'),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Fault('options', {
      message: 'a client certificate needs both clientCertFile and clientKeyFile',
      hint: 'set both or neither',
    });
  }
  try {
    return tls.createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  } catch {
    const files = [options.caFile, options.clientCertFile, options.clientKeyFile].filter((file) => file !== undefined);
    throw new Fault('options', {
      message: `the certificates cannot be used: ${files.join(', ')}`,
      hint: 'check that each is PEM, that the key belongs to the certificate and that it has no passphrase',
    });
  }
}

async function pemFile(path: string | undefined, option: string): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = plainWord((error as NodeJS.ErrnoException).code) ?? 'no code';
    throw new Fault('options', { message: `${option} cannot be read: ${path} (${code})`, hint: `check the path in ${option}` });
  }
  if (!bytes.includes('-----BEGIN ')) {
    throw new Fault('options', {
      message: `${option} is not a PEM file: ${path}`,
      hint: 'convert it, for example: openssl x509 -inform der -in FILE',
    });
  }
  return bytes;
}

interface PreparedRequest extends HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
}

function send(
  connection: Connection,
  { method, path, headers, body, signal }: PreparedRequest,
  context: ConnectionContext,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const request = connection.open({ method, path });
    const onAbort = (): void => {
      finish(() => reject(abortFault(signal)));
      request.destroy();
    };
    let over = false;
    const finish = (settle: () => void): void => {
      if (over) return;
      over = true;
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(connectionFault(error, context)));
    signal.addEventListener('abort', onAbort, { once: true });
    // Not among the options of the request: NODE_DEBUG=http prints those.
    for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
    request.on('error', fail);
    request.on('response', (response) => {
      if (response.statusCode === 407 && context.proxy !== undefined) {
        fail(proxyStatusFault(407, context));
        request.destroy();
        return;
      }
      readBody(response, context).then(
        (bytes) => finish(() => resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: bytes })),
        (error: unknown) => {
          fail(error);
          request.destroy();
        },
      );
    });
    request.end(body);
  });
}

/** By events: an iterator for each of hundreds of small answers takes longer than the rest of reading them. */
function readBody(response: IncomingMessage, { host }: ConnectionContext): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) reject(new Fault('protocol', `${host} sent an answer of more than 8 MiB`));
      else chunks.push(chunk);
    });
    response.once('end', () => resolve(Buffer.concat(chunks)));
    response.once('error', reject);
    // Without an end: cut off. After one it changes nothing.
    response.once('close', () => reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' })));
  });
}

function headersOf(response: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

function checkedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (/[^\t\x20-\x7e]/.test(value)) {
      throw new Fault('options', {
        message: `the value for the header ${name} holds a character that cannot be sent, such as a line break`,
        hint: 'check where it comes from for an additional line or a wrong encoding',
      });
    }
  }
  return headers;
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortFault(signal);
}

function abortFault(signal: AbortSignal): Fault {
  const reason: unknown = signal.reason;
  if (reason instanceof Fault) return reason;
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError';
  return isTimeout ? new Fault('timeout', 'no answer in time') : new Fault('cancelled', 'the request was interrupted');
}
