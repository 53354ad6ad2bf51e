import { afterEach, describe, expect, it } from 'vitest';
import { testOperation } from '../../support/operation.ts';
import { awsError, fakeAws, type AskedRequest, type FakeAws } from './fake-aws.ts';
import { openManager } from './session.ts';

const servers: FakeAws[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const VERSIONS = { SecretVersionsToStages: { new: ['AWSCURRENT'], old: ['AWSPREVIOUS'] } };
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `prod/k${index}`);

/** Lists these names by pages of 100, and describes every secret. */
async function opened(listed: readonly string[], mayList = true) {
  const server = await fakeAws(({ action, input }: AskedRequest) => {
    if (action === 'DescribeSecret') {
      if (input['SecretId'] === 'prod/none') return awsError('ResourceNotFoundException');
      return { json: { Name: input['SecretId'], VersionIdsToStages: { described: ['AWSCURRENT'] } } };
    }
    if (!mayList) return awsError('AccessDeniedException');
    const from = Number(input['NextToken'] ?? 0);
    const page = listed.slice(from, from + 100).map((Name) => ({ Name, ...VERSIONS }));
    return { json: { SecretList: page, ...(from + 100 < listed.length ? { NextToken: String(from + 100) } : {}) } };
  });
  servers.push(server);
  const { session } = await openManager({ url: server.url });
  const stamps = async (...keys: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const outcomes =
      (await session.changes?.(
        keys.map((key) => ({ key })),
        testOperation(),
      )) ?? [];
    return outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.fault.kind));
  };
  const asked = (): Readonly<Record<string, number>> =>
    Object.fromEntries([...Map.groupBy(server.asked, ({ action }) => action)].map(([action, all]) => [action, all.length]));
  return { stamps, asked, server, close: () => session.close() };
}

describe('changes of AWS Secrets Manager', () => {
  it('lists 200 secrets in two requests, by what their names begin with', async () => {
    const { stamps, asked, server, close } = await opened(names(200));
    expect(new Set(await stamps(...names(200)))).toEqual(new Set(['new']));
    expect(asked()).toEqual({ ListSecrets: 2 });
    expect(server.asked[0]?.input['Filters']).toEqual([{ Key: 'name', Values: ['prod/k'] }]);
    await close();
  });

  it('describes a single secret', async () => {
    const { stamps, asked, close } = await opened(names(5));
    expect(await stamps('prod/k1')).toEqual(['described']);
    expect(asked()).toEqual({ DescribeSecret: 1 });
    await close();
  });

  it('does not go through an account of thousands for a few', async () => {
    const { stamps, asked, close } = await opened([...names(10_000).toReversed(), 'prod/none']);
    expect(new Set(await stamps('prod/k1', 'prod/k2', 'prod/k3', 'prod/k4'))).toEqual(new Set(['described']));
    expect(asked()['ListSecrets']).toBeLessThan(4);
    expect(asked()['DescribeSecret']).toBe(4);
    await close();
  });

  it('describes each where it may not list, and knows what is not there', async () => {
    const { stamps, asked, close } = await opened([], false);
    expect(await stamps('prod/k1', 'prod/none', 'prod/k1')).toEqual(['described', undefined, 'described']);
    expect(asked()).toEqual({ ListSecrets: 1, DescribeSecret: 2 });
    await close();
  });
});
