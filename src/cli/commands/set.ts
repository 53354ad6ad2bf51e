/**
 * `secrets set NAME`: stores a value that is typed, piped, read from a file or made. A value on the command line is
 * refused. A name that the manifest does not have is added, with the value stored first.
 *
 * --json: `{ name, reference, provider, version, added, generated }`; `name` is left out for a reference, `version`
 * where the manager has none.
 */
import type { Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { shownWord, suggest } from '../../core/suggest.ts';
import { addSecret, OWN_VARIABLES, setReference } from '../../manifest/index.ts';
import { Fault } from '../../core/fault.ts';
import type { PutResult } from '../../provider-kit/contract.ts';
import { load } from '../../run/load.ts';
import type { Run } from '../../run/prepare.ts';
import { unknownName } from '../../run/select.ts';
import { putNewValue, putValue } from '../../run/write.ts';
import { refuseArgvValue } from '../argv-value.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { referenceIn, usualDestination } from '../destination.ts';
import { generateOf, type GenerateOptions } from '../generate-options.ts';
import { withOptionalManifest } from '../loaded-run.ts';
import { manifestFile, prepareEdit, sourcePlace, type PreparedEdit } from '../manifest-edit.ts';
import { askConfirm } from '../prompts.ts';
import { REASON, withReason, type ReasonOption } from '../options.ts';
import { withSpinner } from '../spinner.ts';
import { checkFits, failure, nameOf, versionText, writable } from '../stored.ts';
import { isReference, targetOf, type Target } from '../target.ts';
import { readValue } from '../value-input.ts';

interface SetOptions extends GenerateOptions, ReasonOption {
  readonly fromFile?: string;
  readonly exact?: boolean;
  readonly allowEmpty?: boolean;
  readonly ref?: string;
  readonly add?: boolean;
  readonly expect?: string;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, a new name, or a reference')
    .argument('[value...]', 'refused: a value does not belong on the command line')
    .usage('[options] NAME')
    .allowUnknownOption()
    .option('--from-file <file>', 'take the exact bytes of a file; - is stdin')
    .option('--generate', 'make a random value')
    .option('--length <n>', 'characters of a made value (40)')
    .option('--alphabet <name>', 'base64url, alphanumeric, hex or ascii')
    .option('--add', 'add a name that the manifest does not have')
    .option('--ref <reference>', 'where the value of a new name goes')
    .option('--expect <version>', 'only if this is the current version; absent: only if there is none')
    .option('--exact', 'keep the newline at the end of stdin')
    .option('--allow-empty', 'store an empty value')
    .option(...REASON)
    .addHelpText(
      'after',
      `
Ways to give the value:
  secrets set API_KEY                       asks for it, without showing it
  COMMAND | secrets set API_KEY             one newline at the end is left out
  secrets set TLS_KEY --from-file key.pem   exact bytes
  secrets set SESSION --generate            made from random numbers`,
    )
    .action(async (name: string, rest: string[], options: SetOptions, self: Command) => {
      const long = self.options.flatMap((option) => option.long ?? []);
      // commander gives unknown options in front of the name the same way as words behind it.
      const words = [name, ...rest];
      const at = words.findIndex((word) => !word.startsWith('-'));
      const [first = name] = words.splice(Math.max(at, 0), 1);
      refuseArgvValue(first, words, long);
      await set(withReason(open(self), options), first, options);
    });
};

/** What will be written, decided before the value is asked for. */
interface Decision {
  readonly target: Target;
  /** What to write into the manifest once the value is stored. */
  readonly edit?: PreparedEdit;
}

async function set(context: Context, name: string, options: SetOptions): Promise<void> {
  if (options.generate === true && options.fromFile !== undefined) {
    throw new SecretsError({ code: 'USAGE', message: '--generate and --from-file exclude each other', hint: 'leave one of them out' });
  }
  const { target, edit } = isReference(name) ? await decideReference(context, name, options) : await decideName(context, name, options);
  const reference = writable(target);
  const value = await readValue(context, {
    label: target.label,
    fromFile: options.fromFile,
    generate: generateOf(options, target.spec.generate),
    exact: options.exact,
    allowEmpty: options.allowEmpty,
  });
  checkFits(target, reference, value);
  const { text, provider } = reference.placed.reference;
  const put = async (manifest: Manifest, run: Run): Promise<PutResult> => {
    if (edit !== undefined) run.sessions.call(text, target.label);
    try {
      if (edit !== undefined && options.expect === undefined) return await putNewValue(reference, value, manifest, run.sessions);
      return await putValue(reference, value, options.expect, run.sessions);
    } catch (error) {
      const isThere = edit !== undefined && options.expect === undefined && error instanceof Fault && error.kind === 'conflict';
      throw failure(
        target,
        error,
        reference,
        isThere
          ? `to use what is there, write ${name}: ${text} under secrets: in the manifest; to replace it, run secrets set ${text} first`
          : undefined,
      );
    } finally {
      value.wipe();
    }
  };
  const result = await withOptionalManifest(context, isReference(name) ? [name] : [], ({ manifest }, run) =>
    withSpinner(context, `storing in ${provider}`, () => put(manifest, run)),
  );
  await commit(edit, target);
  report(context, target, { ...result, added: edit !== undefined, generated: options.generate === true });
}

/** The value is stored by now: a failure must say so. */
async function commit(edit: PreparedEdit | undefined, target: Target): Promise<void> {
  try {
    await edit?.commit();
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    const text = target.references[0]?.placed.reference.text ?? '';
    throw new SecretsError({
      ...error.primary,
      message: `${error.primary.message}. The value is stored at ${text}, its entry is not in the manifest`,
      hint: `write ${target.label}: ${text} under secrets: in the manifest`,
    });
  }
}

function report(context: Context, target: Target, done: PutResult & { readonly added: boolean; readonly generated: boolean }): void {
  const { output } = context;
  const { text, provider } = target.references[0]?.placed.reference ?? { text: '', provider: '' };
  const { version, added, generated } = done;
  const name = nameOf(target);
  if (output.json) output.resultJson({ name, reference: text, provider, version, added, generated });
  else {
    const where = name === undefined ? text : `${name} at ${text}`;
    output.result(`${generated ? 'made and stored' : 'stored'} ${where}${versionText(version)}\n`);
  }
  if (added) output.notice(`${target.label} is in the manifest now`);
  const others = target.references.slice(1).map(({ placed }) => placed.reference.text);
  if (others.length > 0) output.notice(`${target.label} has several references: the first was written, not ${others.join(', ')}`);
}

async function decideReference(context: Context, reference: string, options: SetOptions): Promise<Decision> {
  if (options.ref !== undefined || options.add === true) {
    throw new SecretsError({
      code: 'USAGE',
      message: '--ref and --add go with a name, not with a reference',
      hint: 'secrets set NAME --ref REFERENCE',
    });
  }
  return withOptionalManifest(context, [reference], async ({ manifest }) => ({ target: await targetOf(reference, manifest) }));
}

async function decideName(context: Context, name: string, options: SetOptions): Promise<Decision> {
  const { manifest } = await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile: context.profile });
  const spec = manifest.secrets.get(name);
  if (spec === undefined) return decideNew(context, name, options, manifest);
  if (options.ref === undefined) return { target: await targetOf(name, manifest) };
  if (spec.source.kind === 'references' && spec.source.references[0].reference.text === options.ref)
    return { target: await targetOf(name, manifest) };
  const place = sourcePlace(spec, manifest, context.cwd);
  if (spec.source.kind !== 'value' || place === undefined) {
    throw new SecretsError({
      code: 'USAGE',
      name,
      at: spec.at,
      message: 'it is in the manifest with another source',
      hint: spec.source.kind === 'references' ? `secrets move ${name} --to REFERENCE` : 'change it in the manifest',
    });
  }
  const edit = prepareEdit(context, place.file, (text, file) =>
    setReference(text, name, options.ref ?? '', { profile: place.profile, file }),
  );
  return { target: await named(name, options.ref, manifest), edit };
}

