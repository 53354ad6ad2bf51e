import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openKeychain } from '../../src/platform/keychain.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import type { Keychain } from '../../src/provider-kit/keychain.ts';
import keychain from '../../src/providers/keychain/index.ts';
import { describeWith } from '../bed/use.ts';
import { testHost } from '../support/host.ts';

const service = `conformance-${randomBytes(4).toString('hex')}`;

describeWith('keychain', 'keychain', (facts) => {
  const state = mkdtempSync(join(tmpdir(), 'secrets-keychain-'));
  afterAll(() => rmSync(state, { recursive: true, force: true }));
  const env = { DBUS_SESSION_BUS_ADDRESS: facts.busAddress, XDG_RUNTIME_DIR: facts.runtimeDir, XDG_DATA_HOME: facts.dataDir };
  // The library asks the process's own environment for the bus, once.
  beforeAll(() => void Object.assign(process.env, env));
  const library = async () => (await import('@github/keytar')).default;

  const seed = async (name: string, value: string): Promise<void> => (await library()).setPassword(service, name, value);

  let reads = 0;
  const counting = async (): Promise<Keychain> => {
    const opened = await openKeychain(env);
    const get: Keychain['get'] = (...item) => {
      reads++;
      return opened.get(...item);
    };
    return { ...opened, get };
  };

  conformance(
    keychain,
    { describe, it },
    {
      options: {},
      host: () => testHost({ provider: 'keychain', env, keychain: counting, folders: { config: undefined, data: undefined, state } }),
      countRequests: () => ({ reset: () => void (reads = 0), values: () => reads }),
      reference: (name, field) => `keychain://${service}/${name}${field === undefined ? '' : `#${field}`}`,
      seed: (name, value) => seed(name, Buffer.from(value).toString('utf8')),
      seedFields: (name, fields) => seed(name, JSON.stringify(fields)),
      foreignPending: (name, value) => seed(`${name}.pending`, Buffer.from(value).toString('utf8')),
      remove: async (name) => {
        for (const one of [name, `${name}.pending`]) await (await library()).deletePassword(service, one);
      },
      skip: [
        { test: 'denied', reason: 'a keychain refuses as a whole, by being locked' },
        { test: 'unreachable', reason: 'the bus is found by the environment, not by options' },
        { test: 'pending-find', reason: 'a keychain gives an item only with its value' },
        { test: 'create-once', reason: 'keychains have no versions, so no write can be made to depend on one' },
        { test: 'stale-write', reason: 'keychains have no versions, so no write can be made to depend on one' },
      ],
    },
  );
});
