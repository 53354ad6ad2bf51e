/**
 * `secrets setup`: everything that a run needs and that is not there yet. At a terminal each value is asked for, with
 * what the manifest says about it; those with `generate: true` are made. Where nobody can be asked it lists what is
 * missing and how to store it, and with --yes makes what can be made.
 *
 * Exit 0: nothing required is missing any more. Exit 1: something is.
 *
 * --json: `{ stored: [{ name, reference, version, generated }], missing: [{ name, reference, command, description, owner,
 * contact, runbook }], unknown: [{ name, reference }] }`. `unknown` are those whose manager does not tell.
 */
import type { Command } from 'commander';
import { throwIssues, type Issue } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Sessions } from '../../provider-kit/session.ts';
import { generateValue } from '../../run/generate.ts';
import { inspect } from '../../run/inspect.ts';
import type { PlannedReference } from '../../run/plan.ts';
import { putNewValue, putValue, writeRefusal } from '../../run/write.ts';
import type { CommandModule } from '../commands.ts';
import type { Context, GlobalOptions } from '../context.ts';
import { ownerText } from '../facts.ts';
import { askConfirm } from '../prompts.ts';
import { again } from '../said-once.ts';
import { withRun } from '../session.ts';
import { withSpinner } from '../spinner.ts';
import { checkFits, failure, versionText } from '../stored.ts';
import { allTargets, issueOf, type Target, setCommand } from '../target.ts';
import { askNewValue } from '../value-input.ts';

interface SetupOptions {
  readonly yes?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command.option('-y, --yes', 'make what can be made without asking').action(async (options: SetupOptions, self: Command) => {
    const noInput = self.optsWithGlobals<GlobalOptions>().input === false;
    await setup(open(self), { make: options.yes === true || noInput });
  });
};

interface Survey {
  readonly missing: readonly Target[];
  /** The manager does not tell whether there is a value. */
  readonly unknown: readonly Target[];
  readonly issues: readonly Issue[];
  /** How many there are in all. */
  readonly required: number;
}

interface Stored {
  readonly name: string;
  readonly reference: string;
  readonly version: string | undefined;
  readonly generated: boolean;
}

async function setup(context: Context, { make }: { readonly make: boolean }): Promise<void> {
  const survey = await withRun(context, ({ manifest }, run) =>
    withSpinner(context, 'looking for what is missing', async () => lookFor(await allTargets(manifest), manifest, run.sessions)),
  );
  const { output } = context;
  const stored: Stored[] = [];
  const left: Target[] = [];
  for (const target of survey.missing) {
    const done = await provide(context, target, make);
    if (done === undefined) left.push(target);
    else stored.push(done);
    if (done !== undefined && !output.json) {
      output.result(`${done.generated ? 'made and stored' : 'stored'} ${done.name} at ${done.reference}${versionText(done.version)}\n`);
    }
  }
  const unknown: Target[] = [];
  for (const target of survey.unknown) {
    const done = context.interactive ? await offer(context, target) : undefined;
    if (done === undefined) unknown.push(target);
    else stored.push(done);
  }
  report(context, survey, { stored, left, unknown });
  if (left.length > 0) process.exitCode = 1;
  throwIssues(survey.issues);
}

/** Required secrets without a value. A list of references is missing when all of them are absent. */
async function lookFor(targets: readonly Target[], manifest: Manifest, sessions: Sessions): Promise<Survey> {
  const needed = targets.filter(({ spec, references }) => spec.required && spec.default === undefined && references.length > 0);
  const all = needed.flatMap(({ references }) => references);
  const outcomes = await inspect(all, manifest, sessions);
  const outcomeOf = new Map(all.map((reference, index) => [reference, outcomes[index]]));
  const missing: Target[] = [];
  const unknown: Target[] = [];
  const issues: Issue[] = [];
  for (const target of needed) {
    const states = target.references.map((reference) => {
      const outcome = outcomeOf.get(reference);
      if (outcome?.ok === true) return outcome.value.presence;
      return outcome?.fault.kind === 'not-found' ? 'absent' : 'failed';
    });
    if (states.includes('present')) continue;
    if (states.every((state) => state === 'absent')) missing.push(target);
    else if (states.includes('failed')) {
      const reference = target.references[states.indexOf('failed')];
      const outcome = reference === undefined ? undefined : outcomeOf.get(reference);
      if (outcome?.ok === false) issues.push(issueOf(target, outcome.fault, reference));
    } else unknown.push(target);
  }
  return { missing, unknown, issues, required: needed.length };
}

