/** The options of an adapter in words, from its own schema. */
import * as z from 'zod/mini';
import type { Provider } from '../provider-kit/contract.ts';
import type { LazySchema } from '../provider-kit/standard-schema.ts';

export interface ProviderOption {
  readonly name: string;
  readonly required: boolean;
  /** `text`, `true | false`, `a | b`, `list of …`; the alternatives of a long one apart. Never empty. */
  readonly types: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** JSON Schema of the options; undefined for a schema of another library. */
export async function optionsSchemaOf(provider: Provider): Promise<Json | undefined> {
  const { options } = provider;
  const own = isLazy(options) ? await options.load() : options;
  if (own['~standard'].vendor !== 'zod') return undefined;
  const schema = z.toJSONSchema(own as unknown as z.core.$ZodType, { unrepresentable: 'any', io: 'output' });
  const { $schema: _dialect, properties, ...rest } = schema as Json;
  return { ...rest, properties: Object.fromEntries(Object.entries(objectOf(properties)).filter(([, option]) => !isRefused(option))) };
}

const isLazy = (schema: Provider['options']): schema is LazySchema<unknown> => 'load' in schema;

/** The options one by one, in the schema's order; those that only exist to be refused are left out. */
export async function optionsOf(provider: Provider): Promise<readonly ProviderOption[]> {
  const schema = await optionsSchemaOf(provider);
  const required = Array.isArray(schema?.['required']) ? schema['required'] : [];
  const known = new Map<string, string>();
  return Object.entries(objectOf(schema?.['properties'])).map(([name, option]) => {
    const text = typeText(objectOf(option));
    const same = known.get(text);
    if (text.length > LONG) known.set(text, same ?? name);
    return { name, required: required.includes(name), types: same === undefined ? linesOf(objectOf(option), text) : [`as ${same}`] };
  });
}

const LONG = 40;

/** A list whose elements are one of several mappings takes a line for each. */
function linesOf(schema: Json, text: string): readonly string[] {
  const branches = branchesOf(objectOf(schema['items']));
  return text.length > LONG && branches !== undefined ? ['list of', ...branches.map((branch) => `  ${typeText(branch)}`)] : [text];
}

function branchesOf(schema: Json): readonly Json[] | undefined {
  const branches = schema['anyOf'] ?? schema['oneOf'];
  return Array.isArray(branches) ? branches.map(objectOf) : undefined;
}

const objectOf = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});

const isRefused = (option: unknown): boolean => JSON.stringify(objectOf(option)['not']) === '{}';

/** The one value that a schema allows, as it is written; undefined where it allows more. */
const constantOf = (schema: Json): string | undefined =>
  schema['const'] === undefined ? undefined : JSON.stringify(schema['const']).replaceAll('"', '');

function typeText(schema: Json): string {
  const branches = branchesOf(schema);
  if (branches !== undefined) return [...new Set(branches.map(typeText))].join(' | ');
  if (Array.isArray(schema['enum'])) return schema['enum'].map(String).join(' | ');
  const fixed = constantOf(schema);
  if (fixed !== undefined) return fixed;
  switch (schema['type']) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true | false';
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `list of ${typeText(objectOf(schema['items']))}`;
    case 'object':
      return mappingText(schema);
    default:
      return 'any';
  }
}

/** `{ method: kubernetes, role, mount? }` */
function mappingText(schema: Json): string {
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const fields = Object.entries(objectOf(schema['properties'])).filter(([, field]) => !isRefused(field));
  if (fields.length === 0) return 'mapping';
  const shown = fields.map(([name, field]) => {
    const fixed = constantOf(objectOf(field));
    return fixed === undefined ? `${name}${required.includes(name) ? '' : '?'}` : `${name}: ${fixed}`;
  });
  return `{ ${shown.join(', ')} }`;
}
