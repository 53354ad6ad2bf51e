/** A small HTTP server that answers as a test says and remembers what it was asked. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AskedRequest {
  /** The operation, such as `GetSecretValue`. */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
}

/** The answer to one request; a record is the body of a 200, undefined is no answer at all. */
export type Answer =
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly json: unknown }
  | undefined;

export interface FakeAws {
  readonly url: string;
  readonly asked: AskedRequest[];
  /** Most requests that were open at the same time. */
  readonly most: () => number;
  close(): Promise<void>;
}

/** An error as AWS writes it. */
export const awsError = (code: string, status = 400, message = 'canary-5e1f in a text of the backend', more: object = {}): Answer => ({
  status,
  body: JSON.stringify({ __type: code, message, ...more }),
  headers: { 'x-amzn-requestid': '7f3c2f6e-1111-2222-3333-444455556666' },
});

export async function fakeAws(answer: (request: AskedRequest) => Answer | Promise<Answer>): Promise<FakeAws> {
  const asked: AskedRequest[] = [];
  let open = 0;
  let most = 0;
  const server: Server = createServer((request, response) => {
    void (async () => {
      most = Math.max(most, ++open);
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const target = request.headers['x-amz-target'];
      const text = Buffer.concat(chunks).toString('utf8');
      const form = new URLSearchParams(text);
      const seen = {
        action: typeof target === 'string' ? (target.split('.').at(-1) ?? '') : (form.get('Action') ?? ''),
        input: typeof target === 'string' ? (JSON.parse(text) as Record<string, unknown>) : Object.fromEntries(form),
        headers: request.headers,
      };
      asked.push(seen);
      const given = await answer(seen);
      open -= 1;
      if (given === undefined) return;
      const { status, body, headers = {} } = 'json' in given ? { status: 200, body: JSON.stringify(given.json) } : given;
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers }).end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    most: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
