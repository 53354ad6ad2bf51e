/**
 * `secrets explain [NAME]`: where each variable would come from and why. Checks the whole manifest, all profiles
 * included; touches no network.
 *
 * --json: `{ manifest, files, project, profile, profiles, protected, providers: [{ name, adapter, title, address, at }],
 * secrets: [{ name, kind, references: [{ reference, provider, at }], parts, hasDefault, required, delivery, selected,
 * injected, refused, parent, profiles, layers: [{ label, at }] }] }`; with NAME, `secrets` has that one. `parent` is `wins`,
 * `replaced` or `default-yields` where the parent's environment has the name; `at` is `{ file, line, column }`.
 */
import type { Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { Manifest, ProviderConfig, SecretSpec } from '../../core/model.ts';
import { deliveryProblem, isFileDelivery, type FileDelivery } from '../../run/handover.ts';
import { providersOf, referencesOf, type Adapters } from '../../run/plan.ts';
import { unknownName } from '../../run/select.ts';
import { printColumns } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { printBlocks, yesNo, type Fact } from '../facts.ts';
import { fateOf, type Fate } from '../fate.ts';
import { shortPath } from '../output.ts';
import { addressOf } from '../provider-address.ts';
import type { Cell } from '../table.ts';
import { isReference, targetOf } from '../target.ts';
import { checkAll } from '../whole-manifest.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[name]', 'one secret in detail, or a reference')
    .action(async (name: string | undefined, _options: unknown, self: Command) => explain(open(self), name));
};

async function explain(context: Context, name: string | undefined): Promise<void> {
  const { manifest, adapters } = await checkAll(context);
  const { output } = context;
  const specs = name === undefined ? [...manifest.secrets.values()] : [await specNamed(name, manifest)];
  if (output.json) {
    output.resultJson({ ...manifestJson(manifest, adapters), secrets: specs.map((spec) => specJson(context, spec, manifest)) });
    return;
  }
  const used = providersOf(manifest, referencesOf(specs));
  const head = { title: 'manifest', facts: manifestFacts(context, manifest) };
  if (name !== undefined) {
    printBlocks(output, [
      head,
      ...specs.map((spec) => ({ title: spec.name, facts: specFacts(context, spec, manifest) })),
      ...used.map((config) => ({ title: config.name, facts: providerFacts(context, config, adapters) })),
    ]);
    return;
  }
  printBlocks(output, [head]);
  output.result('\n');
  if (specs.length > 0) printSecrets(context, specs, manifest);
  else output.result('it has no secrets yet\n');
  if (used.length > 0) output.result('\n');
  if (used.length > 0) printProviders(context, used, adapters);
}

/** The entry of a name, also one of another profile; what stands in for it where it is a reference. */
async function specNamed(name: string, manifest: Manifest): Promise<SecretSpec> {
  if (isReference(name)) return (await targetOf(name, manifest)).spec;
  const spec = manifest.secrets.get(name);
  if (spec === undefined) throw new SecretsError(unknownName(name, manifest));
  return spec;
}

function manifestFacts({ cwd, output }: Context, manifest: Manifest): readonly Fact[] {
  const [main, ...more] = manifest.files.map((file) => shortPath(file, cwd));
  const others = manifest.profiles.filter((name) => name !== manifest.profile);
  return [
    ['file', main],
    ['with', more.join(', ')],
    ['project', manifest.project],
    [
      'profile',
      `${manifest.profile ?? 'none'}${others.length === 0 ? '' : output.styled('dim', ` (also: ${others.join(', ')})`, 'stdout')}`,
    ],
    ['protected', manifest.protected ? 'yes' : undefined],
    ['inherits', inheritText(manifest)],
  ];
}

function inheritText({ env: { inherit } }: Manifest): string {
  if (typeof inherit !== 'boolean') return inherit.join(', ') || 'nothing of the environment';
  return inherit ? 'the whole environment' : 'nothing of the environment';
}

function printSecrets(context: Context, specs: readonly SecretSpec[], manifest: Manifest): void {
  printColumns(
    context.output,
    [{ title: 'NAME' }, { title: 'FROM' }, { title: 'DEFINED IN', spare: 1 }, { title: 'NOTE' }],
    specs.map((spec) => [spec.name, fromText(spec), definedText(context, spec), noteCell(context, spec, manifest)]),
  );
}

function definedText({ output }: Context, { layers }: SecretSpec): string {
  const last = layers.at(-1);
  if (last === undefined) return '';
  return last.label === 'manifest' ? output.where(last.at) : `${output.where(last.at)} (${last.label})`;
}

function fromText(spec: SecretSpec): string {
  const { source } = spec;
  if (source.kind === 'references') return source.references.map(({ reference }) => reference.text).join(', then ');
  return source.kind === 'template' ? `template of ${partsOf(spec).join(', ') || 'plain text'}` : 'plain value';
}

const partsOf = ({ source }: SecretSpec): readonly string[] =>
  source.kind === 'template' ? [...new Set(source.parts.flatMap((part) => ('name' in part ? [part.name] : [])))] : [];

