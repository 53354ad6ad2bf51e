/**
 * `secrets import FILE`: the values of an env file into a store, references and plain settings into the manifest.
 * All values are stored first, then the manifest is written once; ended at any moment, the same command goes on.
 *
 * --json: `{ file, manifest, secrets: [{ name, reference, version }], plain: [name], references: [{ name, reference }],
 * left: [{ name, why, hint }], readers: [{ what, where, verdict, advice }], wrapped: [script], sourceRemoved }`.
 * `left` stays in the file; `verdict` is `goes-on`, `change` or `look`. With --dry-run: `{ file, entries: [{ name, kind,
 * reference, why }] }`, `kind` one of `secret`, `plain`, `reference` and `left`.
 */
import { Option, type Command } from 'commander';
import type { CommandModule } from '../commands.ts';
import { importFile, type ImportOptions } from '../import-file.ts';
import { list } from '../options.ts';

interface Options extends Omit<ImportOptions, 'wrapScripts'> {
  readonly wrapScripts?: string | true;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<file>', 'an env file, such as .env')
    .option('--to <provider>', 'where the values go: a provider, or a place in one such as vault://secret/api (local)')
    .addOption(new Option('--secret <names>', 'entries that are secrets').argParser(list))
    .addOption(new Option('--plain <names>', 'entries that are plain settings').argParser(list))
    .option('-y, --yes', 'do not ask')
    .option('--overwrite', 'replace other values that are stored already')
    .option('--dry-run', 'show what would be done')
    .option('--wrap-scripts [names]', 'start scripts of package.json through secrets run (default: start, dev and the like)')
    .option('--remove-source', 'remove the file at the end, if a run gets every value of it')
    .action(async (file: string, { wrapScripts, ...options }: Options, self: Command) => {
      const wrap = wrapScripts === undefined ? {} : { wrapScripts: wrapScripts === true ? wrapScripts : list(wrapScripts) };
      const context = open(self);
      const report = await importFile(context, file, { ...options, ...wrap });
      if (context.output.json) context.output.resultJson(report);
    });
};
