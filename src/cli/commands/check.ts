/**
 * `secrets check`: a gate for CI. Exit 1 if something required is absent, over its maxAge, expired, disabled, or
 * lacks what `policy.require` or `--require` asks; metadata only, unless `--read`. A manager that can't be asked is an
 * error with its own exit code, never a "no".
 *
 * --json: `{ ok, profile, checked, findings: [finding], warnings: [finding], failed: [{ code, name, provider, message }] }`
 * with finding `{ name, problem, message, hint, reference, at: { file, line, column }, owner, contact, runbook }`.
 * `problem` is `absent`, `over-age`, `expired`, `disabled` or `undocumented`; in `warnings` it is `overdue` (its rotation)
 * or `uncertain`. `ok` is true when there are neither findings nor failures. --format sarif is SARIF 2.1.0, junit is
 * JUnit XML.
 */
import path from 'node:path';
import { Option, type Command } from 'commander';
import { SecretsError, throwIssues, type Issue } from '../../core/errors.ts';
import { POLICY_FIELDS, type PolicyField } from '../../core/model.ts';
import { didYouMean, shownWord } from '../../core/suggest.ts';
import { matches, factsOf, parseWhere, type Where } from '../../run/where.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { isWarning, policyFindings, standingFindings, type Finding } from '../findings.ts';
import { failedState, standingOf, weighFailures } from '../inventory.ts';
import { list, whereOption, workspaceOption, type ChoiceOptions } from '../options.ts';
import { shortPath } from '../output.ts';
import { whomText, type Checked, type Report } from '../reports/report.ts';
import { withSurvey, type Survey, type Surveyed } from '../survey.ts';
import type { Target } from '../target.ts';

const FORMATS = ['text', 'json', 'sarif', 'junit'] as const;

interface CheckOptions extends ChoiceOptions {
  readonly read?: boolean;
  readonly require?: readonly string[];
  readonly format?: (typeof FORMATS)[number];
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'only these, names or references')
    .addOption(workspaceOption())
    .addOption(whereOption('only these'))
    .addOption(new Option('--require <fields>', `fields that every entry must have: ${POLICY_FIELDS.join(', ')}`).argParser(list))
    .addOption(new Option('--format <format>', 'how to print the result').choices(FORMATS))
    .option('--read', 'also read values, and drop them at once, where nothing else tells whether they are there')
    .action(async (names: string[], options: CheckOptions, self: Command) => check(open(self), names, options));
};

async function check(context: Context, names: readonly string[], options: CheckOptions): Promise<void> {
  const asked = (options.require ?? []).map(policyField);
  const where = parseWhere(options.where);
  const { workspace, read } = options;
  const format = options.format ?? (context.output.json ? 'json' : 'text');
  await withSurvey(context, names, { workspace, where, read }, async (survey) => {
    const weighed = survey.parts.map((part) => weighFailures(part.all, part.inventory.rows));
    const failed = [...weighed.flatMap(({ deciding }) => deciding), ...survey.issues];
    const report: Report = { checked: survey.parts.flatMap((part) => checkPart(context, part, asked, where)), failed };
    const ok = failed.length === 0 && report.checked.every(({ findings }) => findings.length === 0);
    await print(context, report, { format, ok, survey });
    for (const failure of weighed.flatMap(({ idle }) => idle)) context.output.warn(failure);
    throwIssues(failed);
    if (!ok) process.exitCode = 1;
  });
}

