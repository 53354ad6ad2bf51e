/** Many secrets from a few pages of ListSecrets. No request in here returns a value. */
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager';

import type { Operation } from '../../provider-kit/contract.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { descriptionOf } from './description.ts';
import type { Description } from './description.ts';
import type { Manager } from './manager.ts';

/** From so many names on a list may be shorter than asking for each. */
const WORTH_IT = 20;
/** Secrets on one page, which is the most that AWS gives. */
const PAGE = 100;
/** Milliseconds between the making of a secret and its last change within which nothing was put later. */
const AT_ONCE = 60_000;

export interface Listed {
  readonly secret: Description;
  /** When its only version was made, where the list tells. */
  readonly madeAt: Date | undefined;
}

/** What the list says of these names; those that it does not show are not in the result. */
export async function listed(manager: Manager, keys: readonly string[], op: Operation): Promise<ReadonlyMap<string, Listed>> {
  const names = keys.filter((key) => !key.startsWith('arn:'));
  const entries = new Map<string, SecretListEntry>();
  if (names.length >= WORTH_IT) await listNamed(manager, names, undefined, entries, op);
  return new Map(
    [...entries].map(([name, entry]) => [
      name,
      { secret: descriptionOf({ ...entry, VersionIdsToStages: entry.SecretVersionsToStages }), madeAt: madeAt(entry) },
    ]),
  );
}

/**
 * Lists as many pages as take fewer requests than asking for each secret, and adds those of these names to `listed`.
 * Nothing where it is refused: describing each needs another permission.
 */
export async function listNamed(
  manager: Manager,
  keys: readonly string[],
  region: string | undefined,
  listed: Map<string, SecretListEntry>,
  op: Operation,
): Promise<void> {
  const names = new Set(keys);
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

/** A first version that was there from the start; of any other only its own date tells. */
function madeAt({ SecretVersionsToStages = {}, CreatedDate, LastChangedDate }: SecretListEntry): Date | undefined {
  if (Object.keys(SecretVersionsToStages).length !== 1 || CreatedDate === undefined) return undefined;
  return LastChangedDate === undefined || LastChangedDate.getTime() - CreatedDate.getTime() <= AT_ONCE ? CreatedDate : undefined;
}
