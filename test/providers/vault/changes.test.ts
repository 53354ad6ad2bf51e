import { describe, expect, it } from 'vitest';
import { json } from '../../platform/http-server.ts';
import { testOperation } from '../../support/operation.ts';
import { afterwards, fakeVault, type Rule } from './fake.ts';
import { openVault } from './vault.ts';

const env = { VAULT_TOKEN: 'canary-0123456789abcdef' };
const entry = (version: number, more: object = {}): object => ({
  current_version: version,
  versions: { [version]: { created_time: '2026-01-02T03:04:05Z', deletion_time: '', destroyed: false, ...more } },
});

async function opened(rule: Rule) {
  const fake = await fakeVault(rule);
  const { session } = await openVault({ address: fake.url, env });
  afterwards(() => session.close());
  const stamps = async (...names: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const keys = names.map((name) => ({ key: `secret/${name}` }));
    const outcomes = (await session.changes?.(keys, testOperation())) ?? [];
    return outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.fault.kind));
  };
  const asked = (): readonly string[] => fake.asked().filter((line) => line.includes('metadata'));
  return { stamps, asked };
}

const NAMES = Array.from({ length: 200 }, (_, index) => `app/k${index}`);

/** A server that lists folders with metadata, as OpenBao does. */
const listing =
  (info: Readonly<Record<string, object>>): Rule =>
  ({ url }, response) =>
    url.startsWith('/v1/secret/detailed-metadata/') ? json(response, 200, { data: { keys: [], key_info: info } }) : false;

describe('changes', () => {
  it('asks for 200 documents of a folder by one request', async () => {
    const { stamps, asked } = await opened(
      listing({ ...Object.fromEntries(NAMES.slice(1).map((name) => [name.slice(4), entry(7)])), 'k9/': {} }),
    );
    const [first, ...others] = await stamps(...NAMES);
    expect(first).toBeUndefined();
    expect(new Set(others)).toEqual(new Set(['7']));
    expect(asked()).toEqual(['GET secret/detailed-metadata/app/?list=true&limit=1000']);
  });

  it('takes a deleted and a destroyed version for absent', async () => {
    const { stamps } = await opened(
      listing({ a: entry(1), b: entry(2, { deletion_time: '2026-01-03T00:00:00Z' }), c: entry(3, { destroyed: true }) }),
    );
    expect(await stamps('app/a', 'app/b', 'app/c')).toEqual(['1', undefined, undefined]);
  });

  it('does not list a folder for two documents', async () => {
    const { stamps, asked } = await opened(({ url }, response) =>
      url.startsWith('/v1/secret/metadata/') ? json(response, 200, { data: entry(4) }) : false,
    );
    expect(await stamps('app/a', 'app/b')).toEqual(['4', '4']);
    expect(asked()).toEqual(['GET secret/metadata/app/a', 'GET secret/metadata/app/b']);
  });

  it.each([404, 403, 405])('asks for each document where the server answers the list by %d, and lists no more', async (status) => {
    const { stamps, asked } = await opened(({ url }, response) => {
      if (url.startsWith('/v1/secret/detailed-metadata/')) return json(response, status, { errors: [] });
      return url.startsWith('/v1/secret/metadata/') ? json(response, 200, { data: entry(4) }) : false;
    });
    expect(await stamps('app/a', 'app/b', 'app/c')).toEqual(['4', '4', '4']);
    expect(await stamps('app/a', 'app/b', 'app/c')).toEqual(['4', '4', '4']);
    expect(asked().filter((line) => line.includes('detailed'))).toHaveLength(1);
    expect(asked()).toHaveLength(7);
  });

  it('looks again for what a list that was cut off may lack', async () => {
    const info = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`a${index}`, entry(1)]));
    const { stamps, asked } = await opened((request, response) =>
      request.url.startsWith('/v1/secret/metadata/') ? json(response, 200, { data: entry(5) }) : listing(info)(request, response),
    );
    expect(await stamps('app/a1', 'app/a2', 'app/z')).toEqual(['1', '1', '5']);
    expect(asked()).toHaveLength(2);
  });

  it('says what is denied, for that document alone', async () => {
    const { stamps } = await opened(({ url }, response) => {
      if (url === '/v1/secret/metadata/app/a') return json(response, 403, { errors: [] });
      return url.startsWith('/v1/secret/metadata/') ? json(response, 200, { data: entry(4) }) : false;
    });
    expect(await stamps('app/a', 'app/b')).toEqual(['denied', '4']);
  });
});
