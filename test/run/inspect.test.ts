import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import type { Provider } from '../../src/provider-kit/contract.ts';
import { Deadline } from '../../src/provider-kit/deadline.ts';
import { Sessions } from '../../src/provider-kit/session.ts';
import { inspect, type InspectOptions } from '../../src/run/inspect.ts';
import type { PlannedReference } from '../../src/run/plan.ts';
import { testHost } from '../support/host.ts';
import { KnownWorld, knownProvider } from '../support/known-provider.ts';
import { manifest, reference } from '../support/model.ts';

function planned(text: string, provider: Provider): PlannedReference {
  const placed = reference(text);
  const config = { name: placed.reference.provider, use: 'vault', options: {}, positionOf: () => undefined, personal: false, baseDir: '/' };
  return { placed, configured: { config, provider, options: {} }, parsed: provider.parseRef(placed.reference, {}) };
}

async function states(references: readonly PlannedReference[], options: InspectOptions = {}): Promise<readonly string[]> {
  const deadline = new Deadline(5_000);
  const sessions = new Sessions(deadline, 5_000, () => testHost());
  try {
    const outcomes = await inspect(references, manifest([]), sessions, options);
    return outcomes.map((outcome) => (outcome.ok ? outcome.value.presence : outcome.fault.code));
  } finally {
    await sessions.close();
    deadline.close();
  }
}

describe('inspect', () => {
  it('asks each session once for all of its references, in their order, and reads nothing', async () => {
    const [one, two] = [new KnownWorld(), new KnownWorld()];
    one.metadata.set('b', { presence: 'present' });
    two.metadata.set('x', { presence: 'present' });
    const [first, second] = [knownProvider(one, ['describe'], 'one'), knownProvider(two, ['describe'], 'two')];
    const references = [
      planned('vault://a', first),
      planned('other://x', second),
      planned('vault://b', first),
      planned('vault://a', first),
    ];
    expect(await states(references)).toEqual(['absent', 'present', 'present', 'absent']);
    expect([one.described, two.described]).toEqual([[['a', 'b', 'a']], [['x']]]);
    expect([one.read, two.read, one.closed]).toEqual([[], [], 1]);
  });

  it('keeps the failure of one reference and of one session apart from the others', async () => {
    const [good, bad] = [new KnownWorld(), new KnownWorld()];
    good.metadata.set('a', { presence: 'present' });
    good.metadata.set('b', new Fault('denied', 'not for you'));
    const failing: Provider = {
      ...knownProvider(bad, ['describe'], 'bad'),
      open: () => Promise.reject(new Fault('unavailable', { message: 'nobody listens', retryable: false })),
    };
    const provider = knownProvider(good, ['describe'], 'good');
    const references = [
      planned('vault://a', provider),
      planned('bad://x', failing),
      planned('vault://b', provider),
      planned('bad://y', failing),
    ];
    expect(await states(references)).toEqual(['present', 'PROVIDER_UNAVAILABLE', 'DENIED', 'PROVIDER_UNAVAILABLE']);
  });

  it('does not know what a backend without describe holds', async () => {
    const world = new KnownWorld();
    expect(await states([planned('vault://a', knownProvider(world, []))])).toEqual(['unknown']);
    expect(world.read).toEqual([]);
  });

  it.each([
    ['vault://a#key', undefined, 'unknown'],
    ['vault://a#key', ['key', 'other'], 'present'],
    ['vault://a#key', ['other'], 'absent'],
    ['vault://a#/key/deep', ['key'], 'present'],
    ['vault://a#/deep/key', ['key'], 'absent'],
    ['vault://a', undefined, 'present'],
  ])('takes %s with the fields %j for %s', async (text, fields, expected) => {
    const world = new KnownWorld();
    world.metadata.set('a', { presence: 'present', ...(fields === undefined ? {} : { fields }) });
    expect(await states([planned(text, knownProvider(world))])).toEqual([expected]);
  });

  it('reads only what stayed unknown when asked to, each document once', async () => {
    const world = new KnownWorld();
    world.metadata.set('known', { presence: 'present' });
    world.metadata.set('doc', { presence: 'present' });
    world.metadata.set('locked', { presence: 'unknown' });
    world.values.set('doc', '{"key":"canary-0123456789abcdef"}');
    world.values.set('locked', new Fault('locked', 'the keychain is locked'));
    const provider = knownProvider(world);
    const references = ['vault://known', 'vault://doc#key', 'vault://doc#other', 'vault://gone', 'vault://locked'].map((text) =>
      planned(text, provider),
    );
    expect(await states(references, { read: true })).toEqual(['present', 'present', 'absent', 'absent', 'STORE_LOCKED']);
    expect(world.read).toEqual([['doc', 'locked']]);
  });
});
