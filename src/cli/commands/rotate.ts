/**
 * `secrets rotate`: replaces values in steps that survive a crash, a lost answer and a second rotation at the same
 * time. Nobody sees a value; a reader gets the former one until the new one is proved to work.
 *
 * --json: `{ rotations: [{ name, reference, provider, using, state, rotation, from, version, retireAt, code, message,
 * consumers, affected, running: [{ run, pid, command }] }] }`. `state` is `rotated`, `finished` (it was so already),
 * `nothing`, `aborted`, `retired` or `failed`. With --dry-run: `{ plan: [{ name, reference, provider, using, admin,
 * graceSeconds, owner, contact, runbook, consumers, affected, running }], refused: [{ name, code, message, hint }] }`.
 */
import { Option, type Command } from 'commander';
import { SecretsError, throwIssues } from '../../core/errors.ts';
import type { Engine, Result } from '../../rotation/engine.ts';
import { ROTATOR_NAMES, type RotatorName } from '../../rotation/job.ts';
import type { Journal } from '../../rotation/journal.ts';
import { agree } from '../agree.ts';
import { parseWhere } from '../../run/where.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { REASON, whereOption, withReason, workspaceOption, type ChoiceOptions, type ReasonOption } from '../options.ts';
import { choose, onlyReferences, type Chosen } from '../rotate-choose.ts';
import { engineFor, journalFor, openJournal } from '../rotate-engine.ts';
import { watchManifests } from '../rotate-manifest.ts';
import { outcomeOf } from '../rotate-outcome.ts';
import { withPlaces, type Place } from '../rotate-places.ts';
import { planJson, planLines, planRotations, type PlannedRotation, type RotationPlan } from '../rotate-plan.ts';
import { printOutcomes, type Outcome } from '../rotate-report.ts';
import { graceOf } from '../rotate-words.ts';

interface RotateOptions extends ChoiceOptions, ReasonOption {
  readonly using?: RotatorName;
  readonly admin?: string;
  readonly grace?: string;
  readonly due?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly abort?: boolean;
  readonly parallel?: number;
  readonly yes?: boolean;
}

const DEFAULT_PARALLEL = 4;

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'secrets of the manifest, or references')
    .usage('[options] [NAME|REFERENCE...]')
    .addOption(new Option('--using <rotator>', 'how, where the manifest does not say it').choices(ROTATOR_NAMES))
    .option('--admin <reference>', "the administrator's credential for the target")
    .option('--grace <duration>', 'how long the former value stays usable (24h); 0 ends it at once')
    .option('--due', 'those whose time has come, and the former values whose grace is over')
    .addOption(whereOption('those that match'))
    .addOption(workspaceOption())
    .option('--dry-run', 'show what would be done, to whom, and change nothing')
    .option('--resume', 'go on with a rotation that did not end')
    .option('--abort', 'take a rotation back that did not end')
    .option(REASON[0], `${REASON[1]}; compromise also means --grace 0`)
    .addOption(new Option('--parallel <n>', 'rotations at the same time (4)').argParser(parallelOption))
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `
A credential has leaked:
  secrets rotate DB_PASSWORD --reason compromise   a new value, the former one ended at once
  secrets rotate --where owner=ana --reason offboarding
Every night:
  secrets rotate --due --yes                       secrets schedule prints a timer for it
After a crash:
  secrets rotate DB_PASSWORD --resume              finds out how far it was and finishes it`,
    )
    .action(async (names: string[], options: RotateOptions, self: Command) => rotate(withReason(open(self), options), names, options));
};

function parallelOption(text: string): number {
  const count = Number(text);
  if (/^\d{1,2}$/.test(text) && count >= 1 && count <= 32) return count;
  throw new SecretsError({ code: 'USAGE', message: '--parallel takes a number from 1 to 32', hint: '--parallel 4' });
}

async function rotate(context: Context, names: readonly string[], options: RotateOptions): Promise<void> {
  checkOptions(names, options);
  const { reason } = context;
  const grace = graceOf(options.grace, reason);
  const journal = journalFor(context);
  await withPlaces(context, options.workspace, onlyReferences(names), async (places) => {
    const chosen = await choose(places, { names, where: parseWhere(options.where), due: options.due === true }, journal);
    const isContinued = options.resume === true || options.abort === true;
    const plan = await planRotations(
      chosen,
      { using: options.using, grace },
      options.admin,
      isContinued ? await begunIn(journal) : undefined,
    );
    if (options.dryRun === true) return showPlan(context, plan);
    if (names.length > 0 || plan.rotations.length === 0) throwIssues(plan.refused);
    const retiring = chosen.reduce((sum, one) => sum + one.retiring.length, 0);
    if (plan.rotations.length === 0 && retiring === 0) return nothingDue(context);
    if (!isContinued && plan.rotations.length > 0) await agree(context, planText(plan), question(plan), options.yes);
    await carryOut(context, plan, chosen, journal, options);
  });
}

