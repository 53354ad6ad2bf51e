/** What `--env-file` and `--ref` add over the manifest. */
import { resolve } from 'node:path';
import type { Position } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { schemeOf } from '../core/reference.ts';
import { editDistance } from '../core/suggest.ts';
import { parseDotenv } from './dotenv.ts';
import { readTextFile, showPath } from './files.ts';
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

/** Reads them in the order in which they override each other: env files as given, then references. */
export function readOverlays(input: OverlayInput, providers: ReadonlyMap<string, ProviderConfig>, problems: Problems): readonly Overlay[] {
  const overlays: Overlay[] = [];
  for (const file of input.envFiles ?? []) overlays.push(...readEnvFile(resolve(input.cwd, file), input.cwd, providers, problems));
  for (const [index, { name, reference }] of (input.refs ?? []).entries()) {
    const at = { file: '--ref', line: index + 1, column: 1 };
    if (checkName(name, at, problems)) overlays.push({ name, kind: 'ref', text: reference, at, label: '--ref' });
  }
  return overlays;
}

function readEnvFile(path: string, cwd: string, providers: ReadonlyMap<string, ProviderConfig>, problems: Problems): readonly Overlay[] {
  const shown = showPath(path, cwd);
  const read = readTextFile(path);
  if (!read.ok) {
    const code = read.reason === 'missing' ? 'IO' : read.code;
    problems.add({ code, message: `the env file: ${read.message}`, hint: read.hint, at: { file: shown, line: 1, column: 1 } });
    return [];
  }
  const { entries, issues } = parseDotenv(read.text, shown);
  for (const issue of issues) problems.add(issue);
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
    overlays.push({ name, kind: isReference ? 'ref' : 'value', text: value, at: valueAt, label: `--env-file ${shown}` });
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
