import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/core/fault.ts';
import { custodyStatus, ownRecipient, rekey } from '../../../src/providers/local/custody.ts';
import { keychainAccount, ownIdentityFile } from '../../../src/providers/local/holders.ts';
import { memoryKeychain, type KeychainItems, type KeychainState, type TestHost, type TestHostOverrides } from '../../support/host.ts';
import { canary, faultOf, get, hasAge, home, hostWith, indexOf, op, open, put, strays, useTempHome } from './harness.ts';

useTempHome();

const identityFile = (): string => ownIdentityFile(hostWith(), indexOf().recipients[0] ?? '') ?? '';
const secretKey = /AGE-SECRET-KEY-1[A-Z0-9]+/;

/** A store with one secret `a`, made by a host. */
async function made(overrides: TestHostOverrides): Promise<{ readonly host: TestHost; readonly value: string }> {
  const host = hostWith(overrides);
  const value = canary();
  await put(await open(host), 'a', value);
  return { host, value };
}

/** The identity must be where the custody says, and nowhere else on the disk in the clear. */
function plainKeys(): readonly string[] {
  return readdirSync(home.dir, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(home.dir, name))
    .filter((file) => statSync(file).isFile() && secretKey.test(readFileSync(file, 'latin1')));
}

const checks = async (host: TestHost) => (await (await open(host)).doctor(op)).checks;

