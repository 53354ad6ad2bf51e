import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/core/model.ts';
import { loadManifest, type LoadInput } from '../../src/manifest/index.ts';
import { hashOf, missingFrom, trustSet, union } from '../../src/trust/trust-set.ts';
import { folder, load } from '../manifest/folder.ts';
import { manifest as modelOf, spec } from '../support/model.ts';

const setOf = async (text: string, input: Partial<LoadInput> = {}): Promise<readonly string[]> =>
  trustSet((await load(text, { profile: undefined, ...input })).manifest);

const BASE = `
version: 1
project: api
providers:
  vault: { address: https://vault.example.com, auth: [{ method: kubernetes, role: api }, { method: token }] }
secrets:
  API_KEY: vault://secret/api#key
  SESSION: local://session
  REGION: env://AWS_REGION
`;

describe('trustSet', () => {
  it('says what a manifest decides, a line each', async () => {
    expect(await setOf(BASE)).toEqual([
      'prefix vault://secret/',
      'project api',
      'provider vault vault {"address":"https://vault.example.com","auth":[{"method":"kubernetes","role":"api"},{"method":"token"}]}',
      'reference env://AWS_REGION',
    ]);
  });

  it('is empty for plain settings and for providers that are only named', async () => {
    expect(
      await setOf('version: 1\nproviders: { vault: {}, aws: { use: aws-secrets-manager } }\nsecrets: { LOG_LEVEL: { value: info } }\n'),
    ).toEqual([]);
  });

  it.each([
    ['vault://secret/api#key', 'prefix vault://secret/'],
    ['vault://team/kv/api?version=3#key', 'prefix vault://team/'],
    ['aws://prod/db#/password', 'prefix aws://prod/'],
    ['aws://db-password', 'prefix aws://db-password'],
    [
      'aws://arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db',
      'prefix aws://arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/',
    ],
    ['ssm:///prod/db', 'prefix ssm:///prod/'],
    ['ssm://db', 'prefix ssm://db'],
    ['azure://team-kv/db', 'prefix azure://team-kv/'],
    ['env://AWS_REGION#/a', 'reference env://AWS_REGION#/a'],
    ['keychain://service/account', 'reference keychain://service/account'],
    ['local://db/password', undefined],
  ])('%s: %s', async (reference, line) => {
    expect(await setOf(`project: api\nsecrets: { A: "${reference}" }\n`)).toEqual(
      [...(line === undefined ? [] : [line]), 'project api'].sort(),
    );
  });

  it('counts the vault of the options for an Azure name alone', async () => {
    const text = 'providers: { azure: { vaultUrl: https://team-kv.vault.azure.net } }\nsecrets: { A: azure://one, B: azure://two }\n';
    expect(await setOf(text)).toContain('prefix azure://');
    expect((await setOf(text)).filter((line) => line.startsWith('prefix'))).toHaveLength(1);
  });

  it('counts a provider by its adapter, whatever its name', async () => {
    const lines = await setOf(
      'project: api\nproviders: { mine: { use: env }, store: { use: local } }\nsecrets: { A: mine://HOME, B: store://b }\n',
    );
    expect(lines).toEqual(['project api', 'provider mine env {}', 'provider store local {}', 'reference mine://HOME']);
  });

  it('counts administrators and rotators', async () => {
    const text = `
project: api
secrets:
  A: { ref: local://a, rotate: { using: postgres, admin: "aws://prod/admin#/url", user: app } }
  B: { ref: local://b, rotate: { using: exec, command: [./rotate.sh, now] } }
  C: { ref: local://c, rotate: { using: generate, length: 40 } }
  D: { ref: local://d, rotate: { using: generate, length: 40, after: [kubectl, rollout] } }
`;
    expect(await setOf(text)).toEqual([
      'prefix aws://prod/',
      'project api',
      'rotate exec {"command":["./rotate.sh","now"]}',
      'rotate generate {"after":["kubectl","rollout"]}',
      'rotate postgres {"user":"app"}',
    ]);
  });

  it('counts neither --ref nor --env-file, which the person names', async () => {
    const dir = folder({ '.secretsrc': BASE, '.env': 'API_KEY=vault://other/api#key\nMORE=aws://root/key\n' });
    const { manifest } = await loadManifest({ cwd: dir, envFiles: ['.env'], refs: [{ name: 'X', reference: 'keychain://a/b' }] });
    const lines = trustSet(manifest, new Set([join(dir, '.env')]));
    expect(missingFrom(await setOf(BASE), lines)).toEqual([]);
  });

  it('does not count what the config.yaml of the user says', async () => {
    const dir = folder({
      '.secretsrc': 'secrets: { A: corp://team/a#b }\n',
      'home/config.yaml': 'providers: { corp: { use: vault, address: https://corp } }\n',
    });
    const userConfigFile = join(dir, 'home/config.yaml');
    const { manifest } = await loadManifest({ cwd: dir, userConfigFile });
    expect(trustSet(manifest, new Set([userConfigFile]))).toEqual(['prefix corp://team/']);
  });

  it('counts extended files and where paths of their options begin, the same in every checkout', async () => {
    const files = {
      'base/.secretsrc': 'providers: { store: { use: local, path: ./store } }\nsecrets: {}\n',
      'a/b/.secretsrc': 'project: api\nextends: ../../base/.secretsrc\nsecrets: { A: store://a }\n',
    };
    const lines = async (dir: string): Promise<readonly string[]> => trustSet((await loadManifest({ cwd: join(dir, 'a/b') })).manifest);
    const [one, other] = [folder(files), folder(files)];
    expect(await lines(one)).toEqual([
      'extends ../../base/.secretsrc',
      'project api',
      'provider store local {"path":"./store"} ../../base',
    ]);
    expect(await lines(other)).toEqual(await lines(one));
  });

  it('names an extended file elsewhere by its whole path', () => {
    const here = { path: '/home/ana/api/.secretsrc', dir: '/home/ana/api' };
    const at = (file: string): readonly string[] => trustSet(modelOf([], { ...here, files: [here.path, file] }));
    expect(at('/etc/secrets/base.yaml')).toEqual(['extends /etc/secrets/base.yaml']);
    expect(at('/home/ana/shared/base.yaml')).toEqual(['extends ../shared/base.yaml']);
  });

  it('counts what an overriding file of the folder says', async () => {
    const dir = folder({ '.secretsrc': BASE, '.secretsrc.local': 'providers: { vault: { address: https://evil.example.com } }\n' });
    const lines = trustSet((await loadManifest({ cwd: dir })).manifest);
    expect(lines.join('\n')).toContain('https://evil.example.com');
    expect(lines.filter((line) => line.startsWith('extends'))).toEqual([]);
  });

  it('takes from a profile only what that profile fetches', async () => {
    const text =
      'project: api\nprofiles: { dev: {}, prod: {} }\nsecrets: { A: { ref: "vault://prod/a#b", profiles: [prod] }, B: local://b }\n';
    expect(await setOf(text, { profile: 'dev' })).toEqual(['project api']);
    expect(await setOf(text, { profile: 'prod' })).toEqual(['prefix vault://prod/', 'project api']);
  });
});

