/** Several files and profiles: what each may say, and which wins. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/core/model.ts';
import { checkWholeManifest, loadManifest } from '../../src/manifest/index.ts';
import { folder, issuesOf, load, shown } from './folder.ts';

/** `NAME: source` of every secret in effect. */
function sources(manifest: Manifest): Record<string, string> {
  return Object.fromEntries(
    [...manifest.secrets.values()].map(({ name, source }) => [
      name,
      source.kind === 'references'
        ? source.references.map(({ reference }) => reference.text).join(' ')
        : source.kind === 'value'
          ? source.value
          : 'template',
    ]),
  );
}
const messages = async (...input: Parameters<typeof issuesOf>): Promise<readonly string[]> =>
  (await issuesOf(...input)).map((issue) => shown(issue));

describe('extends', () => {
  const root = `project: shared
providers: { vault: { address: "https://root", caFile: ./ca.pem } }
policy: { overAge: refuse }
secrets:
  SENTRY_DSN: { ref: "vault://\${profile}/sentry#dsn", owner: web }
  NOT_LISTED: env://X
profiles:
  dev:
  prod: { protected: true, secrets: { SENTRY_DSN: { ref: "vault://prod/other#dsn" } } }
`;
  const files = (own: string): Record<string, string> => ({ '.secretsrc': root, 'app/.secretsrc': own });
  const inApp = (own: string, profile?: string): Promise<Manifest> => {
    const dir = folder(files(own));
    return loadManifest({ cwd: join(dir, 'app'), profile }).then(({ manifest }) => manifest);
  };

  it('gives definitions, and injects only what is listed', async () => {
    const manifest = await inApp('extends: ../.secretsrc\nsecrets: { SENTRY_DSN: inherit, OWN: env://OWN }\n', 'dev');
    expect(sources(manifest)).toEqual({ SENTRY_DSN: 'vault://dev/sentry#dsn', OWN: 'env://OWN' });
    expect(manifest.secrets.get('SENTRY_DSN')?.layers.map(({ label, at }) => `${label} ${at.file}:${at.line}`)).toEqual([
      'extends ../.secretsrc ../.secretsrc:5',
      'manifest .secretsrc:2',
    ]);
    expect(manifest).toMatchObject({ project: 'shared', profile: 'dev', policy: { overAge: 'refuse' } });
  });

  it('follows the profile into the extended file', async () => {
    const manifest = await inApp('extends: ../.secretsrc\nsecrets: { SENTRY_DSN: inherit }\n', 'prod');
    expect(sources(manifest)).toEqual({ SENTRY_DSN: 'vault://prod/other#dsn' });
    expect(manifest.protected).toBe(true);
    expect(manifest.secrets.get('SENTRY_DSN')?.owner).toBe('web');
  });

  it('merges providers, whose paths stay those of the file that wrote them', async () => {
    const manifest = await inApp(
      'extends: ../.secretsrc\nproviders: { vault: { namespace: app, clientCert: ../app/x.pem, plain: x.pem } }\n',
      'dev',
    );
    const vault = manifest.providers.get('vault');
    expect(vault?.options).toEqual({
      address: 'https://root',
      caFile: './ca.pem',
      namespace: 'app',
      clientCert: './app/x.pem',
      plain: 'x.pem',
    });
    expect(vault?.baseDir).toBe(join(manifest.dir, '..'));
  });

  it('goes over several files, and overrides lie over what is inherited', async () => {
    const dir = folder({
      'c.yaml': 'secrets: { A: { ref: env://C, owner: c, tags: [c] } }\n',
      'b.yaml': 'extends: c.yaml\nsecrets: { A: inherit, B: env://B }\nprofiles: { dev: { secrets: { A: { tags: [b] } } } }\n',
      '.secretsrc':
        'extends: b.yaml\nsecrets: { A: inherit, B: inherit }\nprofiles: { dev: { secrets: { A: { owner: a }, B: { value: b } } } }\n',
    });
    const { manifest } = await loadManifest({ cwd: dir, profile: 'dev' });
    expect(sources(manifest)).toEqual({ A: 'env://C', B: 'b' });
    expect(manifest.secrets.get('A')).toMatchObject({ owner: 'a', tags: ['b'] });
  });

  it.each<[string, Record<string, string>, readonly string[]]>([
    ['missing', { '.secretsrc': 'extends: nope.yaml\n' }, ['MANIFEST_INVALID .secretsrc:1:10 the extended file: there is no such file']],
    ['a folder', { '.secretsrc': 'extends: a\n', 'a/b': '' }, ['IO .secretsrc:1:10 the extended file: this is a folder, not a file']],
    ['itself', { '.secretsrc': 'extends: ./.secretsrc\n' }, ['MANIFEST_INVALID .secretsrc:1:10 the files extend each other in a circle']],
    [
      'a circle',
      { '.secretsrc': 'extends: a.yaml\n', 'a.yaml': 'extends: .secretsrc\n' },
      ['MANIFEST_INVALID a.yaml:1:10 the files extend each other in a circle'],
    ],
    [
      'not there',
      { '.secretsrc': 'extends: a.yaml\nsecrets: { SENTRYDSN: inherit }\n', 'a.yaml': 'secrets: { SENTRY_DSN: env://X }\n' },
      ['MANIFEST_INVALID .secretsrc:2:23 SENTRYDSN: the extended file does not define it'],
    ],
    [
      'broken',
      { '.secretsrc': 'extends: a.yaml\n', 'a.yaml': 'secrts: {}\n' },
      ['MANIFEST_INVALID a.yaml:1:1 the key secrts is not known here'],
    ],
    [
      'wrong where it is inherited',
      { '.secretsrc': 'extends: a.yaml\nsecrets: { A: inherit }\n', 'a.yaml': 'secrets: { A: nope, B: nope }\n' },
      ['REF_INVALID a.yaml:1:15 A: this is no reference to a secret'],
    ],
  ])('%s', async (_, set, expected) => {
    expect(await messages(set)).toEqual(expected);
  });
});

