/** What the bed's own servers share: settings on standard input, JSON in and out. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The settings that the bed wrote to standard input. */
export function readSettings(): unknown {
  return JSON.parse(readFileSync(0, 'utf8'));
}

/** The request's body as a JSON object; an empty one for none. */
export function jsonOf<T extends object>(request: Request): Partial<T> {
  return request.body === '' ? {} : (JSON.parse(request.body) as Partial<T>);
}

/** A server's listener: `serve` gives the reply, and what it throws becomes a 500. */
export function listener(serve: (request: Request) => Reply | Promise<Reply>): RequestListener {
  // A caller that goes away in the middle has no use for an answer.
  return (incoming, response) => void answer(serve, incoming, response).catch(() => response.destroy());
}

async function answer(
  serve: (request: Request) => Reply | Promise<Reply>,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const request: Request = {
    method: incoming.method ?? 'GET',
    url: new URL(incoming.url ?? '/', 'http://any'),
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
  let reply: Reply;
  try {
    reply = await serve(request);
  } catch (error) {
    reply = { status: 500, body: { error: String(error) } };
  }
  response.writeHead(reply.status, { 'content-type': 'application/json; charset=utf-8', ...reply.headers });
  response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
}