describe('who keeps the key is decided when the store is made', () => {
  it('the OS keychain where one answers', async () => {
    const { host, value } = await made({ keychainState: 'open' });
    expect(indexOf().custody).toEqual({ kind: 'keychain' });
    expect([...host.keychainItems.keys()]).toEqual([`secretsrc\0${keychainAccount(indexOf().recipients[0] ?? '')}`]);
    expect(plainKeys()).toEqual([]);
    expect(host.notices).toEqual([expect.stringContaining('OS keychain')]);
    const later = hostWith({ keychainState: 'open', keychainItems: host.keychainItems });
    expect(await get(await open(later), 'a')).toBe(value);
    expect(later.notices).toEqual([]);
    expect(await checks(later)).toContainEqual(expect.objectContaining({ status: 'ok', title: 'Key of the local store' }));
  });

  it.each<KeychainState>(['locked', 'no-keyring', 'no-service', 'no-library'])(
    'and with the keychain %s afterwards it is STORE_LOCKED, never a second key',
    async (keychainState) => {
      const { host } = await made({ keychainState: 'open' });
      const env = { SECRETS_PASSPHRASE: 'canary', SECRETS_IDENTITY_FILE: path.join(home.dir, 'key') };
      const later = hostWith({ keychainState, keychainItems: host.keychainItems, env, answers: ['canary'] });
      expect(await faultOf(get(await open(later), 'a'))).toMatchObject({
        code: 'STORE_LOCKED',
        message: expect.stringContaining('OS keychain') as string,
      });
      expect(later.prompts).toEqual([]);
      expect(plainKeys()).toEqual([]);
      expect(indexOf().custody).toEqual({ kind: 'keychain' });
      expect(await checks(later)).toContainEqual(expect.objectContaining({ status: 'fail', title: 'Key of the local store' }));
    },
  );

  it('an item that is gone from the keychain is STORE_LOCKED, too', async () => {
    await made({ keychainState: 'open' });
    expect(await faultOf(get(await open(hostWith({ keychainState: 'open' })), 'a'))).toMatchObject({ code: 'STORE_LOCKED' });
  });

  it.each<KeychainState>(['locked', 'no-keyring', 'no-service', 'no-library'])(
    'an identity file where the keychain is %s and nobody can be asked, said once',
    async (keychainState) => {
      const { host, value } = await made({ keychainState });
      expect(indexOf().custody).toEqual({ kind: 'identity' });
      expect(plainKeys()).toEqual([identityFile()]);
      expect(host.notices).toEqual([expect.stringMatching(/identity file .*whoever can read that file/)]);
      const later = hostWith({ keychainState });
      expect(await get(await open(later), 'a')).toBe(value);
      expect(later.notices).toEqual([]);
      expect(await checks(later)).toContainEqual(
        expect.objectContaining({ status: 'warn', hint: expect.stringContaining('rekey') as string }),
      );
    },
  );

  it.runIf(process.platform !== 'win32')('an identity file is for its user alone', async () => {
    await made({});
    expect([identityFile(), path.dirname(identityFile())].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o700]);
  });

  it('an identity file where the keychain does not answer within 2 s', async () => {
    const hung = { ...memoryKeychain(new Map()), probe: () => new Promise<never>(() => undefined) };
    const started = performance.now();
    await made({ keychain: () => Promise.resolve(hung) });
    expect(performance.now() - started).toBeLessThan(8_000);
    expect(indexOf().custody?.kind).toBe('identity');
  });

  it('a passphrase at a terminal without a keychain, typed twice, asked once a session', async () => {
    const { host, value } = await made({ answers: ['canary pass'] });
    expect(host.prompts).toEqual([expect.objectContaining({ kind: 'password', repeat: true })]);
    expect(indexOf().custody?.kind).toBe('passphrase');
    expect(plainKeys()).toEqual([]);
    const later = hostWith({ answers: ['wrong', 'canary pass'] });
    const session = await open(later);
    await put(session, 'b', 'x');
    expect(later.prompts).toEqual([]);
    expect(await Promise.all([get(session, 'a'), get(session, 'b')])).toEqual([value, 'x']);
    expect(later.prompts).toHaveLength(2);
    expect(later.notices).toEqual(['wrong passphrase']);
  });

  it('wrong three times, or nobody to ask, or empty at the start', async () => {
    expect(await faultOf(put(await open(hostWith({ answers: [''] })), 'a', 'x'))).toMatchObject({ code: 'STORE_CREATE_FAILED' });
    expect(existsSync(home.store)).toBe(false);
    await made({ answers: ['canary pass'] });
    const wrong = hostWith({ answers: ['1', '2', '3', 'canary pass'] });
    expect(await faultOf(get(await open(wrong), 'a'))).toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringContaining('3 times') as string,
    });
    expect(await faultOf(get(await open(hostWith({ keychainState: 'open' })), 'a'))).toMatchObject({
      code: 'STORE_LOCKED',
      detail: { hint: 'export SECRETS_PASSPHRASE' },
    });
  });

  it('SECRETS_PASSPHRASE before all others; it is reported as a credential and opens without a person', async () => {
    const env = { SECRETS_PASSPHRASE: 'canary pass' };
    const { host, value } = await made({ env, keychainState: 'open', answers: ['other'] });
    expect(indexOf().custody?.kind).toBe('passphrase');
    expect(host.prompts).toEqual([]);
    expect(host.keychainItems.size).toBe(0);
    expect(host.credentials).toContain('SECRETS_PASSPHRASE');
    const later = hostWith({ env });
    expect(await get(await open(later), 'a')).toBe(value);
    expect(later.credentials).toEqual(['SECRETS_PASSPHRASE']);
    const wrong = hostWith({ env: { SECRETS_PASSPHRASE: 'canary wrong' }, answers: ['canary pass'] });
    const fault = await faultOf(get(await open(wrong), 'a'));
    expect(fault).toMatchObject({ code: 'STORE_LOCKED' });
    expect(JSON.stringify(fault.detail)).not.toContain('canary');
    expect(wrong.prompts).toEqual([]);
    expect(await faultOf(get(await open(hostWith({ env: { SECRETS_PASSPHRASE: '' } })), 'a'))).toMatchObject({ code: 'STORE_LOCKED' });
  });

  it('SECRETS_IDENTITY_FILE before all others: a key that is there is used, and one that is not is made', async () => {
    const file = path.join(home.dir, 'keys', 'mine.txt');
    const env = { SECRETS_IDENTITY_FILE: file };
    const { host, value } = await made({ env, keychainState: 'open', answers: ['other'] });
    expect(indexOf().custody).toEqual({ kind: 'identity', file });
    expect(plainKeys()).toEqual([file]);
    expect(host.credentials).toContain('SECRETS_IDENTITY_FILE');
    expect(await get(await open(hostWith()), 'a')).toBe(value);
    const second = { SECRETS_IDENTITY_FILE: file, SECRETS_STORE: path.join(home.dir, 'second') };
    await put(await open(hostWith({ env: second })), 'a', 'x');
    expect(indexOf(second.SECRETS_STORE).recipients).toEqual(indexOf().recipients);
    const moved = path.join(home.dir, 'moved.txt');
    writeFileSync(moved, readFileSync(file), { mode: 0o600 });
    execFileSync('rm', [file]);
    expect(await get(await open(hostWith({ env: { SECRETS_IDENTITY_FILE: moved } })), 'a')).toBe(value);
    expect((await faultOf(get(await open(hostWith()), 'a'))).code).toBe('STORE_LOCKED');
  });

  it.skipIf(!hasAge)('a file of several keys by age-keygen is taken (skipped where age is not installed)', async () => {
    const file = path.join(home.dir, 'keys.txt');
    const keys = [1, 2].map(() => execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    writeFileSync(file, keys.join(''), { mode: 0o600 });
    const { value } = await made({ env: { SECRETS_IDENTITY_FILE: file } });
    writeFileSync(file, keys.toReversed().join('').replaceAll('\n', '\r\n'));
    expect(await get(await open(hostWith()), 'a')).toBe(value);
  });

  it('nowhere to keep it is STORE_CREATE_FAILED with the variables that help', async () => {
    const host = hostWith({ env: { SECRETS_STORE: home.store }, folders: { config: undefined, data: undefined, state: undefined } });
    const fault = await faultOf(put(await open(host), 'a', 'x'));
    expect(fault).toMatchObject({ code: 'STORE_CREATE_FAILED', detail: { hint: expect.stringContaining('SECRETS_PASSPHRASE') as string } });
    expect(existsSync(path.join(home.store, 'index.json'))).toBe(false);
    await put(await open(hostWith()), 'a', 'x');
    expect(strays()).toEqual([]);
  });

  it('the key is registered to be masked', async () => {
    const { host } = await made({});
    await get(await open(host), 'a');
    expect(host.sensitives.map((value) => value.reveal().toString())).toEqual([expect.stringMatching(/^AGE-SECRET-KEY-1/)]);
  });
});