/** Makes or asks for one value and stores it; undefined where neither is possible. */
async function provide(context: Context, target: Target, make: boolean): Promise<Stored | undefined> {
  const reference = placeFor(target);
  if (reference === undefined) return undefined;
  const generate = target.spec.generate;
  if (generate !== undefined && (make || context.interactive)) return store(context, target, reference, generateValue(generate), true);
  if (!context.interactive) return undefined;
  show(context, target);
  const value = await askNewValue(target.label, 'empty to skip');
  return value.size === 0 ? undefined : store(context, target, reference, value, false);
}

/** The first reference that can be written to. */
const placeFor = ({ references }: Target): PlannedReference | undefined =>
  references.find((reference) => writeRefusal(reference) === undefined);

async function store(
  context: Context,
  target: Target,
  reference: PlannedReference,
  value: SecretValue,
  generated: boolean,
): Promise<Stored> {
  checkFits(target, reference, value);
  try {
    const { version } = await withRun(again(context), ({ manifest }, run) =>
      withSpinner(context, `storing in ${reference.configured.config.name}`, () => putNewValue(reference, value, manifest, run.sessions)),
    );
    return { name: target.label, reference: reference.placed.reference.text, version, generated };
  } catch (error) {
    throw failure(target, error, reference);
  } finally {
    value.wipe();
  }
}

/** For a manager that does not tell whether there is a value. */
async function offer(context: Context, target: Target): Promise<Stored | undefined> {
  const reference = placeFor(target);
  if (reference === undefined) return undefined;
  const question = `${reference.configured.provider.title} does not tell whether ${target.label} has a value. Store one now, over what may be there?`;
  if (!(await askConfirm(question, false))) return undefined;
  show(context, target);
  const value = await askNewValue(target.label, 'empty to skip');
  if (value.size === 0) return undefined;
  checkFits(target, reference, value);
  try {
    const { version } = await withRun(again(context), (_loaded, run) => putValue(reference, value, undefined, run.sessions));
    return { name: target.label, reference: reference.placed.reference.text, version, generated: false };
  } catch (error) {
    throw failure(target, error, reference);
  }
}

/** What the manifest says about a secret, above the question for it. */
function show(context: Context, { label, spec, references }: Target): void {
  const { output } = context;
  output.notice(output.styled('bold', label) + (spec.description === undefined ? '' : `: ${spec.description}`));
  const owner = ownerText(spec.owner, spec.contact);
  const lines = [
    `goes to ${references[0]?.placed.reference.text ?? ''}`,
    ...(owner === '' ? [] : [`ask ${owner}`]),
    ...(spec.runbook === undefined ? [] : [`see ${spec.runbook}`]),
  ];
  for (const line of lines) output.notice(`  ${line}`);
}

function report(
  context: Context,
  survey: Survey,
  { stored, left, unknown }: { readonly stored: readonly Stored[]; readonly left: readonly Target[]; readonly unknown: readonly Target[] },
): void {
  const { output } = context;
  const reference = (target: Target): string => target.references[0]?.placed.reference.text ?? '';
  if (output.json) {
    output.resultJson({
      stored,
      missing: left.map((target) => {
        const { description, owner, contact, runbook } = target.spec;
        return {
          name: target.label,
          reference: reference(target),
          command: commandFor(target, context.profile),
          description,
          owner,
          contact,
          runbook,
        };
      }),
      unknown: unknown.map((target) => ({ name: target.label, reference: reference(target) })),
    });
    return;
  }
  for (const target of unknown)
    output.notice(
      `${target.label}: ${reference(target)} does not tell whether it has a value (${setCommand(target.label, context.profile)} stores one)`,
    );
  if (left.length === 0) {
    if (survey.issues.length === 0 && unknown.length === 0)
      output.result(survey.required === 0 ? 'nothing is required\n' : 'every required value is there\n');
    return;
  }
  output.result(`${left.length} required ${left.length === 1 ? 'value is' : 'values are'} missing:\n`);
  for (const target of left) {
    const { description, runbook } = target.spec;
    const owner = ownerText(target.spec.owner, target.spec.contact);
    const about = [description, owner === '' ? undefined : `ask ${owner}`, runbook].filter((part) => part !== undefined).join('; ');
    output.result(`  ${commandFor(target, context.profile)}${about === '' ? '' : `   # ${about}`}\n`);
  }
}

/** What to type for a missing value. */
function commandFor(target: Target, profile: string | undefined): string {
  const reference = placeFor(target);
  if (reference !== undefined) return `${setCommand(target.label, profile)}${target.spec.generate === undefined ? '' : ' --generate'}`;
  const [first] = target.references;
  return first?.configured.config.use === 'env' ? `export ${first.parsed.key}=...` : `secrets describe ${target.label}`;
}
