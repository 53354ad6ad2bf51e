import { describe, expect, it } from 'vitest';
import { formatReference } from '../../src/core/reference.ts';
import type { Manifest, SecretSpec } from '../../src/core/model.ts';
import { checkWholeManifest } from '../../src/manifest/index.ts';
import { folder, issuesOf, load, shown } from './folder.ts';

const EXAMPLE = `version: 1
project: api-7f3c
defaultProfile: dev
providers:
  vault:
    use: vault
    address: https://vault.example.com
    auth: [{ method: kubernetes, role: api }, { method: token }]
  aws: { use: aws-secrets-manager, region: eu-west-1, profiles: [prod] }
env:
  inherit: [PATH, "LC_*"]
mask: { minLength: 8 }
policy: { overAge: refuse, require: [owner, maxAge] }
secrets:
  API_KEY: vault://secret/api#key
  DB_PASSWORD:
    ref: aws://\${profile}/db#/password
    description: app user of the orders database
    owner: payments
    contact: "#payments-oncall"
    runbook: https://wiki.example.com/db-rotation
    consumers: [api, worker]
    tags: [db]
    maxAge: 90d
    as: none
    rotate: { using: postgres, every: 30d, grace: 24h, admin: "aws://prod/db-admin#/url" }
  DATABASE_URL: { template: "postgres://app:\${DB_PASSWORD|url}@db/app" }
  TLS_KEY: { ref: ["azure://team-kv/tls-key", "local://tls"], as: file, profiles: [prod] }
  SESSION: { ref: "local://\${project}-session", rotate: { using: generate, length: 64, alphabet: hex }, generate: true }
  LOG_LEVEL: { value: info }
  REGION: { ref: "env://AWS_REGION", default: eu-west-1, sensitive: false }
  LEASED: { ref: "vault://database/creds/app#password", lease: { nearMax: restart }, required: false }
profiles:
  dev: { secrets: { DB_PASSWORD: local://db-password } }
  prod: { protected: true, providers: { vault: { address: https://vault.prod.example.com } } }
  staging: { extends: prod, protected: false, secrets: { TLS_KEY: null } }
`;

const secret = (manifest: Manifest, name: string): SecretSpec => {
  const spec = manifest.secrets.get(name);
  if (spec === undefined) throw new Error(`no ${name}`);
  return spec;
};
const references = (spec: SecretSpec): readonly string[] =>
  spec.source.kind === 'references' ? spec.source.references.map(({ reference }) => formatReference(reference)) : [];