describe('rekey', () => {
  const opened = async (overrides: TestHostOverrides = {}): Promise<string> => get(await open(hostWith(overrides)), 'a');

  it('moves the key around, keeps every file of a secret, and leaves no key behind', async () => {
    const { host, value } = await made({});
    const items: KeychainItems = host.keychainItems;
    const files = indexOf().versions;
    const keychain = { keychainState: 'open', keychainItems: items } as const;

    const status = await rekey({}, hostWith(keychain), 'keychain');
    expect(status).toMatchObject({ kind: 'keychain', place: 'the OS keychain', unfinished: false });
    expect([plainKeys(), items.size, await opened(keychain)]).toEqual([[], 1, value]);

    await rekey({}, hostWith({ ...keychain, answers: ['canary one'] }), 'passphrase');
    expect([plainKeys(), items.size, await opened({ answers: ['canary one'] })]).toEqual([[], 0, value]);

    await rekey({}, hostWith({ answers: ['canary one', 'canary two'] }), 'passphrase');
    expect(strays()).toEqual([]);
    expect(await opened({ answers: ['canary two'] })).toBe(value);
    expect((await faultOf(opened({ env: { SECRETS_PASSPHRASE: 'canary one' } }))).code).toBe('STORE_LOCKED');

    await rekey({}, hostWith({ env: { SECRETS_PASSPHRASE: 'canary two' } }), 'identity');
    expect(plainKeys()).toEqual([identityFile()]);
    expect([strays(), await opened()]).toEqual([[], value]);
    expect(indexOf().versions).toEqual(files);
  });

  it('takes SECRETS_PASSPHRASE as the new one only where it is not the old one', async () => {
    const { value } = await made({});
    await rekey({}, hostWith({ env: { SECRETS_PASSPHRASE: 'canary' } }), 'passphrase');
    expect(await opened({ env: { SECRETS_PASSPHRASE: 'canary' } })).toBe(value);
    const nobody = await faultOf(rekey({}, hostWith({ env: { SECRETS_PASSPHRASE: 'canary' } }), 'passphrase'));
    expect(nobody.kind).toBe('unauthenticated');
  });

  it('leaves a file that the user named, and says so', async () => {
    const file = path.join(home.dir, 'mine.txt');
    const { host } = await made({ env: { SECRETS_IDENTITY_FILE: file } });
    const moving = hostWith({ keychainState: 'open', keychainItems: host.keychainItems });
    await rekey({}, moving, 'keychain');
    expect(existsSync(file)).toBe(true);
    expect(moving.notices[0]).toContain(file);
  });

  it.each<KeychainState>(['locked', 'no-service'])('to a keychain that is %s changes nothing', async (keychainState) => {
    const { value } = await made({});
    await expect(rekey({}, hostWith({ keychainState }), 'keychain')).rejects.toBeInstanceOf(Fault);
    expect(await opened()).toBe(value);
    expect([indexOf().custody, indexOf().retired]).toEqual([{ kind: 'identity' }, undefined]);
  });

  it('refuses where there is no store, the same place, or a key that cannot be had', async () => {
    expect((await faultOf(rekey({}, hostWith(), 'keychain'))).kind).toBe('not-found');
    await made({ env: { SECRETS_PASSPHRASE: 'canary' } });
    expect((await faultOf(rekey({}, hostWith(), 'identity'))).code).toBe('STORE_LOCKED');
    await rekey({}, hostWith({ env: { SECRETS_PASSPHRASE: 'canary' } }), 'identity');
    expect((await faultOf(rekey({}, hostWith(), 'identity'))).kind).toBe('options');
  });
});

