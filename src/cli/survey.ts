/** What `list` and `check` are about: one manifest, or all below some folders, asked about together. */
import path from 'node:path';
import { SecretsError, type Issue } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { load, type Loaded } from '../run/load.ts';
import type { Run } from '../run/prepare.ts';
import { factsOf, mayMatch, type Facts, type Where } from '../run/where.ts';
import { manifestsIn } from '../trust/workspace.ts';
import { ownLog } from './audit-options.ts';
import type { Context } from './context.ts';
import { asking, inventoryOf, named, takeInventory, type Inventory } from './inventory.ts';
import { shortPath } from './output.ts';
import { withOpenRun } from './session.ts';
import { withSpinner } from './spinner.ts';
import { allTargets, partsOf, withTargets, type Target } from './target.ts';
import { ensureTrusted } from './trust-gate.ts';

/** One manifest with what is known about its secrets. */
export interface Surveyed {
  readonly manifest: Manifest;
  /** Its path as it is shown; undefined where the survey is about one manifest alone. */
  readonly file: string | undefined;
  /** What `--where` can ask about where its entries stand. */
  readonly place: Facts;
  /** What was asked for. */
  readonly targets: readonly Target[];
  /** The same with what their templates are built from. */
  readonly all: readonly Target[];
  readonly inventory: Inventory;
  /** By reference, when it was last used by this user on this machine; empty where that was not asked for. */
  readonly uses: ReadonlyMap<string, Date>;
}

export interface Survey {
  readonly parts: readonly Surveyed[];
  readonly run: Run;
  /** Of manifests that could not be taken, and so are not among the parts. */
  readonly issues: readonly Issue[];
}

export interface SurveyOptions {
  /** Folders; undefined: the one manifest that is in effect. */
  readonly workspace?: readonly string[] | undefined;
  readonly where?: Where | undefined;
  readonly read?: boolean | undefined;
  /** Whether the audit log is asked for the last uses. */
  readonly uses?: boolean;
}

/**
 * Asks about the secrets of one manifest, or of all below the folders, and runs `work` with the sessions still open.
 * Of a workspace a manifest that is broken or not trusted is told as an issue, and the others go on.
 * @throws SecretsError of loading, trust and targets where it is about one manifest; USAGE, MANIFEST_NOT_FOUND
 */
export async function withSurvey<T>(
  context: Context,
  names: readonly string[],
  options: SurveyOptions,
  work: (survey: Survey) => Promise<T>,
): Promise<T> {
  const { workspace } = options;
  if (workspace !== undefined) return withWorkspace(context, names, workspace, options, work);
  return withTargets(context, names, async (chosen, manifest, run) => {
    const place = placeFacts(manifest, manifest.path === undefined ? undefined : shortPath(manifest.path, context.cwd));
    const targets = (names.length > 0 ? chosen : await allTargets(manifest)).filter((target) => isAskedFor(target, options.where, place));
    const part = { manifest, file: undefined, place, targets, all: [...targets, ...(await partsOf(targets, manifest))] };
    return work({ parts: await takeAll(context, [part], run, options), run, issues: [] });
  });
}

const placeFacts = ({ profile }: Manifest, file: string | undefined): Facts => ({
  ...(file === undefined ? {} : { manifest: [file] }),
  ...(profile === undefined ? {} : { profile: [profile] }),
});

/** Offline: what an entry or one of its references says about itself. */
function isAskedFor({ spec, references }: Target, where: Where | undefined, more: Facts): boolean {
  const all = references.length === 0 ? [undefined] : references;
  return all.some((reference) => mayMatch(where, factsOf(spec, reference?.placed.reference, more)));
}

type Open = Omit<Surveyed, 'inventory' | 'uses'>;

