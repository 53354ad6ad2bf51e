/** Pending values on the test bed's vault. Names are this file's own: others use the same vault. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { createHttpClient } from '../../../src/platform/http.ts';
import { testOperation } from '../../support/operation.ts';
import { ask, azure, bedHost, options, why } from './bed.ts';
import { canary } from './fake-azure.ts';
import { faultOf, openSession, patch, shown } from './session.ts';

const op = testOperation();
const fresh = (): string => `bed-${randomBytes(8).toString('hex')}`;
const write = async (name: string, body: object): Promise<void> => expect(await ask('PUT', `/secrets/${name}`, body)).toBe(200);

describe.skipIf(azure === undefined)(`pending values in Key Vault${why}`, () => {
  it('are told from an ordinary secret of such a name by their tags, which cost no request', async () => {
    const session = await openSession(options, bedHost());
    const name = fresh();
    const value = canary();
    await write(`${name}-pending`, { value });
    expect(shown((await session.resolve([{ key: `${name}-pending` }], op))[0])).toBe(value);
    expect((await session.list(name, op)).map(({ key }) => key)).toEqual([`${name}-pending`]);
    await write(name, { value });
    expect((await faultOf(session.pending.create({ key: name }, patch(canary()), 'r', op))).kind).toBe('conflict');
  });

  it('go to no reader by their own name, pinned or not', async () => {
    const session = await openSession(options, bedHost());
    const name = fresh();
    await write(name, { value: canary() });
    const { version = '' } = await session.pending.create({ key: name }, patch(canary()), 'r', op);
    const outcomes = await session.resolve([{ key: `${name}-pending` }, { key: `${name}-pending`, version }], op);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ ok: false, fault: { kind: 'not-found' } });
    expect((await session.list(name, op)).map(({ key }) => key)).toEqual([name]);
    await session.pending.abandon({ key: name }, 'r', op);
    expect(shown((await session.resolve([{ key: `${name}-pending`, version }], op))[0])).toMatch(/^(?:denied|not-found): /);
  });

  it('belong to the older one of two rotations; the younger one steps back', async () => {
    const name = fresh();
    await write(name, { value: canary() });
    // The other one writes after this one has looked, and before it writes itself.
    let theirs = 0;
    const session = await openSession(
      options,
      bedHost(undefined, (client) => {
        const real = createHttpClient(client, {});
        return {
          close: () => real.close(),
          request: async (request) => {
            if (request.method === 'PUT' && (request.headers?.['authorization'] ?? '') !== '' && theirs++ === 0)
              await write(`${name}-pending`, { value: canary(), tags: { 'secrets-rotation': 'theirs' } });
            return real.request(request);
          },
        };
      }),
    );
    expect((await faultOf(session.pending.create({ key: name }, patch(canary()), 'ours', op))).kind).toBe('conflict');
    expect(theirs).toBe(1);
    expect(await session.pending.find({ key: name }, op)).toMatchObject({ rotation: 'theirs' });
    const states = (await session.versions({ key: `${name}-pending` }, op)).map(({ state }) => state);
    expect(states.toSorted()).toEqual(['disabled', 'enabled']);
    await session.pending.abandon({ key: name }, 'theirs', op);
    expect(await session.pending.find({ key: name }, op)).toBeUndefined();
  });

  it('leave the states of versions to the service, which destroys none', async () => {
    const session = await openSession(options, bedHost());
    const name = fresh();
    await write(name, { value: canary() });
    const [only] = await session.versions({ key: name }, op);
    const fault = await faultOf(session.setState({ key: name }, only?.version ?? '', 'destroyed', op));
    expect(fault).toMatchObject({ kind: 'unsupported', message: 'Key Vault destroys no single version' });
  });

  it('are promoted once when the first attempt got no further than the write', async () => {
    const session = await openSession(options, bedHost());
    const name = fresh();
    await write(name, { value: '{"a":"1","b":"2"}' });
    const ref = { key: name, field: 'a' };
    const value = canary();
    const { base } = await session.pending.create(ref, patch(value, 'a'), 'r', op);
    const { version } = await session.put({ key: name }, patch(value, 'a'), { expect: base }, op);
    expect(await session.pending.promote(ref, 'r', { expect: base }, op)).toEqual({ version });
    expect(await session.versions({ key: name }, op)).toHaveLength(2);
    expect(await session.pending.find(ref, op)).toBeUndefined();
  });
});
