/** Where a new value goes when only a manager, or a place in one, was named: the reference that is written for it. */
import { SecretsError } from '../core/errors.ts';
import type { Manifest, ProviderConfig } from '../core/model.ts';
import { formatReference, parseReference, schemeOf, type Reference } from '../core/reference.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { loadAdapter } from '../run/plan.ts';
import { kebabOf } from './naming.ts';

export interface Destination {
  readonly config: ProviderConfig;
  /** A mount, vault or prefix inside the manager; undefined means the usual one. */
  readonly base?: string;
}

/**
 * Reads `local`, `vault` or `vault://secret/api`.
 * @throws SecretsError PROVIDER_UNKNOWN, REF_INVALID, CAPABILITY_UNSUPPORTED for one that takes no values
 */
export async function destinationOf(text: string, manifest: Manifest): Promise<Destination> {
  const scheme = schemeOf(text);
  const reference = scheme === undefined ? undefined : parseReference(text);
  if (reference?.ok === false) throw new SecretsError({ code: 'REF_INVALID', message: reference.message, hint: reference.hint });
  const name = scheme ?? text;
  const config = manifest.providers.get(name);
  if (config === undefined) {
    throw new SecretsError({
      code: 'PROVIDER_UNKNOWN',
      message: `no provider is called ${shownWord(name) ?? 'so'}`,
      hint: didYouMean(name, manifest.providers.keys()) ?? 'secrets providers',
    });
  }
  if (reference?.reference.field !== undefined || Object.keys(reference?.reference.options ?? {}).length > 0) {
    throw new SecretsError({
      code: 'REF_INVALID',
      message: 'a place for several values has no #field and no option',
      hint: 'name a provider, or a path such as vault://secret/api',
    });
  }
  if (!(await takesValues(config))) {
    throw new SecretsError({
      code: 'CAPABILITY_UNSUPPORTED',
      provider: config.name,
      message: 'it cannot be written to',
      hint: 'secrets providers',
    });
  }
  return { config, ...(reference === undefined ? {} : { base: reference.reference.path.replace(/^\/+|\/+$/g, '') }) };
}

const takesValues = async (config: ProviderConfig): Promise<boolean> =>
  (await loadAdapter(config.use))?.capabilities.includes('put') === true;

/** Where new secrets of this manifest go: to the manager that most of its secrets are in, else the only one it names, else local. */
export async function usualDestination(manifest: Manifest): Promise<Destination> {
  const used = [...manifest.secrets.values()].flatMap(({ source }) =>
    source.kind === 'references' ? [source.references[0].reference] : [],
  );
  const counts = new Map<string, Reference[]>();
  for (const reference of used) counts.set(reference.provider, [...(counts.get(reference.provider) ?? []), reference]);
  const byUse = [...counts].sort(([, one], [, other]) => other.length - one.length);
  for (const [name, references] of byUse) {
    const config = manifest.providers.get(name);
    if (config === undefined || !(await takesValues(config))) continue;
    const shared = references.find(({ field }) => field !== undefined)?.path;
    return { config, ...(config.use === 'vault' && shared !== undefined ? { base: shared } : {}) };
  }
  const named = [...manifest.providers.values()].filter((config) => config.at !== undefined && !config.personal);
  const [only] = named;
  if (named.length === 1 && only !== undefined && (await takesValues(only))) return { config: only };
  const local = manifest.providers.get('local');
  if (local === undefined)
    throw new SecretsError({ code: 'USAGE', message: 'it is not known where the value should go', hint: 'add --ref REFERENCE' });
  return { config: local };
}

/**
 * The reference of a secret there. A profile that was asked for gets a place of its own, so that its values don't
 * meet those of another.
 */
export function referenceIn(
  { config, base }: Destination,
  name: string,
  { project, profile }: { readonly project: string | undefined; readonly profile: string | undefined },
): string {
  const space = [project ?? 'secrets', ...(profile === undefined ? [] : [profile])].join('/');
  const kebab = kebabOf(name);
  const inside = (path: string, field?: string): string =>
    formatReference({ provider: config.name, path, options: {}, ...(field === undefined ? {} : { field }) });
  switch (config.use) {
    case 'local':
      return inside([...(base === undefined ? (profile === undefined ? [] : [profile]) : [base]), kebab].join('/'));
    case 'vault':
      return inside(base ?? `secret/${space}`, name);
    case 'aws-parameter-store':
      return inside(`/${base ?? space}/${kebab}`);
    case 'azure-key-vault': {
      const own = base === undefined && profile !== undefined ? `${kebabOf(profile)}-${kebab}` : kebab;
      return inside(base === undefined ? own : `${base}/${own}`);
    }
    default:
      return inside(`${base ?? space}/${kebab}`);
  }
}