describe('status and recipient', () => {
  it('need no key', async () => {
    expect(await custodyStatus({}, hostWith())).toBeUndefined();
    await made({ env: { SECRETS_PASSPHRASE: 'canary' } });
    const [recipient] = indexOf().recipients;
    expect(await custodyStatus({}, hostWith())).toEqual({
      kind: 'passphrase',
      recipient,
      place: 'a file of the store that opens with a passphrase',
      unfinished: false,
    });
    expect(await ownRecipient({}, hostWith(), { create: false })).toBe(recipient);
  });

  it('a recipient is made on request only', async () => {
    expect(await ownRecipient({}, hostWith(), { create: false })).toBeUndefined();
    expect(existsSync(home.store)).toBe(false);
    const recipient = await ownRecipient({}, hostWith(), { create: true });
    expect(recipient).toMatch(/^age1/);
    expect(await ownRecipient({}, hostWith(), { create: true })).toBe(recipient);
    expect(indexOf().recipients).toEqual([recipient]);
  });

  it.runIf(process.platform !== 'win32')('doctor says what is wrong with an identity file', async () => {
    await made({});
    chmodSync(identityFile(), 0o644);
    expect(await checks(hostWith())).toContainEqual(expect.objectContaining({ status: 'fail', hint: `chmod 600 ${identityFile()}` }));
    mkdirSync(path.join(home.dir, 'x'));
    expect(await checks(hostWith({ env: { SECRETS_IDENTITY_FILE: path.join(home.dir, 'none') } }))).toContainEqual(
      expect.objectContaining({ status: 'fail', message: expect.stringContaining('cannot be read') as string }),
    );
  });
});
