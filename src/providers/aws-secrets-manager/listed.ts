/** Descriptions of many secrets from a few pages of ListSecrets. No request in here returns a value. */
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager';

import { Fault } from '../../core/fault.ts';
import type { Operation } from '../../provider-kit/contract.ts';
import { descriptionOf } from './description.ts';
import type { Description } from './description.ts';
import type { Manager } from './manager.ts';

/** From so many names on a list may be shorter than asking for each. */
const WORTH_IT = 20;
/** Entries of one answer, and prefixes of one filter, at most. */
const PAGE = 100;
const MOST_PREFIXES = 10;
/** Milliseconds between the making of a secret and its last change within which nothing was put later. */
const AT_ONCE = 60_000;

export interface Listed {
  readonly secret: Description;
  /** When its only version was made, where the list tells. */
  readonly madeAt: Date | undefined;
}

/**
 * What the list says of these names; those that it does not show, or that are far behind others, are not in the result.
 * Where listing is refused the result is empty: describing each needs another permission.
 */
export async function listed(manager: Manager, keys: readonly string[], op: Operation): Promise<ReadonlyMap<string, Listed>> {
  const open = new Set(keys.filter((key) => !key.startsWith('arn:')));
  const found = new Map<string, Listed>();
  if (open.size < WORTH_IT) return found;
  const filters = filtersFor([...open]);
  const mostPages = Math.max(2, Math.ceil(open.size / (PAGE / 5)));
  const call = { what: 'list secrets', subject: 'list of secrets', permission: 'secretsmanager:ListSecrets' };
  let token: string | undefined;
  try {
    for (let page = 0; page < mostPages && open.size > 0; page++) {
      const { SecretList = [], NextToken } = await manager.send(op, call, (client, signal) =>
        client.send(new ListSecretsCommand({ MaxResults: PAGE, IncludePlannedDeletion: true, NextToken: token, ...filters }), {
          abortSignal: signal,
        }),
      );
      for (const entry of SecretList) {
        if (entry.Name === undefined || !open.delete(entry.Name)) continue;
        found.set(entry.Name, {
          secret: descriptionOf({ ...entry, VersionIdsToStages: entry.SecretVersionsToStages }),
          madeAt: madeAt(entry),
        });
      }
      token = NextToken || undefined;
      if (token === undefined) break;
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
  return found;
}

/** The folders of these names, as far as one filter takes them; nothing where it would not narrow the list. */
function filtersFor(names: readonly string[]): { readonly Filters?: { readonly Key: 'name'; readonly Values: string[] }[] } {
  const folders = [...new Set(names.map((name) => name.slice(0, name.lastIndexOf('/') + 1)))];
  const outer = folders.filter((folder) => !folders.some((other) => other !== folder && folder.startsWith(other)));
  return outer.includes('') || outer.length > MOST_PREFIXES ? {} : { Filters: [{ Key: 'name', Values: outer }] };
}

/** A first version that was there from the start; of any other only its own date tells. */
function madeAt({ SecretVersionsToStages = {}, CreatedDate, LastChangedDate }: SecretListEntry): Date | undefined {
  if (Object.keys(SecretVersionsToStages).length !== 1 || CreatedDate === undefined) return undefined;
  return LastChangedDate === undefined || LastChangedDate.getTime() - CreatedDate.getTime() <= AT_ONCE ? CreatedDate : undefined;
}
