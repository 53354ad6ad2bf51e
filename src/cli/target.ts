/**
 * What a NAME argument means: a secret of the manifest, or a reference written out. One rule for every command that
 * takes one.
 */
import { isNotAvailable } from '../core/builtin.ts';
import { SecretsError, throwIssues, type Issue } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Manifest, PlacedReference, ProviderConfig, SecretSpec } from '../core/model.ts';
import { parseReference, schemeOf, type Reference } from '../core/reference.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { foreignRecipe } from '../manifest/index.ts';
import { specOf } from '../run/inspect.ts';
import type { Loaded } from '../run/load.ts';
import { loadAdapters, plan, understand, type PlannedReference } from '../run/plan.ts';
import type { Run } from '../run/prepare.ts';
import { inProfile } from '../manifest/index.ts';
import { select } from '../run/select.ts';
import { about } from '../run/validate.ts';
import type { Context } from './context.ts';
import { withOptionalManifest } from './loaded-run.ts';

export interface Target {
  /** The secret's name, else the reference as it was typed: what rows and messages call it. */
  readonly label: string;
  /** Set if it is a secret of the manifest. */
  readonly name?: string;
  /** The manifest's entry; for a reference one that holds this reference and nothing else. */
  readonly spec: SecretSpec;
  /** Asked in this order; empty for templates and plain values. */
  readonly references: readonly PlannedReference[];
}

/** Whether an argument is a reference rather than a name. */
export const isReference = (text: string): boolean => schemeOf(text) !== undefined;

/**
 * @throws SecretsError USAGE for a name that the manifest does not have or that belongs to another profile,
 *   REF_INVALID, PROVIDER_UNKNOWN or PROVIDER_OPTIONS for what can't be understood
 */
export async function targetOf(text: string, manifest: Manifest): Promise<Target> {
  const [target] = await targetsOf([text], manifest);
  if (target === undefined) throw new SecretsError({ code: 'INTERNAL', message: 'an argument has no meaning' });
  return target;
}

/** The same for several, in their order; all that is wrong at once. */
export async function targetsOf(texts: readonly string[], manifest: Manifest): Promise<readonly Target[]> {
  const names = texts.filter((text) => !isReference(text));
  const named = new Map<string, Target>();
  if (names.length > 0) {
    select(manifest, { only: names });
    const specs = names.flatMap((name) => manifest.secrets.get(name) ?? []);
    for (const target of await targetsOfSpecs(specs, manifest)) named.set(target.label, target);
  }
  const issues: Issue[] = [];
  const targets: Target[] = [];
  for (const text of new Set(texts)) {
    const target = named.get(text) ?? (await adHoc(text, manifest, issues));
    if (target !== undefined) targets.push(target);
  }
  throwIssues(issues);
  return targets;
}

/** Every secret that the profile in effect has, in the manifest's order. */
export async function allTargets(manifest: Manifest): Promise<readonly Target[]> {
  return targetsOfSpecs(
    [...manifest.secrets.values()].filter((spec) => inProfile(spec, manifest.profile)),
    manifest,
  );
}

/** The secrets that these targets' templates are built from, as far as they are not among them. */
export async function partsOf(targets: readonly Target[], manifest: Manifest): Promise<readonly Target[]> {
  const names = targets.flatMap(({ name }) => name ?? []);
  const { support } = select(manifest, { only: names });
  return targetsOfSpecs(
    support.filter((spec) => !names.includes(spec.name)),
    manifest,
  );
}

async function targetsOfSpecs(specs: readonly SecretSpec[], manifest: Manifest): Promise<readonly Target[]> {
  // As support, so that a way of delivery that concerns `run` alone is no obstacle.
  const planned = await plan(manifest, { injected: [], support: specs, outOfProfile: [] });
  return planned.secrets.map(({ spec, references }) => ({ label: spec.name, name: spec.name, spec, references }));
}

async function adHoc(text: string, manifest: Manifest, issues: Issue[]): Promise<Target | undefined> {
  const parsed = parseReference(text);
  if (!parsed.ok) {
    issues.push({ code: 'REF_INVALID', message: parsed.message, hint: parsed.hint });
    return undefined;
  }
  const { reference } = parsed;
  const config = configOf(reference, manifest);
  if (!('use' in config)) {
    issues.push(config);
    return undefined;
  }
  const { adapters, issues: adapterIssues } = await loadAdapters([config]);
  issues.push(...adapterIssues);
  if (adapterIssues.length > 0) return undefined;
  const placed: PlacedReference = { reference, at: ARGUMENT };
  const planned = understand(placed, adapters);
  if ('parsed' in planned) return { label: text, spec: specOf(text, planned), references: [planned] };
  issues.push({ ...planned, at: undefined });
  return undefined;
}

const ARGUMENT = { file: 'the command line', line: 1, column: 1 } as const;

function configOf({ provider, text }: Reference, manifest: Manifest): ProviderConfig | Issue {
  const configured = manifest.providers.get(provider);
  if (configured !== undefined) {
    if (configured.profiles === undefined || (manifest.profile !== undefined && configured.profiles.includes(manifest.profile)))
      return configured;
    return {
      code: 'USAGE',
      message: `the provider ${provider} is limited to the profiles ${configured.profiles.join(', ')}, and this is ${manifest.profile ?? 'no profile'}`,
      hint: `add --profile ${configured.profiles[0] ?? 'NAME'}`,
      at: configured.at,
    };
  }
  const foreign = foreignRecipe(text);
  if (foreign !== undefined) return { code: 'REF_INVALID', ...foreign };
  return {
    code: 'PROVIDER_UNKNOWN',
    message: `no provider is called ${shownWord(provider) ?? 'so'}${isNotAvailable(provider) ? ': its adapter is not available in this version' : ''}`,
    hint: didYouMean(provider, manifest.providers.keys()) ?? 'secrets providers',
    reference: text,
  };
}

/**
 * What stores the value of a target.
 * @param profile the one that was asked for: the same name may be another value without it
 */
export const setCommand = (label: string, profile: string | undefined): string =>
  `secrets set ${profile === undefined || isReference(label) ? '' : `--profile ${profile} `}${label}`;

const canBeSet = (fault: Fault, reference: PlannedReference | undefined): boolean =>
  fault.kind === 'not-found' &&
  reference !== undefined &&
  reference.parsed.version === undefined &&
  reference.configured.provider.capabilities.includes('put');

/** What went wrong with a target's reference, as an issue. */
export function issueOf(target: Target, fault: Fault, reference: PlannedReference | undefined = target.references[0]): Issue {
  return {
    ...about(target.spec, reference),
    ...(target.name === undefined ? { name: undefined, at: undefined } : {}),
    code: fault.code,
    message: fault.detail.message,
    hint: fault.detail.hint ?? (canBeSet(fault, reference) ? `secrets set ${target.label}` : undefined),
  };
}

/**
 * Runs `work` on the targets of these arguments, with open sessions. Where all of them are references no manifest is
 * needed: the user's own configuration and the built-in providers serve.
 * @throws SecretsError of loading, of {@link targetsOf} and of `work`
 */
export async function withTargets<T>(
  context: Context,
  texts: readonly string[],
  work: (targets: readonly Target[], manifest: Manifest, run: Run) => Promise<T>,
): Promise<T> {
  const begin = async ({ manifest }: Loaded, run: Run): Promise<T> => work(await targetsOf(texts, manifest), manifest, run);
  return withOptionalManifest(context, texts.every(isReference) ? texts : [], begin);
}
