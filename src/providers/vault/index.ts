/** HashiCorp Vault and OpenBao. Loads its session only when one is opened. */
import { defineProvider } from '../../provider-kit/contract.ts';
import { vaultOptions } from './options.ts';
import { parseVaultRef } from './paths.ts';
import { settingsOf } from './settings.ts';

export default defineProvider({
  contract: 1,
  scheme: 'vault',
  title: 'HashiCorp Vault, OpenBao',
  options: vaultOptions,
  needs: { network: true },
  limits: { binary: false },
  capabilities: ['describe', 'list', 'versions', 'put', 'remove', 'setState', 'pending', 'rotate', 'changes'],
  parseRef: (reference) => parseVaultRef(reference),
  formatRef: ({ key, version, field }) => ({
    path: key,
    options: version === undefined ? {} : { version },
    ...(field === undefined ? {} : { field }),
  }),
  identity: (options, host) => {
    const { http, namespace, methods } = settingsOf(options, host);
    const { headers: _, ...connection } = http;
    return JSON.stringify([connection, namespace ?? '', methods]);
  },
  open: async (options, host) => {
    const settings = settingsOf(options, host);
    return (await import('./session.ts')).openSession(settings, host);
  },
});
