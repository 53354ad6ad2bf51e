import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadManifest } from '../../src/manifest/index.ts';
import { hashOf } from '../../src/trust/trust-set.ts';
import { wholeSet, withoutPersonal } from '../../src/trust/whole.ts';
import { folder } from '../manifest/folder.ts';

const source = (dir: string, userConfigFile?: string) => ({ cwd: dir, manifest: join(dir, '.secretsrc'), userConfigFile });

const PROFILES = `
project: api
providers: { vault: { address: "https://\${profile}.example.com" } }
defaultProfile: dev
secrets: { A: vault://secret/a#b }
profiles:
  dev: {}
  prod: { protected: true, secrets: { A: "aws://\${profile}/a" } }
`;

describe('wholeSet', () => {
  it('is of all profiles together', async () => {
    const whole = await wholeSet(source(folder({ '.secretsrc': PROFILES })));
    expect(whole?.lines).toEqual([
      'prefix aws://prod/',
      'prefix vault://secret/',
      'project api',
      'provider vault vault {"address":"https://dev.example.com"}',
      'provider vault vault {"address":"https://prod.example.com"}',
    ]);
    expect(whole?.manifests.map(({ profile }) => profile)).toEqual(['dev', 'prod']);
  });

  it('leaves out a base that cannot run by itself', async () => {
    const dir = folder({ '.secretsrc': PROFILES.replace('defaultProfile: dev\n', '') });
    expect((await wholeSet(source(dir)))?.lines.join('\n')).not.toContain('profile.example.com');
  });

  it('looks at a protected profile beside a personal file, which a run would refuse', async () => {
    const dir = folder({ '.secretsrc': PROFILES, '.secretsrc.local': 'secrets: { MINE: keychain://a/b }\n' });
    const whole = await wholeSet(source(dir));
    expect(whole?.lines).toContain('prefix aws://prod/');
    expect(whole?.lines).toContain('reference keychain://a/b');
  });

  it('takes nothing from the other profiles where one has mistakes', async () => {
    const dir = folder({ '.secretsrc': `${PROFILES}  broken: { secrets: { B: nothing } }\n` });
    expect((await wholeSet(source(dir)))?.lines).toContain('prefix aws://prod/');
  });

  it.each(['', 'a: [', '- list\n'])('is nothing for a file that is no manifest: %j', async (text) => {
    expect(await wholeSet(source(folder({ '.secretsrc': text })))).toBeUndefined();
    expect(await wholeSet(source(folder({})))).toBeUndefined();
  });

  it('is the same with and without a config.yaml of the user', async () => {
    const text =
      'project: api\nproviders: { vault: { auth: { method: token } } }\nenv: { pass: [VAULT_TOKEN] }\nsecrets: { A: vault://secret/a#b }\n';
    const dir = folder({
      '.secretsrc': text,
      'home/config.yaml': 'providers: { vault: { address: "https://mine" } }\nenv: { pass: [], keep: [X] }\nmask: { minLength: 20 }\n',
    });
    const [without, with_] = [await wholeSet(source(dir)), await wholeSet(source(dir, join(dir, 'home/config.yaml')))];
    expect(without?.lines).toEqual([
      'env.pass VAULT_TOKEN',
      'prefix vault://secret/',
      'project api',
      'provider vault vault {"auth":{"method":"token"}}',
    ]);
    expect(hashOf(with_?.lines ?? [])).toBe(hashOf(without?.lines ?? []));
  });

  it('counts what is read from a provider of the config.yaml', async () => {
    const dir = folder({
      '.secretsrc': 'secrets: { A: "corp://team/a#b", B: "vault://secret/b#c" }\n',
      'home/config.yaml': 'providers: { corp: { use: vault, address: "https://corp" } }\n',
    });
    const userConfigFile = join(dir, 'home/config.yaml');
    expect((await wholeSet(source(dir, userConfigFile)))?.lines).toEqual(['prefix corp://team/', 'prefix vault://secret/']);
    const { manifest } = await loadManifest({ cwd: dir, userConfigFile });
    expect(await withoutPersonal(manifest, source(dir, userConfigFile))).toEqual(['prefix corp://team/', 'prefix vault://secret/']);
  });
});
