/** What follows an import: the report, who still reads the file, and its end. */
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import type { Context } from './context.ts';
import { unexpanded, type EnvFile, type Planned } from './import-plan.ts';
import { offerScripts, printReaders, readersOf } from './import-readers.ts';
import { removeSource } from './import-source.ts';
import { shortPath } from './output.ts';
import { askConfirm } from './prompts.ts';
import { warnIfTracked } from './starter.ts';
import { printTable } from './table.ts';

/** What --json shows; documented with the command. */
export type ImportReport = Readonly<Record<string, unknown>>;

export interface FinishOptions {
  /** Names of scripts; true: the usual ones. */
  readonly wrapScripts?: readonly string[] | true;
  readonly removeSource?: boolean;
}

export interface Imported {
  /** Absolute path of the env file. */
  readonly path: string;
  readonly env: EnvFile;
  readonly planned: readonly Planned[];
  readonly versions: ReadonlyMap<string, string | undefined>;
  readonly manifest: Manifest;
}

export async function finishImport(context: Context, imported: Imported, options: FinishOptions): Promise<ImportReport> {
  const { path, env, planned } = imported;
  const { output } = context;
  if (!output.json) printImported(context, imported);
  for (const { name, at } of unexpanded(planned.filter(({ fate }) => fate.kind !== 'left').map(({ entry }) => entry))) {
    output.warn({
      name,
      at,
      message: 'its ${…} is kept as it is: nothing is filled in here',
      hint: `write it as a template in the manifest: template: "…\${NAME}…"`,
    });
  }
  await warnIfTracked(context, path);
  const readers = readersOf(path);
  if (!output.json) printReaders(context, readers, env.shown);
  const wrapped = await offerScripts(context, path, options.wrapScripts);
  if (wrapped.length > 0) output.notice(`package.json starts ${wrapped.join(', ')} through secrets run now`);
  const sourceRemoved = await endSource(context, imported, options.removeSource === true);
  return { ...importedJson(context, imported), readers, wrapped, sourceRemoved };
}

/** Removes the file if that was asked for, else at a terminal if the person wants it. */
async function endSource(context: Context, { path, env, planned }: Imported, asked: boolean): Promise<boolean> {
  const complete = planned.every(({ fate }) => fate.kind !== 'left');
  const { output } = context;
  if (!asked) {
    if (!complete || !context.interactive) {
      output.notice(`${env.shown} still holds the values: secrets import ${env.shown} --remove-source removes it once a run gets them all`);
      return false;
    }
    if (!(await askConfirm(`Remove ${env.shown}, if a run gets every value of it?`, false))) return false;
  }
  try {
    await removeSource(context, path, env, planned);
  } catch (error) {
    if (asked || !(error instanceof SecretsError)) throw error;
    // The import itself is done.
    output.error(error, `${env.shown} stays`);
    process.exitCode = error.exit;
    return false;
  }
  output.notice(`a run gets every value, so ${env.shown} is removed`);
  return true;
}

function printImported(context: Context, { planned, manifest, env }: Imported): void {
  const file = shortPath(manifest.path ?? '', context.cwd);
  printTable(
    context.output,
    ['NAME', 'KIND', 'WHERE'],
    planned.map(({ entry: { name }, fate }) => {
      if (fate.kind === 'plain') return [name, 'plain', file];
      if (fate.kind === 'left') return [name, { text: 'left', style: 'yellow' }, env.shown];
      return [name, fate.kind, fate.reference];
    }),
  );
  for (const { entry, fate } of planned) {
    if (fate.kind === 'left')
      context.output.warn({ name: entry.name, at: entry.at, message: `left in the file: ${fate.why}`, hint: fate.hint });
  }
}

function importedJson(context: Context, { env, planned, versions, manifest }: Imported): Record<string, unknown> {
  const of = (kind: Planned['fate']['kind']): readonly Planned[] => planned.filter(({ fate }) => fate.kind === kind);
  const referenceOf = ({ fate }: Planned): string | undefined => ('reference' in fate ? fate.reference : undefined);
  return {
    file: env.shown,
    manifest: shortPath(manifest.path ?? '', context.cwd),
    secrets: of('secret').map((planned) => ({
      name: planned.entry.name,
      reference: referenceOf(planned),
      version: versions.get(planned.entry.name),
    })),
    plain: of('plain').map(({ entry }) => entry.name),
    references: of('reference').map((planned) => ({ name: planned.entry.name, reference: referenceOf(planned) })),
    left: of('left').map(({ entry, fate }) => ({ name: entry.name, ...(fate.kind === 'left' ? { why: fate.why, hint: fate.hint } : {}) })),
  };
}
