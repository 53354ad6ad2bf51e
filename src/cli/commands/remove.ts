/**
 * `secrets remove NAME` or `secrets remove REFERENCE`: the value out of its manager, then the entry out of the
 * manifest. It asks first, and says whether the value can be had back.
 *
 * --json: `{ name, reference, valueRemoved, entryRemoved, recovery }`; `name` is left out for a reference, `reference`
 * and `recovery` where no value was removed.
 */
import type { Command } from 'commander';
import { SecretsError, type Issue } from '../../core/errors.ts';
import { Fault } from '../../core/fault.ts';
import type { Manifest } from '../../core/model.ts';
import { removeSecret } from '../../manifest/index.ts';
import type { PlannedReference } from '../../run/plan.ts';
import { removeValue } from '../../run/write.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { withOptionalManifest } from '../loaded-run.ts';
import { manifestFile, prepareEdit, sourcePlace, type PreparedEdit } from '../manifest-edit.ts';
import { askConfirm } from '../prompts.ts';
import { recoveryOf } from '../recovery.ts';
import { again } from '../said-once.ts';
import { REASON, withReason, type ReasonOption } from '../options.ts';
import { withSpinner } from '../spinner.ts';
import { failure } from '../stored.ts';
import { isReference, targetOf, type Target } from '../target.ts';
import { affectedBy, allUses, useText, type Use } from '../uses.ts';

interface RemoveOptions extends ReasonOption {
  readonly yes?: boolean;
  readonly keepEntry?: boolean;
  readonly keepValue?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, or a reference')
    .option('-y, --yes', 'do not ask')
    .option('--keep-entry', 'leave the manifest as it is')
    .option('--keep-value', 'leave the value in its manager')
    .option(...REASON)
    .action(async (name: string, options: RemoveOptions, self: Command) => remove(withReason(open(self), options), name, options));
};

interface Removal {
  readonly target: Target;
  readonly manifest: Manifest;
  /** The value to remove. */
  readonly reference?: PlannedReference;
  readonly edit?: PreparedEdit;
  /** Entries that lose their value besides this one. */
  readonly others: readonly Use[];
  /** References of the same name in other profiles, whose values stay. */
  readonly left: readonly Use[];
}

async function remove(context: Context, name: string, options: RemoveOptions): Promise<void> {
  if (options.keepEntry === true && options.keepValue === true)
    throw usage('--keep-entry and --keep-value together leave nothing to do', 'leave one of them out');
  const references = isReference(name) ? [name] : [];
  const removal = await withOptionalManifest(context, references, ({ manifest }) => planRemoval(context, name, options, manifest));
  if (!(await confirmed(context, removal, options))) {
    context.output.notice('nothing was removed');
    process.exitCode = 1;
    return;
  }
  const { target, reference, edit, left, manifest } = removal;
  const { output } = context;
  const removed =
    reference !== undefined &&
    (await withOptionalManifest(again(context), references, (_loaded, run) =>
      withSpinner(context, `removing from ${reference.configured.config.name}`, async () => {
        try {
          await removeValue(reference, run.sessions);
          return true;
        } catch (error) {
          // An entry without a value can still go; a reference that names nothing was mistyped.
          const absent = error instanceof Fault && (error.kind === 'not-found' || error.code === 'FIELD_NOT_FOUND');
          if (absent && edit !== undefined) return false;
          throw failure(target, error, reference, absent ? 'secrets list shows what there is' : undefined);
        }
      }),
    ));
  await edit?.commit();
  const text = reference?.placed.reference.text;
  const recovery = removed && reference !== undefined ? recoveryOf(reference) : undefined;
  if (output.json) {
    output.resultJson({
      name: target.name,
      ...(removed ? { reference: text, recovery } : {}),
      valueRemoved: removed,
      entryRemoved: edit !== undefined,
    });
    return;
  }
  const what = [...(removed ? [`the value at ${text}`] : []), ...(edit === undefined ? [] : [`${target.label} from the manifest`])];
  output.result(`removed ${what.join(' and ')}\n`);
  if (recovery !== undefined) output.notice(recovery);
  if (reference !== undefined && !removed) output.notice(`there was no value at ${text}`);
  if (options.keepValue === true)
    output.notice(`the value stays at ${target.references.map(({ placed }) => placed.reference.text).join(', ')}`);
  if (edit === undefined && target.name !== undefined)
    output.notice(`${target.name} is still in the manifest: secrets set ${target.name} stores a new value`);
  for (const use of left) {
    output.notice(`the value of ${useText(use, manifest)} stays: ${use.references.map(({ placed }) => placed.reference.text).join(', ')}`);
  }
}

