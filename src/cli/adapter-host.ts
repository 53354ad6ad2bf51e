/** For commands about a backend itself, not about a secret in it: the options of its entry, and a host to work with. */
import { SecretsError } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { shownWord } from '../core/suggest.ts';
import type { Host, Operation } from '../provider-kit/contract.ts';
import { Deadline } from '../provider-kit/deadline.ts';
import { asFault, createOperation, gateFor } from '../provider-kit/operation.ts';
import { createHost } from '../run/host.ts';
import { loadAdapters } from '../run/plan.ts';
import type { Context } from './context.ts';
import { prompterFor } from './prompts.ts';
import { loadFor } from './session.ts';
import { ensureTrusted } from './trust-gate.ts';

export interface Entry {
  readonly config: ProviderConfig;
  readonly project: string | undefined;
  readonly profile: string | undefined;
}

export interface Wanted {
  /** Id of the adapter that it must use. */
  readonly use: string;
  /** What to say about an entry of another one. */
  readonly otherwise: string;
  /** How to call the command right. */
  readonly hint: string;
}

/**
 * A provider's entry, of the manifest or, without one, of the user's own configuration and the built-in ones.
 * @throws SecretsError where there is none of that name and adapter, or its manifest is not trusted
 */
export async function entryNamed(context: Context, name: string, { use, otherwise, hint }: Wanted): Promise<Entry> {
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
  if (config.use !== use) throw new SecretsError({ code: 'CAPABILITY_UNSUPPORTED', provider: name, message: otherwise, hint });
  await ensureTrusted(context, loaded);
  return { config, project: manifest.project, profile: manifest.profile };
}

/**
 * Runs `work` with the options of an entry, as the adapter's own schema has made them.
 * @throws SecretsError for every Fault that `work` throws
 */
export async function withAdapterHost<T>(
  context: Context,
  { config, project, profile }: Entry,
  role: Host['role'],
  work: (options: unknown, host: Host, op: Operation) => Promise<T>,
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
    return await work(configured.options, host, createOperation({ deadline, requestMs: context.limits.requestMs, gate: gateFor(1) }));
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const { code, detail } = asFault(error);
    throw new SecretsError({ code, message: detail.message, hint: detail.hint, provider: config.name });
  } finally {
    deadline.close();
  }
}