describe('profiles', () => {
  const text = `project: p
secrets: { A: env://A, B: { ref: "local://b", rotate: { using: generate } } }
profiles:
  one: { secrets: { A: null, C: env://C1 } }
  two: { extends: one, secrets: { A: env://A2, C: { owner: x } } }
  three: { extends: two, secrets: { B: { value: b }, C: null } }
`;
  it.each([
    [undefined, { A: 'env://A', B: 'local://b' }],
    ['one', { B: 'local://b', C: 'env://C1' }],
    ['two', { A: 'env://A2', B: 'local://b', C: 'env://C1' }],
    ['three', { A: 'env://A2', B: 'b' }],
  ])('%s', async (profile, expected) => {
    expect(sources((await load(text, { profile })).manifest)).toEqual(expected);
  });

  it('an empty profile is the base', async () => {
    const [base, empty] = [await load(text), await load(text.replace('profiles:\n', 'profiles:\n  empty: {}\n'), { profile: 'empty' })];
    expect(sources(empty.manifest)).toEqual(sources(base.manifest));
  });

  it.each([
    [
      'profiles: { a: { extends: b }, b: { extends: a } }\n',
      ['MANIFEST_INVALID .secretsrc:1:46 the profiles extend each other in a circle'],
    ],
    ['profiles: { a: { extends: a } }\n', ['MANIFEST_INVALID .secretsrc:1:27 the profiles extend each other in a circle']],
    ['profiles: { a: { extends: prd }, prod: {} }\n', ['MANIFEST_INVALID .secretsrc:1:27 there is no profile of this name to extend']],
  ])('%s', async (manifest, expected) => {
    expect(await messages(manifest, { profile: 'a' })).toEqual(expected);
  });

  it('null removes a provider and its options', async () => {
    const { manifest } = await load(
      'providers: { v: { use: vault, address: a, namespace: n } }\nprofiles: { a: { providers: { v: { namespace: null } } }, b: { providers: { v: null } } }\n',
      { profile: 'a' },
    );
    expect(manifest.providers.get('v')?.options).toEqual({ address: 'a' });
    const removed = await load('providers: { v: { use: vault } }\nprofiles: { b: { providers: { v: null } } }\n', { profile: 'b' });
    expect(removed.manifest.providers.has('v')).toBe(false);
  });
});

