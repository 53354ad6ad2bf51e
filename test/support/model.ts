/** Small builders for the checked model, for tests of the pure stages. */
import type { EnvRules, Manifest, SecretSource, SecretSpec } from '../../src/core/model.ts';
import { parseReference } from '../../src/core/reference.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import type { ResolvedSecret } from '../../src/run/resolve.ts';
import type { ValidSecret } from '../../src/run/validate.ts';

const at = { file: '.secretsrc', line: 1, column: 1 };

export function reference(text: string): {
  reference: Extract<ReturnType<typeof parseReference>, { ok: true }>['reference'];
  at: typeof at;
} {
  const parsed = parseReference(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return { reference: parsed.reference, at };
}

const fromReferences = (...texts: [string, ...string[]]): SecretSource => ({
  kind: 'references',
  references: texts.map(reference) as [ReturnType<typeof reference>],
});

export function spec(name: string, more: Partial<SecretSpec> = {}): SecretSpec {
  return {
    name,
    at,
    source: fromReferences(`local://${name.toLowerCase()}`),
    required: true,
    sensitive: true,
    consumers: [],
    tags: [],
    as: 'env',
    layers: [],
    ...more,
  };
}

export const rules = (more: Partial<EnvRules> = {}): EnvRules => ({ inherit: true, pass: [], keep: [], allowDangerous: [], ...more });

export function manifest(specs: readonly SecretSpec[], more: Partial<Manifest> = {}): Manifest {
  return {
    dir: '/project',
    files: [],
    profiles: ['dev', 'prod'],
    protected: false,
    providers: new Map(),
    env: rules(),
    mask: { mode: 'auto', minLength: 6, requirePty: false },
    audit: { required: false, sinks: ['file'] },
    policy: { overAge: 'warn', require: [] },
    secrets: new Map(specs.map((one) => [one.name, one])),
    ...more,
  };
}

export function valid(
  name: string,
  value: string | Uint8Array,
  from: ResolvedSecret['from'] = 'provider',
  more: Partial<SecretSpec> = {},
): ValidSecret {
  const bytes = typeof value === 'string' ? SecretValue.fromText(value) : SecretValue.fromBytes(value);
  return { spec: spec(name, more), injected: true, secret: { value: bytes, from } };
}
