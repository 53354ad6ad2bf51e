/**
 * `secrets get NAME --reveal`: the exact bytes of one value on stdout, nothing added. Without `--reveal` it is a
 * usage error wherever stdout goes: the log of a CI job is a pipe too.
 *
 * --json: `{ name, reference, version, value }` with the value as text, or `base64` instead of `value` where it is
 * not UTF-8. `reference` is left out for templates, plain values and defaults.
 */
import { isUtf8 } from 'node:buffer';
import type { Command } from 'commander';
import { SecretsError, type Issue } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { revealEntry } from '../../run/audit-entries.ts';
import type { Plan } from '../../run/plan.ts';
import type { Run } from '../../run/prepare.ts';
import { resolve, type ResolvedSecret } from '../../run/resolve.ts';
import { validate } from '../../run/validate.ts';
import { record, recordAnyway } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { REASON, withReason, type ReasonOption } from '../options.ts';
import { withSpinner } from '../spinner.ts';
import { partsOf, withTargets, type Target } from '../target.ts';

interface GetOptions extends ReasonOption {
  readonly reveal?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, or a reference')
    .option('--reveal', 'really write the value')
    .option(...REASON)
    .action(async (name: string, options: GetOptions, self: Command) => get(withReason(open(self), options), name, options));
};

async function get(context: Context, name: string, options: GetOptions): Promise<void> {
  if (options.reveal !== true) {
    throw new SecretsError({
      code: 'USAGE',
      message: 'this would write a secret value to stdout',
      hint: 'add --reveal if that is meant; secrets run -- COMMAND hands values to a program without showing them',
    });
  }
  await withTargets(context, [name], async ([target], manifest, run) => {
    if (target === undefined) return;
    const secret = await withSpinner(context, 'fetching the value', () => fetchValue(context, target, manifest, run));
    await record(run, manifest, 'resolve', [revealEntry(target.name, secret)]);
    const bytes = secret.value.reveal();
    if (context.output.json) {
      const value = isUtf8(bytes) ? { value: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
      const reference = secret.reference?.placed.reference.text;
      context.output.resultJson({ name: target.name, reference, version: secret.version, ...value });
      return;
    }
    context.output.result(bytes);
    // The prompt of the shell begins on a line of its own; stdout itself gets the bytes and nothing else.
    if (process.stdout.isTTY && process.stderr.isTTY && bytes.at(-1) !== 0x0a) process.stderr.write('\n');
  });
}

async function fetchValue(context: Context, target: Target, manifest: Manifest, run: Run): Promise<ResolvedSecret> {
  const secrets = [target, ...(await partsOf([target], manifest))].map(({ spec, references }) => ({ spec, references, injected: false }));
  const plan: Plan = { manifest, secrets, outOfProfile: [] };
  const resolution = await resolve(plan, run.sessions);
  try {
    const valid = validate(resolution, { now: new Date() });
    for (const warning of valid.warnings) context.output.warn(fitting(warning, target));
    const found = valid.secrets.find(({ spec }) => spec === target.spec);
    if (found !== undefined) return found.secret;
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    await recordAnyway(run, manifest, 'resolve');
    const [first, ...rest] = error.issues.map((issue) => fitting(issue, target));
    throw first === undefined ? error : new SecretsError([first, ...rest]);
  }
  throw new SecretsError({
    code: 'REF_NOT_FOUND',
    name: target.label,
    message: 'it is optional, and there is no value for it',
    hint: `secrets set ${target.label}`,
  });
}

/** A reference on the command line has no place in a file. */
const fitting = (issue: Issue, target: Target): Issue => (target.name === undefined ? { ...issue, name: undefined, at: undefined } : issue);