/** Each one changes BASE in a way that gives more away. */
const WEAKENINGS: readonly (readonly [string, string])[] = [
  ['another project', BASE.replace('project: api', 'project: other')],
  ['another address', BASE.replace('vault.example.com', 'vault.example.org')],
  ['another sign-in', BASE.replace('role: api', 'role: admin')],
  [
    'another order of sign-ins',
    BASE.replace('[{ method: kubernetes, role: api }, { method: token }]', '[{ method: token }, { method: kubernetes, role: api }]'),
  ],
  ['plain http', BASE.replace('https://vault.example.com,', 'https://vault.example.com, insecureHttp: true,')],
  ['another provider', BASE.replace('secrets:', '  aws: { region: eu-west-1 }\nsecrets:')],
  ['another adapter', BASE.replace('vault: {', 'vault: { use: aws-secrets-manager,')],
  ['a new prefix', `${BASE}  MORE: vault://other/api#key\n`],
  ['a new variable', `${BASE}  MORE: env://HOME\n`],
  ['a keychain item', `${BASE}  MORE: keychain://service/account\n`],
  [
    'a prefix behind another',
    BASE.replace('API_KEY: vault://secret/api#key', 'API_KEY: { ref: ["vault://secret/api#key", "vault://fallback/api#key"] }'),
  ],
  ['an administrator', `${BASE}  MORE: { ref: "vault://secret/x#y", rotate: { using: generate, admin: "aws://root/key" } }\n`],
  ['a rotator that starts a program', `${BASE}  MORE: { ref: "vault://secret/x#y", rotate: { using: exec, command: [./x] } }\n`],
  ['env.pass', `${BASE}env: { pass: [VAULT_TOKEN] }\n`],
  ['env.keep', `${BASE}env: { keep: [API_KEY] }\n`],
  ['env.allowDangerous', `${BASE}env: { allowDangerous: [NODE_OPTIONS] }\n`],
  ['mask.mode', `${BASE}mask: { mode: never }\n`],
  ['mask.minLength', `${BASE}mask: { minLength: 7 }\n`],
  ['a value that is shown', BASE.replace('REGION: env://AWS_REGION', 'REGION: { ref: "env://AWS_REGION", sensitive: false }')],
  ['a template that is shown', `${BASE}  URL: { template: "x \${API_KEY}", sensitive: false }\n`],
  ['no audit log', `${BASE}audit: { sinks: [] }\n`],
  ['an audit log elsewhere', `${BASE}audit: { sinks: [file, { use: otlp, endpoint: https://log.example.com }] }\n`],
];

