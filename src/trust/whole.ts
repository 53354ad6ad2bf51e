/** The trust set of a manifest in all of its profiles: what is recorded, shown and pinned. */
import { existsSync } from 'node:fs';
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { checkWholeManifest, loadManifest, type LoadInput } from '../manifest/index.ts';
import { referenceLines, trustSet, union, type TrustSet } from './trust-set.ts';

/** Where a manifest is read from. */
export interface ManifestSource {
  /** What positions are relative to. */
  readonly cwd: string;
  /** Absolute path. */
  readonly manifest: string;
  /** The user's `config.yaml`, which is not part of the set; it need not exist. */
  readonly userConfigFile: string | undefined;
}

export interface WholeSet {
  readonly lines: TrustSet;
  /** The manifest in each profile. */
  readonly manifests: readonly Manifest[];
}

/** Undefined for a file that can't be read as a manifest at all. What is wrong in one profile takes nothing from the others. */
export async function wholeSet(source: ManifestSource): Promise<WholeSet | undefined> {
  const usual = await profileSet(source, undefined);
  const profiles = usual?.manifest.profiles ?? (await checkWholeManifest(bareInput(source))).manifest?.profiles ?? [];
  const sets = [usual];
  for (const profile of profiles) if (profile !== usual?.manifest.profile) sets.push(await profileSet(source, profile));
  const found = sets.filter((set) => set !== undefined);
  if (found.length === 0) return undefined;
  return { lines: union(found.map(({ lines }) => lines)), manifests: found.map(({ manifest }) => manifest) };
}

/** The lines of a loaded profile without what the user's `config.yaml` added to them. */
export async function withoutPersonal(loaded: Manifest, source: ManifestSource): Promise<TrustSet> {
  const own = await profileSet(source, loaded.profile);
  return union([own?.lines ?? [], referenceLines(loaded)]);
}

/**
 * The user's `config.yaml` is left out for what the set says, so that it is the same on every machine; references to
 * a provider that only stands there can't be read without it, though, and count all the same.
 */
async function profileSet(source: ManifestSource, profile: string | undefined): Promise<WholeProfile | undefined> {
  const bare = { ...bareInput(source), profile };
  const { userConfigFile } = source;
  const full = userConfigFile !== undefined && existsSync(userConfigFile) ? await tryLoad({ ...bare, userConfigFile }) : undefined;
  // The base of a manifest with profiles may not be meant to run; a profile is looked at although a run would refuse it.
  const partly = profile !== undefined || full !== undefined;
  const own = (await tryLoad(bare)) ?? (partly ? (await checkWholeManifest(bare)).manifest : undefined);
  if (own === undefined) return undefined;
  return { manifest: own, lines: union([trustSet(own), full === undefined ? [] : referenceLines(full)]) };
}

interface WholeProfile {
  readonly manifest: Manifest;
  readonly lines: TrustSet;
}

const bareInput = ({ cwd, manifest }: ManifestSource): LoadInput => ({ cwd, manifest });

async function tryLoad(input: LoadInput): Promise<Manifest | undefined> {
  try {
    return (await loadManifest(input)).manifest;
  } catch (error) {
    if (error instanceof SecretsError) return undefined;
    throw error;
  }
}
