import { describe, expect, it } from 'vitest';
import { manifestSchema } from '../../src/manifest/index.ts';
import { Problems } from '../../src/manifest/problems.ts';
import { checkShape } from '../../src/manifest/shape-check.ts';
import { manifestShape } from '../../src/manifest/shape.ts';
import { readTree, toPlain } from '../../src/manifest/tree.ts';

type Schema = {
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: { readonly pattern: string };
  readonly additionalProperties?: boolean | Schema;
};

/** The part of JSON Schema that the schema of the manifest uses. */
function accepts(schema: Schema, data: unknown): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((option) => accepts(option, data));
  if (schema.enum !== undefined) return schema.enum.includes(data);
  if (schema.const !== undefined) return schema.const === data;
  const type = data === null ? 'null' : Array.isArray(data) ? 'array' : Number.isInteger(data) ? 'integer' : typeof data;
  if (![schema.type].flat().some((known) => known === type || (known === 'number' && type === 'integer'))) return false;
  if (typeof data === 'string') return schema.pattern === undefined || new RegExp(schema.pattern).test(data);
  if (typeof data === 'number') return data >= (schema.minimum ?? data) && data <= (schema.maximum ?? data);
  if (Array.isArray(data))
    return data.length >= (schema.minItems ?? 0) && data.every((item) => schema.items === undefined || accepts(schema.items, item));
  if (typeof data !== 'object' || data === null) return true;
  return (
    (schema.required ?? []).every((key) => key in data) &&
    Object.entries(data).every(([key, value]) => {
      const known = schema.properties?.[key];
      if (known !== undefined) return accepts(known, value);
      if (schema.propertyNames !== undefined && !new RegExp(schema.propertyNames.pattern).test(key)) return false;
      return typeof schema.additionalProperties === 'object'
        ? accepts(schema.additionalProperties, value)
        : schema.additionalProperties !== false;
    })
  );
}

describe('manifestSchema', () => {
  it('is a JSON Schema of the whole manifest', async () => {
    const schema = JSON.parse(JSON.stringify(await manifestSchema())) as Record<string, unknown>;
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      additionalProperties: false,
      properties: {
        version: { const: 1 },
        project: { type: 'string' },
        secrets: {},
        providers: {},
        profiles: {},
        mask: {},
        audit: {},
        policy: {},
        env: {},
      },
    });
    expect(schema).not.toHaveProperty('required');
  });

  it.each([
    'version: 1',
    'version: 2',
    'project: a/b',
    'secrets: { A: env://A }',
    'secrets: { A: { ref: [env://A], maxAge: 90d, as: none } }',
    'secrets: { A: { ref: env://A, maxAge: soon } }',
    'secrets: { A: { ref: env://A, onwer: x } }',
    'secrets: { A: { ref: env://A, owner: null } }',
    'secrets: { 2A: env://A }',
    'secrets: { A: { value: 1.5 } }',
    'secrets: { A: { ref: env://A, rotate: { every: 1d } } }',
    'secrets: { A: { ref: env://A, rotate: { using: exec, command: [x] } } }',
    'secrets: { A: null }',
    'secrets:',
    'profiles: { dev: { secrets: { A: null, B: { ref: env://B, owner: null } } } }',
    'profiles: { dev: { protected: maybe } }',
    'providers: { vault: { anything: [1, { x: y }] } }',
    'providers: { Vault: {} }',
    'mask: { minLength: 0 }',
    'env: { inherit: [A] }',
    'audit: { sinks: [file, { use: syslog }] }',
  ])('agrees with what checks the manifest: %s', async (text) => {
    const problems = new Problems();
    const tree = readTree(text, 'f', 'the manifest', problems);
    if (tree === undefined) throw new Error('not read');
    checkShape(tree, manifestShape, problems);
    expect(accepts((await manifestSchema()) as Schema, toPlain(tree))).toBe(!problems.failed);
  });

  it('describes an entry', async () => {
    const text = JSON.stringify(await manifestSchema());
    for (const key of ['ref', 'template', 'value', 'default', 'rotate', 'maxAge', 'generate', 'nearMax', 'consumers'])
      expect(text).toContain(`"${key}"`);
    expect(text).toContain('["env","file","fd","none"]');
  });
});
