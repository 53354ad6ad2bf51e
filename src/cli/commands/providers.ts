/**
 * `secrets providers [NAME]`: the adapters and what each can do; with a name, its options, references and sign-in.
 * Talks to nobody. NAME is an adapter, one of its short names, or a provider of the manifest.
 *
 * --json: `{ providers: [{ adapter, names, title, capabilities, network, configured }] }`; with NAME one such object, and
 * `options` (JSON Schema), `references: [{ form, example }]` and `signIn: [text]` in it. `names` are what references may
 * begin with, `configured` the providers of the manifest that use it.
 */
import type { Command } from 'commander';
import { adapterOf, BUILT_IN } from '../../core/builtin.ts';
import { SecretsError } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { didYouMean, shownWord } from '../../core/suggest.ts';
import type { Provider } from '../../provider-kit/contract.ts';
import { define as defineReencrypt } from './providers-reencrypt.ts';
import { define as defineRekey } from './providers-rekey.ts';
import { load } from '../../run/load.ts';
import { loadAdapter } from '../../run/plan.ts';
import { printColumns } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { printBlocks, type Fact } from '../facts.ts';
import { optionsOf, optionsSchemaOf } from '../option-list.ts';
import { GUIDES } from '../provider-guide.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[provider]', 'one of them in detail')
    .action(async (name: string | undefined, _options: unknown, self: Command) => providers(open(self), name));
  const below = [
    ['rekey', defineRekey],
    ['reencrypt', defineReencrypt],
  ] as const;
  for (const [name, define] of below) {
    const subcommand = command.command(name);
    define(subcommand, open);
    // What every command takes belongs behind these too.
    for (const option of command.parent?.options ?? []) if (option.attributeName() !== 'version') subcommand.addOption(option);
  }
};

interface Adapter {
  readonly id: string;
  readonly names: readonly string[];
  readonly provider: Provider;
  readonly configured: readonly string[];
}

async function providers(context: Context, name: string | undefined): Promise<void> {
  const manifest = await manifestIfAny(context);
  if (name !== undefined) return detail(context, await adapterNamed(name, manifest));
  const ids = [...new Set(Object.values(BUILT_IN))];
  const adapters = await Promise.all(ids.map((id) => adapter(id, manifest)));
  const { output } = context;
  if (output.json) {
    output.resultJson({ providers: adapters.map(adapterJson) });
    return;
  }
  printColumns(
    output,
    [
      { title: 'ADAPTER' },
      { title: 'REFERENCES' },
      { title: 'CAN', spare: 2 },
      { title: 'CONFIGURED', spare: 3 },
      { title: 'TITLE', spare: 1 },
    ],
    adapters.map(({ id, names, provider, configured }) => [
      id,
      `${names[0] ?? id}://`,
      ['read', ...provider.capabilities].join(','),
      configured.join(','),
      provider.title,
    ]),
  );
}

/** Whatever is wrong with the manifest is no matter here. */
async function manifestIfAny(context: Context): Promise<Manifest | undefined> {
  try {
    return (await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile: context.profile })).manifest;
  } catch (error) {
    if (error instanceof SecretsError) return undefined;
    throw error;
  }
}

async function adapterNamed(name: string, manifest: Manifest | undefined): Promise<Adapter> {
  const id = manifest?.providers.get(name)?.use ?? adapterOf(name);
  if (id !== undefined) return adapter(id, manifest);
  throw new SecretsError({
    code: 'PROVIDER_UNKNOWN',
    message: `no provider is called ${shownWord(name) ?? 'so'}`,
    hint: didYouMean(name, [...Object.keys(BUILT_IN), ...(manifest?.providers.keys() ?? [])]) ?? 'secrets providers',
  });
}

async function adapter(id: string, manifest: Manifest | undefined): Promise<Adapter> {
  const provider = await loadAdapter(id);
  if (provider === undefined)
    throw new SecretsError({ code: 'PROVIDER_UNKNOWN', message: 'its adapter does not exist', hint: 'secrets providers' });
  // The shortest first: that is the one people write.
  const names = Object.entries(BUILT_IN)
    .flatMap(([name, of]) => (of === id ? [name] : []))
    .sort((one, other) => one.length - other.length);
  const configured = [...(manifest?.providers.values() ?? [])].filter((config) => config.use === id && config.at !== undefined);
  return { id, names, provider, configured: configured.map((config) => config.name) };
}

const adapterJson = ({ id, names, provider, configured }: Adapter): Record<string, unknown> => ({
  adapter: id,
  names,
  title: provider.title,
  capabilities: provider.capabilities,
  network: provider.needs.network,
  configured,
});

async function detail({ output }: Context, one: Adapter): Promise<void> {
  const { id, names, provider, configured } = one;
  const guide = GUIDES[id];
  if (output.json) {
    output.resultJson({
      ...adapterJson(one),
      options: await optionsSchemaOf(provider),
      references: guide?.references,
      signIn: guide?.signIn,
    });
    return;
  }
  const { valueBytes, binary, emptyValue } = provider.limits;
  const limits = [
    valueBytes === undefined ? undefined : `values up to ${valueBytes} bytes`,
    binary === false ? 'text only' : undefined,
    emptyValue === false ? 'no empty value' : undefined,
  ].filter((limit) => limit !== undefined);
  const facts: readonly Fact[] = [
    ['adapter', id],
    ['names', names.join(', ')],
    ['can', ['read', ...provider.capabilities].join(', ')],
    ['limits', limits.join(', ')],
    ['needs', provider.needs.packages === undefined ? undefined : `npm install ${provider.needs.packages.join(' ')}`],
    ['configured', configured.join(', ')],
  ];
  const options = (await optionsOf(provider)).flatMap(({ name, types, required }) =>
    types.map((type, index): Fact => [index === 0 ? name : '', `${type}${required && index === 0 ? ' (required)' : ''}`]),
  );
  const references = (guide?.references ?? []).map(({ form, example, where }): Fact => [
    form,
    `${example}${where === undefined ? '' : `, where ${where}`}`,
  ]);
  printBlocks(output, [
    { title: provider.title, facts },
    { title: 'references', facts: references },
    { title: 'signing in', facts: (guide?.signIn ?? []).map((line): Fact => ['', line]) },
    { title: options.length > 0 ? 'options' : 'no options', facts: options },
  ]);
}
