/** The steps of an import, in the order that loses nothing: read, sort, ask, store all, write the manifest once. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { addSecret, setReference } from '../manifest/index.ts';
import { load } from '../run/load.ts';
import type { Classified } from './classify.ts';
import type { Context } from './context.ts';
import { destinationOf } from './destination.ts';
import { finishImport, type FinishOptions, type ImportReport } from './import-finish.ts';
import { isReferenceHere, leftOut, planImport, readEnvFile, sortEntries, type EnvFile, type Planned } from './import-plan.ts';
import { checkStorable, storeAll } from './import-store.ts';
import { manifestFile, prepareEdit, sourcePlace } from './manifest-edit.ts';
import { shortPath } from './output.ts';
import { askChoices } from './prompts.ts';
import { again } from './said-once.ts';
import { loadFor, withRun } from './session.ts';
import { withSpinner } from './spinner.ts';
import { startProject, starterProject } from './starter.ts';
import { printTable } from './table.ts';
import { targetsOf } from './target.ts';

export interface ImportOptions extends FinishOptions {
  /** A provider, or a place in one. */
  readonly to?: string;
  readonly plain?: readonly string[];
  readonly secret?: readonly string[];
  readonly yes?: boolean;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
}

/**
 * Prints what is for people; what --json shows is returned.
 * @throws SecretsError of reading, storing and writing; nothing is in the manifest then that is not stored
 */
export async function importFile(context: Context, file: string, options: ImportOptions): Promise<ImportReport> {
  const source = path.resolve(context.cwd, file);
  const env = readEnvFile(source, shortPath(source, context.cwd));
  if (env.entries.length === 0)
    throw new SecretsError({ code: 'USAGE', message: `${env.shown} has no entries`, hint: 'check that it is the right file' });
  const { manifest: found, project } = await manifestOr(context);
  const kinds = sortEntries(env.entries, options);
  const ask = openEntries(env, found, context);
  const secrets = await secretNames(context, ask, kinds, options);
  const destination = await destinationOf(options.to ?? 'local', found);
  const input = { profile: context.profile, destination, secrets, isOwn: (spec: SecretSpec) => isOwn(spec, found, context) };
  const planned = planImport(env.entries, { ...input, manifest: found });
  if (options.dryRun === true) return showPlan(context, env, planned, kinds);

  if (project !== undefined) {
    const { file: made } = await startProject(context, { project });
    context.output.notice(`wrote ${shortPath(made, context.cwd)}, project ${project}`);
  }
  const manifest = project === undefined ? found : (await loadFor(context)).manifest;
  const ready = await checkStorable(
    planned.flatMap(({ entry: { name, value, at }, fate }) =>
      fate.kind === 'secret' ? [{ name, value, at, reference: fate.reference }] : [],
    ),
    manifest,
  );
  await targetsOf(
    planned.flatMap(({ fate }) => (fate.kind === 'reference' ? [fate.reference] : [])),
    manifest,
  );
  const edit = prepareEdit(context, manifestFile(manifest), (text, shown) => editAll(text, shown, planned, manifest, context));
  // The time limit is meant for one value.
  const patient = { ...context, limits: { ...context.limits, totalMs: context.limits.totalMs * Math.max(1, ready.length) } };
  const versions = await withRun(again(patient), (_loaded, run) =>
    withSpinner(context, `storing in ${destination.config.name}`, () => storeAll(ready, manifest, run, options.overwrite === true)),
  );
  await edit.commit();
  return finishImport(context, { path: source, env, planned, versions, manifest }, options);
}

/** The manifest; where there is none, an empty one and the project's name for the one to be made. */
async function manifestOr(context: Context): Promise<{ readonly manifest: Manifest; readonly project?: string }> {
  try {
    return await loadFor(context);
  } catch (error) {
    if (!(error instanceof SecretsError) || error.code !== 'MANIFEST_NOT_FOUND' || context.profile !== undefined) throw error;
    // A reference that needs nothing stands in for the manifest; what counts are the providers that exist without one.
    const { manifest } = await load({ cwd: context.cwd, env: context.env, refs: [{ name: 'NOTHING', reference: 'env://NOTHING' }] });
    const project = starterProject(context);
    return { manifest: { ...manifest, project, secrets: new Map() }, project };
  }
}

