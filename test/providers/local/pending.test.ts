import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import type { AnySession, PendingStore } from '../../../src/provider-kit/contract.ts';
import { canary, faultOf, get, home, indexOf, op, open, put, ref, strays, useTempHome } from './harness.ts';

useTempHome();

function storeOf({ pending }: AnySession): PendingStore {
  if (pending === undefined) throw new Error('no pending values');
  return pending;
}

const patch = (value: string, field?: string) => ({
  value: SecretValue.fromText(value),
  rotatedAt: new Date(),
  ...(field === undefined ? {} : { field }),
});

describe('pending values of the local store', () => {
  it('are a line of the index and an encrypted file, which show no value and no length', async () => {
    const session = await open();
    const value = canary();
    await put(session, 'db', '{"a":"1"}');
    await storeOf(session).create(ref('db#a'), patch(value, 'a'), 'r1', op);
    const line = indexOf().versions.find(({ pending }) => pending !== undefined);
    expect(line).toMatchObject({ name: 'db', pending: { rotation: 'r1', field: 'a', base: 1 } });
    expect(readFileSync(path.join(home.store, line?.file ?? ''), 'latin1')).not.toContain(value);
    expect(strays()).toEqual([]);
    expect(await get(session, 'db#a')).toBe('{"a":"1"}');
    expect(() => ref('db.pending')).toThrow(/kept for values of rotations/);
  });

  it('are promoted by one change of the index; nothing is left of them', async () => {
    const session = await open();
    await put(session, 'db', 'old');
    await storeOf(session).create(ref('db'), patch('new'), 'r1', op);
    expect(await storeOf(session).promote(ref('db'), 'r1', { expect: '1' }, op)).toEqual({ version: '2' });
    expect(indexOf().versions.map(({ version, pending }) => [version, pending])).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
    expect(strays()).toEqual([]);
    expect(await get(session, 'db?version=1')).toBe('old');
  });

  it('become current by no exchange of files', async () => {
    const session = await open();
    await put(session, 'db', 'old');
    await storeOf(session).create(ref('db'), patch('new'), 'r1', op);
    const waiting = indexOf().versions.find(({ pending }) => pending !== undefined)?.file ?? '';
    await put(session, 'db', 'newer');
    const current = indexOf().versions.find(({ version, pending }) => version === 2 && pending === undefined)?.file ?? '';
    copyFileSync(path.join(home.store, waiting), path.join(home.store, current));
    expect(await faultOf(get(await open(), 'db'))).toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('swapped') as string,
    });
  });

  it('go with the secret that is removed', async () => {
    const session = await open();
    await put(session, 'db', 'old');
    await put(session, 'other', 'x');
    await storeOf(session).create(ref('db'), patch('new'), 'r1', op);
    await session.remove?.(ref('db'), op);
    expect(await storeOf(session).find(ref('db'), op)).toBeUndefined();
    expect(indexOf().versions.map(({ name }) => name)).toEqual(['other']);
    expect(strays()).toEqual([]);
  });
});

describe('states of versions in the local store', () => {
  it('keep a disabled version from readers, until it is enabled again', async () => {
    const session = await open();
    for (const value of ['one', 'two']) await put(session, 'db', value);
    await session.setState?.(ref('db'), '1', 'disabled', op);
    expect(await faultOf(get(await open(), 'db?version=1'))).toMatchObject({ kind: 'denied' });
    const [described] = (await session.describe?.([ref('db?version=1')], op)) ?? [];
    expect(described).toMatchObject({ ok: true, value: { enabled: false } });
    await session.setState?.(ref('db'), '1', 'enabled', op);
    expect(await get(await open(), 'db?version=1')).toBe('one');
  });

  it('leave the current version alone, and remove the file of a destroyed one', async () => {
    const session = await open();
    for (const value of ['one', 'two']) await put(session, 'db', value);
    for (const state of ['disabled', 'destroyed'] as const)
      expect(await faultOf(session.setState?.(ref('db'), '2', state, op) ?? Promise.resolve())).toMatchObject({ kind: 'unsupported' });
    await session.setState?.(ref('db'), '1', 'destroyed', op);
    expect(await faultOf(get(session, 'db?version=1'))).toMatchObject({ kind: 'not-found' });
    expect(strays()).toEqual([]);
    expect(await put(session, 'db', 'three')).toBe('3');
  });
});