async function planRemoval(context: Context, name: string, options: RemoveOptions, manifest: Manifest): Promise<Removal> {
  const target = await targetOf(name, manifest);
  const { spec } = target;
  const uses = await allUses(context, manifest);
  if (target.references.length > 1 && options.keepValue !== true) {
    throw usage(
      `it has several references: ${target.references.map(({ placed }) => placed.reference.text).join(', ')}`,
      `secrets remove REFERENCE removes one of the values, secrets remove ${name} --keep-value the entry`,
      { name, at: spec.at },
    );
  }
  const reference = options.keepValue === true ? undefined : target.references[0];
  if (reference !== undefined && !reference.configured.provider.capabilities.includes('remove')) {
    const { use, name: provider } = reference.configured.config;
    throw new SecretsError({
      code: 'CAPABILITY_UNSUPPORTED',
      name: target.name,
      provider,
      message: `its manager (${reference.configured.provider.title}) removes nothing`,
      hint:
        target.name === undefined
          ? use === 'env'
            ? 'unset the variable'
            : 'secrets providers'
          : `secrets remove ${name} --keep-value removes the entry`,
    });
  }
  if (target.name === undefined || options.keepEntry === true) {
    if (reference === undefined) throw usage('there is no value to remove', `secrets explain ${name}`);
    const own = (use: Use): boolean => use.name === target.name;
    return { target, manifest, reference, others: affectedBy(reference, uses).filter((use) => !own(use)), left: [] };
  }
  const edit = planEdit(context, target.name, target, manifest);
  const others =
    reference === undefined
      ? []
      : affectedBy(reference, uses).filter(
          (use) => use.name !== name || (context.profile !== undefined && use.profile !== manifest.profile),
        );
  const gone = reference === undefined ? uses : affectedBy(reference, uses);
  const left =
    context.profile === undefined ? uses.filter((use) => use.name === name && use.profile !== manifest.profile && !gone.includes(use)) : [];
  return { target, manifest, edit, others, left, ...(reference === undefined ? {} : { reference }) };
}

/** The entry goes from the base and all profiles; with --profile, from that one. */
function planEdit(context: Context, name: string, { spec }: Target, manifest: Manifest): PreparedEdit {
  const needed = [...manifest.secrets.values()].filter(
    ({ source }) => source.kind === 'template' && source.parts.some((part) => 'name' in part && part.name === name),
  );
  if (needed.length > 0) {
    throw usage(
      `${needed.map((user) => user.name).join(', ')} ${needed.length === 1 ? 'is' : 'are'} built from it`,
      `change ${needed[0]?.name ?? 'that entry'} first, or add --keep-entry`,
      { name, at: spec.at },
    );
  }
  const file = manifestFile(manifest);
  const place = sourcePlace(spec, manifest, context.cwd);
  if (place?.file !== file) {
    throw usage('its entry does not stand in the manifest itself', 'remove it where it stands, or add --keep-entry', { name, at: spec.at });
  }
  const profile = context.profile === undefined ? undefined : manifest.profile;
  if (profile !== undefined && place.profile !== profile) {
    throw usage(
      `its entry belongs to more than the profile ${profile}`,
      'leave --profile out to remove it everywhere, or add --keep-entry',
      { name, at: spec.at },
    );
  }
  return prepareEdit(context, file, (text, shown) => removeSecret(text, name, { profile, file: shown }));
}

async function confirmed(
  context: Context,
  { target, reference, edit, others, manifest }: Removal,
  options: RemoveOptions,
): Promise<boolean> {
  if (options.yes === true) return true;
  const parts = [
    ...(reference === undefined ? [] : [`the value at ${reference.placed.reference.text} (${recoveryOf(reference)})`]),
    ...(edit === undefined ? [] : [`the entry ${target.label}`]),
  ];
  const also = others.length === 0 ? '' : `; it is also used by ${others.map((use) => useText(use, manifest)).join(', ')}`;
  if (!context.interactive) {
    throw usage(`this removes ${parts.join(' and ')}, and nobody can be asked here${also}`, 'add --yes if that is meant');
  }
  return askConfirm(`Remove ${parts.join(' and ')}?${also}`, false);
}

const usage = (message: string, hint: string, more: Partial<Issue> = {}): SecretsError =>
  new SecretsError({ ...more, code: 'USAGE', message, hint });
