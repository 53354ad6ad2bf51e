/**
 * `secrets redact`: copies stdin to stdout with this manifest's values masked. The values are fetched first, and without
 * one that could be there nothing is passed on; those that have no value anywhere are named and stop nothing. What was
 * masked is counted by name in one line on stderr.
 */
import { fstatSync } from 'node:fs';
import type { Command } from 'commander';
import { SecretsError, type Issue } from '../../core/errors.ts';
import { Forwarder, type Forwarded } from '../../mask/forward.ts';
import { Masker, type MaskPlan } from '../../mask/masker.ts';
import { maskingFor } from '../../run/masking.ts';
import type { SelectOptions } from '../../run/select.ts';
import { resolvedOf } from '../../run/validate.ts';
import { fetchChosen, madeByReadingText, valuesOf } from '../../scan/values.ts';
import { record } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { addSelectOptions, selectOptionsOf, type SelectArguments } from '../select-options.ts';
import { withRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';

export const define: CommandModule['define'] = (command, open) => {
  addSelectOptions(command)
    .addHelpText('after', '\nExample:\n  kubectl logs my-app | secrets redact > app.log')
    .action(async (options: SelectArguments, self: Command) => redact(open(self), options));
};

async function redact(context: Context, options: SelectArguments): Promise<void> {
  const plan = await fetchPlan(context, selectOptionsOf(options));
  if (process.stdin.isTTY) context.output.notice('reading from the terminal; Ctrl-D ends it');
  const interrupted = outliveInterrupt();
  const masker = new Masker(plan);
  await forward(masker);
  const counts = [...masker.counts].map(([name, count]) => `${name} ×${count}`);
  if (counts.length > 0) context.output.notice(`masked: ${counts.join(', ')}`);
  if (interrupted()) process.exitCode = 130;
}

async function fetchPlan(context: Context, select: SelectOptions): Promise<MaskPlan> {
  return withRun(context, async ({ manifest }, run) => {
    const resolution = await withSpinner(context, 'fetching the values', () => fetchChosen(manifest, run, select));
    await record(run, manifest, 'use');
    const { absent, madeByReading, failures } = valuesOf(resolution);
    const [first, ...others] = failures.map((issue): Issue => ({
      ...issue,
      hint: `${issue.hint ?? 'secrets doctor'}; secrets redact --except ${issue.name ?? 'NAME'} passes its value on`,
    }));
    if (first !== undefined) throw new SecretsError([first, ...others]);
    const lacking = absent.filter(({ required }) => required);
    if (lacking.length > 0) {
      const names = lacking.map(({ name }) => name);
      context.output.notice(`${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no value yet, so none is masked`);
    }
    if (madeByReading.length > 0) context.output.notice(madeByReadingText(madeByReading, 'masked'));
    const { plan, isEmpty, unmasked } = maskingFor({ valid: { secrets: resolvedOf(resolution) } }, run.reported, manifest.mask);
    if (unmasked.length > 0) context.output.warn({ message: `${unmasked.join(', ')}: too short or too common to be masked` });
    if (isEmpty) context.output.warn({ message: 'there is no value to mask, so everything is passed on as it is' });
    return plan;
  });
}

/**
 * Ctrl-C meets the whole pipeline: what the program in front of us still says when it ends is masked and passed on. A
 * second one, or one at a terminal that is our own input, ends us.
 */
function outliveInterrupt(): () => boolean {
  let seen = false;
  if (!process.stdin.isTTY) {
    process.once('SIGINT', () => {
      seen = true;
    });
  }
  return () => seen;
}

/** @throws SecretsError IO or INTERNAL; ends the process quietly when the reader has gone */
async function forward(masker: Masker): Promise<void> {
  const damage = Promise.withResolvers<Forwarded>();
  // A folder is no stream, and would pass for one that is empty.
  let unreadable = fstatSync(0).isDirectory();
  process.stdin.once('error', () => {
    unreadable = true;
  });
  const forwarder = new Forwarder(process.stdin, masker, 1, damage.resolve);
  const how = await Promise.race([forwarder.finished, damage.promise]);
  if (how === 'broken-pipe') process.exit(141);
  if (how === 'mask-failed') {
    throw new SecretsError({ code: 'INTERNAL', message: 'masking failed, so nothing more is passed on' });
  }
  if (how === 'unwritable') {
    throw new SecretsError({
      code: 'IO',
      message: 'stdout cannot be written; the rest is not passed on',
      hint: 'check where it goes: is the disk full?',
    });
  }
  if (unreadable) throw new SecretsError({ code: 'IO', message: 'stdin cannot be read', hint: 'COMMAND | secrets redact' });
}
