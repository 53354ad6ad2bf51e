/** Which versions are current, for many secrets in few requests: a list of secrets names their versions. */
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager';

import { done } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { DocumentKey, Operation } from '../../provider-kit/contract.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { listNamed } from './listed.ts';
import { describeSecret } from './metadata.ts';
import type { Manager } from './manager.ts';
import { accountOfArn, CURRENT, regionOfKey } from './reference.ts';

type Stamp = string | undefined;

/** What is not on a list is asked for by itself. Secrets of other accounts are on no list. */
export async function changes(manager: Manager, keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Stamp>[]> {
  const listed = new Map<string, SecretListEntry>();
  const regions = Map.groupBy(
    keys.filter(({ key }) => accountOfArn(key) === undefined),
    ({ key }) => regionOfKey(key),
  );
  await Promise.all(
    [...regions].map(([region, group]) =>
      listNamed(
        manager,
        group.map(({ key }) => key),
        region,
        listed,
        op,
      ),
    ),
  );
  const described = new Map<string, Promise<Outcome<ReadonlyMap<string, string> | undefined>>>();
  const describe = (key: string): Promise<Outcome<ReadonlyMap<string, string> | undefined>> => {
    const running = described.get(key) ?? outcomeOf(() => labelsOf(manager, key, op));
    described.set(key, running);
    return running;
  };
  return Promise.all(
    keys.map(async ({ key, stage = CURRENT }): Promise<Outcome<Stamp>> => {
      const entry = listed.get(key);
      if (entry !== undefined) {
        return done(Object.entries(entry.SecretVersionsToStages ?? {}).find(([, labels]) => labels.includes(stage))?.[0]);
      }
      const labels = await describe(key);
      if (labels.ok) return done(labels.value?.get(stage));
      return labels.fault.kind === 'not-found' ? done(undefined) : labels;
    }),
  );
}

async function labelsOf(manager: Manager, key: string, op: Operation): Promise<ReadonlyMap<string, string> | undefined> {
  const { deletedAt, versionAt } = await describeSecret(manager, key, op);
  return deletedAt === undefined ? versionAt : undefined;
}
