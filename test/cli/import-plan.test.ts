import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { destinationOf } from '../../src/cli/destination.ts';
import { planImport, readEnvFile, sortEntries, unexpanded, type Planned } from '../../src/cli/import-plan.ts';
import { sourcePlace } from '../../src/cli/manifest-edit.ts';
import { load } from '../../src/run/load.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'secrets-import-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function planOf(env: string, manifestText = '', profile?: string, to = 'local'): Promise<readonly Planned[]> {
  writeFileSync(path.join(folder, '.secretsrc'), `version: 1\nproject: p\n${manifestText}`);
  writeFileSync(path.join(folder, '.env'), env);
  const { manifest } = await load({ cwd: folder, env: { SECRETS_CONFIG_DIR: folder }, profile });
  const { entries } = readEnvFile(path.join(folder, '.env'), '.env');
  const secrets = new Set([...sortEntries(entries, {})].flatMap(([name, { kind }]) => (kind === 'secret' ? [name] : [])));
  const isOwn: Parameters<typeof planImport>[1]['isOwn'] = (spec) =>
    profile === undefined || sourcePlace(spec, manifest, folder)?.profile === profile;
  return planImport(entries, { manifest, profile, destination: await destinationOf(to, manifest), secrets, isOwn });
}

const fates = (planned: readonly Planned[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(planned.map(({ entry, fate }) => [entry.name, fate]));

describe('planImport', () => {
  it('takes secrets, plain settings and references apart', async () => {
    expect(fates(await planOf('PORT=1\nAPI_KEY=canary-1\nDB=vault://secret/db#pw\n'))).toEqual({
      PORT: { kind: 'plain', edit: 'add' },
      API_KEY: { kind: 'secret', reference: 'local://api-key', edit: 'add' },
      DB: { kind: 'reference', reference: 'vault://secret/db#pw', edit: 'add' },
    });
  });

  it('leaves alone what it must not take over', async () => {
    const planned = fates(
      await planOf(
        'A=op://vault/item/field\nSECRETS_PROFILE=dev\nNODE_OPTIONS=--x\nPATH=/x\nT=canary-t\n',
        'secrets: { X: "local://x", T: { template: "${X}" } }\n',
      ),
    );
    for (const name of ['A', 'SECRETS_PROFILE', 'NODE_OPTIONS', 'PATH', 'T']) expect(planned[name]).toMatchObject({ kind: 'left' });
  });

  it('takes a dangerous name that the manifest allows', async () => {
    expect(fates(await planOf('NODE_OPTIONS=--x\n', 'env: { allowDangerous: [NODE_OPTIONS] }\n'))).toMatchObject({
      NODE_OPTIONS: { kind: 'secret' },
    });
  });

  it('goes on where an earlier import ended', async () => {
    const manifest = 'secrets: { API_KEY: "local://elsewhere", PORT: { value: "1" }, HOST: { value: a }, DB: "vault://secret/db#pw" }\n';
    expect(fates(await planOf('API_KEY=canary-1\nPORT=1\nHOST=b\nDB=vault://secret/db#pw\n', manifest))).toEqual({
      API_KEY: { kind: 'secret', reference: 'local://elsewhere', edit: 'none' },
      PORT: { kind: 'plain', edit: 'none' },
      HOST: { kind: 'left', why: 'the manifest has another value for it', hint: 'change HOST in the manifest' },
      DB: { kind: 'reference', reference: 'vault://secret/db#pw', edit: 'none' },
    });
  });

  it('makes a secret of a plain setting that is one', async () => {
    expect(fates(await planOf('API_KEY=canary-1\n', 'secrets: { API_KEY: { value: "" } }\n'))).toEqual({
      API_KEY: { kind: 'secret', reference: 'local://api-key', edit: 'replace' },
    });
  });

  it('gives every name a place of its own', async () => {
    const planned = await planOf('API_KEY=canary-1\napi_key=canary-2\nApiKey=canary-3\n', 'secrets: { OTHER: "local://api-key" }\n');
    const references = planned.flatMap(({ fate }) => (fate.kind === 'secret' ? [fate.reference] : []));
    expect(new Set(references).size).toBe(3);
    expect(references).not.toContain('local://api-key');
  });

  it('writes to the section of a profile that was asked for', async () => {
    const manifest = 'secrets: { API_KEY: "local://api-key", PORT: { value: "1" } }\nprofiles: { prod: {} }\n';
    expect(fates(await planOf('API_KEY=canary-1\nPORT=1\n', manifest, 'prod'))).toEqual({
      API_KEY: { kind: 'secret', reference: 'local://prod/api-key', edit: 'add' },
      PORT: { kind: 'plain', edit: 'none' },
    });
  });
});

describe('readEnvFile', () => {
  it('takes the last of a name, and refuses the file for one bad line', () => {
    const file = path.join(folder, '.env');
    writeFileSync(file, 'A=1\nA=2\n');
    expect(readEnvFile(file, '.env').entries.map(({ value }) => value)).toEqual(['2']);
    writeFileSync(file, 'A=1\ncanary without equals\n');
    expect(() => readEnvFile(file, '.env')).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
    expect(() => readEnvFile(path.join(folder, 'none'), 'none')).toThrow(expect.objectContaining({ code: 'IO' }));
  });
});

describe('sortEntries', () => {
  it('follows what was said', () => {
    writeFileSync(path.join(folder, '.env'), 'PORT=1\nAPI_KEY=canary-1\n');
    const { entries } = readEnvFile(path.join(folder, '.env'), '.env');
    const kinds = sortEntries(entries, { plain: ['API_KEY'], secret: ['PORT'] });
    expect([kinds.get('PORT')?.kind, kinds.get('API_KEY')?.kind]).toEqual(['secret', 'plain']);
    expect(() => sortEntries(entries, { plain: ['NOPE'] })).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => sortEntries(entries, { plain: ['PORT'], secret: ['PORT'] })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('unexpanded', () => {
  it('finds what other tools would fill in', () => {
    writeFileSync(path.join(folder, '.env'), 'A=x${B}y\nB=$ok\nC=${B:-z}\nD=$$\n');
    expect(unexpanded(readEnvFile(path.join(folder, '.env'), '.env').entries).map(({ name }) => name)).toEqual(['A', 'C']);
  });
});
