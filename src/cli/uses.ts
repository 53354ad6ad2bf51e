/** Who else uses a value: other entries of the manifest, in any of its profiles. Offline. */
import { SecretsError } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { load } from '../run/load.ts';
import { loadAdapters, providersOf, referencesOf, understand, type PlannedReference } from '../run/plan.ts';
import { overlaps } from '../run/write.ts';
import type { Context } from './context.ts';

export interface Use {
  readonly name: string;
  /** Undefined for the base. */
  readonly profile: string | undefined;
  readonly spec: SecretSpec;
  readonly references: readonly PlannedReference[];
}

/** Every entry with references, in the manifest as it is loaded and in each of its other profiles that can be loaded. */
export async function allUses(context: Context, manifest: Manifest): Promise<readonly Use[]> {
  const others = await Promise.all(
    manifest.profiles.filter((profile) => profile !== manifest.profile).map((profile) => loadQuietly(context, profile)),
  );
  const uses = await Promise.all([manifest, ...others.filter((other) => other !== undefined)].map((one) => usesIn(one)));
  return uses.flat();
}

/** Uses whose value goes when this one is removed; an entry's own in another profile are among them. */
export const affectedBy = (reference: PlannedReference, uses: readonly Use[]): readonly Use[] =>
  uses.filter((use) => use.references.some((other) => overlaps(reference, other)));

/** `NAME`, or `NAME in the profile prod` where that is not the profile in effect. */
export const useText = ({ name, profile }: Use, manifest: Manifest): string =>
  profile === manifest.profile || profile === undefined ? name : `${name} in the profile ${profile}`;

/** A profile that can't be loaded, for whatever reason, is not what was asked about. */
async function loadQuietly(context: Context, profile: string): Promise<Manifest | undefined> {
  try {
    return (await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile })).manifest;
  } catch (error) {
    if (error instanceof SecretsError) return undefined;
    throw error;
  }
}

async function usesIn(manifest: Manifest): Promise<readonly Use[]> {
  const specs = [...manifest.secrets.values()];
  const { adapters } = await loadAdapters(providersOf(manifest, referencesOf(specs)));
  return specs.flatMap((spec): readonly Use[] => {
    const references = referencesOf([spec])
      .map((placed) => understand(placed, adapters, spec.name))
      .filter((planned) => 'parsed' in planned);
    return references.length === 0 ? [] : [{ name: spec.name, profile: manifest.profile, spec, references }];
  });
}
