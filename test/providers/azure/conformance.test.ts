import { createServer, type AddressInfo } from 'node:net';
import { afterAll, describe, it } from 'vitest';

import provider from '../../../src/providers/azure-key-vault/index.ts';
import { conformance } from '../../../src/provider-kit/conformance/index.ts';
import { ask, azure, bedHost, facts, options, requests, why } from './bed.ts';

const seeded = new Set<string>();
const servers: { close(): void }[] = [];

afterAll(() => {
  for (const server of servers) server.close();
});

const seed = async (name: string, value: string): Promise<void> => {
  seeded.add(name);
  const status = await ask('PUT', `/secrets/${name}`, { value });
  if (status !== 200) throw new Error(`seeding gave ${status}`);
};

describe.skipIf(azure === undefined)(`Azure Key Vault${why}`, () => {
  conformance(
    provider,
    { describe, it },
    {
      options,
      host: () => bedHost(),
      reference: (name, field) => `azure://${name}${field === undefined ? '' : `#${field}`}`,
      seed: (name, value) => seed(name, Buffer.from(value).toString('utf8')),
      seedFields: (name, fields) => seed(name, JSON.stringify(fields)),
      remove: async (name) => {
        await ask('DELETE', `/secrets/${name}`);
        await ask('DELETE', `/deletedsecrets/${name}`);
      },
      deny: async (name) => void (await ask('PATCH', `/secrets/${name}`, { attributes: { enabled: false } })),
      unreachable: () => ({ ...options, vaultUrl: 'https://127.0.0.1:1' }),
      silent: async () => {
        const { promise: asked, resolve } = Promise.withResolvers<void>();
        const sockets = new Set<{ destroy(): void }>();
        const server = createServer((socket) => {
          sockets.add(socket);
          socket.on('error', () => undefined);
          socket.once('data', () => resolve());
        });
        await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
        servers.push({ close: () => (sockets.forEach((socket) => socket.destroy()), server.close()) });
        return { options: { ...options, vaultUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, asked };
      },
      countRequests: () => {
        let from = 0;
        // Other tests ask the same vault, so only this file's names count. Versions and lists have no value.
        const values = async (): Promise<number> =>
          (await requests()).filter(({ method, path, status }) => {
            const [, collection, name, third] = path.split('?')[0]?.split('/') ?? [];
            return method === 'GET' && status === 200 && collection === 'secrets' && seeded.has(name ?? '') && third !== 'versions';
          }).length;
        return {
          reset: async () => void (from = await values()),
          values: async () => (await values()) - from,
        };
      },
      sensitive: [facts.clientSecret],
      skip: [],
    },
  );
});
