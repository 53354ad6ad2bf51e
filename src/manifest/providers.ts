/** The providers in effect: those of the files, merged key by key, and the built-in ones. */
import { adapterOf, BUILT_IN, isNotAvailable } from '../core/builtin.ts';
import type { Position } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { expand, type Variables } from './expand.ts';
import { rebase } from './files.ts';
import { withDerived, type LayerPart } from './layers.ts';
import { isNull, mergeFields, type Field, type Fields } from './merge.ts';
import type { Problems } from './problems.ts';
import { profileHint } from './profiles.ts';
import { entriesOf, follow, textOf, textsOf, toPlain, under, type Node } from './tree.ts';

interface Entry {
  readonly at: Position;
  readonly fields: Fields;
}

export interface ProviderContext {
  readonly variables: Variables;
  /** Names of all profiles. */
  readonly profiles: readonly string[];
  /** The profile in effect, after those it extends. */
  readonly chain: readonly string[];
  /** Folder that a built-in provider without an entry counts as written in. */
  readonly dir: string;
  readonly problems: Problems;
}

/**
 * @param parts every part in effect, the user's `config.yaml` first
 * @returns by name, the built-in ones included. An entry whose adapter does not exist is reported; it stays, so that
 *   its references are not reported as well.
 */
export function readProviders(parts: readonly LayerPart[], context: ProviderContext): ReadonlyMap<string, ProviderConfig> {
  const configs = new Map<string, ProviderConfig>();
  for (const [name, entry] of mergeEntries(parts)) configs.set(name, readProvider(name, entry, context));
  for (const [name, use] of Object.entries(BUILT_IN)) {
    if (!configs.has(name))
      configs.set(name, { name, use, options: {}, positionOf: () => undefined, personal: false, baseDir: context.dir });
  }
  return configs;
}

function mergeEntries(parts: readonly LayerPart[]): ReadonlyMap<string, Entry> {
  const merged = new Map<string, Entry>();
  for (const { node: part, file, over } of parts) {
    for (const [name, { keyAt, node }] of entriesOf(under(part, 'providers'))) {
      if (isNull(node) && over) merged.delete(name);
      else {
        const origin = { dir: file.dir, personal: file.kind === 'user' };
        const fields = new Map([...entriesOf(node)].map(([key, entry]): [string, Field] => [key, { ...entry, ...origin }]));
        merged.set(name, { at: keyAt, fields: mergeFields(merged.get(name)?.fields ?? new Map(), fields) });
      }
    }
  }
  return merged;
}

function readProvider(name: string, { at, fields }: Entry, context: ProviderContext): ProviderConfig {
  const { variables, problems } = context;
  const written = [...fields.values()];
  const shared = written.filter((field) => !field.personal);
  const baseDir = (shared[0] ?? written[0])?.dir ?? context.dir;
  const options: Record<string, unknown> = {};
  for (const [key, field] of fields) {
    if (key === 'use' || key === 'profiles') continue;
    options[key] = toPlain(field.node, ({ value, at: place }) =>
      typeof value === 'string' ? rebase(expand(value, variables, place, problems) ?? value, field.dir, baseDir) : value,
    );
  }
  const useField = fields.get('use');
  const use = textOf(useField?.node) ?? name;
  const adapter = adapterOf(use);
  if (adapter === undefined) reportAdapter(use, useField?.node.at ?? at, useField !== undefined, problems);
  const profilesNode = fields.get('profiles')?.node;
  if (profilesNode !== undefined && fields.get('profiles')?.personal !== true) checkProfileList(profilesNode, context.profiles, problems);
  const profiles = withDerived(textsOf(profilesNode), context.chain);
  return {
    name,
    use: adapter ?? use,
    options,
    ...(profiles === undefined ? {} : { profiles }),
    at,
    positionOf([first, ...rest]) {
      const field = first === undefined ? undefined : fields.get(String(first));
      return field === undefined ? at : follow(field.node, rest).at;
    },
    personal: shared.length === 0 && written.length > 0,
    baseDir,
  };
}

function reportAdapter(use: string, at: Position, said: boolean, problems: Problems): void {
  const shown = shownWord(use);
  if (isNotAvailable(use)) {
    const what = use.startsWith('npm:') ? 'adapters from npm packages are' : `the adapter ${use} is`;
    problems.invalid(at, `${what} not available in this version`, { code: 'PROVIDER_UNKNOWN', hint: `adapters: ${ADAPTERS.join(', ')}` });
    return;
  }
  const near = didYouMean(use, Object.keys(BUILT_IN));
  const message = said
    ? 'use names no adapter'
    : `the provider${shown === undefined ? '' : ` ${shown}`} is not built in and says no adapter`;
  problems.invalid(at, message, {
    code: 'PROVIDER_UNKNOWN',
    hint: said ? (near ?? `adapters: ${ADAPTERS.join(', ')}`) : (near ?? `add use: ${ADAPTERS.slice(0, 4).join(' | ')} | …`),
  });
}

const ADAPTERS: readonly string[] = [...new Set(Object.values(BUILT_IN))];

/** Reports names in a list of profiles that are none. */
export function checkProfileList(node: Node, known: readonly string[], problems: Problems, name?: string): void {
  for (const item of node.kind === 'list' ? node.items : []) {
    const text = textOf(item);
    if (text === undefined || known.includes(text)) continue;
    problems.invalid(item.at, 'there is no profile of this name', {
      name,
      hint: profileHint(text, known),
    });
  }
}