describe('loadManifest', () => {
  it('reads the default profile', async () => {
    const { manifest, warnings } = await load(EXAMPLE);
    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject({ project: 'api-7f3c', profile: 'dev', profiles: ['dev', 'prod', 'staging'], protected: false });
    expect(manifest.env).toEqual({ inherit: ['PATH', 'LC_*'], pass: [], keep: [], allowDangerous: [] });
    expect(manifest.mask).toEqual({ mode: 'auto', minLength: 8, requirePty: false });
    expect(manifest.audit).toEqual({ required: false, sinks: ['file'] });
    expect(manifest.policy).toEqual({ overAge: 'refuse', require: ['owner', 'maxAge'] });
    expect([...manifest.secrets.keys()]).toEqual([
      'API_KEY',
      'DB_PASSWORD',
      'DATABASE_URL',
      'TLS_KEY',
      'SESSION',
      'LOG_LEVEL',
      'REGION',
      'LEASED',
    ]);
  });

  it('reads every field of an entry', async () => {
    const { manifest } = await load(EXAMPLE, { profile: 'staging' });
    const spec = secret(manifest, 'DB_PASSWORD');
    expect(spec).toMatchObject({
      required: true,
      sensitive: true,
      description: 'app user of the orders database',
      owner: 'payments',
      contact: '#payments-oncall',
      runbook: 'https://wiki.example.com/db-rotation',
      consumers: ['api', 'worker'],
      tags: ['db'],
      maxAge: 90 * 86_400_000,
      as: 'none',
      at: { file: '.secretsrc', line: 16, column: 3 },
    });
    expect(spec.rotate).toMatchObject({ using: 'postgres', every: 30 * 86_400_000, grace: 86_400_000, options: {} });
    expect(spec.rotate?.admin?.reference.text).toBe('aws://prod/db-admin#/url');
    expect(spec.source).toMatchObject({ kind: 'references', references: [{ at: { file: '.secretsrc', line: 17, column: 10 } }] });
    expect(references(spec)).toEqual(['aws://staging/db#/password']);
    expect(secret(manifest, 'LEASED')).toMatchObject({ lease: { nearMax: 'restart' }, required: false });
    expect(secret(manifest, 'SESSION').generate).toEqual({ length: 64, alphabet: 'hex' });
    expect(references(secret(manifest, 'SESSION'))).toEqual(['local://api-7f3c-session']);
    expect(secret(manifest, 'LOG_LEVEL')).toMatchObject({ sensitive: false, source: { kind: 'value', value: 'info' } });
    expect(secret(manifest, 'REGION')).toMatchObject({ sensitive: false, default: 'eu-west-1' });
    expect(secret(manifest, 'DATABASE_URL')).toMatchObject({
      sensitive: true,
      source: {
        kind: 'template',
        parts: [{ text: 'postgres://app:' }, { name: 'DB_PASSWORD', filters: ['url'] }, { text: '@db/app' }],
      },
    });
  });

  it('applies a profile: a changed reference drops rotate, the rest stays', async () => {
    const { manifest } = await load(EXAMPLE);
    const spec = secret(manifest, 'DB_PASSWORD');
    expect(references(spec)).toEqual(['local://db-password']);
    expect(spec.rotate).toBeUndefined();
    expect(spec.owner).toBe('payments');
    expect(spec.layers).toEqual([
      { label: 'manifest', at: { file: '.secretsrc', line: 16, column: 3 } },
      { label: 'profile dev', at: { file: '.secretsrc', line: 34, column: 21 } },
    ]);
  });

  it('lets a profile that extends another use what that may use', async () => {
    const { manifest } = await load(EXAMPLE, { profile: 'staging' });
    expect(manifest.protected).toBe(false);
    expect(manifest.secrets.has('TLS_KEY')).toBe(false);
    expect(manifest.providers.get('aws')?.profiles).toEqual(['prod', 'staging']);
    expect(manifest.providers.get('vault')?.options).toMatchObject({ address: 'https://vault.prod.example.com' });
  });

  it('makes audit required in a protected profile', async () => {
    const { manifest } = await load(EXAMPLE, { profile: 'prod' });
    expect(manifest).toMatchObject({ protected: true, audit: { required: true } });
    expect(secret(manifest, 'TLS_KEY')).toMatchObject({ as: 'file', profiles: ['prod'] });
  });

  it('knows the providers and the places of their options', async () => {
    const { manifest } = await load(EXAMPLE);
    const vault = manifest.providers.get('vault');
    expect(vault).toMatchObject({ use: 'vault', personal: false, baseDir: manifest.dir, at: { line: 5, column: 3 } });
    expect(vault?.positionOf(['address'])).toEqual({ file: '.secretsrc', line: 7, column: 14 });
    expect(vault?.positionOf(['auth', 1, 'method'])).toEqual({ file: '.secretsrc', line: 8, column: 57 });
    expect(vault?.positionOf(['nothing'])).toEqual(vault?.at);
    expect(manifest.providers.get('ssm')).toMatchObject({ use: 'aws-parameter-store', options: {} });
    expect(manifest.providers.get('ssm')?.at).toBeUndefined();
  });

  it.each([
    ['010', '010'],
    ['1.0', '1.0'],
    ['0x1F', '0x1F'],
    ['true', 'true'],
    ['"010"', '010'],
    ['1e3', '1e3'],
    ['""', ''],
    ['|-\n      two\n      lines', 'two\nlines'],
  ])('keeps a plain value as it is written: %s', async (written, value) => {
    const text = `secrets:\n  A:\n    value: ${written}\n  B: { ref: env://B, default: 1.50 }\n`;
    const { manifest } = await load(text);
    expect(secret(manifest, 'A').source).toMatchObject({ kind: 'value', value });
    expect(secret(manifest, 'B').default).toBe('1.50');
  });

  it('reads JSON', async () => {
    const { manifest } = await load({ '.secretsrc.json': '{\n\t"project": "p",\n\t"secrets": { "A": "local://a" }\n}\n' });
    expect(secret(manifest, 'A')).toMatchObject({ at: { file: '.secretsrc.json', line: 3, column: 15 } });
  });

  it('takes an empty section as none', async () => {
    const { manifest } = await load('version: 1\nproviders:\nsecrets:\nprofiles:\n  dev:\n', { profile: 'dev' });
    expect(manifest.secrets.size).toBe(0);
    expect(manifest.profile).toBe('dev');
  });

  it('reads aliases', async () => {
    const { manifest } = await load('secrets:\n  A: &a { ref: env://A, tags: [x] }\n  B: *a\n');
    expect(secret(manifest, 'B').tags).toEqual(['x']);
  });

  it('lists the files it read', async () => {
    const { manifest } = await load({
      '.secretsrc': 'extends: base.yaml\n',
      'base.yaml': 'version: 1\n',
      '.secretsrc.local': 'version: 1\n',
    });
    expect(manifest.files.map((file) => file.slice(manifest.dir.length + 1))).toEqual(['.secretsrc', 'base.yaml', '.secretsrc.local']);
  });
});

