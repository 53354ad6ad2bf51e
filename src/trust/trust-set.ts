/**
 * What a manifest decides about credentials, programs and safety, as a set of canonical lines. Pure.
 *
 * Only what the repository's files say counts: not the user's own `config.yaml`, not what was named on the command
 * line. A setting has a line where it is weaker than the default, so nothing that is made stricter adds one.
 */
import path from 'node:path';
import { adapterOf } from '../core/builtin.ts';
import type { Manifest, ProviderConfig, SecretSpec } from '../core/model.ts';
import { formatReference, type Reference } from '../core/reference.ts';
import { inProfile, LOCAL_NAME } from '../manifest/index.ts';
import { canonical, fieldsOf, lineOf, sha256, word } from './text.ts';

/** Lines in order, each once. */
export type TrustSet = readonly string[];

/** Bytes: values shorter than this are not masked unless a manifest says otherwise. */
const MASKED_FROM = 6;
const MIN_LENGTH = 'mask.minLength';
/** The audit log of this machine, and lines on stderr: both stay here. */
const OWN_SINKS: readonly unknown[] = ['file', 'stderr'];
/** These do no more than the reference they are about. */
const PLAIN_ROTATORS: ReadonlySet<string> = new Set(['generate', 'provider']);

/**
 * The lines of one profile.
 * @param foreign absolute paths among `manifest.files` that are not the repository's: the user's `config.yaml`, env files
 */
export function trustSet(manifest: Manifest, foreign: ReadonlySet<string> = new Set()): TrustSet {
  return union([
    manifest.project === undefined ? [] : [lineOf('project', word(manifest.project))],
    extendedFiles(manifest, foreign).map((file) => lineOf('extends', word(relativeTo(manifest.dir, file)))),
    [...manifest.providers.values()].flatMap((config) => providerLines(config, manifest)),
    referenceLines(manifest),
    specsOf(manifest).flatMap((spec) => [...rotatorLines(spec), ...unmaskedLines(spec, manifest)]),
    settingLines(manifest),
  ]);
}

/** Of the secrets in effect: where their values and their rotators' credentials come from. */
export function referenceLines(manifest: Manifest): readonly string[] {
  return specsOf(manifest).flatMap(({ source, rotate }) => {
    const placed = [...(source.kind === 'references' ? source.references : []), ...(rotate?.admin === undefined ? [] : [rotate.admin])];
    return placed.flatMap(({ reference }) => referenceLine(reference, manifest.providers.get(reference.provider)?.use) ?? []);
  });
}

/** Paths of the extended files. */
export function extendedFiles(manifest: Manifest, foreign: ReadonlySet<string>): readonly string[] {
  const own = new Set([manifest.path, path.join(manifest.dir, LOCAL_NAME)]);
  return manifest.files.filter((file) => !own.has(file) && !foreign.has(file));
}

/** All lines of several sets. */
export function union(sets: Iterable<Iterable<string>>): TrustSet {
  const lines = new Set<string>();
  let longest = 0;
  for (const set of sets) {
    for (const line of set) {
      longest = Math.max(longest, minLengthOf(line));
      if (minLengthOf(line) === 0) lines.add(line);
    }
  }
  if (longest > 0) lines.add(lineOf(MIN_LENGTH, String(longest)));
  return [...lines].sort();
}

/** The lines that a trusted set does not cover. */
export function missingFrom(trusted: Iterable<string>, lines: TrustSet): TrustSet {
  const known = new Set(trusted);
  const longest = Math.max(0, ...[...known].map(minLengthOf));
  return lines.filter((line) => !known.has(line) && (minLengthOf(line) === 0 || minLengthOf(line) > longest));
}

/** `sha256:` and the hash of the lines, each with a newline. */
export const hashOf = (lines: TrustSet): string => `sha256:${sha256(lines.map((line) => `${line}\n`).join(''))}`;

/** Bytes, of a line about them; else 0. */
function minLengthOf(line: string): number {
  if (!line.startsWith(`${MIN_LENGTH} `)) return 0;
  return Number(fieldsOf(line)[1]) || 0;
}

