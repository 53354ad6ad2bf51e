/**
 * `secrets move NAME --to REFERENCE`: a value to another place, with its reference in the manifest. In this order:
 * read, write where nothing is yet, read back with a new sign-in and compare, change the manifest, and only then,
 * if asked for, remove the old value. Ended at any moment, the value is in the place that the manifest names, and
 * the same command goes on.
 *
 * --json: `{ name, from, to, version, profile, sourceDeleted }`; `profile` is the section of the manifest that was
 * changed, left out for the base.
 */
import type { Command } from 'commander';
import { SecretsError, type Issue } from '../../core/errors.ts';
import { Fault } from '../../core/fault.ts';
import type { Manifest, SecretSpec } from '../../core/model.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import { setReference } from '../../manifest/index.ts';
import { load } from '../../run/load.ts';
import type { PlannedReference } from '../../run/plan.ts';
import type { ResolvedSecret } from '../../run/resolve.ts';
import { isSame, overlaps, putNewValue, putValue, readValues, removeValue } from '../../run/write.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { prepareEdit, sourcePlace, type EntryPlace } from '../manifest-edit.ts';
import { kebabOf } from '../naming.ts';
import { again } from '../said-once.ts';
import { withRun } from '../session.ts';
import { REASON, withReason, type ReasonOption } from '../options.ts';
import { withSpinner } from '../spinner.ts';
import { checkFits, failure, placedAt, versionText, writable } from '../stored.ts';
import { isReference, targetOf, type Target } from '../target.ts';
import { affectedBy, allUses, useText, type Use } from '../uses.ts';

interface MoveOptions extends ReasonOption {
  readonly to: string;
  readonly overwrite?: boolean;
  readonly deleteSource?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest')
    .requiredOption('--to <reference>', 'the new place')
    .option('--overwrite', 'replace a value that is there')
    .option('--delete-source', 'remove the old value at the end')
    .option(...REASON)
    .action(async (name: string, options: MoveOptions, self: Command) => move(withReason(open(self), options), name, options));
};

interface Plan {
  readonly manifest: Manifest;
  readonly from: PlannedReference;
  readonly source: Target;
  readonly to: PlannedReference;
  readonly destination: Target;
  readonly place: EntryPlace;
}

async function move(context: Context, name: string, options: MoveOptions): Promise<void> {
  const plan = await planMove(context, name, options);
  const { source, from, destination, to, place } = plan;
  const { text } = to.placed.reference;
  const edit = prepareEdit(context, place.file, (before, file) => setReference(before, name, text, { profile: place.profile, file }));
  const { value, version } = await copy(context, plan, options.overwrite === true);
  await verify(context, destination, to, value);
  value.wipe();
  await edit.commit();
  const { output } = context;
  const section = place.profile === undefined ? '' : ` in the profile ${place.profile}`;
  if (!output.json) output.result(`moved ${name}${section} from ${from.placed.reference.text} to ${text}${versionText(version)}\n`);
  if (options.deleteSource === true) await deleteSource(context, source, from);
  else output.notice(`the old value is still there: secrets remove ${from.placed.reference.text} removes it`);
  if (output.json) {
    const sourceDeleted = options.deleteSource === true;
    output.resultJson({ name, from: from.placed.reference.text, to: text, version, profile: place.profile, sourceDeleted });
  }
}

async function planMove(context: Context, name: string, options: MoveOptions): Promise<Plan> {
  if (isReference(name)) {
    throw usage('move takes the name of a secret, whose reference it changes', 'secrets move NAME --to REFERENCE');
  }
  const { manifest } = await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile: context.profile });
  const source = await targetOf(name, manifest);
  if (!isReference(options.to)) {
    throw usage('--to takes the reference of the new place', `secrets move ${name} --to local://${kebabOf(name)}`);
  }
  const destination = placedAt({ ...(await targetOf(options.to, manifest)), label: name, name }, source.spec.at);
  const [from, second] = source.references;
  const about = { name, at: source.spec.at };
  if (from === undefined) throw usage('it has no value of its own to move', `secrets explain ${name}`, about);
  if (second !== undefined) {
    throw usage(
      'it has several references, and it is not clear which one moves',
      'leave one in the manifest, or edit the list by hand',
      about,
    );
  }
  const to = writable(destination);
  if (isSame(from, to)) throw usage(`it is at ${options.to} already`, `secrets describe ${name}`, about);
  const uses = await allUses(context, manifest);
  const place = placeToEdit(context, source.spec, manifest, uses);
  if (place === undefined)
    throw usage('its reference stands in an extended file', 'change it there, or write an entry of its own here', about);
  if (options.deleteSource === true) checkDeletion(name, from, to, manifest, uses, place);
  return { manifest, from, source, to, destination, place };
}

/**
 * The section whose reference changes. With --profile it is that profile's. Else it is where the reference stands,
 * unless it means another place in another profile (`${profile}`): then only the profile in effect moves.
 */