async function decideNew(context: Context, name: string, options: SetOptions, manifest: Manifest): Promise<Decision> {
  if (OWN_VARIABLES.has(name.toUpperCase())) {
    throw new SecretsError({
      code: 'USAGE',
      name,
      message: 'the name belongs to a setting of secrets itself',
      hint: 'choose another name',
    });
  }
  const usual = async (): Promise<string> =>
    referenceIn(await usualDestination(manifest), name, { project: manifest.project, profile: undefined });
  const reference = options.ref ?? (await usual());
  const edit = prepareEdit(context, manifestFile(manifest), (text, file) => addSecret(text, name, { reference }, { file }));
  const target = await named(name, reference, manifest);
  checkProject(target, manifest);
  writable(target);
  if (options.ref !== undefined || options.add === true) return { target, edit };
  const issue = unknownName(name, manifest);
  if (!context.interactive) {
    const near = suggest(name, manifest.secrets.keys());
    const add = `secrets set ${shownWord(name) ?? 'NAME'} --add puts it at ${reference}, --ref REFERENCE elsewhere`;
    throw new SecretsError({ ...issue, hint: near === undefined ? add : `did you mean ${near}? ${add}` });
  }
  const near = suggest(name, manifest.secrets.keys());
  const question = `${name} is not in the manifest${near === undefined ? '' : ` (did you mean ${near}?)`}. Add it as ${reference}?`;
  if (await askConfirm(question, near === undefined)) return { target, edit };
  throw new SecretsError({ ...issue, hint: `secrets set ${name} --ref REFERENCE puts it elsewhere` });
}

async function named(name: string, reference: string, manifest: Manifest): Promise<Target> {
  const target = await targetOf(reference, manifest);
  return { ...target, label: name, spec: { ...target.spec, name } };
}

/** The manifest without a project is fine until the first local reference. */
function checkProject({ label, references }: Target, manifest: Manifest): void {
  if (manifest.project !== undefined || references[0]?.configured.config.use !== 'local') return;
  throw new SecretsError({
    code: 'MANIFEST_INVALID',
    name: label,
    message: 'the local store keeps the names of each project apart, and the manifest names no project',
    hint: 'add a line such as project: api to the manifest',
  });
}
