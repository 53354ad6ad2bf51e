/** For commands about a local store itself, not about a secret in it: its options, and a host to work with. */
import { SecretsError } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { shownWord } from '../core/suggest.ts';
import type { Host, Operation } from '../provider-kit/contract.ts';
import { Deadline } from '../provider-kit/deadline.ts';
import { asFault, createOperation, gateFor } from '../provider-kit/operation.ts';
import type { Options } from '../providers/local/options.ts';
import { createHost } from '../run/host.ts';
import { loadAdapters } from '../run/plan.ts';
import type { Context } from './context.ts';
import { prompterFor } from './prompts.ts';
import { loadFor } from './session.ts';
import { ensureTrusted } from './trust-gate.ts';

export interface Store {
  readonly config: ProviderConfig;
  readonly project: string | undefined;
  readonly profile: string | undefined;
}

/** The user's own store, whatever a manifest says. */
export const ownStore = (context: Context): Store => ({
  config: { name: 'local', use: 'local', options: {}, positionOf: () => undefined, personal: true, baseDir: context.cwd },
  project: undefined,
  profile: undefined,
});

/**
 * The store that a provider's entry means; the user's own where there is no manifest.
 * @param hint how to call the command right
 */
export async function storeNamed(context: Context, name: string, hint: string): Promise<Store> {
  const loaded = await loadFor(context).catch((error: unknown) => {
    const alone = error instanceof SecretsError && error.code === 'MANIFEST_NOT_FOUND' && context.manifest === undefined;
    if (!alone) throw error;
    return loadFor({ ...context, profile: undefined }, { refs: [{ name: 'NOTHING', reference: 'env://NOTHING' }] });
  });
  const { manifest } = loaded;
  const config = manifest.providers.get(name);
  if (config === undefined) {
    throw new SecretsError({ code: 'PROVIDER_UNKNOWN', message: `no provider is called ${shownWord(name) ?? 'so'}`, hint });
  }
  if (config.use !== 'local') {
    throw new SecretsError({ code: 'CAPABILITY_UNSUPPORTED', provider: name, message: 'only a local store has a key of its own', hint });
  }
  await ensureTrusted(context, loaded);
  return { config, project: manifest.project, profile: manifest.profile };
}

/** @throws SecretsError for what the store's own functions throw */
export async function withStore<T>(
  context: Context,
  { config, project, profile }: Store,
  role: Host['role'],
  work: (options: Options, host: Host, op: Operation) => Promise<T>,
): Promise<T> {
  const { adapters, issues } = await loadAdapters([config]);
  const [issue] = issues;
  const configured = adapters.get(config.name);
  if (issue !== undefined || configured === undefined)
    throw new SecretsError(issue ?? { code: 'PROVIDER_UNKNOWN', message: 'it has no adapter' });
  const deadline = new Deadline(context.limits.totalMs);
  const surroundings = { env: context.env, prompter: prompterFor(context), notice: (message: string) => context.output.notice(message) };
  const reported = { credentials: new Set<string>(), sensitive: [] };
  const host = createHost({ ...surroundings, project, profile, runId: 'store', deadline, reported }, config, role);
  try {
    // The adapter's own schema made these options.
    const options = configured.options as Options;
    return await work(options, host, createOperation({ deadline, requestMs: context.limits.requestMs, gate: gateFor(1) }));
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const { code, detail } = asFault(error);
    throw new SecretsError({ code, message: detail.message, hint: detail.hint, provider: config.name });
  } finally {
    deadline.close();
  }
}
