import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity } from '../../../src/providers/local/age.ts';
import { ownIdentityFile } from '../../../src/providers/local/holders.ts';
import { canary, faultOf, get, home, hostWith, indexOf, open, op, put, ref, useTempHome } from './harness.ts';

useTempHome();

const posix = process.platform !== 'win32';
const root = process.getuid?.() === 0;
let value = '';
beforeEach(async () => {
  value = canary();
  const session = await open();
  await put(session, 'a', value);
  await put(session, 'b', canary());
});

const file = (name: string): string => path.join(home.store, indexOf().versions.find((line) => line.name === name)?.file ?? '');
const index = (): string => path.join(home.store, 'index.json');
const identityFile = (): string => ownIdentityFile(hostWith(), indexOf().recipients[0] ?? '') ?? '';
const read = async (name = 'a') => {
  const fault = await faultOf(get(await open(), name));
  expect(fault.message).not.toContain(value);
  expect(fault.detail.hint).toBeTruthy();
  return fault;
};

describe('A53 a store that was damaged or tampered with', () => {
  it('files swapped between names or projects are noticed', async () => {
    const spare = path.join(home.dir, 'spare');
    renameSync(file('a'), spare);
    renameSync(file('b'), file('a'));
    renameSync(spare, file('b'));
    for (const name of ['a', 'b'])
      expect(await read(name)).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('swapped') as string });
  });

  it('an old version put in the place of the new one is noticed', async () => {
    await put(await open(), 'a', canary());
    const [old, current] = indexOf().versions.filter(({ name }) => name === 'a');
    copyFileSync(path.join(home.store, old?.file ?? ''), path.join(home.store, current?.file ?? ''));
    expect((await read()).code).toBe('STORE_CORRUPT');
  });

  it('truncated, missing, foreign and huge files of a version are refused, others still open', async () => {
    truncateSync(file('a'), 150);
    expect((await read()).code).toBe('STORE_CORRUPT');
    truncateSync(file('a'), 3_000_000_000);
    expect(await read()).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('bigger') as string });
    rmSync(file('a'));
    expect(await read()).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('missing') as string });
    mkdirSync(file('a'));
    expect((await read()).code).toBe('STORE_CORRUPT');
    expect(await get(await open(), 'b')).toContain('canary');
  });

  it.each([
    ['truncated', () => truncateSync(index(), 100)],
    ['empty', () => truncateSync(index(), 0)],
    ['of other JSON', () => writeFileSync(index(), '{"format":"x"}')],
    ['huge', () => truncateSync(index(), 3_000_000_000)],
    ['a folder', () => (rmSync(index()), mkdirSync(index()))],
  ])('an index that is %s is refused by every call and not written over', async (_, damage) => {
    damage();
    expect((await faultOf(get(await open(), 'a'))).code).toBe('STORE_CORRUPT');
    const session = await open();
    expect((await faultOf(put(session, 'a', 'x'))).code).toBe('STORE_CORRUPT');
    expect((await faultOf(session.list?.('', op) ?? Promise.resolve())).code).toBe('STORE_CORRUPT');
    expect((await faultOf(session.describe?.([ref('a')], op) ?? Promise.resolve())).code).toBe('STORE_CORRUPT');
    expect((await session.doctor(op)).checks).toMatchObject([{ status: 'fail' }]);
    expect(readdirSync(home.store).filter((name) => name.endsWith('.age'))).toHaveLength(2);
  });

  it('a lost index does not make a new store over the encrypted files', async () => {
    rmSync(index());
    expect(await faultOf(put(await open(), 'c', 'x'))).toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('no index.json') as string,
    });
    expect(readdirSync(home.store).filter((name) => name.endsWith('.age'))).toHaveLength(2);
  });

  it.runIf(posix).each(['0644', '0640', '0602', '0700'])(
    'an index or identity of mode %s is refused with the chmod to type',
    async (mode) => {
      for (const target of [index(), identityFile()]) {
        chmodSync(target, parseInt(mode, 8));
        const fault = await read();
        expect(fault).toMatchObject({ kind: 'denied', detail: { hint: `chmod 600 ${target}` } });
        expect(fault.message).toContain(mode);
        chmodSync(target, 0o600);
      }
      expect(await get(await open(), 'a')).toBe(value);
    },
  );

  it.runIf(posix)('a folder that others can write to is refused; one that they can list is warned about', async () => {
    chmodSync(home.store, 0o770);
    expect(await read()).toMatchObject({ kind: 'denied', detail: { hint: `chmod 700 ${home.store}` } });
    chmodSync(home.store, 0o755);
    expect(await get(await open(), 'a')).toBe(value);
    expect((await (await open()).doctor(op)).checks).toContainEqual(
      expect.objectContaining({ status: 'warn', hint: `chmod 700 ${home.store}` }),
    );
  });

  it.runIf(posix)('links in the place of folder, index or file are refused, for reading and writing', async () => {
    for (const target of [home.store, index(), file('a')]) {
      const moved = path.join(home.dir, 'moved');
      renameSync(target, moved);
      symlinkSync(moved, target);
      expect(await read()).toMatchObject({ kind: 'denied', message: expect.stringContaining('symbolic link') as string });
      rmSync(target);
      renameSync(moved, target);
    }
    expect(await get(await open(), 'a')).toBe(value);
  });

  it.runIf(posix)('links in the place of folder or index are not written through', async () => {
    for (const target of [home.store, index()]) {
      const moved = path.join(home.dir, 'moved');
      renameSync(target, moved);
      symlinkSync(moved, target);
      expect((await faultOf(put(await open(), 'a', 'x'))).message).toContain('symbolic link');
      rmSync(target);
      renameSync(moved, target);
    }
    expect(indexOf().versions).toHaveLength(2);
  });

  it.runIf(posix)('a pipe in the place of a file does not make us wait', async () => {
    for (const target of [file('a'), identityFile(), index()]) {
      const moved = path.join(home.dir, 'moved');
      renameSync(target, moved);
      execFileSync('mkfifo', ['-m', '600', target]);
      expect((await read()).code).toBe('STORE_CORRUPT');
      rmSync(target);
      renameSync(moved, target);
    }
  });

  it.runIf(root)('what belongs to another user is refused (needs root to be tried)', async () => {
    for (const target of [home.store, index(), identityFile()]) {
      chownSync(target, 65_534, 65_534);
      expect(await read()).toMatchObject({ kind: 'denied', message: expect.stringContaining('belongs to another user') as string });
      chownSync(target, 0, 0);
    }
  });

  it('another key is locked, never used, and nothing is written for it', async () => {
    const other = await generateIdentity();
    writeFileSync(identityFile(), `# another\n${other.reveal().toString()}\n`);
    expect(await read()).toMatchObject({ code: 'STORE_LOCKED', message: expect.stringContaining('another key') as string });
  });

  it.each(['', 'AGE-SECRET-KEY-1CANARY', 'age-encryption.org/v1\n-> scrypt x 1\n', 'ssh-ed25519 AAAA'])(
    'an identity file of %j is refused, not quoted',
    async (text) => {
      writeFileSync(identityFile(), text);
      const fault = await read();
      expect(fault.code).toBe('STORE_CORRUPT');
      expect(JSON.stringify(fault.detail)).not.toContain('CANARY');
    },
  );

  it('a lost identity file is locked, and no second key is made', async () => {
    rmSync(identityFile());
    expect((await read()).code).toBe('STORE_LOCKED');
    await put(await open(), 'c', 'x');
    expect(readdirSync(path.dirname(identityFile()))).toEqual([]);
  });
});

