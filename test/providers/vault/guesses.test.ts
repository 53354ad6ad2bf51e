/** Mounts that an earlier run was told about: a round trip less, and never another document than without them. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { DocumentKey } from '../../../src/provider-kit/contract.ts';
import { json } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { fakeVault, kv2, MOUNT, type Fake } from './fake.ts';
import { faultIn, openVault, textOf } from './vault.ts';

const KV1 = { path: 'secret/', type: 'kv', options: { version: '1' } };
const API: DocumentKey = { key: 'secret/api' };
const ASKS = 'GET sys/internal/ui/mounts/secret/api';

/** A run: what it reads, with what is remembered. */
async function read(fake: Fake, memory: Map<string, string>, keys: readonly DocumentKey[] = [API]) {
  const { session } = await openVault({ address: fake.url, env: { VAULT_TOKEN: 'canary-token' }, host: { memory } });
  const from = fake.received.length;
  try {
    return { outcomes: await session.resolve(keys, testOperation()), asked: fake.asked().slice(from) };
  } finally {
    await session.close();
  }
}

/** What a run remembers that was told this. */
async function remembered(...mounts: readonly object[]): Promise<Map<string, string>> {
  const memory = new Map<string, string>();
  const fake = await fakeVault(({ url }, response) => url.includes('ui/mounts') && json(response, 200, { data: mounts[0] }));
  await read(fake, memory);
  return memory;
}