function placeToEdit(context: Context, spec: SecretSpec, manifest: Manifest, uses: readonly Use[]): EntryPlace | undefined {
  const place = sourcePlace(spec, manifest, context.cwd);
  if (place === undefined || manifest.profile === undefined || place.profile === manifest.profile) return place;
  const here = positionOf(spec);
  const differs = uses.some(
    (use) =>
      use.name === spec.name && use.profile !== manifest.profile && positionOf(use.spec) === here && textOf(use.spec) !== textOf(spec),
  );
  return context.profile !== undefined || differs ? { file: place.file, profile: manifest.profile } : place;
}

const positionOf = ({ source }: SecretSpec): string => JSON.stringify(source.kind === 'references' ? source.references[0].at : null);
const textOf = ({ source }: SecretSpec): string => (source.kind === 'references' ? source.references[0].reference.text : '');

/** Nothing else may lose its value. */
function checkDeletion(
  name: string,
  from: PlannedReference,
  to: PlannedReference,
  manifest: Manifest,
  uses: readonly Use[],
  place: EntryPlace,
): void {
  if (from.parsed.version !== undefined || from.parsed.stage !== undefined)
    throw usage('--delete-source would remove more than the version that the reference is pinned to', 'leave it out', { name });
  if (overlaps(from, to)) throw usage('the new place lies in the old one, which --delete-source would remove', 'leave it out', { name });
  const others = affectedBy(from, uses).filter(
    (use) => use.name !== name || (place.profile !== undefined && use.profile !== place.profile),
  );
  if (others.length === 0) return;
  const list = others.map((use) => useText(use, manifest)).join(', ');
  throw usage(`the old value is also used by ${list}, so it cannot be deleted`, 'leave --delete-source out', { name });
}

const usage = (message: string, hint: string, more: Partial<Issue> = {}): SecretsError =>
  new SecretsError({ ...more, code: 'USAGE', message, hint });

interface Copied {
  readonly value: SecretValue;
  /** That of the new place. */
  readonly version: string | undefined;
}

/** Reads the value and writes it. The same value in the new place, as an ended move leaves it, is as good. */
async function copy(context: Context, { source, from, destination, to, manifest }: Plan, overwrite: boolean): Promise<Copied> {
  return withRun(context, async (_loaded, run) => {
    run.sessions.call(to.placed.reference.text, source.label);
    const read = async (reference: PlannedReference): Promise<ResolvedSecret> => {
      const [outcome] = await readValues([reference], manifest, run.sessions);
      if (outcome?.ok === true) return outcome.value;
      throw failure(source, outcome?.fault, reference);
    };
    const old = await withSpinner(context, `reading from ${from.configured.config.name}`, () => read(from));
    if (old.lease !== undefined)
      throw usage('its value is made anew for every run, so there is nothing to move', 'write the new reference into the manifest', {
        name: source.label,
      });
    checkFits(destination, to, old.value);
    return withSpinner(context, `storing in ${to.configured.config.name}`, async () => {
      try {
        const put = overwrite ? putValue(to, old.value, undefined, run.sessions) : putNewValue(to, old.value, manifest, run.sessions);
        return { value: old.value, version: (await put).version };
      } catch (error) {
        if (overwrite || !(error instanceof Fault) || error.kind !== 'conflict') throw failure(destination, error, to);
        const there = await read(to);
        if (there.value.equals(old.value)) return { value: old.value, version: there.version };
        throw failure(destination, error, to, '--overwrite replaces the value that is there');
      }
    });
  });
}

/** Reads the new place as a run would, with sessions that have seen nothing yet. */
async function verify(context: Context, target: Target, to: PlannedReference, value: SecretValue): Promise<void> {
  const read = await withRun(again(context), (loaded, run) => {
    run.sessions.call(to.placed.reference.text, target.label);
    return withSpinner(context, `reading back from ${to.configured.config.name}`, () => readValues([to], loaded.manifest, run.sessions));
  });
  const [outcome] = read;
  if (outcome?.ok !== true) throw failure(target, outcome?.fault, to);
  if (outcome.value.value.equals(value)) return;
  throw new SecretsError({
    code: 'PROVIDER_PROTOCOL',
    reference: to.placed.reference.text,
    message: 'what was read back differs from what was written; the manifest is unchanged',
    hint: 'secrets doctor',
  });
}

async function deleteSource(context: Context, source: Target, from: PlannedReference): Promise<void> {
  const { text } = from.placed.reference;
  try {
    await withRun(again(context), (_loaded, run) => {
      run.sessions.call(text, source.label);
      return withSpinner(context, `removing from ${from.configured.config.name}`, () => removeValue(from, run.sessions));
    });
  } catch (error) {
    throw failure(source, error, from, `the move itself is done; try again with: secrets remove ${text}`);
  }
  context.output.notice(`the old value at ${text} is removed`);
}