describe('a store that cannot be written', () => {
  it.runIf(posix && root)('is denied in words, and reads go on (as another user)', () => {
    // Root ignores modes, so the writing is tried as a user who does not.
    const script = `
      const { default: local } = await import(${JSON.stringify(path.resolve('src/providers/local/index.ts'))});
      const { testHost } = await import(${JSON.stringify(path.resolve('test/support/host.ts'))});
      const { testOperation } = await import(${JSON.stringify(path.resolve('test/support/operation.ts'))});
      const { SecretValue } = await import(${JSON.stringify(path.resolve('src/core/secret-value.ts'))});
      // What is loaded later may not be readable for that user.
      for (const part of ['session', 'write', 'document', 'own-key']) await import(${JSON.stringify(path.resolve('src/providers/local'))} + '/' + part + '.ts');
      await import(${JSON.stringify(import.meta.resolve('age-encryption'))});
      process.setgid(65534); process.setuid(65534);
      const host = testHost({ project: 'api', folders: { config: ${JSON.stringify(home.config)}, data: ${JSON.stringify(path.join(home.dir, 'data'))} }, keychainState: 'no-service' });
      const session = await local.open({}, host);
      const [read] = await session.resolve([{ key: 'a' }], testOperation());
      console.log(read.ok);
      await session.put({ key: 'a' }, { value: SecretValue.fromText('x'), rotatedAt: new Date() }, {}, testOperation()).catch((e) => console.log(e.code, e.message));
      const fresh = await local.open({ path: './none' }, testHost({ ...host, baseDir: ${JSON.stringify(home.dir)} }));
      await fresh.put({ key: 'a' }, { value: SecretValue.fromText('x'), rotatedAt: new Date() }, {}, testOperation()).catch((e) => console.log(e.code, e.message));
    `;
    execFileSync('chown', ['-R', '65534:65534', path.join(home.dir, 'data'), home.config]);
    chmodSync(home.dir, 0o755);
    chmodSync(home.store, 0o500);
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(out.split('\n')).toEqual([
      'true',
      `DENIED cannot write to the store ${home.store}: permission denied`,
      `STORE_CREATE_FAILED cannot make the store ${path.join(home.dir, 'none')}: permission denied`,
      '',
    ]);
    expect(readFileSync(index(), 'utf8')).toContain('"a"');
  });
});