/** Whether the entry stands in the section that the import writes to: the profile's that was asked for, else anywhere. */
const isOwn = (spec: SecretSpec, manifest: Manifest, { profile, cwd }: Context): boolean =>
  profile === undefined || sourcePlace(spec, manifest, cwd)?.profile === profile;

/** Names whose kind is open: values, of which the manifest says nothing yet. */
function openEntries(env: EnvFile, manifest: Manifest, context: Context): readonly string[] {
  return env.entries
    .filter((entry) => {
      const spec = manifest.secrets.get(entry.name);
      if (spec !== undefined && isOwn(spec, manifest, context)) return false;
      return leftOut(entry, manifest) === undefined && !isReferenceHere(entry.value, manifest);
    })
    .map(({ name }) => name);
}

/** The names that are secrets: asked at a terminal, else as they look, once that was agreed to. */
async function secretNames(
  context: Context,
  open: readonly string[],
  kinds: ReadonlyMap<string, Classified>,
  options: ImportOptions,
): Promise<ReadonlySet<string>> {
  const secrets = [...kinds].flatMap(([name, { kind }]) => (kind === 'secret' ? [name] : []));
  const agreed = options.yes === true || options.dryRun === true || open.length === 0;
  if (agreed) return new Set(secrets);
  if (!context.interactive) {
    const listed = (kind: Classified['kind']): string => open.filter((name) => kinds.get(name)?.kind === kind).join(', ') || 'none';
    throw new SecretsError({
      code: 'USAGE',
      message: `nobody can be asked here which entries are secrets. They look like secrets: ${listed('secret')}; like plain settings: ${listed('plain')}`,
      hint: '--yes agrees; --secret NAMES and --plain NAMES correct it; --dry-run shows why',
    });
  }
  const chosen = await askChoices(
    'Which are secrets? The others are plain settings, written into the manifest as they are',
    open.map((name) => ({ name, value: name, description: kinds.get(name)?.why ?? '', checked: kinds.get(name)?.kind === 'secret' })),
  );
  return new Set([...secrets.filter((name) => !open.includes(name)), ...chosen]);
}

function editAll(text: string, file: string, planned: readonly Planned[], manifest: Manifest, context: Context): string {
  const options = { profile: context.profile, file };
  return planned.reduce((result, { entry, fate }) => {
    const { name, value, comment } = entry;
    if (fate.kind === 'left' || fate.edit === 'none') return result;
    if (fate.edit === 'replace') {
      const spec = manifest.secrets.get(name);
      return setReference(result, name, fate.reference, {
        file,
        profile: spec === undefined ? undefined : sourcePlace(spec, manifest, context.cwd)?.profile,
      });
    }
    const about = comment === undefined ? {} : { comment };
    return addSecret(result, name, fate.kind === 'plain' ? { value, ...about } : { reference: fate.reference, ...about }, options);
  }, text);
}

function showPlan(context: Context, env: EnvFile, planned: readonly Planned[], kinds: ReadonlyMap<string, Classified>): ImportReport {
  const rows = planned.map(({ entry: { name }, fate }) => ({
    name,
    kind: fate.kind,
    reference: 'reference' in fate ? fate.reference : undefined,
    why:
      fate.kind === 'left'
        ? fate.why
        : fate.kind === 'reference'
          ? 'it is a reference'
          : fate.edit === 'none'
            ? 'the manifest has it'
            : (kinds.get(name)?.why ?? ''),
  }));
  const report = { file: env.shown, entries: rows };
  if (context.output.json) return report;
  printTable(
    context.output,
    ['NAME', 'KIND', 'REFERENCE', 'WHY'],
    rows.map(({ name, kind, reference, why }) => [name, kind, reference ?? '', why]),
  );
  context.output.notice('nothing was stored or written');
  return report;
}
