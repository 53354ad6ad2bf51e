import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadManifest } from '../../src/manifest/index.ts';
import { decideTrust, settingOf, type Decision, type NewTrust, type TrustQuery } from '../../src/trust/decide.ts';
import { placeOf } from '../../src/trust/place.ts';
import { addRecord, keepingOf } from '../../src/trust/record.ts';
import { hashOf } from '../../src/trust/trust-set.ts';
import { wholeSet } from '../../src/trust/whole.ts';
import { emptyFolder, write } from './folders.ts';

const TEXT =
  'project: api\nproviders: { vault: { address: https://v.example.com } }\nsecrets: { A: vault://secret/a#b }\nprofiles: { dev: {}, prod: { secrets: { A: "aws://prod/a" } } }\n';

interface Subject {
  readonly dir: string;
  readonly decide: (more?: Partial<TrustQuery> & { readonly profile?: string }) => Promise<Decision>;
  readonly record: () => Promise<void>;
  readonly hash: () => Promise<string>;
}

function subject(text = TEXT, userConfig?: string): Subject {
  const dir = emptyFolder({ '.secretsrc': text, '.git/HEAD': '' });
  const state = emptyFolder(userConfig === undefined ? {} : { 'config.yaml': userConfig });
  const userConfigFile = join(state, 'config.yaml');
  const source = { cwd: dir, manifest: join(dir, '.secretsrc'), userConfigFile };
  const keeping = keepingOf(placeOf(source.manifest), state);
  const lines = async (): Promise<readonly string[]> => (await wholeSet(source))?.lines ?? [];
  return {
    dir,
    decide: async ({ profile, ...more } = {}) => {
      const { manifest } = await loadManifest({ cwd: dir, profile, userConfigFile });
      return decideTrust({ manifest, source, setting: undefined, keeping, ...more });
    },
    record: async () => addRecord(keeping, await lines(), new Date()),
    hash: async () => hashOf(await lines()),
  };
}

async function newOf(decision: Promise<Decision>): Promise<NewTrust> {
  const found = await decision;
  if (found.state !== 'new') throw new Error(found.state);
  return found;
}

describe('decideTrust', () => {
  it('has to be told first', async () => {
    const { decide } = subject();
    const { missing, lines, former } = await newOf(decide({ profile: 'dev' }));
    expect(missing).toEqual(lines);
    expect(lines).toContain('prefix aws://prod/');
    expect(former).toBeUndefined();
  });

  it('knows in every profile what was recorded once', async () => {
    const { decide, record } = subject();
    await record();
    for (const profile of ['dev', 'prod']) expect(await decide({ profile })).toEqual({ state: 'recorded' });
  });

  it('says what is new since then', async () => {
    const { dir, decide, record } = subject();
    await record();
    write(dir, '.secretsrc', TEXT.replace('v.example.com', 'evil.example.com'));
    const { missing, former } = await newOf(decide());
    expect(missing).toEqual(['provider vault vault {"address":"https://evil.example.com"}']);
    expect(former?.lines).toContain('provider vault vault {"address":"https://v.example.com"}');
  });

  it('asks only in the profile that changed', async () => {
    const { dir, decide, record } = subject();
    await record();
    write(dir, '.secretsrc', TEXT.replace('aws://prod/a', 'aws://root/a'));
    expect(await decide({ profile: 'dev' })).toEqual({ state: 'recorded' });
    expect((await newOf(decide({ profile: 'prod' }))).missing).toEqual(['prefix aws://root/']);
  });

  it('knows what both of two branches had, and nothing that neither had as a whole', async () => {
    const { dir, decide, record } = subject();
    const other = TEXT.replace('v.example.com', 'w.example.com').replace('vault://secret', 'vault://team');
    await record();
    write(dir, '.secretsrc', other);
    await record();
    expect(await decide()).toEqual({ state: 'recorded' });
    write(dir, '.secretsrc', TEXT);
    expect(await decide()).toEqual({ state: 'recorded' });
    write(dir, '.secretsrc', TEXT.replace('vault://secret', 'vault://team'));
    expect((await decide()).state).toBe('new');
  });

  it('trusts unseen when told so, and calls it by what is stronger', async () => {
    const { decide, record } = subject();
    expect(await decide({ once: true })).toEqual({ state: 'unpinned' });
    expect(await decide({ setting: '1' })).toEqual({ state: 'unpinned' });
    await record();
    expect(await decide({ once: true, setting: '1' })).toEqual({ state: 'recorded' });
  });

  it('takes a pin for the only way', async () => {
    const { dir, decide, record, hash } = subject();
    const pin = await hash();
    await record();
    expect(await decide({ setting: pin })).toEqual({ state: 'pinned' });
    expect(await decide({ setting: pin.toUpperCase().replace('SHA256', 'sha256') })).toEqual({ state: 'pinned' });
    write(dir, '.secretsrc', `${TEXT}mask: { mode: never }\n`);
    const found = await hash();
    for (const once of [false, true]) {
      await expect(decide({ setting: pin, once })).rejects.toMatchObject({
        code: 'MANIFEST_UNTRUSTED',
        primary: { message: `SECRETS_TRUST pins another set than the manifest has now: expected ${pin}, found ${found}` },
      });
    }
    write(dir, '.secretsrc', TEXT);
    write(dir, '.secretsrc.local', 'secrets: { B: env://HOME }\n');
    await expect(decide({ setting: pin })).rejects.toMatchObject({
      primary: { hint: expect.stringContaining('.secretsrc.local counts') as string },
    });
  });

  it('does not take a pin of files that changed between two looks at them', async () => {
    const { dir, decide, hash } = subject();
    const pin = await hash();
    const { manifest } = await loadManifest({ cwd: dir, refs: [] });
    const flipped = { ...manifest, project: 'other' };
    await expect(decide({ setting: pin, manifest: flipped })).rejects.toMatchObject({ code: 'MANIFEST_UNTRUSTED' });
  });

  it('needs nothing for a manifest that decides nothing', async () => {
    expect(await subject('secrets: { A: { value: b } }\n').decide()).toEqual({ state: 'recorded' });
  });

  it('is not bothered by what a config.yaml adds or takes', async () => {
    const config = 'providers: { vault: { namespace: mine } }\nenv: { pass: [X] }\nmask: { minLength: 30 }\n';
    const { dir, decide, record } = subject(TEXT, config);
    await record();
    expect(await decide()).toEqual({ state: 'recorded' });
    write(dir, '.secretsrc', `${TEXT}env: { keep: [A] }\n`);
    expect((await newOf(decide())).missing).toEqual(['env.keep A']);
  });
});

describe('SECRETS_TRUST', () => {
  it.each([undefined, ''])('says nothing: %j', (text) => expect(settingOf(text)).toBeUndefined());

  it.each(['true', 'yes', '0', 'sha256:', 'sha256:123', `sha1:${'0'.repeat(64)}`, '0'.repeat(64), ' 1'])('is refused: %j', (text) => {
    expect(() => settingOf(text)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });
});
