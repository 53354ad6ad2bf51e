/**
 * The store that comes with `secrets`: `local://NAME`, age files in a folder of the user, or, with `recipients`, in
 * the repository. The key's custody is decided when the store is made and never guessed again.
 */
import { defineProvider } from '../../provider-kit/contract.ts';
import { lazySchema } from '../../provider-kit/standard-schema.ts';
import { locate, projectOf } from './location.ts';
import { MAX_VALUE_BYTES } from './limits.ts';
import type { Options } from './options.ts';
import { formatRef, parseRef } from './reference.ts';

export default defineProvider({
  contract: 1,
  scheme: 'local',
  title: 'Local encrypted store',
  options: lazySchema<Options>(async () => (await import('./options.ts')).optionsSchema, {}),
  needs: { network: false },
  limits: { valueBytes: MAX_VALUE_BYTES },
  capabilities: ['describe', 'list', 'versions', 'put', 'remove', 'pending', 'setState'],
  parseRef,
  formatRef,
  identity: (options, host) => JSON.stringify([projectOf(host), locate(options, host) ?? null]),
  open: async (options, host) => (await import('./session.ts')).openSession(options, host),
});
