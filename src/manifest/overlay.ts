/** What `--env-file` and `--ref` add over the manifest. */
import { resolve } from 'node:path';
import type { Position } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { schemeOf } from '../core/reference.ts';
import { editDistance } from '../core/suggest.ts';
import { parseDotenv, type DotenvEntry } from './dotenv.ts';
import { codeOfNamed, readTextFile, showPath } from './files.ts';
import { foreignRecipe } from './foreign.ts';
import { checkName } from './names.ts';
import type { Problems } from './problems.ts';

/** One name given on the command line or in an env file: a reference, or a plain value. */
export interface Overlay {
  readonly name: string;
  readonly kind: 'ref' | 'value';
  readonly text: string;
  readonly at: Position;
  readonly label: string;
}

export interface OverlayInput {
  readonly cwd: string;
  /** Paths, relative to the working directory. */
  readonly envFiles?: readonly string[] | undefined;
  readonly refs?: readonly { readonly name: string; readonly reference: string }[] | undefined;
}

/** An env file that was read. */
export interface EnvFile {
  readonly path: string;
  readonly label: string;
  readonly entries: readonly DotenvEntry[];
}

/** Reads the env files, each once: one may be a pipe. Files and lines that can't be read go to `problems`. */
export function readEnvFiles(input: OverlayInput, problems: Problems): readonly EnvFile[] {
  return (input.envFiles ?? []).map((file) => {
    const path = resolve(input.cwd, file);
    const shown = showPath(path, input.cwd);
    const read = readTextFile(path);
    const label = `--env-file ${shown}`;
    if (!read.ok) {
      problems.add({
        code: codeOfNamed(read),
        message: `the env file: ${read.message}`,
        hint: read.hint,
        at: { file: shown, line: 1, column: 1 },
      });
      return { path, label, entries: [] };
    }
    const { entries, issues } = parseDotenv(read.text, shown);
    for (const issue of issues) problems.add(issue);
    return { path, label, entries };
  });
}

/** All of them, in the order in which they override each other: env files as given, then references. */
export function readOverlays(
  files: readonly EnvFile[],
  refs: OverlayInput['refs'],
  providers: ReadonlyMap<string, ProviderConfig>,
  problems: Problems,
): readonly Overlay[] {
  const overlays = files.flatMap((file) => overlaysOf(file, providers, problems));
  for (const [index, { name, reference }] of (refs ?? []).entries()) {
    const at = { file: '--ref', line: index + 1, column: 1 };
    if (checkName(name, at, problems)) overlays.push({ name, kind: 'ref', text: reference, at, label: '--ref' });
  }
  return overlays;
}

function overlaysOf({ label, entries }: EnvFile, providers: ReadonlyMap<string, ProviderConfig>, problems: Problems): readonly Overlay[] {
  const overlays: Overlay[] = [];
  for (const { name, value, at, valueAt } of entries) {
    if (!checkName(name, at, problems)) continue;
    const scheme = schemeOf(value);
    const isReference = scheme !== undefined && providers.has(scheme);
    if (!isReference) {
      const recipe = foreignRecipe(value, true);
      if (recipe !== undefined) {
        problems.add({ code: 'REF_INVALID', ...recipe, at: valueAt, name });
        continue;
      }
      const near = scheme === undefined ? undefined : nearProvider(scheme, providers.keys());
      if (near !== undefined)
        problems.note({
          name,
          at: valueAt,
          message: `it looks like a reference of ${near}, but its beginning is spelled differently: it is taken as a plain value`,
          hint: `write ${near}://… if it is a reference`,
        });
    }
    overlays.push({ name, kind: isReference ? 'ref' : 'value', text: value, at: valueAt, label });
  }
  return overlays;
}

/** A provider whose name is one or two letters away; short names are near to too many words. */
function nearProvider(scheme: string, providers: Iterable<string>): string | undefined {
  for (const provider of providers) {
    if (provider.length >= 5 && editDistance(scheme.toLowerCase(), provider) <= 2) return provider;
  }
  return undefined;
}