describe('a protected profile', () => {
  const text = 'profiles: { prod: { protected: true }, eu: { extends: prod }, dev: {} }\nsecrets: { A: env://A }\n';

  it('is not reached by defaultProfile', async () => {
    expect(await messages(`defaultProfile: prod\n${text}`)).toEqual([
      'MANIFEST_INVALID .secretsrc:1:17 a protected profile must be asked for by name, so it cannot be the default',
    ]);
    expect(await messages(`defaultProfile: eu\n${text}`)).toHaveLength(1);
    expect(await messages(`defaultProfile: dev\n${text}`, { profile: 'prod' })).toEqual([]);
  });

  it('is not the default of a personal file either', async () => {
    expect(await messages({ '.secretsrc': text, '.secretsrc.local': 'defaultProfile: prod\n' })).toContain(
      'MANIFEST_INVALID .secretsrc.local:1:17 a protected profile must be asked for by name, so it cannot be the default',
    );
  });

  it.each(['prod', 'eu'])('refuses .secretsrc.local: %s', async (profile) => {
    const set = { '.secretsrc': text, '.secretsrc.local': 'secrets: { A: { value: x } }\n' };
    const issues = await issuesOf(set, { profile });
    expect(issues.map((issue) => shown(issue))).toEqual([
      `MANIFEST_INVALID .secretsrc.local:1:1 personal overrides do not go with the protected profile ${profile}`,
    ]);
    expect(issues[0]?.hint).toContain('.secretsrc.local');
    const check = await checkWholeManifest({ cwd: folder(set), profile });
    expect(check.issues).toEqual([]);
    expect(check.manifest?.secrets.get('A')?.source.kind).toBe('references');
  });

  it('cannot be unprotected by a personal file', async () => {
    const unprotect = { '.secretsrc': text, '.secretsrc.local': 'profiles: { prod: { protected: false }, eu: { extends: dev } }\n' };
    expect(await messages(unprotect, { profile: 'prod' })).toEqual(
      expect.arrayContaining([
        'MANIFEST_INVALID .secretsrc.local:1:32 a personal file cannot say whether a profile is protected',
        'MANIFEST_INVALID .secretsrc.local:1:1 personal overrides do not go with the protected profile prod',
      ]),
    );
    const moved = { '.secretsrc': text, '.secretsrc.local': 'profiles: { eu: { extends: dev } }\n' };
    expect(await messages(moved, { profile: 'eu' })).toEqual([
      'MANIFEST_INVALID .secretsrc.local:1:1 personal overrides do not go with the protected profile eu',
    ]);
  });

  it('refuses keep and mask never', async () => {
    const weak = `env: { keep: [A] }\nmask: { mode: never }\n${text}`;
    expect(await messages(weak, { profile: 'prod' })).toEqual([
      "MANIFEST_INVALID .secretsrc:1:8 a protected profile keeps no values of the parent's",
      'MANIFEST_INVALID .secretsrc:2:15 a protected profile always masks',
    ]);
    expect(await messages(weak, { profile: 'dev' })).toEqual([]);
    expect(
      await messages(weak.replace('{ protected: true }', '{ protected: true, env: { keep: [] }, mask: { mode: auto } }'), {
        profile: 'prod',
      }),
    ).toEqual([]);
  });
});

describe('.secretsrc.local', () => {
  it('lies over everything, also over profiles', async () => {
    const { manifest } = await load({
      '.secretsrc': 'secrets: { A: env://A, B: env://B }\nprofiles: { dev: { secrets: { A: env://DEV } } }\n',
      '.secretsrc.local':
        'defaultProfile: mine\nsecrets: { A: { value: a }, B: null, C: env://C }\nproviders: { vault: { address: x } }\nprofiles: { mine: { extends: dev, secrets: { C: { value: c } } } }\n',
    });
    expect(manifest).toMatchObject({ profile: 'mine', profiles: ['mine', 'dev'] });
    expect(sources(manifest)).toEqual({ A: 'a', C: 'c' });
    expect(manifest.secrets.get('A')?.layers.map(({ label }) => label)).toEqual(['manifest', 'profile dev', '.secretsrc.local']);
    expect(manifest.providers.get('vault')?.personal).toBe(false);
  });

  it.each(['project: p\n', 'extends: x\n'])('cannot say what the manifest is about: %s', async (local) => {
    expect(await messages({ '.secretsrc': 'version: 1\n', '.secretsrc.local': local })).toHaveLength(1);
  });
});