/** What was asked for; of what only serves a template, that what is wrong with it. */
function checkPart(context: Context, part: Surveyed, asked: readonly PolicyField[], where: Where | undefined): readonly Checked[] {
  const { manifest, targets, all, inventory, place } = part;
  const required = [...new Set([...manifest.policy.require, ...asked])];
  const shown = part.file ?? (manifest.path === undefined ? 'the command line' : shortPath(manifest.path, context.cwd));
  return all.flatMap((target): readonly Checked[] => {
    const isAsked = targets.includes(target);
    if (isAsked && !isMeant(target, part, where, place)) return [];
    const found = [...standingFindings(target, inventory, context.profile), ...(isAsked ? policyFindings(target, required) : [])];
    if (!isAsked && found.length === 0) return [];
    const at = target.name === undefined ? undefined : target.spec.at;
    const findings = found.filter((finding) => !isWarning(finding));
    return [{ name: target.label, asked: isAsked, manifest: shown, at, findings, warnings: found.filter(isWarning) }];
  });
}

function isMeant(target: Target, { inventory }: Surveyed, where: Where | undefined, place: Surveyed['place']): boolean {
  const { state, row } = standingOf(target, inventory.rows);
  const fault = row?.kind === 'reference' ? row.fault : undefined;
  const shown = state === 'failed' ? (fault === undefined ? 'failed' : failedState(fault.code)) : state;
  const reference = row?.kind === 'reference' ? row.reference.placed.reference : undefined;
  return matches(where, factsOf(target.spec, reference, { ...place, state: [shown] }));
}

interface Form {
  readonly format: (typeof FORMATS)[number];
  readonly ok: boolean;
  readonly survey: Survey;
}

async function print(context: Context, report: Report, { format, ok, survey }: Form): Promise<void> {
  const { output } = context;
  const { checked, failed } = report;
  const findings = checked.flatMap((one) => one.findings);
  const warnings = checked.flatMap((one) => one.warnings);
  const count = checked.filter(({ asked }) => asked).length;
  const profile = survey.parts.length === 1 ? survey.parts[0]?.manifest.profile : context.profile;
  const relative = (file: string): string => path.relative(context.cwd, path.resolve(context.cwd, file)).replaceAll('\\', '/');
  switch (format) {
    case 'json':
      output.resultJson({
        ok,
        profile,
        checked: count,
        findings: findings.map((finding) => findingJson(context, finding)),
        warnings: warnings.map((finding) => findingJson(context, finding)),
        failed: failed.map(failedJson),
      });
      return;
    case 'sarif':
      output.result((await import('../reports/sarif.ts')).sarifText(report, relative));
      return;
    case 'junit':
      output.result((await import('../reports/junit.ts')).junitText(report, relative));
      return;
    case 'text':
      for (const { message, ...warning } of warnings) output.warn({ message, ...warning });
      for (const finding of findings) output.result(`${findingText(context, finding)}\n`);
      if (ok) output.result(`${inOrder(count, profile, warnings.length)}\n`);
  }
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

/** One line, so that a log can be searched for it. */
function findingText({ output }: Context, finding: Finding): string {
  const { name, message, at, hint } = finding;
  return [
    `${output.styled('bold', name, 'stdout')}: ${output.styled('red', message, 'stdout')}`,
    ...(at === undefined ? [] : [`at ${output.where(at)}`]),
    ...whomText(finding),
    ...(hint === undefined ? [] : [`hint: ${output.hint(hint)}`]),
  ].join('; ');
}

const failedJson = ({ code, name, provider, message, at }: Issue) => ({ code, name, provider, message, at });

function findingJson({ output }: Context, { name, problem, message, hint, reference, at, owner, contact, runbook }: Finding): Finding {
  const typed = hint === undefined ? undefined : output.hint(hint);
  return { name, problem, message, hint: typed, reference, at, owner, contact, runbook };
}

function inOrder(count: number, profile: string | undefined, uncertain: number): string {
  const where = profile === undefined ? '' : ` in profile ${profile}`;
  if (count === 0) return `nothing to check${where}`;
  const certainty = uncertain === 0 ? '' : `, with ${uncertain === 1 ? '1 warning' : `${uncertain} warnings`}`;
  return `${count === 1 ? '1 secret is' : `${count} secrets are`} in order${where}${certainty}`;
}
