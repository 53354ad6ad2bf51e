/** Servers that don't serve. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { faultServer } from '../../e2e/support/fault-server.ts';

/** A port of 127.0.0.1 that nobody listens at. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that takes requests and never answers. */
export async function silentUrl(): Promise<{ readonly url: string; readonly asked: Promise<void> }> {
  const server = await faultServer([{ instead: 'hang' }]);
  return { url: server.url, asked: server.seen(1) };
}
