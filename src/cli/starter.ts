/** Making the files that a project begins with: the manifest and the ignore file. */
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import { findManifest, LOCAL_NAME, MANIFEST_NAMES, newManifest, writeManifest, type StarterInput } from '../manifest/index.ts';
import type { Context } from './context.ts';
import { ignoreIn, isTracked } from './git-files.ts';
import { projectNameFor } from './naming.ts';
import { shortPath } from './output.ts';
import { keepTrust } from './trust-gate.ts';

export interface Started {
  /** Absolute path of the manifest. */
  readonly file: string;
  /** Names that were added to the ignore file. */
  readonly ignored: readonly string[];
}

/** Where a new manifest goes: --manifest, else the working directory. */
export const starterPath = (context: Context): string => path.resolve(context.cwd, context.manifest ?? MANIFEST_NAMES[0]);

/** `api-7f3c` for the folder that the manifest goes into. */
export const starterProject = (context: Context): string => projectNameFor(path.basename(path.dirname(starterPath(context))));

/** @throws SecretsError USAGE if there is a manifest already */
export function checkNoManifest(context: Context): void {
  const file = starterPath(context);
  const names = context.manifest === undefined ? MANIFEST_NAMES.map((name) => path.join(path.dirname(file), name)) : [file];
  const there = names.find((name) => lstatSync(name, { throwIfNoEntry: false }) !== undefined);
  if (there === undefined) return;
  throw new SecretsError({
    code: 'USAGE',
    message: `there is a manifest already: ${shortPath(there, context.cwd)}`,
    hint: 'secrets set NAME adds a secret to it, secrets import FILE those of a file',
  });
}

/** Writes the manifest, never over another one, and has git ignore what is personal. */
export async function startProject(context: Context, input: StarterInput): Promise<Started> {
  const file = starterPath(context);
  const outer = context.manifest === undefined ? await findManifest(path.dirname(file)) : undefined;
  // Whoever makes a manifest trusts it.
  await keepTrust(context, async () => writeManifest(file, newManifest(input), undefined));
  const { output } = context;
  if (outer !== undefined) output.notice(`${shortPath(outer, context.cwd)} is not used from here any more`);
  const folder = path.dirname(file);
  const ignored = await ignoreIn(folder, [LOCAL_NAME, '.env']);
  if (ignored === undefined) output.warn({ message: '.gitignore cannot be changed', hint: `add the lines ${LOCAL_NAME} and .env to it` });
  else if (ignored.length > 0) output.notice(`.gitignore has ${ignored.join(' and ')} now`);
  return { file, ignored: ignored ?? [] };
}

/** What git has is in its history, whatever happens to the file. */
export async function warnIfTracked(context: Context, file: string): Promise<void> {
  if (!(await isTracked(file))) return;
  context.output.warn({
    message: `${shortPath(file, context.cwd)} is in git, so its values are in the history: replace them where they come from`,
    hint: `git rm --cached ${shortPath(file, context.cwd)} takes the file out of the next commits`,
  });
}
