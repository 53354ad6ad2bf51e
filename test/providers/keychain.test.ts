import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { parseReference } from '../../src/core/reference.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import type { AnySession, ParsedRef } from '../../src/provider-kit/contract.ts';
import keychain from '../../src/providers/keychain/index.ts';
import { memoryKeychain, testHost, type KeychainState, type TestHost } from '../support/host.ts';
import { testOperation } from '../support/operation.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';

const op = testOperation();
const rotatedAt = new Date();

function ref(text: string): ParsedRef {
  const parsed = parseReference(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return keychain.parseRef(parsed.reference, {});
}

const db = ref('keychain://app/db/main');

async function put(session: AnySession, target: ParsedRef, text: string, expect?: string): Promise<void> {
  const patch = { value: SecretValue.fromText(text), rotatedAt, ...(target.field === undefined ? {} : { field: target.field }) };
  await session.put?.(target, patch, { expect }, op);
}

async function get(session: AnySession): Promise<string> {
  const [outcome] = await session.resolve([db], op);
  return outcome?.ok === true ? outcome.value.bytes.reveal().toString() : (outcome?.fault.code ?? 'no outcome');
}

describe('keychain', () => {
  it('stores, reads and removes an item; the service ends at the first slash', async () => {
    const host: TestHost = testHost();
    const session = await keychain.open({}, host);
    const value = `canary-${randomBytes(8).toString('hex')}`;
    expect(await get(session)).toBe('REF_NOT_FOUND');
    await put(session, db, value);
    expect(host.keychainItems.get('app\0db/main')).toBe(value);
    expect(await get(session)).toBe(value);
    await session.remove?.(db, op);
    expect(await get(session)).toBe('REF_NOT_FOUND');
    await expect(session.remove?.(db, op)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('writes and removes one field, and keeps its neighbours', async () => {
    const session = await keychain.open({}, testHost());
    await put(session, ref('keychain://app/db/main#user'), 'ana');
    await put(session, ref('keychain://app/db/main#password'), 'canary');
    expect(JSON.parse(await get(session))).toEqual({ user: 'ana', password: 'canary' });
    await session.remove?.(ref('keychain://app/db/main#user'), op);
    expect(JSON.parse(await get(session))).toEqual({ password: 'canary' });
  });

  it('does not read to describe, and says that presence is unknown', async () => {
    const host = testHost();
    const session = await keychain.open(
      {},
      testHost({ keychain: async () => ({ ...(await host.keychain()), get: () => Promise.reject(new Error('read')) }) }),
    );
    expect(await session.describe?.([db], op)).toEqual([{ ok: true, value: { presence: 'unknown' } }]);
  });

  it.each(['absent', '3'])('refuses a write that expects %s', async (expected) => {
    const session = await keychain.open({}, testHost());
    await expect(put(session, db, 'x', expected)).rejects.toMatchObject({ kind: 'unsupported' });
    expect(await get(session)).toBe('REF_NOT_FOUND');
  });

  it.each<[KeychainState, string]>([
    ['locked', 'STORE_LOCKED'],
    ['no-keyring', 'STORE_LOCKED'],
    ['no-service', 'PROVIDER_UNAVAILABLE'],
    ['no-library', 'DEPENDENCY_MISSING'],
  ])('never says absent when the keychain is %s', async (keychainState, code) => {
    const session = await keychain.open({}, testHost({ keychainState }));
    expect(await get(session)).toBe(code);
    await expect(put(session, ref('keychain://app/db/main#user'), 'x')).rejects.toMatchObject({ code });
    expect(await session.doctor(op)).toMatchObject({ checks: [{ status: 'fail', hint: expect.any(String) as string }] });
  });

  it('is well when it is open', async () => {
    const session = await keychain.open({}, testHost());
    expect(await session.doctor(op)).toEqual({ checks: [{ title: 'OS keychain', status: 'ok', message: 'open' }] });
  });

  it.each(['keychain://app', 'keychain:///db', 'keychain://app/', 'keychain://app/db?version=1', 'keychain://secretsrc/identity'])(
    'refuses %s',
    (text) => {
      expect(() => ref(text)).toThrow(Fault);
    },
  );
});

let valueReads = 0;
const items = new Map<string, string>();
const write = async (name: string, value: Uint8Array): Promise<void> => void items.set(`app\0${name}`, Buffer.from(value).toString('utf8'));
const inMemory = memoryKeychain(items);
const counting = {
  ...inMemory,
  get: (service: string, account: string) => {
    valueReads++;
    return inMemory.get(service, account);
  },
};
const state = mkdtempSync(join(tmpdir(), 'secrets-keychain-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

conformance(
  keychain,
  { describe, it },
  {
    options: {},
    host: () => testHost({ keychain: () => Promise.resolve(counting), folders: { config: undefined, data: undefined, state } }),
    countRequests: () => ({ reset: () => void (valueReads = 0), values: () => valueReads }),
    reference: (name, field) => `keychain://app/${name}${field === undefined ? '' : `#${field}`}`,
    seed: write,
    seedFields: (name, fields) => write(name, Buffer.from(JSON.stringify(fields))),
    foreignPending: (name, value) => write(`${name}.pending`, value),
    remove: async (name) => {
      for (const one of [name, `${name}.pending`]) items.delete(`app\0${one}`);
    },
    skip: [
      { test: 'denied', reason: 'a keychain is open or closed as a whole' },
      { test: 'unreachable', reason: 'it is closed by its state, not by options' },
      { test: 'pending-find', reason: 'a keychain gives an item only with its value' },
      { test: 'create-once', reason: 'a keychain compares nothing' },
      { test: 'stale-write', reason: 'a keychain has no versions' },
    ],
  },
);
