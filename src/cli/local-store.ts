/** For commands about a local store itself, not about a secret in it. */
import type { Host, Operation } from '../provider-kit/contract.ts';
import type { Options } from '../providers/local/options.ts';
import { entryNamed, withAdapterHost, type Entry } from './adapter-host.ts';
import type { Context } from './context.ts';

/** The user's own store, whatever a manifest says. */
export const ownStore = (context: Context): Entry => ({
  config: { name: 'local', use: 'local', options: {}, positionOf: () => undefined, personal: true, baseDir: context.cwd },
  project: undefined,
  profile: undefined,
});

/**
 * The store that a provider's entry means; the user's own where there is no manifest.
 * @param hint how to call the command right
 */
export const storeNamed = (context: Context, name: string, hint: string): Promise<Entry> =>
  entryNamed(context, name, { use: 'local', otherwise: 'only a local store has a key of its own', hint });

/** @throws SecretsError for what the store's own functions throw */
export const withStore = <T>(
  context: Context,
  store: Entry,
  role: Host['role'],
  work: (options: Options, host: Host, op: Operation) => Promise<T>,
): Promise<T> => withAdapterHost(context, store, role, (options, host, op) => work(options as Options, host, op));
