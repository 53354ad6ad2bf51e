/** What a rotation will do, to whom, and how it is shown before anybody agrees to it. Touches no network. */
import type { Issue } from '../core/errors.ts';
import type { SecretSpec } from '../core/model.ts';
import { userFolders } from '../platform/folders.ts';
import { holderState } from '../platform/lock-holder.ts';
import { documentOf, graceText, jobFor, type Job, type RotatorName, type Wishes } from '../rotation/job.ts';
import { loadAdapters, providersOf, understand, type PlannedReference } from '../run/plan.ts';
import { runsFolder, sweepRecords, type RunRecord } from '../run/records.ts';
import { overlaps } from '../run/write.ts';
import type { Context } from './context.ts';
import type { Place } from './rotate-places.ts';
import { issueAbout } from './stored.ts';
import { asFault } from '../provider-kit/operation.ts';
import { Fault } from '../core/fault.ts';
import { isReference, targetsOf, type Target } from './target.ts';
import { affectedBy, allUses, useText, type Use } from './uses.ts';

export interface PlannedRotation {
  readonly place: Place;
  readonly target: Target;
  readonly job: Job;
  /** Equal for references that mean the same document. */
  readonly document: string;
  /** Other entries that mean the same value, and templates that hold it. */
  readonly affected: readonly string[];
  /** Running programs that have the present value. */
  readonly running: readonly RunRecord[];
}

export interface RotationPlan {
  readonly rotations: readonly PlannedRotation[];
  /** Why others can't be rotated. */
  readonly refused: readonly Issue[];
}

/**
 * @param admin a reference that goes before the manifest's
 * @param begun how a rotation that did not end was begun, by its reference: what is gone on with need not be said again
 */
export async function planRotations(
  chosen: readonly { readonly place: Place; readonly targets: readonly Target[] }[],
  wishes: Omit<Wishes, 'admin'>,
  admin: string | undefined,
  begun: ReadonlyMap<string, RotatorName> = new Map(),
): Promise<RotationPlan> {
  const rotations: PlannedRotation[] = [];
  const refused: Issue[] = [];
  for (const { place, targets } of chosen) {
    const { manifest } = place.loaded;
    const own = admin === undefined ? undefined : (await targetsOf([admin], manifest))[0]?.references[0];
    const uses = await allUses(place.context, manifest);
    const records = recordsOf(place.context);
    for (const target of targets) {
      const [reference] = target.references;
      const using = wishes.using ?? (target.spec.rotate === undefined ? begun.get(reference?.placed.reference.text ?? '') : undefined);
      const job = await jobFor(target, { ...wishes, using, admin: own }, manifest, (spec) => adminOf(spec, place));
      const planned = 'rotator' in job ? inSurroundings(job, target, place, uses, records) : job;
      if ('job' in planned) rotations.push(planned);
      else if (reference === undefined) refused.push({ ...planned, name: target.label, at: target.spec.at });
      else refused.push({ ...issueAbout(target, new Fault('ref', planned.message), reference), ...planned });
    }
  }
  return { rotations: distinct(rotations), refused };
}

function inSurroundings(
  job: Job,
  target: Target,
  place: Place,
  uses: readonly Use[],
  records: readonly RunRecord[],
): PlannedRotation | Pick<Issue, 'code' | 'message' | 'hint'> {
  try {
    const value: PlannedReference = { ...job.reference, parsed: job.unit };
    const same = affectedBy(value, uses);
    const texts = new Set([
      job.reference.placed.reference.text,
      ...same.flatMap(({ references }) => references.filter((one) => overlaps(value, one)).map(({ placed }) => placed.reference.text)),
    ]);
    return {
      place,
      target,
      job,
      document: documentOf(job, place.run.sessions),
      affected: affectedNames(job, same, place),
      running: records.filter(({ secrets }) =>
        secrets.some(({ state, reference }) => state === 'injected' && reference !== undefined && texts.has(reference)),
      ),
    };
  } catch (error) {
    const { code, detail } = asFault(error);
    return { code, message: detail.message, hint: detail.hint };
  }
}

