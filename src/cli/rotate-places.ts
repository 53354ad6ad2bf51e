/** The manifests that a rotation is about, each with its own sessions, all open at once. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Loaded } from '../run/load.ts';
import { DEFAULT_LIMITS, type Run } from '../run/prepare.ts';
import { manifestsIn } from '../trust/workspace.ts';
import type { Context } from './context.ts';
import { withOptionalManifest } from './loaded-run.ts';
import { shortPath } from './output.ts';
import { withRun } from './session.ts';

export interface Place {
  readonly context: Context;
  readonly loaded: Loaded;
  readonly run: Run;
  /** The manifest as it is shown, where it is one of a workspace. */
  readonly file?: string;
}

/** Milliseconds for everything, where nobody has set a limit: targets and the user's own programs take their time. */
const PATIENT_MS = 900_000;

/**
 * Runs `work` with the manifest in effect, or with every one below the folders.
 * @param references arguments that are references: without names a manifest is not needed for them
 * @throws SecretsError of loading any of them
 */
export async function withPlaces<T>(
  context: Context,
  workspace: readonly string[] | undefined,
  references: readonly string[],
  work: (places: readonly Place[]) => Promise<T>,
): Promise<T> {
  const patient = patiently(context);
  if (workspace === undefined) return withOptionalManifest(patient, references, (loaded, run) => work([{ context: patient, loaded, run }]));
  const files = filesIn(context, workspace);
  const open = async (rest: readonly string[], places: readonly Place[]): Promise<T> => {
    const [file, ...others] = rest;
    if (file === undefined) return work(places);
    const own: Context = { ...patient, cwd: path.dirname(file), manifest: file };
    return withRun(own, (loaded, run) => open(others, [...places, { context: own, loaded, run, file: shortPath(file, context.cwd) }]));
  };
  return open(files, []);
}

function patiently(context: Context): Context {
  return context.limits.totalMs === DEFAULT_LIMITS.totalMs ? { ...context, limits: { ...context.limits, totalMs: PATIENT_MS } } : context;
}

function filesIn({ cwd, output }: Context, folders: readonly string[]): readonly string[] {
  const { files, unread } = manifestsIn(folders.map((folder) => path.resolve(cwd, folder)));
  for (const folder of unread)
    output.warn({ message: `a folder cannot be read: ${shortPath(folder, cwd)}`, hint: 'manifests in it are left out' });
  if (files.length === 0)
    throw new SecretsError({ code: 'MANIFEST_NOT_FOUND', message: 'there is no manifest below these folders', hint: 'secrets init' });
  return files;
}
