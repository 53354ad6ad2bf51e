/** What providers say about themselves: health and identity, without reading a secret. */
import { SecretsError, type Issue } from '../core/errors.ts';
import type { Manifest, ProviderConfig } from '../core/model.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import type { Check } from '../provider-kit/contract.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { ConfiguredProvider } from '../provider-kit/session.ts';
import { loadAdapters, providersOf, referencesOf } from '../run/plan.ts';
import type { Run } from '../run/prepare.ts';
import { inProfile } from '../manifest/index.ts';
import { named } from './inventory.ts';
import { addressOf, addressText } from './provider-address.ts';
import { interrupted } from './session.ts';

export interface ProviderReport {
  readonly name: string;
  /** Id of the adapter. */
  readonly adapter: string;
  readonly title?: string;
  readonly address?: string;
  readonly identity?: string;
  readonly checks: readonly Check[];
  /** Why there is no answer. */
  readonly issue?: Issue;
}

/**
 * Those named, else those that the profile in effect uses, else all that are configured in it.
 * @throws SecretsError PROVIDER_UNKNOWN
 */
export function chosenProviders(manifest: Manifest, names: readonly string[]): readonly ProviderConfig[] {
  if (names.length > 0) {
    return [...new Set(names)].map((name) => {
      const config = manifest.providers.get(name);
      if (config !== undefined) return config;
      const message = `no provider is called ${shownWord(name) ?? 'so'}`;
      throw new SecretsError({
        code: 'PROVIDER_UNKNOWN',
        message,
        hint: didYouMean(name, manifest.providers.keys()) ?? 'secrets providers',
      });
    });
  }
  const used = providersOf(manifest, referencesOf([...manifest.secrets.values()].filter((spec) => inProfile(spec, manifest.profile))));
  if (used.length > 0) return used;
  const usable = ({ profiles }: ProviderConfig): boolean =>
    profiles === undefined || (manifest.profile !== undefined && profiles.includes(manifest.profile));
  return [...manifest.providers.values()].filter((config) => config.at !== undefined && usable(config));
}

/** For the spinner. */
export const asking = (configs: readonly ProviderConfig[]): string => `asking ${named(configs.map(({ name }) => name))}`;

/** Why a provider does not say who we are, though it knows callers; undefined where it does, or knows none. */
export function refusalOf({ name, identity, checks, issue }: ProviderReport): Issue | undefined {
  const failed = checks.find(({ status }) => status === 'fail');
  if (issue !== undefined || identity !== undefined || failed === undefined) return issue;
  return { code: failed.code ?? 'UNAUTHENTICATED', message: failed.message, hint: failed.hint, provider: name };
}

/** Asks all at once, in the order given. Never throws but for an interruption. */
export async function reportProviders(configs: readonly ProviderConfig[], run: Run): Promise<readonly ProviderReport[]> {
  const { adapters, issues } = await loadAdapters(configs);
  const reports = await Promise.all(
    configs.map(async (config): Promise<ProviderReport> => {
      const configured = adapters.get(config.name);
      const address = addressOf(config);
      const head = { name: config.name, adapter: config.use, ...(address === undefined ? {} : { address }) };
      if (configured !== undefined) {
        const { address: found, ...report } = await ask(configured, run);
        const where = found === undefined || config.options['address'] !== undefined ? {} : { address: addressText(found, address) };
        return { ...head, ...where, title: configured.provider.title, ...report };
      }
      const own = issues.filter((issue) => issue.provider === config.name);
      const checks = own.map(({ message, hint }): Check => failing('options', message, hint));
      return { ...head, checks, ...(own[0] === undefined ? {} : { issue: own[0] }) };
    }),
  );
  if (reports.some(({ issue }) => issue?.code === 'INTERRUPTED')) throw interrupted();
  return reports;
}

async function ask(configured: ConfiguredProvider, run: Run): Promise<Pick<ProviderReport, 'identity' | 'address' | 'checks' | 'issue'>> {
  const { config } = configured;
  try {
    const workload = await run.sessions.get(configured).doctor();
    if (config.options['operatorAuth'] === undefined) return workload;
    const operator = await run.sessions.get(configured, 'operator').doctor();
    return {
      ...workload,
      checks: [...workload.checks, ...operator.checks.map((check) => ({ ...check, title: `operator: ${check.title}` }))],
    };
  } catch (error) {
    const { code, detail } = asFault(error);
    const issue: Issue = { code, message: detail.message, hint: detail.hint, provider: config.name };
    return { checks: [failing('answer', detail.message, detail.hint)], issue };
  }
}

const failing = (title: string, message: string, hint: string | undefined): Check => ({
  title,
  status: 'fail',
  message,
  ...(hint === undefined ? {} : { hint }),
});
