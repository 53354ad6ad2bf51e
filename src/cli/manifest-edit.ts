/** Changes to the manifest's text: made in memory first, so that what can't be done fails before anything else happens. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { LOCAL_NAME, readTextFile, writeManifest } from '../manifest/index.ts';
import type { Context } from './context.ts';
import { shortPath } from './output.ts';
import { keepTrust } from './trust-gate.ts';

/** Where an entry says what its source is. */
export interface EntryPlace {
  /** Absolute path. */
  readonly file: string;
  /** The profile whose section it stands in; undefined for the base. */
  readonly profile: string | undefined;
}

/** The place of an entry's source; undefined where it stands in a file of another project (`extends`) or in none. */
export function sourcePlace(spec: SecretSpec, manifest: Manifest, cwd: string): EntryPlace | undefined {
  const { source } = spec;
  const { at } = source.kind === 'references' ? source.references[0] : source;
  const own = spec.layers.findLast((layer) => layer.at.file === at.file && layer.at.line <= at.line);
  // `inherit` in the manifest stands for what another file says, and is what gets replaced.
  const layer = own?.label.startsWith('extends') === true ? spec.layers.findLast(({ label }) => !label.startsWith('extends')) : own;
  if (layer === undefined || manifest.path === undefined || layer.label.startsWith('extends')) return undefined;
  const file = path.resolve(cwd, layer.at.file);
  if (file !== manifest.path && file !== path.join(manifest.dir, LOCAL_NAME)) return undefined;
  return { file, profile: /(?:^|, )profile (.+)$/.exec(layer.label)?.[1] };
}

export interface PreparedEdit {
  /**
   * Writes the change; a manifest that was trusted stays so.
   * @throws SecretsError CONFLICT if somebody changed the file since it was read, IO if it can't be written
   */
  commit(): Promise<void>;
}

/**
 * Makes a change in memory.
 * @throws SecretsError if the file can't be read, or the text can't be changed safely
 */
export function prepareEdit(context: Context, file: string, edit: (text: string, shown: string) => string): PreparedEdit {
  const shown = shortPath(file, context.cwd);
  const read = readTextFile(file);
  if (!read.ok)
    throw new SecretsError({ code: read.code, message: read.message, hint: read.hint, at: { file: shown, line: 1, column: 1 } });
  const before = read.text;
  const after = edit(before, shown);
  const write = async (): Promise<void> => writeManifest(file, after, before);
  return { commit: async () => (after === before ? undefined : keepTrust(context, write)) };
}

/** The manifest's own file. @throws SecretsError MANIFEST_NOT_FOUND */
export function manifestFile(manifest: Manifest): string {
  if (manifest.path !== undefined) return manifest.path;
  throw new SecretsError({ code: 'MANIFEST_NOT_FOUND', message: 'there is no manifest to write this into', hint: 'secrets init' });
}