describe('the base alone', () => {
  it('is loaded where there is no default', async () => {
    const { manifest } = await load('secrets: { A: env://A }\nprofiles: { dev: {} }\n');
    expect(manifest.profile).toBeUndefined();
  });

  it('misses a profile that its references name', async () => {
    const issues = await issuesOf('project: p\nsecrets: { A: "local://${profile}" }\nprofiles: { dev: {} }\n');
    expect(issues.map(shown)).toEqual(['REF_INVALID .secretsrc:2:15 A: ${profile} is used, but no profile is in effect']);
  });
});

describe('checkWholeManifest', () => {
  it('finds nothing in a good manifest', async () => {
    const check = await checkWholeManifest({
      cwd: folder({ '.secretsrc': EXAMPLE, '.secretsrc.local': 'secrets: { LOG_LEVEL: { value: debug } }' }),
    });
    expect(check.issues).toEqual([]);
    expect(check.manifest?.profile).toBe('dev');
    expect(check.manifest?.secrets.get('LOG_LEVEL')?.source).toMatchObject({ value: 'debug' });
  });

  it('finds the mistakes of every profile, each once', async () => {
    const text = [
      'project: p',
      'secrets:',
      '  A: local://a%',
      '  B: local://${profile}',
      'profiles:',
      '  dev: { secrets: { C: nope://x } }',
      '  prod: { extends: dev, secrets: { D: { owner: x } } }',
    ].join('\n');
    const check = await checkWholeManifest({ cwd: folder({ '.secretsrc': text }) });
    expect(check.issues.map(shown)).toEqual([
      'REF_INVALID .secretsrc:3:6 A: a % must be followed by two hexadecimal digits of UTF-8',
      'PROVIDER_UNKNOWN .secretsrc:6:24 C: there is no provider nope',
      'MANIFEST_INVALID .secretsrc:7:36 D: it has no ref, no template and no value',
    ]);
  });

  it('reports a missing manifest', async () => {
    const check = await checkWholeManifest({ cwd: folder({}) });
    expect(check.issues.map((issue) => issue.code)).toEqual(['MANIFEST_NOT_FOUND']);
    expect(check.manifest).toBeUndefined();
  });
});
