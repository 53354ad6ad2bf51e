/** A small server with the answers that a test gives it; everything else is a KV version 2 mount at `secret/`. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach } from 'vitest';
import { json, startServer, type Received, type TestServer } from '../../platform/http-server.ts';

export interface Fake extends TestServer {
  /** Method and path of what arrived, without `/v1/`. */
  readonly asked: () => readonly string[];
}

/** Answers a request, or returns false to leave it to the defaults. */
export type Rule = (request: Received, response: ServerResponse) => unknown;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Closes something after the test. */
export const afterwards = (close: () => unknown): void => void closers.push(close);

export const MOUNT = { path: 'secret/', type: 'kv', options: { version: '2' } };

export async function fakeVault(rule: Rule = () => false): Promise<Fake> {
  const server = await startServer((request, response) => {
    if (rule(request, response) !== false) return;
    const path = request.url.replace('/v1/', '');
    if (path.startsWith('sys/internal/ui/mounts/secret')) json(response, 200, { request_id: randomUUID(), data: MOUNT });
    else if (path === 'sys/internal/ui/mounts' || path === 'auth/token/lookup-self') json(response, 200, { data: {} });
    else if (path.startsWith('secret/data/')) json(response, 200, kv2({ value: `of ${path}` }));
    else if (path === 'auth/token/revoke-self') response.writeHead(204).end();
    else json(response, 404, { errors: [] });
  });
  closers.push(() => server.close());
  return { ...server, asked: () => server.received.map(({ method, url }) => `${method} ${url.replace('/v1/', '')}`) };
}

/** The answer for a KV version 2 document. */
export const kv2 = (data: unknown, metadata: Readonly<Record<string, unknown>> = {}): unknown => ({
  request_id: randomUUID(),
  data: {
    data,
    metadata: {
      version: 1,
      created_time: '2026-01-02T03:04:05.678Z',
      deletion_time: '',
      destroyed: false,
      custom_metadata: null,
      ...metadata,
    },
  },
});
