/** Stands between an adapter and a server: remembers every request, and may answer some of them itself. */
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from '../../e2e/support/at-end.ts';

export interface Passing {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Proxy {
  readonly url: string;
  readonly requests: Passing[];
}

/** Gives the answer in place of the server's, or nothing to let the request through; `forward` asks the server. */
export type Intercept = (request: Passing, forward: () => Promise<Reply>) => Promise<Reply | undefined>;

export async function observingProxy(upstream: string, intercept: Intercept = async () => undefined): Promise<Proxy> {
  const requests: Passing[] = [];
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const passing: Passing = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      body: await textOf(incoming),
    };
    requests.push(passing);
    const forward = (): Promise<Reply> => send(upstream, passing);
    const reply = (await intercept(passing, forward)) ?? (await forward());
    const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = reply.headers;
    response.writeHead(reply.status, headers);
    response.end(reply.body);
  };
  const server = createServer((incoming, response) => void serve(incoming, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(upstream: string, { method, path, headers, body }: Passing): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(upstream + path, { method, headers: { ...headers, host: new URL(upstream).host } }, (answer) => {
      void textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: text }), reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
