/**
 * `secrets whoami [PROVIDER…]`: who each provider in use says you are. `--recipient` prints your own age recipient for
 * team stores instead, made if there is none. If a provider gives no answer, its error is the exit code.
 *
 * --json: `{ providers: [{ name, adapter, identity, code, message }] }`, or `{ recipient }`.
 */
import type { Command } from 'commander';
import { throwIssues } from '../../core/errors.ts';
import { printColumns } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { withOrWithoutManifest } from '../loaded-run.ts';
import { asking, chosenProviders, refusalOf, reportProviders } from '../provider-reports.ts';
import { withSpinner } from '../spinner.ts';

interface WhoamiOptions {
  readonly recipient?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[providers...]', 'only these providers; default: those in use')
    .option('--recipient', 'print your own age recipient, for the recipients of a team store')
    .action(async (names: string[], options: WhoamiOptions, self: Command) => {
      const context = open(self);
      return options.recipient === true ? showRecipient(context) : whoami(context, names);
    });
};

async function whoami(context: Context, names: readonly string[]): Promise<void> {
  const { output } = context;
  const reports = await withOrWithoutManifest(context, async ({ manifest }, run) => {
    const configs = chosenProviders(manifest, names);
    return withSpinner(context, asking(configs), () => reportProviders(configs, run));
  });
  if (output.json) {
    const rows = reports.map((report) => {
      const { name, adapter, identity } = report;
      const issue = refusalOf(report);
      return { name, adapter, identity, code: issue?.code, message: issue?.message };
    });
    output.resultJson({ providers: rows });
  } else if (reports.length > 0) {
    printColumns(
      output,
      [{ title: 'PROVIDER' }, { title: 'ADDRESS', spare: 1 }, { title: 'IDENTITY' }],
      reports.map((report) => {
        const { name, address = '', identity = '' } = report;
        const issue = refusalOf(report);
        return [name, address, issue === undefined ? identity : { text: 'no answer', style: 'red' }];
      }),
    );
  } else output.notice('no provider is in use or configured');
  throwIssues(reports.flatMap((report) => refusalOf(report) ?? []));
}

async function showRecipient(context: Context): Promise<void> {
  const { ownRecipient } = await import('../own-recipient.ts');
  const recipient = await ownRecipient(context);
  if (context.output.json) context.output.resultJson({ recipient });
  else context.output.result(`${recipient}\n`);
}
