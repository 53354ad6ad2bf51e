import { describe, expect, it } from 'vitest';
import { loadManifest } from '../../src/manifest/index.ts';
import { folder, issuesOf, load, shown } from './folder.ts';

const CANARY = 'canary-9a41e07bd2c85f63';
const MANIFEST = `project: p
secrets:
  DB: { ref: "vault://secret/db#password", owner: ana, as: none, profiles: [prod], default: d, rotate: { using: provider } }
  PLAIN: { value: a }
  OPEN: { ref: env://OPEN, sensitive: false }
profiles: { prod: }
`;

describe('--ref', () => {
  it('adds and overrides, and is injected', async () => {
    const { manifest } = await load(MANIFEST, {
      refs: [
        { name: 'DB', reference: 'local://db' },
        { name: 'NEW', reference: 'env://NEW' },
      ],
    });
    const spec = manifest.secrets.get('DB');
    expect(spec).toMatchObject({
      owner: 'ana',
      as: 'env',
      source: { references: [{ reference: { text: 'local://db' }, at: { file: '--ref', line: 1 } }] },
    });
    expect(spec?.profiles).toBeUndefined();
    expect(spec?.default).toBeUndefined();
    expect(spec?.rotate).toBeUndefined();
    expect(spec?.layers.map(({ label }) => label)).toEqual(['manifest', '--ref']);
    expect(manifest.secrets.get('NEW')?.sensitive).toBe(true);
  });

  it('needs no manifest', async () => {
    const dir = folder({});
    const { manifest } = await loadManifest({ cwd: dir, refs: [{ name: 'A', reference: 'env://A' }] });
    expect(manifest).toMatchObject({ dir, files: [], profiles: [] });
    expect(manifest.path).toBeUndefined();
    expect([...manifest.secrets.keys()]).toEqual(['A']);
  });

  it('a profile then only fills references in', async () => {
    const { manifest } = await loadManifest({ cwd: folder({}), profile: 'prod', refs: [{ name: 'A', reference: 'env://${profile}' }] });
    expect(manifest.secrets.get('A')?.source).toMatchObject({ references: [{ reference: { path: 'prod' } }] });
  });

  it('is checked, and never shown', async () => {
    const issues = await issuesOf('version: 1\n', {
      refs: [
        { name: 'A', reference: CANARY },
        { name: '2B', reference: 'env://B' },
        { name: 'C', reference: `${CANARY}://x` },
      ],
    });
    expect(issues.map((issue) => shown(issue))).toEqual([
      'REF_INVALID --ref:1:1 A: this is no reference to a secret',
      'MANIFEST_INVALID --ref:2:1 the name is no environment name: letters, digits and _, not a digit first',
      'PROVIDER_UNKNOWN --ref:3:1 C: there is no provider of this name',
    ]);
    expect(JSON.stringify(issues)).not.toContain('9a41');
  });
});

describe('--env-file', () => {
  const run = (env: string, manifest = MANIFEST): Parameters<typeof load> => [
    { '.secretsrc': manifest, '.env': env },
    { envFiles: ['.env'] },
  ];

  it('tells references from plain values', async () => {
    const { manifest } = await load(...run('A=vault://secret/a#b\nB=plain\nC=postgres://u:p@h/d\nD=https://x\n'));
    expect(manifest.secrets.get('A')).toMatchObject({
      sensitive: true,
      source: { kind: 'references' },
      at: { file: '.env', line: 1, column: 3 },
    });
    expect(manifest.secrets.get('B')).toMatchObject({ sensitive: false, source: { kind: 'value', value: 'plain' } });
    expect(manifest.secrets.get('C')?.source).toMatchObject({ kind: 'value' });
    expect(manifest.secrets.get('D')?.source).toMatchObject({ kind: 'value' });
  });

  it('a provider of the manifest is one here too', async () => {
    const { manifest } = await load(...run('A=postgres://x\n', 'providers: { postgres: { use: vault } }\n'));
    expect(manifest.secrets.get('A')?.source.kind).toBe('references');
  });

  it('a plain value for what is a secret stays one', async () => {
    const { manifest } = await load(...run(`DB=${CANARY}\nPLAIN=b\nOPEN=c\n`));
    expect(manifest.secrets.get('DB')).toMatchObject({ sensitive: true, as: 'env', source: { kind: 'value', value: CANARY } });
    expect(manifest.secrets.get('PLAIN')).toMatchObject({ sensitive: false, source: { value: 'b' } });
    expect(manifest.secrets.get('OPEN')).toMatchObject({ sensitive: false });
  });

  it('later entries and files win, references of the command line last', async () => {
    const dir = folder({ '.secretsrc': 'version: 1\n', a: 'X=1\nX=2\nY=1\nZ=1\n', b: 'Y=2\nZ=2\n' });
    const { manifest } = await loadManifest({ cwd: dir, envFiles: ['a', 'b'], refs: [{ name: 'Z', reference: 'env://Z' }] });
    expect([...manifest.secrets.values()].map(({ name, source }) => [name, source.kind === 'value' ? source.value : source.kind])).toEqual([
      ['X', '2'],
      ['Y', '2'],
      ['Z', 'references'],
    ]);
    expect(manifest.files).toContain(`${dir}/a`);
  });

  it.each([
    ['op://vault/item/field', 'this is a reference of 1Password, which is written differently here'],
    ['ref+awssecrets://x', 'this is a reference of vals, which is written differently here'],
    ['doppler://x', 'this is a reference of Doppler, which is written differently here'],
    ['vault:secret/data/x#y', 'this is a reference of Vault (bank-vaults), which is written differently here'],
  ])('%s is foreign', async (text, message) => {
    const issues = await issuesOf(...run(`A=${text}\n`));
    expect(issues).toMatchObject([{ code: 'REF_INVALID', message, name: 'A', at: { file: '.env', line: 1, column: 3 } }]);
  });

  it('is no longer foreign with a provider of that name', async () => {
    expect(await issuesOf(...run('A=op://v/i/f\n', 'providers: { op: { use: vault } }\n'))).toEqual([]);
  });

  it('an ARN may be a setting', async () => {
    expect(await issuesOf(...run('A=arn:aws:secretsmanager:eu-west-1:1:secret:x\n'))).toEqual([]);
  });

  it.each([
    ['vualt://x', 1],
    ['vaults://x', 1],
    ['ens://x', 0],
    ['https://x', 0],
    ['mongodb://x', 0],
    ['vault://x', 0],
  ])('%s earns %d warnings', async (text, count) => {
    const { warnings } = await load(...run(`A=${text}\n`));
    expect(warnings).toHaveLength(count);
    expect(JSON.stringify(warnings)).not.toContain('vualt');
  });

  it('mistakes come together with those of the manifest', async () => {
    const issues = await issuesOf(
      { '.secretsrc': 'secrets: { A: x }\n', '.env': '2X=1\nno assignment\nB="open\n' },
      { envFiles: ['.env', 'nope'] },
    );
    expect(issues.map((issue) => shown(issue)).toSorted()).toEqual([
      'IO nope:1:1 the env file: there is no such file',
      'MANIFEST_INVALID .env:1:1 the name is no environment name: letters, digits and _, not a digit first',
      'MANIFEST_INVALID .env:2:1 this line is no NAME=value',
      'MANIFEST_INVALID .env:3:3 the quote is not closed',
      'REF_INVALID .secretsrc:1:15 A: this is no reference to a secret',
    ]);
  });
});