/** How the rotations were begun that did not end, by their references. */
async function begunIn(journal: Journal): Promise<ReadonlyMap<string, RotatorName>> {
  const open = (await journal.all()).filter(({ step }) => step !== 'retired' && step !== 'aborted');
  return new Map(
    open.flatMap(({ reference, using }) => ROTATOR_NAMES.filter((known) => known === using).map((known) => [reference, known])),
  );
}

function checkOptions(names: readonly string[], { where, due, resume, abort, reason, workspace }: RotateOptions): void {
  const usage = (message: string, hint: string): never => {
    throw new SecretsError({ code: 'USAGE', message, hint });
  };
  if (names.length === 0 && where === undefined && due !== true)
    usage('nothing says what to rotate', 'secrets rotate NAME, --due, or --where owner=NAME');
  if (names.length > 0 && (where !== undefined || due === true)) usage('names go without --where and --due', 'secrets rotate NAME');
  if (names.length > 0 && workspace !== undefined)
    usage('--workspace goes with --due or --where', 'secrets rotate --workspace . --where owner=NAME');
  if (resume === true && abort === true) usage('--resume and --abort exclude each other', 'secrets rotate NAME --resume');
  if (reason !== undefined && reason.trim() === '') usage('--reason says nothing', '--reason "in your own words"');
}

function showPlan({ output }: Context, { rotations, refused }: RotationPlan): void {
  if (output.json) {
    output.resultJson({
      plan: rotations.map(planJson),
      refused: refused.map(({ name, code, message, hint }) => ({ name, code, message, hint })),
    });
    return;
  }
  if (rotations.length > 0) output.result(`${rotations.flatMap(planLines).join('\n')}\n`);
  for (const issue of refused) output.warn(issue);
  output.notice(rotations.length === 0 ? 'nothing would be rotated' : 'nothing was changed: this is what would be done');
}

const planText = ({ rotations, refused }: RotationPlan): readonly string[] => [
  ...rotations.flatMap(planLines),
  ...refused.map(({ name, message }) => `not rotated: ${name ?? ''}: ${message}`),
];

const question = ({ rotations }: RotationPlan): string =>
  rotations.length === 1 ? 'Rotate it?' : `Rotate these ${rotations.length} secrets?`;

function nothingDue({ output }: Context): void {
  if (output.json) output.resultJson({ rotations: [] });
  else output.notice('nothing is due');
}

async function carryOut(
  context: Context,
  plan: RotationPlan,
  chosen: readonly Chosen[],
  journal: Journal,
  options: RotateOptions,
): Promise<void> {
  openJournal(journal);
  const engines = new Map<Place, Engine>();
  for (const { place } of chosen) engines.set(place, engineFor(place, journal, place.run.audit));
  const engineOf = (one: PlannedRotation): Engine => {
    const engine = engines.get(one.place);
    if (engine === undefined) throw new SecretsError({ code: 'INTERNAL', message: 'a rotation has no manifest' });
    return engine;
  };
  const watched = watchManifests(chosen.map(({ place }) => place));
  const act = (one: PlannedRotation): Promise<Result> =>
    options.abort === true ? engineOf(one).abort(one.job) : engineOf(one).rotate(one.job, options.resume === true);
  const retired = await endFormer(chosen, engines);
  const outcomes = [...retired, ...(await inGroups(plan.rotations, options.parallel ?? DEFAULT_PARALLEL, act))];
  printOutcomes(context.output, outcomes);
  watched();
  const issues = outcomes.flatMap(({ issue }) => issue ?? []);
  throwIssues([...issues, ...plan.refused]);
}

/** Ends former values before anything new is made, so that two rotations of one secret don't meet. */
async function endFormer(chosen: readonly Chosen[], engines: ReadonlyMap<Place, Engine>): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { place, retiring } of chosen) {
    for (const { target, record } of retiring) {
      const using = ROTATOR_NAMES.find((known) => known === record.using);
      const { rotations } = await planRotations([{ place, targets: [target] }], { using }, undefined);
      for (const rotation of rotations)
        outcomes.push(await outcomeOf(rotation, async () => engines.get(place)?.retire(rotation.job, record)));
    }
  }
  return outcomes;
}

/** One after the other for the same document, several documents at once. */
async function inGroups(
  rotations: readonly PlannedRotation[],
  parallel: number,
  act: (one: PlannedRotation) => Promise<Result>,
): Promise<readonly Outcome[]> {
  const { default: pLimit } = await import('p-limit');
  const limit = pLimit(parallel);
  const groups = Map.groupBy(rotations, ({ document }) => document);
  const done = new Map<PlannedRotation, Outcome>();
  const one = async (group: readonly PlannedRotation[]): Promise<void> => {
    for (const rotation of group) done.set(rotation, await outcomeOf(rotation, () => act(rotation)));
  };
  await Promise.all([...groups.values()].map((group) => limit(() => one(group))));
  return rotations.flatMap((rotation) => done.get(rotation) ?? []);
}