/** Each one changes BASE without giving anything away. */
const HARMLESS: readonly (readonly [string, string])[] = [
  ['a comment', `# hello\n${BASE}`],
  ['another order', BASE.replace('  API_KEY: vault://secret/api#key\n', '').concat('  API_KEY: vault://secret/api#key\n')],
  [
    'another order of keys',
    BASE.replace(
      'address: https://vault.example.com, auth: [{ method: kubernetes, role: api }, { method: token }]',
      'auth: [{ role: api, method: kubernetes }, { method: token }], address: "https://vault.example.com"',
    ),
  ],
  ['a new reference under a known prefix', `${BASE}  MORE: vault://secret/other/deeper?version=3#key\n`],
  ['a new local value', `${BASE}  MORE: local://more\n`],
  ['the same variable again', `${BASE}  MORE: env://AWS_REGION\n`],
  ['a plain value', `${BASE}  MORE: { value: info }\n`],
  ['a template', `${BASE}  URL: { template: "https://\${API_KEY}@x" }\n`],
  [
    'a description and the like',
    BASE.replace(
      'API_KEY: vault://secret/api#key',
      'API_KEY: { ref: "vault://secret/api#key", description: d, owner: o, contact: c, runbook: r, tags: [t], consumers: [x], maxAge: 90d, required: false, as: none, default: z }',
    ),
  ],
  [
    'a rotation by generation',
    BASE.replace(
      'SESSION: local://session',
      'SESSION: { ref: local://session, generate: true, rotate: { using: generate, every: 30d, length: 64 } }',
    ),
  ],
  ['less of the environment', `${BASE}env: { inherit: [PATH], pass: [], keep: [], allowDangerous: [] }\n`],
  ['stricter masks', `${BASE}mask: { mode: always, minLength: 4, requirePty: true }\n`],
  ['a stricter audit', `${BASE}audit: { required: true, sinks: [file, stderr] }\n`],
  ['a policy', `${BASE}policy: { overAge: refuse, require: [owner] }\n`],
  ['an alias of the adapter', BASE.replace('vault: {', 'vault: { use: vault,')],
];

