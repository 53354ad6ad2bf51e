import { expect, it } from 'vitest';
import { Deadline } from '../../../src/provider-kit/deadline.ts';
import { createOperation, gateFor } from '../../../src/provider-kit/operation.ts';
import { json } from '../../platform/http-server.ts';
import { afterwards, fakeVault, kv2 } from './fake.ts';
import { openVault, textOf } from './vault.ts';

/** Answers a round of requests only when all of it has come: requests one after the other would wait for ever. */
function inRounds(sizes: readonly number[]) {
  let round = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const hold = (answer: () => void): true => {
    waiting.push(answer);
    most = Math.max(most, waiting.length);
    if (waiting.length === sizes[round]) {
      round += 1;
      for (const one of waiting.splice(0)) one();
    }
    return true;
  };
  return { hold, rounds: () => round, most: () => most };
}

it.each([
  [50, [1, 1, 32, 18]],
  [200, [1, 1, 32, 32, 32, 32, 32, 32, 8]],
])('%i documents take no more round trips than sign-in, mount and as many as 32 at a time need', async (count, sizes) => {
  const { hold, most, rounds } = inRounds(sizes);
  const fake = await fakeVault(({ url }, response) => {
    if (url.endsWith('/login')) return hold(() => json(response, 200, { auth: { client_token: 'canary-token', token_type: 'batch' } }));
    if (url.includes('ui/mounts'))
      return hold(() => json(response, 200, { data: { path: 'secret/', type: 'kv', options: { version: '2' } } }));
    return hold(() => json(response, 200, kv2({ at: url })));
  });
  const { session } = await openVault({ address: fake.url, env: { VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 'canary-secret-id' } });
  afterwards(() => session.close());
  const deadline = new Deadline(15_000);
  afterwards(() => deadline.close());
  const operation = createOperation({ deadline, requestMs: 10_000, gate: gateFor(undefined) });
  const keys = Array.from({ length: count }, (_, i) => ({ key: `secret/app-${i % 7}/${i}` }));
  const outcomes = await session.resolve(keys, operation);
  expect(outcomes.map((outcome) => textOf(outcome))).toEqual(
    keys.map(({ key }) => JSON.stringify({ at: key.replace('secret/', '/v1/secret/data/') })),
  );
  expect([rounds(), most()]).toEqual([sizes.length, 32]);
  expect(fake.received).toHaveLength(count + 2);
});
