/** The whole manifest checked offline: every profile, and every reference by the adapter that would read it. */
import { SecretsError, throwIssues, type Issue } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { checkWholeManifest } from '../manifest/index.ts';
import { load, userConfigFile, type LoadOptions } from '../run/load.ts';
import { loadAdapters, providersOf, referencesOf, understand, type Adapters } from '../run/plan.ts';
import type { Context } from './context.ts';

export interface WholeManifest {
  /** The profile in effect. */
  readonly manifest: Manifest;
  /** Of the providers that this profile's references use. */
  readonly adapters: Adapters;
}

/** @throws SecretsError with every mistake of every profile, each once */
export async function checkAll(context: Context): Promise<WholeManifest> {
  const { cwd, env, output } = context;
  const options: LoadOptions = { cwd, env, manifest: context.manifest, profile: context.profile };
  const checked = await checkWholeManifest({
    ...options,
    userConfigFile: userConfigFile(env),
  });
  for (const warning of checked.warnings) output.warn(warning);
  throwIssues(checked.issues);
  const { manifest } = await load(options);
  const { adapters, issues } = await checkReferences(manifest);
  const all = [...issues];
  for (const profile of manifest.profiles.filter((name) => name !== manifest.profile)) {
    const other = await loadProfile({ ...options, profile });
    if (other !== undefined) all.push(...(await checkReferences(other)).issues);
  }
  throwIssues(distinct(all));
  return { manifest, adapters };
}

/** The manifest in another profile; undefined where only a run of that profile would be refused. */
async function loadProfile(options: LoadOptions): Promise<Manifest | undefined> {
  try {
    return (await load(options)).manifest;
  } catch (error) {
    if (error instanceof SecretsError) return undefined;
    throw error;
  }
}

async function checkReferences(manifest: Manifest): Promise<{ readonly adapters: Adapters; readonly issues: readonly Issue[] }> {
  const specs = [...manifest.secrets.values()];
  const { adapters, issues } = await loadAdapters(providersOf(manifest, referencesOf(specs)));
  const found = specs.flatMap((spec) =>
    referencesOf([spec]).flatMap((placed) => {
      if (!adapters.has(placed.reference.provider)) return [];
      const understood = understand(placed, adapters, spec.name);
      return 'parsed' in understood ? [] : [understood];
    }),
  );
  return { adapters, issues: [...issues, ...found] };
}

function distinct(issues: readonly Issue[]): readonly Issue[] {
  const key = ({ code, message, at, name, provider }: Issue): string => JSON.stringify([code, message, at, name, provider]);
  return [...new Map(issues.map((issue) => [key(issue), issue])).values()];
}
