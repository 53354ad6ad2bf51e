/**
 * `secrets seal`: the values of a few secrets in one encrypted file, for a host that reaches no manager. Opened by
 * `secrets run --sealed FILE` there.
 *
 * --json: `{ file, id, names, recipients, expiresAt, uses, command }`.
 */
import path from 'node:path';
import { Option, type Command } from 'commander';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import { SecretsError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import { sealEntries } from '../../run/audit-entries.ts';
import { prepare } from '../../run/prepare.ts';
import type { Bundle } from '../../sealed/bundle.ts';
import { record } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { REASON, someOf, withReason, type ReasonOption } from '../options.ts';
import { writeOut } from '../out-file.ts';
import { addSelectOptions, selectOptionsOf, type SelectArguments } from '../select-options.ts';
import { withRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';

interface SealOptions extends SelectArguments, ReasonOption {
  readonly to?: readonly string[];
  readonly out?: string;
  readonly all?: boolean;
  readonly expires?: string;
  readonly uses?: string;
  readonly for?: string;
}

const LIFETIME: Milliseconds = 24 * 3_600_000;
const LONGEST: Milliseconds = 366 * 24 * 3_600_000;
const HINT = 'secrets seal --to age1… --only NAME --expires 4h --uses 1 --out FILE';

export const define: CommandModule['define'] = (command, open) => {
  addSelectOptions(
    command
      .addOption(
        new Option('--to <recipients>', 'who can open it: age1…, as secrets whoami --recipient prints there').argParser(someOf('--to')),
      )
      .option('--out <file>', 'the file to write; it must not be there yet'),
  )
    .option('--all', 'every secret of the manifest')
    .option('--expires <duration>', 'how long it can be used (24h)')
    .option('--uses <n>', 'how many runs may use it; the host that opens it counts')
    .option('--for <command>', 'the command that may use it, such as "backup.sh --all"')
    .option(...REASON)
    .action(async (options: SealOptions, self: Command) => seal(withReason(open(self), options), options));
};

async function seal(context: Context, options: SealOptions): Promise<void> {
  const { commandWords } = await import('../../sealed/terms.ts');
  const { to: recipients, out } = options;
  if (recipients === undefined) throw usage('nobody is named who could open it');
  if (out === undefined) throw usage('the file to write is not named');
  // One file with everything, on a host of less care, is a decision and no default.
  if (options.all !== true && options.only === undefined && options.tag === undefined) {
    throw usage('what to put in is not named', 'name it: --only A,B or --tag T; --all takes every secret');
  }
  const lifetime = options.expires === undefined ? LIFETIME : parseDuration(options.expires);
  if (lifetime === undefined || lifetime < 1 || lifetime > LONGEST) throw usage('--expires takes a duration of at most a year, such as 4h');
  const uses = options.uses === undefined ? undefined : Number(options.uses);
  if (uses !== undefined && !/^[1-9]\d{0,5}$/.test(options.uses ?? '')) throw usage('--uses takes a whole number from 1 on');
  const command = options.for === undefined ? undefined : commandWords(options.for);
  if (options.for !== undefined && command === undefined) throw usage('--for takes a command', '--for "backup.sh --all"');
  const age = await import('../../providers/local/age.ts');
  for (const recipient of recipients) {
    if (await age.isRecipient(recipient)) continue;
    throw usage('a text after --to is no age recipient', 'on the host that will open it: secrets whoami --recipient');
  }

  const [{ pack }, { bundleText }] = await Promise.all([import('../../sealed/pack.ts'), import('../../sealed/bundle.ts')]);
  const bundle = await withRun(context, async ({ manifest }, run) => {
    const prepared = await withSpinner(context, 'fetching secrets', () =>
      prepare(manifest, run, { select: selectOptionsOf(options), argv: [], handover: { pathOf: ({ name }) => name } }),
    );
    for (const warning of prepared.valid.warnings) context.output.warn(warning);
    await record(run, manifest, 'use', sealEntries(prepared));
    return pack(prepared, manifest, { lifetime, uses, command }, new Date());
  });
  if (bundle.secrets.length === 0) throw usage('there is nothing to put in');
  const file = path.resolve(context.cwd, out);
  const bytes = await age.encryptTo(recipients, bundleText(bundle).reveal());
  await writeOut(file, bytes);
  report(context, bundle, file, recipients);
}

function report(context: Context, bundle: Bundle, file: string, recipients: readonly string[]): void {
  const { id, uses, command, secrets } = bundle;
  const names = secrets.map(({ name }) => name);
  const expiresAt = bundle.expiresAt.toISOString();
  if (context.output.json) {
    context.output.resultJson({ file, id, names, recipients, expiresAt, uses, command });
    return;
  }
  const shown = path.relative(context.cwd, file) || file;
  const often = uses === undefined ? '' : uses === 1 ? ', for one run' : `, for ${uses} runs`;
  const whose = command === undefined ? '' : `, for ${command.join(' ')} alone`;
  const lifetime = formatDuration(bundle.expiresAt.getTime() - bundle.createdAt.getTime());
  context.output.result(`sealed ${names.join(', ')} into ${shown}: for ${lifetime}, until ${expiresAt}${often}${whose}\n`);
  context.output.notice(`on the other host: secrets run --sealed ${path.basename(file)} -- ${command?.join(' ') ?? 'COMMAND'}`);
}

const usage = (message: string, hint: string = HINT): SecretsError => new SecretsError({ code: 'USAGE', message, hint });