/** The same document and field in two manifests is rotated once; what the other says about it is not lost. */
function distinct(rotations: readonly PlannedRotation[]): readonly PlannedRotation[] {
  const byValue = new Map<string, PlannedRotation>();
  for (const one of rotations) {
    const key = JSON.stringify([one.document, one.job.unit.field]);
    const known = byValue.get(key);
    const more =
      known === undefined ? [] : [...known.affected, ...(known.job.label === one.job.label ? [] : [one.job.label]), ...one.affected];
    byValue.set(key, known === undefined ? one : { ...known, affected: [...new Set(more)].filter((name) => name !== known.job.label) });
  }
  return [...byValue.values()];
}

async function adminOf({ name, rotate }: SecretSpec, { loaded: { manifest } }: Place): Promise<PlannedReference | undefined> {
  if (rotate?.admin === undefined) return undefined;
  const { adapters, issues } = await loadAdapters(providersOf(manifest, [rotate.admin]));
  const [wrong] = issues;
  const planned = wrong ?? understand(rotate.admin, adapters, name);
  if ('parsed' in planned) return planned;
  throw new Fault('options', {
    message: `rotate.admin: ${planned.message}`,
    ...(planned.hint === undefined ? {} : { hint: planned.hint }),
  });
}

/** @param same entries that mean the same value */
function affectedNames(job: Job, same: readonly Use[], { loaded: { manifest } }: Place): readonly string[] {
  const own = new Set([job.name, ...same.map(({ name }) => name)]);
  const templates = [...manifest.secrets.values()].filter(
    ({ source }) => source.kind === 'template' && source.parts.some((part) => 'name' in part && own.has(part.name)),
  );
  const names = [
    ...same.filter(({ name, profile }) => name !== job.name || profile !== manifest.profile).map((use) => useText(use, manifest)),
    ...templates.map(({ name }) => name),
  ];
  return [...new Set(names)];
}

function recordsOf({ env }: Context): readonly RunRecord[] {
  const { state } = userFolders(env);
  if (state === undefined) return [];
  return sweepRecords(runsFolder(state)).filter(({ program, run }) => holderState(program ?? run) !== 'dead');
}

/** `DB_PASSWORD  vault://secret/db#password  by postgres; the former value ends after 1d`, and who notices. */
export function planLines({ job, affected, running }: PlannedRotation): readonly string[] {
  const { text } = job.reference.placed.reference;
  const { owner, contact, consumers, runbook } = job.spec;
  const who = [owner, contact === undefined ? undefined : `(${contact})`].filter((part) => part !== undefined).join(' ');
  return [
    isReference(job.label) ? text : `${job.label}  ${text}`,
    `  by ${job.using}${job.admin === undefined ? '' : `, as ${job.admin.placed.reference.text}`}; the former value ends ${graceText(job.grace)}`,
    ...(who === '' ? [] : [`  owner: ${who}`]),
    ...(runbook === undefined ? [] : [`  runbook: ${runbook}`]),
    ...(consumers.length === 0 ? [] : [`  consumers: ${consumers.join(', ')}`]),
    ...(affected.length === 0 ? [] : [`  also changes: ${affected.join(', ')}`]),
    ...running.map(
      ({ command, program, run, profile }) =>
        `  running with the present value: ${command} (pid ${(program ?? run).pid}${profile === undefined ? '' : `, ${profile}`})`,
    ),
  ];
}

export const planJson = ({ job, affected, running }: PlannedRotation): object => ({
  name: job.name,
  reference: job.reference.placed.reference.text,
  provider: job.reference.placed.reference.provider,
  using: job.using,
  admin: job.admin?.placed.reference.text,
  graceSeconds: Math.round(job.grace / 1000),
  owner: job.spec.owner,
  contact: job.spec.contact,
  runbook: job.spec.runbook,
  consumers: job.spec.consumers,
  affected,
  running: running.map(({ id, command, program, run, profile, since }) => ({
    run: id,
    pid: (program ?? run).pid,
    command,
    profile,
    since,
  })),
});

/** A failure of a rotation as an issue about its secret. */
export const rotationIssue = ({ target, job }: Pick<PlannedRotation, 'target' | 'job'>, error: unknown): Issue =>
  issueAbout(target, asFault(error), job.reference);
