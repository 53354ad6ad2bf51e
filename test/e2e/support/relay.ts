/** A server in front of a real one, which passes everything on and notes what was asked. */
import { createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from './at-end.ts';

export interface Relay {
  readonly url: string;
  /** `GET /v1/secret/metadata/app`, or the action of AWS's protocol, since the last call of this. */
  taken(): readonly string[];
}

export async function relayTo(url: string): Promise<Relay> {
  let asked: string[] = [];
  const target = new URL(url);
  const pass = (incoming: IncomingMessage, response: ServerResponse): void => {
    const action = incoming.headers['x-amz-target'];
    asked.push(typeof action === 'string' ? (action.split('.').at(-1) ?? '') : `${incoming.method ?? ''} ${incoming.url ?? ''}`);
    const { method, headers, url: path } = incoming;
    const outgoing = send({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  };
  const server = createServer(pass);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => {
      const all = asked;
      asked = [];
      return all;
    },
  };
}