/** What is unusual about it, in a few words. */
function noteCell(context: Context, spec: SecretSpec, manifest: Manifest): Cell {
  const fate = fateOf(spec, manifest, context.env);
  if (!fate.selected) return { text: `not selected: limited to ${spec.profiles?.join(', ') ?? ''}`, style: 'dim' };
  if (fate.refused) return { text: 'refused: dangerous name', style: 'red' };
  if (spec.as === 'none') return { text: 'not injected', style: 'dim' };
  if (isFileDelivery(spec.as) && deliveryProblem(spec.as) !== undefined)
    return { text: `as: ${spec.as} is refused on this system`, style: 'red' };
  if (fate.parent !== undefined) return { text: PARENT[fate.parent], style: 'yellow' };
  const notes = [...(isFileDelivery(spec.as) ? [DELIVERY[spec.as]] : []), ...(spec.default === undefined ? [] : ['has a default'])];
  return { text: notes.join(', ') };
}

const DELIVERY: Readonly<Record<FileDelivery, string>> = { file: 'path of a file in memory', fd: 'path of a descriptor' };

const PARENT: Readonly<Record<NonNullable<Fate['parent']>, string>> = {
  wins: "the parent's value wins",
  replaced: "replaces the parent's value",
  'default-yields': "replaces the parent's value, which wins over the default",
};

function specFacts(context: Context, spec: SecretSpec, manifest: Manifest): readonly Fact[] {
  const { output } = context;
  const fate = fateOf(spec, manifest, context.env);
  const places = (file: { readonly at: SecretSpec['at'] }): string => output.where(file.at);
  const references = referencesOf([spec]);
  const note = noteCell(context, spec, manifest);
  return [
    ...references.map((placed, index): Fact => [
      index === 0 ? 'from' : 'then',
      `${placed.reference.text}${spec.layers.length === 0 ? '' : ` (${places(placed)})`}`,
    ]),
    ['from', references.length === 0 ? fromText(spec) : undefined],
    ...(spec.layers.length === 0
      ? []
      : ([
          ['default', spec.default === undefined ? undefined : 'yes, used where every reference is absent'],
          ['required', yesNo(spec.required)],
          ['selected', fate.selected ? 'yes' : `no: limited to the profiles ${spec.profiles?.join(', ') ?? ''}`],
          ['injected', yesNo(fate.injected)],
          ['note', fate.selected && note.text !== 'has a default' ? note : undefined],
          ['hint', fate.refused ? `if it is meant, write env: { allowDangerous: [${spec.name}] }` : undefined],
        ] satisfies readonly Fact[])),
    ...spec.layers.map((layer, index): Fact => [index === 0 ? 'defined in' : 'then in', `${layer.label}, ${places(layer)}`]),
  ];
}

function printProviders(context: Context, configs: readonly ProviderConfig[], adapters: Adapters): void {
  printColumns(
    context.output,
    [{ title: 'PROVIDER' }, { title: 'ADAPTER' }, { title: 'ADDRESS', spare: 1 }, { title: 'DEFINED IN', spare: 2 }],
    configs.map((config) => [
      config.name,
      adapters.get(config.name)?.provider.title ?? config.use,
      addressOf(config) ?? '',
      config.at === undefined ? 'built in' : context.output.where(config.at),
    ]),
  );
}

function providerFacts({ output }: Context, config: ProviderConfig, adapters: Adapters): readonly Fact[] {
  const title = adapters.get(config.name)?.provider.title;
  return [
    ['adapter', title === undefined ? config.use : `${config.use} (${title})`],
    ['address', addressOf(config)],
    ['profiles', config.profiles?.join(', ')],
    ['defined in', config.at === undefined ? 'built in, without options' : output.where(config.at)],
  ];
}

function manifestJson(manifest: Manifest, adapters: Adapters): Record<string, unknown> {
  const used = providersOf(manifest, referencesOf(manifest.secrets.values()));
  return {
    manifest: manifest.path,
    files: manifest.files,
    project: manifest.project,
    profile: manifest.profile,
    profiles: manifest.profiles,
    protected: manifest.protected,
    providers: used.map((config) => ({
      name: config.name,
      adapter: config.use,
      title: adapters.get(config.name)?.provider.title,
      address: addressOf(config),
      at: config.at,
    })),
  };
}

function specJson(context: Context, spec: SecretSpec, manifest: Manifest): Record<string, unknown> {
  const references = referencesOf([spec]).map(({ reference, at }) => ({ reference: reference.text, provider: reference.provider, at }));
  return {
    name: spec.name,
    kind: spec.source.kind === 'references' ? 'reference' : spec.source.kind,
    references,
    parts: spec.source.kind === 'template' ? partsOf(spec) : undefined,
    hasDefault: spec.default !== undefined,
    required: spec.required,
    delivery: spec.as,
    ...fateOf(spec, manifest, context.env),
    profiles: spec.profiles,
    layers: spec.layers,
  };
}
