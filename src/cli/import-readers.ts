/** After an import: who still reads the file, and the scripts of package.json that can start through `secrets run`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readTextFile, writeManifest as writeText } from '../manifest/index.ts';
import type { Context } from './context.ts';
import { findReaders, READER_FILES, type Reader } from './env-file-readers.ts';
import { scriptsOf, wrapScripts, type Script } from './package-scripts.ts';
import { askChoices } from './prompts.ts';
import { printTable } from './table.ts';

/** Programs that read the file, as far as the files beside it tell. */
export function readersOf(file: string): readonly Reader[] {
  const folder = path.dirname(file);
  const files = new Map<string, string>();
  for (const name of READER_FILES) {
    const place = path.join(folder, name);
    const read = existsSync(place) ? readTextFile(place) : undefined;
    // A lock file that is no text still tells that its program is used.
    if (read !== undefined) files.set(name, read.ok ? read.text : '');
  }
  return findReaders(files, path.basename(file));
}

const VERDICTS: Readonly<Record<Reader['verdict'], string>> = {
  'goes-on': 'works without it',
  change: 'needs a change',
  look: 'look at it',
};

export function printReaders(context: Context, readers: readonly Reader[], shown: string): void {
  if (readers.length === 0) return;
  context.output.notice(`these read ${shown} too; variables that are set win in those that work without it`);
  printTable(
    context.output,
    ['READER', 'SAID BY', 'WITHOUT THE FILE', 'WHAT TO DO'],
    readers.map(({ what, where, verdict, advice }) => [what, where, VERDICTS[verdict], advice ?? 'nothing']),
  );
}

/**
 * Wraps scripts: those asked for, else at a terminal those that the person chooses.
 * @param asked names; true means the usual ones (start, dev …); undefined asks
 * @returns names of what was changed
 */
export async function offerScripts(
  context: Context,
  file: string,
  asked: readonly string[] | true | undefined,
): Promise<readonly string[]> {
  const place = path.join(path.dirname(file), 'package.json');
  const read = existsSync(place) ? readTextFile(place) : undefined;
  const scripts = read?.ok === true ? scriptsOf(read.text, path.basename(file)) : undefined;
  if (read?.ok !== true || scripts === undefined) return [];
  const chosen = await choose(context, scripts, asked);
  const able = chosen.filter(({ wrapped }) => wrapped !== undefined);
  if (able.length > 0) await writeText(place, wrapScripts(read.text, able), read.text);
  const { output } = context;
  for (const { name, why } of chosen)
    if (why === 'several commands') output.notice(`the script ${name} has several commands: start it as secrets run -- npm run ${name}`);
  if (able.length > 0 && !/"secretsrc"\s*:/.test(read.text))
    output.notice('scripts find secrets where it is installed: npm install --save-dev secretsrc');
  return able.map(({ name }) => name);
}

async function choose(
  context: Context,
  scripts: readonly Script[],
  asked: readonly string[] | true | undefined,
): Promise<readonly Script[]> {
  const open = scripts.filter(({ why }) => why !== 'wrapped already');
  if (asked === true) return open.filter(({ usual }) => usual);
  if (asked !== undefined) return open.filter(({ name }) => asked.includes(name));
  const able = open.filter(({ wrapped }) => wrapped !== undefined);
  if (!context.interactive || able.length === 0) return [];
  return askChoices(
    'Which scripts of package.json start through secrets run?',
    able.map((script) => ({ name: script.name, value: script, description: script.wrapped ?? '', checked: script.usual })),
  );
}
