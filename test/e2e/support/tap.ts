/** A proxy in front of an HTTP server that lets a test act at a certain request: before it arrives, or after it was carried out. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from './at-end.ts';

export interface Tapped {
  readonly method: string;
  readonly path: string;
  readonly index: number;
}

/** `cut`: the client's connection is closed, without an answer. */
export type Act = 'pass' | 'cut';

export interface Tap {
  readonly url: string;
  readonly seen: readonly Tapped[];
  before: (request: Tapped) => Act | Promise<Act>;
  /** When the server has answered and the client has not heard of it. */
  after: (request: Tapped) => Act | Promise<Act>;
}

export async function tap(upstream: string): Promise<Tap> {
  const seen: Tapped[] = [];
  const rules: Pick<Tap, 'before' | 'after'> = { before: () => 'pass', after: () => 'pass' };
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const tapped: Tapped = { method: incoming.method ?? '', path: incoming.url ?? '', index: seen.length };
    seen.push(tapped);
    if ((await rules.before(tapped)) === 'cut') return void incoming.socket.destroy();
    const { status, headers, body } = await forward(new URL(incoming.url ?? '/', upstream), incoming, Buffer.concat(chunks));
    if ((await rules.after(tapped)) === 'cut') return void incoming.socket.destroy();
    response.writeHead(status, headers).end(body);
  };
  const server = createServer((incoming, response) => void serve(incoming, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(rules, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen });
}

function forward(
  url: URL,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    const sent = request(url, { method: incoming.method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
