import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { prepareEdit, sourcePlace, type EntryPlace } from '../../src/cli/manifest-edit.ts';
import { load } from '../../src/run/load.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'secrets-edit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

async function placeOf(name: string, profile?: string, cwd = folder): Promise<EntryPlace | undefined> {
  const { manifest } = await load({ cwd, env: { SECRETS_CONFIG_DIR: folder }, profile });
  const spec = manifest.secrets.get(name);
  if (spec === undefined) throw new Error(`no ${name}`);
  return sourcePlace(spec, manifest, cwd);
}

describe('sourcePlace', () => {
  const MANIFEST = `version: 1
project: p
secrets:
  A: local://a
  B: { owner: x, ref: "local://b" }
  C: { value: c }
profiles:
  dev:
    secrets:
      B: { owner: y }
      C: local://c
  prod:
    secrets:
      A: local://prod-a
`;

  it('is the section that says what the source is', async () => {
    const file = write('.secretsrc', MANIFEST);
    expect(await placeOf('A')).toEqual({ file, profile: undefined });
    expect(await placeOf('A', 'prod')).toEqual({ file, profile: 'prod' });
    expect(await placeOf('B', 'dev')).toEqual({ file, profile: undefined });
    expect(await placeOf('C', 'dev')).toEqual({ file, profile: 'dev' });
  });

  it('does not depend on where the manifest is called from', async () => {
    const file = write('.secretsrc', MANIFEST);
    mkdirSync(path.join(folder, 'deep', 'er'), { recursive: true });
    expect(await placeOf('A', 'prod', path.join(folder, 'deep', 'er'))).toEqual({ file, profile: 'prod' });
  });

  it('is in the personal file where that says it', async () => {
    write('.secretsrc', MANIFEST);
    const file = write('.secretsrc.local', 'secrets: { A: "local://mine" }\nprofiles: { dev: { secrets: { B: "local://mine-b" } } }\n');
    expect(await placeOf('A')).toEqual({ file, profile: undefined });
    expect(await placeOf('B', 'dev')).toEqual({ file, profile: 'dev' });
  });

  it('is where the manifest inherits, not the file that it inherits from', async () => {
    write('base.yaml', 'version: 1\nproject: p\nsecrets: { A: "local://a" }\n');
    const file = write('.secretsrc', 'version: 1\nextends: ./base.yaml\nproject: p\nsecrets:\n  A: inherit\n');
    expect(await placeOf('A')).toEqual({ file, profile: undefined });
  });
});

describe('prepareEdit', () => {
  const context = (): Context =>
    ({ cwd: folder, env: { SECRETS_STATE_DIR: path.join(folder, 'state'), SECRETS_CONFIG_DIR: folder } }) as Partial<Context> as Context;

  it('changes nothing until it is committed', async () => {
    const file = write('.secretsrc', 'one\n');
    const edit = prepareEdit(context(), file, (text) => text.replace('one', 'two'));
    expect(readFileSync(file, 'utf8')).toBe('one\n');
    await edit.commit();
    expect(readFileSync(file, 'utf8')).toBe('two\n');
  });

  it('writes nothing over what somebody else wrote meanwhile', async () => {
    const file = write('.secretsrc', 'one\n');
    const edit = prepareEdit(context(), file, () => 'two\n');
    writeFileSync(file, 'theirs\n');
    await expect(edit.commit()).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(readFileSync(file, 'utf8')).toBe('theirs\n');
  });

  it('leaves the file alone where nothing changes', async () => {
    const file = write('.secretsrc', 'one\n');
    const { ino } = statSync(file);
    await prepareEdit(context(), file, (text) => text).commit();
    expect(statSync(file).ino).toBe(ino);
  });

  it('names the file that it cannot read', () => {
    expect(() => prepareEdit(context(), path.join(folder, 'none'), (text) => text)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_NOT_FOUND' }),
    );
  });
});