/** The secrets that this profile fetches, without those that the command line gave another source. */
function specsOf(manifest: Manifest): readonly SecretSpec[] {
  return [...manifest.secrets.values()].filter((spec) => inProfile(spec, manifest.profile) && !isOverlaid(spec));
}

const isOverlaid = ({ layers }: SecretSpec): boolean => /^--(?:ref$|env-file )/.test(layers.at(-1)?.label ?? '');

/** A provider that the manifest only names decides nothing. */
function providerLines(config: ProviderConfig, { dir }: Manifest): readonly string[] {
  const { name, use, options, baseDir, at, personal } = config;
  if (at === undefined || personal) return [];
  if (Object.keys(options).length === 0 && adapterOf(name) === use) return [];
  const from = path.relative(dir, baseDir) === '' ? [] : [word(relativeTo(dir, baseDir))];
  return [lineOf('provider', word(name), word(use), canonical(options), ...from)];
}

/**
 * The first segment of a path: the mount, vault or beginning of a hierarchy. Of the environment and the keychain,
 * which hold what belongs to other programs, the whole reference. A `local` one can only name the project's own.
 */
function referenceLine(reference: Reference, use: string | undefined): string | undefined {
  if (use === 'local') return undefined;
  if (use === 'env' || use === 'keychain') return lineOf('reference', word(formatReference(reference)));
  const { provider, path: whole } = reference;
  const lead = whole.startsWith('/') ? '/' : '';
  const [first = '', ...rest] = whole.slice(lead.length).split('/');
  // Without a vault in front, the name is in the one of the provider's options.
  const head = use === 'azure-key-vault' && rest.length === 0 ? '' : lead + first;
  return lineOf('prefix', word(formatReference({ provider, path: head, options: {} }) + (rest.length === 0 ? '' : '/')));
}

/** What a rotator connects to or executes. */
function rotatorLines({ rotate }: SecretSpec): readonly string[] {
  if (rotate === undefined) return [];
  const { before, after } = rotate.options;
  const programs = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  const decides = PLAIN_ROTATORS.has(rotate.using) ? programs : rotate.options;
  return Object.keys(decides).length === 0 ? [] : [lineOf('rotate', word(rotate.using), canonical(decides))];
}

/** A fetched value, or text made of one, that is shown as it is. */
function unmaskedLines({ name, source, sensitive }: SecretSpec, { secrets }: Manifest): readonly string[] {
  if (sensitive || source.kind === 'value') return [];
  const isSecret =
    source.kind === 'references' || source.parts.some((part) => 'name' in part && secrets.get(part.name)?.sensitive === true);
  return isSecret ? [lineOf('unmasked', word(name))] : [];
}

function settingLines({ env, mask, audit }: Manifest): readonly string[] {
  return [
    ...env.pass.map((name) => lineOf('env.pass', word(name))),
    ...env.keep.map((name) => lineOf('env.keep', word(name))),
    ...env.allowDangerous.map((name) => lineOf('env.allowDangerous', word(name))),
    ...(mask.mode === 'never' ? [lineOf('mask.mode', 'never')] : []),
    ...(mask.minLength > MASKED_FROM ? [lineOf(MIN_LENGTH, String(mask.minLength))] : []),
    ...(audit.sinks.some((sink) => useOf(sink) === 'file') ? [] : [lineOf('audit.without', 'file')]),
    ...audit.sinks
      .filter((sink) => !OWN_SINKS.includes(useOf(sink)) && audit.personal?.includes(sink) !== true)
      .map((sink) => lineOf('audit.sink', canonical(sink))),
  ];
}

const useOf = (sink: unknown): unknown => (typeof sink === 'object' && sink !== null && 'use' in sink ? sink.use : sink);

/** Relative to the manifest, as a checkout has it anywhere; absolute where the two have nothing in common. */
function relativeTo(dir: string, file: string): string {
  const relative = path.relative(dir, file).replaceAll('\\', '/');
  const up = /^(?:\.\.(?:\/|$))*/.exec(relative)?.[0] ?? '';
  const shared = path.resolve(dir, up);
  return shared === path.parse(shared).root && up !== '' ? file.replaceAll('\\', '/') : relative;
}