describe("the user's config.yaml", () => {
  const withUser = async (manifest: string, user: string, profile?: string): Promise<Manifest> => {
    const dir = folder({ '.secretsrc': manifest, 'home/config.yaml': user });
    return (await loadManifest({ cwd: dir, profile, userConfigFile: join(dir, 'home/config.yaml') })).manifest;
  };

  it('need not be there', async () => {
    const { manifest } = await load('version: 1\n', { userConfigFile: '/nowhere/config.yaml' });
    expect(manifest.env.inherit).toBe(true);
  });

  it('gives providers of its own, and options under those of the manifest', async () => {
    const manifest = await withUser(
      'providers: { aws: { region: eu-west-1 } }\n',
      'providers:\n  aws: { region: us-east-1, profile: me, file: ./x }\n  own: { use: vault, file: ./x }\n',
    );
    expect(manifest.providers.get('aws')).toMatchObject({
      options: { region: 'eu-west-1', profile: 'me', file: './home/x' },
      personal: false,
      baseDir: manifest.dir,
    });
    expect(manifest.providers.get('own')).toMatchObject({ personal: true, baseDir: join(manifest.dir, 'home'), options: { file: './x' } });
  });

  it.each([
    ['', 'env: { inherit: false }', { inherit: false }],
    ['env: { inherit: true }', 'env: { inherit: [A] }', { inherit: ['A'] }],
    ['env: { inherit: false }', 'env: { inherit: [A] }', { inherit: false }],
    ['env: { inherit: [A, LC_ALL, B_C] }', 'env: { inherit: [A, "LC_*", "B_*_C"] }', { inherit: ['A', 'LC_ALL'] }],
    ['env: { inherit: ["LC_*"] }', 'env: { inherit: [LC_ALL, X] }', { inherit: ['LC_ALL'] }],
    ['env: { pass: [A, B] }', 'env: { pass: [B, C] }', { pass: ['B'] }],
    ['env: { pass: [A] }', '', { pass: ['A'] }],
    ['', 'env: { allowDangerous: [PATH] }', { allowDangerous: ['PATH'] }],
    ['env: { keep: [A] }', 'env: { keep: [] }', { keep: [] }],
  ])('env: %j and %j give %j', async (manifest, user, env) => {
    expect((await withUser(`${manifest}\nversion: 1\n`, `${user}\nversion: 1\n`)).env).toMatchObject(env);
  });

  it.each([
    ['mask: { mode: never }', '', 'never'],
    ['', 'mask: { mode: never }', 'never'],
    ['mask: { mode: never }', 'mask: { mode: always }', 'always'],
    ['mask: { mode: auto }', 'mask: { mode: never }', 'auto'],
    ['mask: { mode: always }', 'mask: { mode: auto }', 'always'],
  ])('mask: %j and %j give %s', async (manifest, user, mode) => {
    expect((await withUser(`${manifest}\nversion: 1\n`, `${user}\nversion: 1\n`)).mask.mode).toBe(mode);
  });

  it('the smaller minLength, and whatever either requires', async () => {
    const manifest = await withUser(
      'mask: { minLength: 8, requirePty: true }\naudit: { sinks: [file] }\n',
      'mask: { minLength: 4 }\naudit: { required: true, sinks: [stderr, file] }\n',
    );
    expect(manifest.mask).toEqual({ mode: 'auto', minLength: 4, requirePty: true });
    expect(manifest.audit).toEqual({ required: true, sinks: ['file', 'stderr'], personal: ['stderr'] });
  });

  it('cannot weaken a protected profile', async () => {
    const manifest = await withUser('profiles: { prod: { protected: true } }\n', 'mask: { mode: never }\nenv: { keep: [A] }\n', 'prod');
    expect(manifest).toMatchObject({ mask: { mode: 'auto' }, env: { keep: [] }, audit: { required: true } });
  });

  it('knows only its own keys', async () => {
    const dir = folder({ '.secretsrc': 'version: 1\n', 'config.yaml': 'secrets: {}\n' });
    const check = await checkWholeManifest({ cwd: dir, userConfigFile: join(dir, 'config.yaml') });
    expect(check.issues.map((issue) => shown(issue))).toEqual(['MANIFEST_INVALID config.yaml:1:1 the key secrets is not known here']);
  });
});
