/** Which versions are current, for many secrets in few requests: a list of secrets names their versions. */
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager';

import { done } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { DocumentKey, Operation } from '../../provider-kit/contract.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { describeSecret } from './metadata.ts';
import type { Manager } from './manager.ts';
import { accountOfArn, CURRENT, regionOfKey } from './reference.ts';

type Stamp = string | undefined;

/** Secrets on one page, which is the most that AWS gives. */
const PAGE = 100;

/**
 * Lists as many pages as take fewer requests than asking for each secret; what is not on them by then is asked for by
 * itself. Secrets of other accounts are on no list.
 */
export async function changes(manager: Manager, keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Stamp>[]> {
  const listed = new Map<string, SecretListEntry>();
  const regions = Map.groupBy(
    keys.filter(({ key }) => accountOfArn(key) === undefined),
    ({ key }) => regionOfKey(key),
  );
  await Promise.all([...regions].map(([region, group]) => list(manager, group, region, listed, op)));
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

async function list(
  manager: Manager,
  keys: readonly DocumentKey[],
  region: string | undefined,
  listed: Map<string, SecretListEntry>,
  op: Operation,
): Promise<void> {
  const names = new Set(keys.map(({ key }) => key));
  const prefix = commonStart([...names]);
  const filters = prefix === '' ? {} : { Filters: [{ Key: 'name' as const, Values: [prefix] }] };
  const call = { what: 'list secrets', subject: 'list of secrets', permission: 'secretsmanager:ListSecrets', region };
  const missing = (): number => [...names].filter((name) => !listed.has(name)).length;
  let token: string | undefined;
  for (let page = 0; page === 0 || (token !== undefined && page + 1 < missing()); page++) {
    if (missing() < 2) return;
    const answer = await outcomeOf(() =>
      manager.send(op, call, (client, signal) =>
        client.send(new ListSecretsCommand({ MaxResults: PAGE, NextToken: token, ...filters }), { abortSignal: signal }),
      ),
    );
    // Who may not list may still describe.
    if (!answer.ok) return;
    for (const entry of answer.value.SecretList ?? []) if (entry.Name !== undefined && names.has(entry.Name)) listed.set(entry.Name, entry);
    token = answer.value.NextToken || undefined;
  }
}

/** What all texts begin with. */
function commonStart(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
