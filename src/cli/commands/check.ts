/**
 * `secrets check`: a gate for CI. Exit 1 if something required is absent, over its maxAge, expired, disabled, or
 * lacks what `policy.require` or `--require` asks; metadata only, unless `--read`. A manager that can't be asked is an
 * error with its own exit code, never a "no".
 *
 * --json: `{ ok, profile, checked, findings: [finding], warnings: [finding], failed: [{ code, name, provider, message }] }`
 * with finding `{ name, problem, message, hint, reference, at: { file, line, column }, owner, contact, runbook }`.
 * `problem` is `absent`, `over-age`, `expired`, `disabled` or `undocumented`; in `warnings` it is `uncertain`. `ok` is
 * true when there are neither findings nor failures.
 */
import { Option, type Command } from 'commander';
import { SecretsError, throwIssues } from '../../core/errors.ts';
import { POLICY_FIELDS, type PolicyField } from '../../core/model.ts';
import { didYouMean, shownWord } from '../../core/suggest.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { policyFindings, standingFindings, type Finding } from '../findings.ts';
import { asking, takeInventory, weighFailures } from '../inventory.ts';
import { list } from '../options.ts';
import { withSpinner } from '../spinner.ts';
import { allTargets, partsOf, withTargets } from '../target.ts';

interface CheckOptions {
  readonly read?: boolean;
  readonly require?: readonly string[];
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'only these, names or references')
    .addOption(new Option('--require <fields>', `fields that every entry must have: ${POLICY_FIELDS.join(', ')}`).argParser(list))
    .option('--read', 'also read values, and drop them at once, where nothing else tells whether they are there')
    .action(async (names: string[], options: CheckOptions, self: Command) => check(open(self), names, options));
};

async function check(context: Context, names: readonly string[], options: CheckOptions): Promise<void> {
  const asked = (options.require ?? []).map(policyField);
  await withTargets(context, names, async (chosen, manifest, run) => {
    const targets = names.length > 0 ? chosen : await allTargets(manifest);
    const all = [...targets, ...(await partsOf(targets, manifest))];
    const inventory = await withSpinner(context, asking(all), () => takeInventory(all, manifest, run.sessions, options));
    const required = [...new Set([...manifest.policy.require, ...asked])];
    const found = all.flatMap((target) => [
      ...standingFindings(target, inventory, context.profile),
      ...(targets.includes(target) ? policyFindings(target, required) : []),
    ]);
    const warnings = found.filter(({ problem }) => problem === 'uncertain');
    const findings = found.filter(({ problem }) => problem !== 'uncertain');
    const failures = weighFailures(all, inventory.rows);
    const ok = findings.length === 0 && failures.deciding.length === 0;
    if (context.output.json) {
      const failed = failures.deciding.map(({ code, name, provider, message }) => ({ code, name, provider, message }));
      context.output.resultJson({
        ok,
        profile: manifest.profile,
        checked: targets.length,
        findings: findings.map(findingJson),
        warnings: warnings.map(findingJson),
        failed,
      });
    } else {
      for (const { message, ...warning } of warnings) context.output.warn({ message, ...warning });
      for (const finding of findings) context.output.result(findingText(context, finding));
      if (ok) context.output.result(`${inOrder(targets.length, manifest.profile, warnings.length)}\n`);
    }
    for (const failure of failures.idle) context.output.warn(failure);
    throwIssues(failures.deciding);
    if (!ok) process.exitCode = 1;
  });
}

function policyField(text: string): PolicyField {
  const field = POLICY_FIELDS.find((known) => known === text);
  if (field !== undefined) return field;
  throw new SecretsError({
    code: 'USAGE',
    message: `--require knows no field ${shownWord(text) ?? 'of that name'}`,
    hint: didYouMean(text, POLICY_FIELDS) ?? `it takes ${POLICY_FIELDS.join(', ')}`,
  });
}

function findingText({ output }: Context, finding: Finding): string {
  const { name, message, at, hint, owner, contact, runbook } = finding;
  const whom = [owner, contact === undefined ? undefined : `(${contact})`].filter((part) => part !== undefined).join(' ');
  return [
    `${output.styled('bold', name, 'stdout')}: ${output.styled('red', message, 'stdout')}`,
    ...(at === undefined ? [] : [`  at ${output.where(at)}`]),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...(whom === '' ? [] : [`  owner: ${whom}`]),
    ...(runbook === undefined ? [] : [`  runbook: ${runbook}`]),
    '',
  ].join('\n');
}

const findingJson = ({ name, problem, message, hint, reference, at, owner, contact, runbook }: Finding): Finding => ({
  name,
  problem,
  message,
  hint,
  reference,
  at,
  owner,
  contact,
  runbook,
});

function inOrder(count: number, profile: string | undefined, uncertain: number): string {
  const where = profile === undefined ? '' : ` in profile ${profile}`;
  if (count === 0) return `nothing to check${where}`;
  const certainty = uncertain === 0 ? '' : `, with ${uncertain === 1 ? '1 warning' : `${uncertain} warnings`}`;
  return `${count === 1 ? '1 secret is' : `${count} secrets are`} in order${where}${certainty}`;
}