/** The same memory, for another server. */
const movedTo = (fake: Fake, memory: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...memory].map(([key, text]) => [key.replace(/http:[^"]*/, fake.url), text]));

/** A server whose engine is this now. */
const now = (mount: object, rule: (path: string, response: ServerResponse) => unknown): Promise<Fake> =>
  fakeVault(({ url }, response) => {
    const path = url.replace('/v1/', '');
    return path.includes('ui/mounts') ? json(response, 200, { data: mount }) : rule(path, response);
  });

const plain = (response: ServerResponse, data: object): unknown => json(response, 200, { lease_duration: 2_764_800, data });

describe('a mount that an earlier run was told about', () => {
  it('is asked for together with the documents', async () => {
    const waiting: (() => void)[] = [];
    let together = 1;
    const fake = await fakeVault(({ url }, response) => {
      waiting.push(() => json(response, 200, url.includes('ui/mounts') ? { data: MOUNT } : kv2({ at: url })));
      if (waiting.length === together) for (const answer of waiting.splice(0)) answer();
      return true;
    });
    const memory = new Map<string, string>();
    await read(fake, memory);
    expect(memory.size).toBe(1);
    // No answer before both have come.
    together = 2;
    const { outcomes, asked } = await read(fake, memory);
    expect(textOf(outcomes[0])).toBe(JSON.stringify({ at: '/v1/secret/data/api' }));
    expect(asked.toSorted()).toEqual(['GET secret/data/api', ASKS]);
  });

  it('is not believed when its documents have become plain ones, even where one looks like an answer', async () => {
    const fake = await now(KV1, (path, response) =>
      path === 'secret/data/api'
        ? json(response, 200, kv2({ value: 'another document' }))
        : path === 'secret/api'
          ? plain(response, { value: 'the document' })
          : false,
    );
    const memory = movedTo(fake, await remembered(MOUNT));
    const first = await read(fake, memory);
    expect(textOf(first.outcomes[0])).toBe('{"value":"the document"}');
    const second = await read(fake, memory);
    expect(textOf(second.outcomes[0])).toBe('{"value":"the document"}');
    expect(second.asked.toSorted()).toEqual(['GET secret/api', ASKS]);
  });

  it('is not believed when it has been upgraded, or another one was mounted below it', async () => {
    const upgraded = await now(MOUNT, (path, response) => (path === 'secret/api' ? plain(response, { value: 'no version' }) : false));
    const first = await read(upgraded, movedTo(upgraded, await remembered(KV1)));
    expect(textOf(first.outcomes[0])).toContain('of secret/data/api');
    const deeper = await now({ ...MOUNT, path: 'secret/team/' }, (path, response) => json(response, 200, kv2({ at: path })));
    const memory = movedTo(deeper, await remembered(MOUNT));
    for (let round = 0; round < 2; round++) {
      const { outcomes, asked } = await read(deeper, memory, [{ key: 'secret/team/api' }]);
      expect(textOf(outcomes[0])).toBe('{"at":"secret/team/data/api"}');
      expect(asked).toHaveLength(round === 0 ? 3 : 2);
    }
  });

  it('makes no second credential where another engine answers to the same path', async () => {
    let made = 0;
    const fake = await now({ path: 'secret/', type: 'database' }, (_, response) =>
      json(response, 200, { lease_id: `secret/api/${++made}`, lease_duration: 60, renewable: true, data: { password: `made ${made}` } }),
    );
    const memory = movedTo(fake, await remembered(KV1));
    const { outcomes } = await read(fake, memory);
    expect(outcomes[0]).toMatchObject({ ok: true, value: { lease: { id: 'secret/api/1' } } });
    expect(made).toBe(1);
    // And is never read by a guess again.
    expect((await read(fake, memory)).asked).toEqual([ASKS, 'GET secret/api']);
  });

  it('makes an absence and a refusal final, when the server says that it is the right one', async () => {
    for (const [status, kind] of [
      [404, 'not-found'],
      [403, 'denied'],
    ] as const) {
      const fake = await now(MOUNT, (path, response) => (path === 'secret/data/api' ? json(response, status, { errors: [] }) : false));
      const { outcomes, asked } = await read(fake, movedTo(fake, await remembered(MOUNT)));
      expect(faultIn(outcomes[0]).kind).toBe(kind);
      expect(asked.filter((one) => one === 'GET secret/data/api')).toHaveLength(1);
    }
  });

  it('is asked again in the usual way when the early request failed on the way', async () => {
    let times = 0;
    const fake = await now(MOUNT, (path, response) =>
      path === 'secret/data/api' && ++times === 1 ? json(response, 503, { errors: [] }) : false,
    );
    const { outcomes } = await read(fake, movedTo(fake, await remembered(MOUNT)));
    expect(textOf(outcomes[0])).toContain('of secret/data/api');
    expect(times).toBe(2);
  });

  it('is forgotten when the server does not say any more where documents are', async () => {
    const fake = await fakeVault(
      ({ url }, response) => url.includes('ui/mounts/') && json(response, 403, { errors: ['permission denied'] }),
    );
    const memory = movedTo(fake, await remembered(MOUNT));
    expect(textOf((await read(fake, memory)).outcomes[0])).toContain('of secret/data/api');
    expect((await read(fake, memory)).asked[0]).toBe(ASKS);
    expect([...memory.values()]).toEqual(['[]']);
  });

  it('is that of one address and namespace', async () => {
    const memory = await remembered(MOUNT);
    const fake = await fakeVault();
    expect((await read(fake, memory)).asked).toEqual([ASKS, 'GET secret/data/api']);
    const { session, host } = await openVault({ address: fake.url, env: { VAULT_TOKEN: 't', VAULT_NAMESPACE: 'team' }, host: { memory } });
    await session.resolve([API], testOperation());
    await session.close();
    expect(host.memory.size).toBe(3);
  });

  it.each(['', '{', '{}', '[1]', '[["secret/","other"]]', '[["secret","kv2"]]', '[["/","kv2"]]', '[[["secret/"],"kv2"]]', '[null]'])(
    'is not read from %j',
    async (text) => {
      const memory = await remembered(MOUNT);
      const fake = await fakeVault();
      const damaged = new Map([...movedTo(fake, memory).keys()].map((key) => [key, text]));
      const { outcomes, asked } = await read(fake, damaged);
      expect(textOf(outcomes[0])).toContain('of secret/data/api');
      expect(asked).toEqual([ASKS, 'GET secret/data/api']);
    },
  );

  it('is nothing that writing or describing relies on', async () => {
    const fake = await now(KV1, (path, response) => (path === 'secret/api' ? plain(response, { old: '1' }) : false));
    const memory = movedTo(fake, await remembered(MOUNT));
    const { session } = await openVault({ address: fake.url, env: { VAULT_TOKEN: 'canary-token' }, host: { memory } });
    await session.describe([{ ...API, field: 'old' }], testOperation());
    await session.remove({ ...API, field: 'old' }, testOperation()).catch(() => undefined);
    await session.close();
    expect(fake.asked()[0]).toBe(ASKS);
    expect(fake.asked().filter((one) => one.includes('secret/data/'))).toEqual([]);
  });
});