describe('a change of the manifest', () => {
  it.each(WEAKENINGS)('needs trust: %s', async (_, text) => {
    expect(text).not.toBe(BASE);
    expect(missingFrom(await setOf(BASE), await setOf(text))).not.toEqual([]);
  });

  it.each(HARMLESS)('needs none: %s', async (_, text) => {
    expect(text).not.toBe(BASE);
    expect(await setOf(text)).toEqual(await setOf(BASE));
  });

  it('needs none where it takes something away', async () => {
    for (const [, text] of WEAKENINGS.filter(([, text]) => text.startsWith(BASE))) {
      expect(missingFrom(await setOf(text), await setOf(BASE))).toEqual([]);
    }
  });

  it('needs none where the shortest masked value gets shorter', async () => {
    const at = (length: number): Promise<readonly string[]> => setOf(`${BASE}mask: { minLength: ${length} }\n`);
    expect(missingFrom(await at(12), await at(10))).toEqual([]);
    expect(missingFrom(await at(10), await at(12))).toEqual(['mask.minLength 12']);
    expect(union([await at(10), await at(12)]).filter((line) => line.startsWith('mask'))).toEqual(['mask.minLength 12']);
  });
});

describe('properties', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[A-Z]{1,6}$/), { maxLength: 6 });
  const models = fc.record({
    pass: names,
    keep: names,
    allowDangerous: names,
    project: fc.option(fc.stringMatching(/^[a-z]{1,6}$/), { nil: undefined }),
    addresses: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.string({ unit: 'binary' }), { maxKeys: 4 }),
  });
  type Model = typeof models extends fc.Arbitrary<infer T> ? T : never;

  function build({ project, addresses, ...env }: Model, turned = false): Manifest {
    const entries = Object.entries(addresses).map(
      ([name, address]): [string, Manifest['providers'] extends ReadonlyMap<string, infer C> ? C : never] => [
        name,
        {
          name,
          use: 'vault',
          options: { address },
          at: { file: '.secretsrc', line: 1, column: 1 },
          positionOf: () => undefined,
          personal: false,
          baseDir: '/project',
        },
      ],
    );
    const order = <T>(list: readonly T[]): readonly T[] => (turned ? list.toReversed() : list);
    return modelOf([spec('A', { source: { kind: 'value', value: 'x', at: { file: '', line: 1, column: 1 } }, sensitive: false })], {
      ...(project === undefined ? {} : { project }),
      providers: new Map(order(entries)),
      env: { inherit: true, pass: order(env.pass), keep: order(env.keep), allowDangerous: order(env.allowDangerous) },
    });
  }

  const meaning = ({ project, addresses, pass, keep, allowDangerous }: Model): string =>
    JSON.stringify([
      project ?? null,
      Object.entries(addresses)
        .map((entry) => JSON.stringify(entry))
        .sort(),
      [...pass].sort(),
      [...keep].sort(),
      [...allowDangerous].sort(),
    ]);

  it('two manifests have the same set only if they decide the same', () => {
    fc.assert(
      fc.property(models, models, (one, other) => {
        const equal = trustSet(build(one)).join('\n') === trustSet(build(other)).join('\n');
        expect(equal).toBe(meaning(one) === meaning(other));
        expect(hashOf(trustSet(build(one, true)))).toBe(hashOf(trustSet(build(one))));
      }),
    );
  });

  it('a union has nothing missing, and its hash is that of its lines as they are printed', () => {
    fc.assert(
      fc.property(fc.array(models, { maxLength: 4 }), (all) => {
        const sets = all.map((model) => trustSet(build(model)));
        const whole = union(sets);
        for (const set of sets) expect(missingFrom(whole, set)).toEqual([]);
        const printed = whole.map((line) => `${line}\n`).join('');
        expect(hashOf(whole)).toBe(`sha256:${createHash('sha256').update(printed).digest('hex')}`);
      }),
    );
  });
});

it('is the same in two folders', async () => {
  const dirs = [folder({}), folder({})];
  const hashes = await Promise.all(
    dirs.map(async (dir, index) => {
      const inner = join(dir, 'x'.repeat(index + 1));
      mkdirSync(inner);
      writeFileSync(join(inner, '.secretsrc'), BASE);
      return hashOf(trustSet((await loadManifest({ cwd: inner })).manifest));
    }),
  );
  expect(hashes[0]).toBe(hashes[1]);
});
