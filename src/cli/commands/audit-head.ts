/**
 * `secrets audit head`: one word that names all that is recorded now. Kept elsewhere, it shows later by
 * `secrets audit verify --head WORD` whether the end of the log was cut off. Exit 1: nothing is recorded yet.
 *
 * --json: `{ head }`, null where nothing is recorded.
 */
import type { Command } from 'commander';
import { headOf } from '../../audit/verify.ts';
import { ownLog } from '../audit-options.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .summary('print one word that names all that is recorded now')
    .description('Prints one word that names all that is recorded now, to be kept elsewhere.')
    .action((_options: unknown, self: Command) => head(open(self)));
};

function head(context: Context): void {
  const { output } = context;
  const log = ownLog(context);
  const word = log === undefined ? undefined : headOf(log);
  if (output.json) output.resultJson({ head: word ?? null });
  else if (word !== undefined) output.result(`${word}\n`);
  else output.notice('nothing is recorded yet');
  if (word === undefined) process.exitCode = 1;
}
