/**
 * Stage 3: which documents to fetch from whom, and what each secret takes from them. Offline: adapters read paths,
 * nothing is asked.
 */
import { throwIssues, type Issue } from '../core/errors.ts';
import { Fault } from '../core/fault.ts';
import type { Manifest, PlacedReference, ProviderConfig, SecretSpec } from '../core/model.ts';
import type { ParsedRef, Provider } from '../provider-kit/contract.ts';
import { configure, type ConfiguredProvider } from '../provider-kit/session.ts';
import { LOADERS } from '../providers/built-in.ts';
import { deliveryProblem, isFileDelivery } from './handover.ts';
import type { Selection } from './select.ts';

/** A reference that its adapter has understood. */
export interface PlannedReference {
  readonly placed: PlacedReference;
  readonly configured: ConfiguredProvider;
  readonly parsed: ParsedRef;
}

export interface PlannedSecret {
  readonly spec: SecretSpec;
  readonly injected: boolean;
  /** Asked in this order; empty for templates and plain values. */
  readonly references: readonly PlannedReference[];
}

export interface Plan {
  readonly manifest: Manifest;
  readonly secrets: readonly PlannedSecret[];
  readonly outOfProfile: readonly SecretSpec[];
}

/** The adapters of these providers, loaded and with checked options. */
export type Adapters = ReadonlyMap<string, ConfiguredProvider>;

const adapterModules = new Map<string, Promise<Provider>>();

/** Loads one adapter's module; its SDK stays unloaded. */
export function loadAdapter(id: string): Promise<Provider> | undefined {
  const load = Object.hasOwn(LOADERS, id) ? LOADERS[id] : undefined;
  if (load === undefined) return undefined;
  const known = adapterModules.get(id);
  if (known !== undefined) return known;
  const module = load().then((loaded) => loaded.default);
  adapterModules.set(id, module);
  return module;
}

/**
 * Loads the adapters of the providers named and checks their options.
 * @returns what could be loaded, and an issue for each that could not
 */
export async function loadAdapters(
  configs: Iterable<ProviderConfig>,
): Promise<{ readonly adapters: Adapters; readonly issues: readonly Issue[] }> {
  const adapters = new Map<string, ConfiguredProvider>();
  const issues: Issue[] = [];
  await Promise.all(
    [...configs].map(async (config) => {
      const module = loadAdapter(config.use);
      if (module === undefined) {
        issues.push({
          code: 'PROVIDER_UNKNOWN',
          message: `there is no adapter ${config.use}`,
          hint: 'secrets providers',
          provider: config.name,
          at: config.at,
        });
        return;
      }
      const configured = await configure(config, await module);
      if ('provider' in configured) adapters.set(config.name, configured);
      else issues.push(...configured);
    }),
  );
  return { adapters, issues };
}

/** Every reference that the secrets may be fetched from. */
export const referencesOf = (specs: Iterable<SecretSpec>): readonly PlacedReference[] =>
  [...specs].flatMap((spec) => (spec.source.kind === 'references' ? spec.source.references : []));

/** Provider entries that these references use. The manifest was checked: each has one. */
export function providersOf(manifest: Manifest, references: Iterable<PlacedReference>): readonly ProviderConfig[] {
  const names = new Set([...references].map((placed) => placed.reference.provider));
  return [...names].flatMap((name) => manifest.providers.get(name) ?? []);
}

/** Lets the adapter read a reference. */
export function understand(placed: PlacedReference, adapters: Adapters, name?: string): PlannedReference | Issue {
  const { reference, at } = placed;
  const about = { reference: reference.text, provider: reference.provider, at, name };
  const configured = adapters.get(reference.provider);
  if (configured === undefined) return { code: 'PROVIDER_UNKNOWN', message: `no provider is called ${reference.provider}`, ...about };
  try {
    return { placed, configured, parsed: configured.provider.parseRef(reference, configured.options) };
  } catch (error) {
    if (!(error instanceof Fault)) return { code: 'PROVIDER_BUG', message: 'the adapter failed while it read the reference', ...about };
    return { code: error.code, message: error.detail.message, hint: error.detail.hint, ...about };
  }
}

/**
 * @param settled names whose values are there already: their references are not looked at
 * @throws SecretsError with every reference and option that is wrong
 */
export async function plan(manifest: Manifest, selection: Selection, settled: Pick<ReadonlySet<string>, 'has'> = new Set()): Promise<Plan> {
  const specs = [...selection.injected, ...selection.support];
  const open = specs.filter(({ name }) => !settled.has(name));
  const { adapters, issues: adapterIssues } = await loadAdapters(providersOf(manifest, referencesOf(open)));
  const issues: Issue[] = [...adapterIssues];
  const broken = new Set(adapterIssues.map((issue) => issue.provider));
  const injected = new Set(selection.injected);
  const secrets = specs.map((spec): PlannedSecret => {
    const references: PlannedReference[] = [];
    for (const placed of settled.has(spec.name) ? [] : referencesOf([spec])) {
      if (broken.has(placed.reference.provider)) continue;
      const understood = understand(placed, adapters, spec.name);
      if ('parsed' in understood) references.push(understood);
      else issues.push(understood);
    }
    const problem = injected.has(spec) && isFileDelivery(spec.as) ? deliveryProblem(spec.as) : undefined;
    if (problem !== undefined) issues.push({ ...problem, name: spec.name, at: spec.at });
    return { spec, injected: injected.has(spec), references };
  });
  throwIssues(issues);
  return { manifest, secrets, outOfProfile: selection.outOfProfile };
}
