import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { destinationOf, referenceIn, usualDestination } from '../../src/cli/destination.ts';
import { kebabOf, projectNameFor } from '../../src/cli/naming.ts';
import type { Manifest } from '../../src/core/model.ts';
import { targetOf } from '../../src/cli/target.ts';
import { load } from '../../src/run/load.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'secrets-destination-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
async function manifestOf(lines: string): Promise<Manifest> {
  const cwd = path.join(folder, String(count++));
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, '.secretsrc'), `version: 1\nproject: api-7f3c\n${lines}`);
  return (await load({ cwd, env: { SECRETS_CONFIG_DIR: cwd } })).manifest;
}

const PROVIDERS = 'providers:\n  kv: { use: azure-key-vault, vaultUrl: "https://team-kv.vault.azure.net" }\n';

describe('referenceIn', () => {
  it.each([
    ['local', undefined, 'local://db-password'],
    ['local', 'prod', 'local://prod/db-password'],
    ['keychain', undefined, 'keychain://api-7f3c/db-password'],
    ['vault', undefined, 'vault://secret/api-7f3c#DB_PASSWORD'],
    ['vault', 'prod', 'vault://secret/api-7f3c/prod#DB_PASSWORD'],
    ['vault://kv/team', undefined, 'vault://kv/team#DB_PASSWORD'],
    ['aws', 'prod', 'aws://api-7f3c/prod/db-password'],
    ['ssm', undefined, 'ssm:///api-7f3c/db-password'],
    ['ssm:///team/x/', undefined, 'ssm:///team/x/db-password'],
    ['kv', 'prod', 'kv://prod-db-password'],
    ['azure://team-kv', undefined, 'azure://team-kv/db-password'],
  ])('%s in the profile %s', async (to, profile, expected) => {
    const manifest = await manifestOf(PROVIDERS);
    const reference = referenceIn(await destinationOf(to, manifest), 'DB_PASSWORD', { project: manifest.project, profile });
    expect(reference).toBe(expected);
    // Its own adapter reads it.
    expect((await targetOf(reference, manifest)).references).toHaveLength(1);
  });

  it.each([
    ['env', 'CAPABILITY_UNSUPPORTED'],
    ['nope', 'PROVIDER_UNKNOWN'],
    ['vault://secret/x#field', 'REF_INVALID'],
    ['vault://', 'REF_INVALID'],
  ])('refuses %s', async (to, code) => {
    await expect(destinationOf(to, await manifestOf(''))).rejects.toMatchObject({ code });
  });
});

describe('usualDestination', () => {
  it.each([
    ['', 'local', undefined],
    ['secrets: { A: "local://a", B: "vault://secret/team#b", C: "vault://secret/team#c" }', 'vault', 'secret/team'],
    ['secrets: { A: "env://A", B: "env://B", C: "local://c" }', 'local', undefined],
    ['providers: { vault: { address: "https://vault.example.com" } }', 'vault', undefined],
  ])('of %s', async (lines, name, base) => {
    const destination = await usualDestination(await manifestOf(`${lines}\n`));
    expect([destination.config.name, destination.base]).toEqual([name, base]);
  });
});

describe('names', () => {
  it.each([
    ['DB_PASSWORD', 'db-password'],
    ['dbPassword', 'db-password'],
    ['__X__', 'x'],
    ['_', 'secret'],
    ['A1B2', 'a1b2'],
  ])('%s is %s', (name, kebab) => {
    expect(kebabOf(name)).toBe(kebab);
  });

  it('makes a name of every environment name and folder', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z_]\w{0,30}$/), fc.string(), (name, someFolder) => {
        expect(kebabOf(name)).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
        expect(projectNameFor(someFolder)).toMatch(/^[a-z0-9][a-z0-9-]{0,40}-[0-9a-f]{4}$/);
      }),
    );
  });

  it('keeps what people call their folders', () => {
    expect(projectNameFor('My Café API', '7f3c')).toBe('my-cafe-api-7f3c');
    expect(projectNameFor('東京', '7f3c')).toBe('project-7f3c');
  });
});
