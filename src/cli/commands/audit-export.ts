/**
 * `secrets audit export`: the records for other programs, on stdout: JSON lines as the log has them, CSV, or events of
 * OCSF (class API Activity), one a line. There is no `--json` form: `--format` says which.
 */
import { Option, type Command } from 'commander';
import { FORMATS, formatted, headOf, type Format } from '../../audit/export.ts';
import { addRecordOptions, wantedRecords, type RecordOptions } from '../audit-options.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';

interface ExportOptions extends RecordOptions {
  readonly format: Format;
}

export const define: CommandModule['define'] = (command, open) => {
  addRecordOptions(
    command
      .summary('print the records for other programs')
      .description('Prints the records for other programs.')
      .addOption(new Option('--format <format>', 'jsonl, csv or ocsf').choices(FORMATS).default('jsonl' satisfies Format)),
  ).action((options: ExportOptions, self: Command) => exportRecords(open(self), options));
};

const BATCH = 64 * 1024;

function exportRecords(context: Context, options: ExportOptions): void {
  let text = headOf(options.format);
  for (const found of wantedRecords(context, options)) {
    text += formatted(found, options.format);
    if (text.length < BATCH) continue;
    context.output.result(text);
    text = '';
  }
  context.output.result(text);
}
