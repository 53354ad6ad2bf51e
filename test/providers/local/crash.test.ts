import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Encrypter } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { decryptWithPassphrase } from '../../../src/providers/local/age.ts';
import { ownIdentityFile } from '../../../src/providers/local/holders.ts';
import { get, home, hostWith, indexOf, op, open, put, runChild, strays, useTempHome } from './harness.ts';

useTempHome();

const env = { SECRETS_PASSPHRASE: 'canary passphrase' };

/** Runs `act` for each number up to `count`, two at a time, each in a folder of its own. */
async function forEach(count: number, act: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let number = ++next; number <= count; number = ++next) await act(number);
  };
  await Promise.all([worker(), worker()]);
}

function inFolder(name: string): typeof home {
  const dir = path.join(home.dir, name);
  return { dir, store: path.join(dir, 'data', 'local'), config: path.join(dir, 'config') };
}

const hostIn = (at: typeof home, more: Parameters<typeof hostWith>[0] = {}) =>
  hostWith({ folders: { config: at.config, data: path.join(at.dir, 'data'), state: undefined }, ...more });

/** How many disk operations a child takes that is not killed. */
async function operations(
  steps: readonly (readonly string[])[],
  at: typeof home,
  more: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = await runChild(steps, more, undefined, at.dir);
  expect(child).toMatchObject({ code: 0, errors: '' });
  return Number(/operations (\d+)/.exec(child.out)?.[1]);
}

/** Gives the passphrase of a store the least work, since it is unlocked a hundred times here. */
async function weaken(at: typeof home): Promise<void> {
  const { custody } = indexOf(at.store);
  if (custody?.kind !== 'passphrase') return;
  const file = path.join(at.store, custody.file);
  const opened = await decryptWithPassphrase(SecretValue.fromText(env.SECRETS_PASSPHRASE), readFileSync(file));
  if (opened.state !== 'open') throw new Error('not opened');
  const encrypter = new Encrypter();
  encrypter.setPassphrase(env.SECRETS_PASSPHRASE);
  encrypter.setScryptWorkFactor(8);
  writeFileSync(file, await encrypter.encrypt(opened.plaintext));
}

describe('A53 writers at once', () => {
  it('20 that make the store together lose nothing: each put is one new version', { timeout: 60_000 }, async () => {
    const children = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        runChild([
          ['put', `own-${number}`, `canary-${number}`],
          ['put', 'shared', `canary-${number}`],
        ]),
      ),
    );
    expect(children.map(({ code, errors }) => `${code} ${errors}`)).toEqual(Array(20).fill('0 '));
    const session = await open();
    for (let number = 0; number < 20; number++) expect(await get(session, `own-${number}`)).toBe(`canary-${number}`);
    const versions = await session.versions?.({ key: 'shared' }, op);
    expect(versions?.map(({ version }) => Number(version))).toEqual(Array.from({ length: 20 }, (_, number) => 20 - number));
    const values = await Promise.all(Array.from({ length: 20 }, (_, number) => get(session, `shared?version=${number + 1}`)));
    expect(new Set(values)).toEqual(new Set(Array.from({ length: 20 }, (_, number) => `canary-${number}`)));
    expect(strays()).toEqual([]);
    expect(readdirSync(path.join(home.config, 'identities'))).toHaveLength(1);
  });

  it('of several that expect the same version one wins', async () => {
    const session = await open();
    await put(session, 'a', 'first');
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, number) => put(session, 'a', String(number), '1')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(
      outcomes.filter((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code === 'CONFLICT'),
    ).toHaveLength(5);
    expect(indexOf().versions).toHaveLength(2);
  });

  it('fields written at once are all kept', async () => {
    const session = await open();
    const names = Array.from({ length: 8 }, (_, number) => `field${number}`);
    await Promise.all(names.map((name) => put(session, `doc#${name}`, name)));
    expect(JSON.parse(await get(session, 'doc'))).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  });

  it('a reader always finds a whole value while others write and remove', async () => {
    const writer = await open();
    await put(writer, 'a', 'canary');
    const state = { writing: true };
    const work = (async () => {
      for (let round = 0; round < 10; round++) {
        await put(writer, 'a', 'canary');
        await writer.remove?.({ key: 'a' }, op);
        await put(writer, 'a', 'canary');
      }
      state.writing = false;
    })();
    const seen = new Set<string>();
    while (state.writing) {
      const [outcome] = await (await open()).resolve([{ key: 'a' }], op);
      seen.add(outcome?.ok === true ? outcome.value.bytes.reveal().toString() : (outcome?.fault.code ?? ''));
      // Reading does not wait for anything, so the writer would never get its turn.
      await nextTurn();
    }
    await work;
    expect([...seen].filter((what) => what !== 'canary' && what !== 'REF_NOT_FOUND')).toEqual([]);
  });
});