async function takeAll(context: Context, parts: readonly Open[], run: Run, { read, uses }: SurveyOptions): Promise<readonly Surveyed[]> {
  const all = parts.flatMap((part) => part.all);
  const [first] = parts;
  if (first === undefined) return [];
  const whole = await withSpinner(context, asking(all), () =>
    takeInventory(all, first.manifest, run.sessions, read === undefined ? {} : { read }),
  );
  const used = uses === true ? await lastUsesOf(context, parts) : undefined;
  return parts.map((part) => ({
    ...part,
    inventory: inventoryOf(part.all, whole),
    uses: used?.get(part.manifest.project) ?? new Map<string, Date>(),
  }));
}

/** By project, since two may have `local` references of the same name. */
async function lastUsesOf(context: Context, parts: readonly Open[]): Promise<ReadonlyMap<string | undefined, ReadonlyMap<string, Date>>> {
  const { lastUses } = await import('../audit/last-use.ts');
  const log = ownLog(context);
  const byProject = Map.groupBy(parts, ({ manifest }) => manifest.project);
  const found = [...byProject].map(async ([project, some]) => {
    const all = some.flatMap((part) => part.all).flatMap((target) => target.references);
    return [project, await lastUses(log, { project, references: new Set(all.map(({ placed }) => placed.reference.text)) })] as const;
  });
  return new Map(await Promise.all(found));
}

async function withWorkspace<T>(
  context: Context,
  names: readonly string[],
  folders: readonly string[],
  options: SurveyOptions,
  work: (survey: Survey) => Promise<T>,
): Promise<T> {
  if (names.length > 0)
    throw new SecretsError({ code: 'USAGE', message: 'names and --workspace exclude each other', hint: '--where name=NAME' });
  if (context.manifest !== undefined)
    throw new SecretsError({ code: 'USAGE', message: '--workspace and --manifest exclude each other', hint: 'leave one of them out' });
  const { files, unread } = manifestsIn(folders.map((folder) => path.resolve(context.cwd, folder)));
  for (const folder of unread)
    context.output.warn({ message: `a folder cannot be read: ${shortPath(folder, context.cwd)}`, hint: 'manifests in it are left out' });
  if (files.length === 0)
    throw new SecretsError({ code: 'MANIFEST_NOT_FOUND', message: 'there is no manifest below these folders', hint: 'secrets init' });
  const issues: Issue[] = [];
  const without: string[] = [];
  const parts: Open[] = [];
  for (const file of files) {
    const shown = shortPath(file, context.cwd);
    try {
      const manifest = await loadOne(context, file);
      if (manifest === undefined) without.push(shown);
      else parts.push(await openPart(manifest, shown, options.where));
    } catch (error) {
      if (!(error instanceof SecretsError) || error.code === 'INTERRUPTED') throw error;
      issues.push(...error.issues.map((issue) => (issue.at === undefined ? { ...issue, at: { file: shown, line: 1, column: 1 } } : issue)));
    }
  }
  if (without.length > 0) context.output.notice(`without the profile ${context.profile ?? ''}: ${named(without)}`);
  const manifests = parts.map(({ manifest }) => manifest);
  return withOpenRun(context, manifests, async (run) => work({ parts: await takeAll(context, parts, run, options), run, issues }));
}

async function openPart(manifest: Manifest, file: string, where: Where | undefined): Promise<Open> {
  const place = placeFacts(manifest, file);
  const targets = (await allTargets(manifest)).filter((target) => isAskedFor(target, where, place));
  return { manifest, file, place, targets, all: [...targets, ...(await partsOf(targets, manifest))] };
}

/** A manifest of the workspace, trusted; undefined where it does not have the profile that was asked for. */
async function loadOne(context: Context, file: string): Promise<Manifest | undefined> {
  const { cwd, env, profile, output } = context;
  const from = (asked: string | undefined): Promise<Loaded> => load({ cwd, env, manifest: file, profile: asked });
  let loaded: Loaded;
  try {
    loaded = await from(profile);
  } catch (error) {
    if (!(error instanceof SecretsError) || error.code !== 'USAGE' || profile === undefined) throw error;
    if ((await from(undefined)).manifest.profiles.includes(profile)) throw error;
    return undefined;
  }
  for (const warning of loaded.warnings) output.warn(warning);
  await ensureTrusted({ ...context, manifest: file }, loaded);
  return loaded.manifest;
}
