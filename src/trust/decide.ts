/**
 * Whether a manifest may decide what it decides: agreed to before, pinned by its hash, part of the image, or told to
 * be trusted unseen. Nothing is contacted or started here, and `CI` changes nothing.
 */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { LOCAL_NAME } from '../manifest/index.ts';
import { isOfImage } from './image.ts';
import { readRecords, type Keeping, type Problem, type TrustedSet } from './record.ts';
import { extendedFiles, hashOf, missingFrom, trustSet, union, type TrustSet } from './trust-set.ts';
import { wholeSet, withoutPersonal, type ManifestSource } from './whole.ts';

/** How a manifest came to be trusted, as the audit log says it. */
export type TrustState = 'recorded' | 'pinned' | 'unpinned' | 'image';

export interface TrustQuery {
  /** The profile in effect. Its `path` is that of the source. */
  readonly manifest: Manifest;
  readonly source: ManifestSource;
  /** Absolute paths of `--env-file`: named by the person, so not part of the manifest. */
  readonly envFiles?: readonly string[];
  /** SECRETS_TRUST. */
  readonly setting: string | undefined;
  /** `--trust`: this once. */
  readonly once?: boolean;
  readonly keeping: Keeping;
}

/** What has to be agreed to. */
export interface NewTrust {
  readonly state: 'new';
  /** All that the manifest decides, in every profile. */
  readonly lines: TrustSet;
  /** Those lines that the nearest trusted set does not cover. */
  readonly missing: TrustSet;
  /** The nearest trusted set; undefined the first time. */
  readonly former: TrustedSet | undefined;
  /** The manifest in each profile, for checks before anything of it is shown. */
  readonly manifests: readonly Manifest[];
  /** Why a record that is there does not count, or none can be. */
  readonly problem: Problem | undefined;
}

export type Decision = { readonly state: TrustState } | NewTrust;

/**
 * A pin is the only way where it is set.
 * @throws SecretsError MANIFEST_UNTRUSTED for another set than the pinned one, USAGE for a SECRETS_TRUST that says nothing
 */
export async function decideTrust(query: TrustQuery): Promise<Decision> {
  const { manifest, source } = query;
  const setting = settingOf(query.setting);
  const foreign = foreignFiles(query);
  const needed = trustSet(manifest, foreign);
  if (setting !== undefined && setting !== 'unpinned') return pinned(setting.pin, needed, query);
  const { sets, problem } = await readRecords(query.keeping);
  if (covers(sets, needed)) return { state: 'recorded' };
  // Only who has a config.yaml of their own comes here with a manifest that is trusted.
  const own = isPersonal(query) ? await withoutPersonal(manifest, source) : needed;
  if (own !== needed && covers(sets, own)) return { state: 'recorded' };
  const files = [source.manifest, ...extendedFiles(manifest, foreign), ...localFile(manifest)];
  if (isOfImage(files)) return { state: 'image' };
  if (setting === 'unpinned' || query.once === true) return { state: 'unpinned' };
  const whole = await wholeSet(source);
  const lines = union([whole?.lines ?? [], own]);
  return { state: 'new', lines, manifests: whole?.manifests ?? [manifest], problem, ...newSince(sets, lines) };
}

/** What the nearest trusted set does not cover. */
export function newSince(sets: readonly TrustedSet[], lines: TrustSet): Pick<NewTrust, 'missing' | 'former'> {
  let nearest: Pick<NewTrust, 'missing' | 'former'> = { missing: lines, former: undefined };
  for (const former of sets) {
    const missing = missingFrom(former.lines, lines);
    if (nearest.former === undefined || missing.length < nearest.missing.length) nearest = { missing, former };
  }
  return nearest;
}

/** Whether one of the sets has all lines; lines of several are no agreement to what they do together. */
const covers = (sets: readonly TrustedSet[], lines: TrustSet): boolean =>
  lines.length === 0 || sets.some((set) => missingFrom(set.lines, lines).length === 0);

async function pinned(pin: string, needed: TrustSet, query: TrustQuery): Promise<Decision> {
  const { manifest, source } = query;
  const whole = await wholeSet(source);
  const lines = whole?.lines ?? [];
  const actual = hashOf(lines);
  const own = isPersonal(query) ? await withoutPersonal(manifest, source) : needed;
  // The second: the files changed between the two looks at them.
  if (actual === pin && missingFrom(lines, own).length === 0) return { state: 'pinned' };
  const local = localFile(manifest).length === 0 ? '' : '; .secretsrc.local counts, too';
  throw new SecretsError({
    code: 'MANIFEST_UNTRUSTED',
    message: `SECRETS_TRUST pins another set than the manifest has now: expected ${pin}, found ${actual}`,
    hint: `secrets trust --show prints what it decides${local}; if that is right, pin the new hash`,
    at: { file: source.manifest, line: 1, column: 1 },
  });
}

/** @throws SecretsError USAGE */
export function settingOf(text: string | undefined): 'unpinned' | { readonly pin: string } | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === '1') return 'unpinned';
  if (/^sha256:[0-9a-f]{64}$/i.test(text)) return { pin: text.toLowerCase() };
  throw new SecretsError({
    code: 'USAGE',
    message: 'SECRETS_TRUST is neither sha256: with 64 hexadecimal digits nor 1',
    hint: 'secrets trust --show prints what to set it to as its last line',
  });
}

const isPersonal = ({ manifest, source }: TrustQuery): boolean =>
  source.userConfigFile !== undefined && manifest.files.includes(source.userConfigFile);

const foreignFiles = ({ source, envFiles = [] }: TrustQuery): ReadonlySet<string> =>
  new Set([...(source.userConfigFile === undefined ? [] : [source.userConfigFile]), ...envFiles]);

const localFile = ({ files, dir }: Manifest): readonly string[] => {
  const local = path.join(dir, LOCAL_NAME);
  return files.includes(local) ? [local] : [];
};