describe('A53 kill -9 of a writer', () => {
  it(
    'before any of its disk operations, making the store or adding to it, loses no entry and delays nobody',
    { timeout: 120_000 },
    async () => {
      const steps = [
        ['put', 'a', 'canary-1'],
        ['put', 'a', 'canary-2'],
      ];
      const count = await operations(steps, inFolder('whole'));
      expect(count).toBeGreaterThan(15);
      await forEach(count, async (killAt) => {
        const at = inFolder(String(killAt));
        const child = await runChild(steps, {}, killAt, at.dir);
        expect(child.signal).toBe('SIGKILL');
        const acknowledged = child.out.split('\n').filter((line) => line.startsWith('a ')).length;
        const session = await open(hostIn(at));
        for (let version = 1; version <= acknowledged; version++)
          expect(await get(session, `a?version=${version}`)).toBe(`canary-${version}`);
        const started = performance.now();
        const next = Number(await put(session, 'a', 'canary-next'));
        expect(performance.now() - started).toBeLessThan(4_500);
        expect([acknowledged + 1, acknowledged + 2]).toContain(next);
        expect(await get(session, 'a')).toBe('canary-next');
        for (let version = 1; version < next; version++) expect(await get(session, `a?version=${version}`)).toBe(`canary-${version}`);
        expect(strays(at.store)).toEqual([]);
      });
    },
  );

  it(
    'while a pending value is made and promoted, leaves the old value or the new one, and another run ends it',
    { timeout: 120_000 },
    async () => {
      const [fresh, whole] = [inFolder('fresh'), inFolder('whole')];
      await put(await open(hostIn(fresh)), 'a', '{"x":"canary-old","y":"canary-kept"}');
      cpSync(fresh.dir, whole.dir, { recursive: true });
      const steps = [
        ['pending', 'a', 'canary-new'],
        ['promote', 'a'],
      ];
      const count = await operations(steps, whole);
      const ref = { key: 'a', field: 'x' };
      const states = new Set<string>();
      await forEach(count, async (killAt) => {
        const at = inFolder(`pending-${killAt}`);
        cpSync(fresh.dir, at.dir, { recursive: true });
        expect((await runChild(steps, {}, killAt, at.dir)).signal).toBe('SIGKILL');
        const session = await open(hostIn(at));
        const before = await get(session, 'a');
        const found = await session.pending?.find(ref, op);
        states.add(`${before.includes('canary-new') ? 'new' : 'old'}, ${found === undefined ? 'nothing' : 'one'} pending`);
        if (found !== undefined) await session.pending?.promote(ref, 'rotation', { expect: '1' }, op);
        const ended = found !== undefined || before.includes('canary-new') ? 'canary-new' : 'canary-old';
        expect(await get(session, 'a')).toBe(`{"x":"${ended}","y":"canary-kept"}`);
        await put(session, 'b', 'canary-b');
        expect(strays(at.store)).toEqual([]);
      });
      expect([...states].toSorted()).toEqual(['new, nothing pending', 'old, nothing pending', 'old, one pending']);
    },
  );

  it.each([
    ['a passphrase', 'passphrase', {}],
    ['an identity file', 'identity', env],
  ] as const)(
    'while the key is moved to %s, before any disk operation, leaves a store that opens and one key',
    { timeout: 120_000 },
    async (_, to, before) => {
      const [fresh, whole] = [inFolder('fresh'), inFolder('whole')];
      await put(await open(hostIn(fresh, { env: before })), 'a', 'canary-a');
      await weaken(fresh);
      cpSync(fresh.dir, whole.dir, { recursive: true });
      const count = await operations([['rekey', to]], whole, env);
      await forEach(count, async (killAt) => {
        const at = inFolder(`${to}-${killAt}`);
        cpSync(fresh.dir, at.dir, { recursive: true });
        expect((await runChild([['rekey', to]], env, killAt, at.dir)).signal).toBe('SIGKILL');
        const session = await open(hostIn(at, { env }));
        expect(await get(session, 'a')).toBe('canary-a');
        await put(session, 'b', 'canary-b');
        const index = indexOf(at.store);
        expect(index.retired).toBeUndefined();
        expect(strays(at.store)).toEqual([]);
        const files = readdirSync(at.dir, { recursive: true, encoding: 'utf8' }).map((name) => path.join(at.dir, name));
        const plain = files.filter((file) => statSync(file).isFile() && readFileSync(file, 'latin1').includes('AGE-SECRET-KEY-1'));
        const own = ownIdentityFile(hostIn(at), index.recipients[0] ?? '');
        expect(plain).toEqual(index.custody?.kind === 'identity' ? [own] : []);
        expect(await get(session, 'b')).toBe('canary-b');
      });
    },
  );

  it('a writer that was stopped and lost its lock does not write over what came after', async () => {
    await put(await open(), 'a', 'canary-1');
    const session = await open();
    const lock = path.join(home.store, 'lock');
    // Takes the lock away in the moment between the encrypted file and the index.
    const host = hostWith({
      now: () => {
        execFileSync('cp', [path.join(home.store, 'index.json'), lock]);
        return new Date();
      },
    });
    await expect(put(await open(host), 'a', 'canary-2')).rejects.toMatchObject({ code: 'STORE_BUSY' });
    execFileSync('rm', [lock]);
    expect(await put(session, 'a', 'canary-3')).toBe('2');
    expect(strays()).toEqual([]);
  });
});
