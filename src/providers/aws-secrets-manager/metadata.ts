/** What can be known about secrets without reading one. No request in here returns a value. */
import { DescribeSecretCommand, ListSecretsCommand, ListSecretVersionIdsCommand } from '@aws-sdk/client-secrets-manager';
import type { SecretListEntry, SecretVersionsListEntry } from '@aws-sdk/client-secrets-manager';

import { done } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { DocumentKey, ListEntry, Metadata, Operation, ParsedRef, VersionInfo } from '../../provider-kit/contract.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { allPages } from '../aws-common/pages.ts';
import { rotatedAt } from '../aws-common/rotated-tags.ts';
import { descriptionOf } from './description.ts';
import type { Description } from './description.ts';
import { listed } from './listed.ts';
import type { Listed } from './listed.ts';
import { callFor, sendFor } from './manager.ts';
import type { Manager } from './manager.ts';
import { accountOfArn, CURRENT, PENDING } from './reference.ts';

/** Throws Fault 'not-found' for an absent secret; one that is scheduled for deletion is still described. */
export function describeSecret(manager: Manager, key: string, op: Operation): Promise<Description> {
  return sendFor(manager, op, key, callFor(key, { verb: 'describe', action: 'DescribeSecret' }), async (client, signal) => {
    const secret = await client.send(new DescribeSecretCommand({ SecretId: key }), { abortSignal: signal });
    return descriptionOf(secret);
  });
}

export async function describe(manager: Manager, refs: readonly ParsedRef[], op: Operation): Promise<readonly Outcome<Metadata>[]> {
  const known = await listed(manager, [...new Set(refs.map(({ key }) => key))], op);
  const found = new Map<string, Promise<Outcome<Described>>>();
  const find = (key: string): Promise<Outcome<Described>> => {
    const running = found.get(key) ?? outcomeOf(() => describeOne(manager, key, op, known.get(key)));
    found.set(key, running);
    return running;
  };
  return Promise.all(
    refs.map(async (ref) => {
      const described = await find(ref.key);
      if (described.ok) return done(metadataOf(ref, described.value));
      return described.fault.kind === 'not-found' ? done<Metadata>({ presence: 'absent' }) : described;
    }),
  );
}

interface Described {
  readonly secret: Description;
  /** Versions that carry a label; undefined where they may not be listed. */
  readonly versions: readonly SecretVersionsListEntry[] | undefined;
}

/**
 * The date of the current version is only in the list of versions: LastChangedDate moves with a tag or a description
 * too, and would make an old value look young.
 */
async function describeOne(manager: Manager, key: string, op: Operation, known: Listed | undefined): Promise<Described> {
  const [VersionId] = known?.secret.versionAt.values() ?? [];
  if (known?.madeAt !== undefined) return { secret: known.secret, versions: [{ VersionId, CreatedDate: known.madeAt }] };
  const [secret, versions] = await Promise.all([
    known?.secret ?? describeSecret(manager, key, op),
    outcomeOf(() => listVersions(manager, key, false, op)),
  ]);
  return { secret, versions: versions.ok ? versions.value : undefined };
}

function metadataOf(ref: ParsedRef, { secret, versions }: Described): Metadata {
  const current = ref.version ?? secret.versionAt.get(ref.stage ?? CURRENT);
  const updatedAt = versions?.find(({ VersionId }) => VersionId === current)?.CreatedDate;
  const rotated = rotatedAt(secret.tags);
  return {
    presence: presenceOf(ref, secret, current),
    enabled: secret.deletedAt === undefined,
    ...(current === undefined ? {} : { version: current }),
    ...secret.dates,
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(rotated === undefined ? {} : { rotatedAt: rotated }),
    ...(versions === undefined ? {} : { versionCount: versions.length }),
  };
}

function presenceOf(ref: ParsedRef, secret: Description, current: string | undefined): Metadata['presence'] {
  if (secret.deletedAt !== undefined || current === undefined) return 'absent';
  // A version without any label is kept for a while, but not described.
  if (ref.version !== undefined && ![...secret.versionAt.values()].includes(ref.version)) return 'unknown';
  return ref.field === undefined ? 'present' : 'unknown';
}

/** Names that begin with the prefix. A secret that is scheduled for deletion is not among them. */
export async function list(manager: Manager, prefix: string, op: Operation): Promise<readonly ListEntry[]> {
  const call = { what: 'list secrets', subject: 'list of secrets', permission: 'secretsmanager:ListSecrets' };
  const filters = prefix === '' ? {} : { Filters: [{ Key: 'name' as const, Values: [prefix] }] };
  return allPages((token) =>
    manager.send(op, call, async (client, signal) => {
      const command = new ListSecretsCommand({ MaxResults: 100, NextToken: token, ...filters });
      const { SecretList = [], NextToken } = await client.send(command, { abortSignal: signal });
      return { items: SecretList.flatMap((entry) => listEntry(entry, prefix)), next: NextToken };
    }),
  );
}

function listEntry({ Name: key, CreatedDate: createdAt, SecretVersionsToStages = {} }: SecretListEntry, prefix: string): ListEntry[] {
  if (key?.startsWith(prefix) !== true) return [];
  const version = Object.entries(SecretVersionsToStages).find(([, labels]) => labels.includes(CURRENT))?.[0];
  return [{ key, ...(version === undefined ? {} : { version }), ...(createdAt === undefined ? {} : { createdAt }) }];
}

/** Newest first, of equal dates the current one; versions without a label are those that AWS may drop at any time. */
export async function versions(manager: Manager, { key }: DocumentKey, op: Operation): Promise<readonly VersionInfo[]> {
  const entries = await listVersions(manager, key, true, op);
  return entries
    .toSorted((a, b) => (b.CreatedDate?.getTime() ?? 0) - (a.CreatedDate?.getTime() ?? 0) || rank(b) - rank(a))
    .flatMap(({ VersionId: version, VersionStages: stages = [], CreatedDate: createdAt }): VersionInfo[] => {
      if (version === undefined) return [];
      const current = stages.includes(CURRENT);
      const state = stages.includes(PENDING) && !current ? 'pending' : 'enabled';
      return [{ version, current, state, stages, ...(createdAt === undefined ? {} : { createdAt }) }];
    });
}

const rank = ({ VersionStages }: SecretVersionsListEntry): number => (VersionStages?.includes(CURRENT) === true ? 1 : 0);

/** @param all also those without a label, which AWS may drop at any time */
export async function listVersions(
  manager: Manager,
  key: string,
  all: boolean,
  op: Operation,
): Promise<readonly SecretVersionsListEntry[]> {
  const call = callFor(key, { verb: 'list the versions of', action: 'ListSecretVersionIds' });
  return allPages((token) =>
    sendFor(manager, op, key, call, async (client, signal) => {
      const command = new ListSecretVersionIdsCommand({ SecretId: key, IncludeDeprecated: all, MaxResults: 100, NextToken: token });
      const { Versions = [], NextToken } = await client.send(command, { abortSignal: signal });
      return { items: [...Versions], next: NextToken };
    }),
  );
}

/** Asks for one name at most, and says whose account it is in, if there is one. */
export async function probe(manager: Manager, op: Operation): Promise<string | undefined> {
  const call = { what: 'list secrets', subject: 'list of secrets', permission: 'secretsmanager:ListSecrets' };
  const { SecretList = [] } = await manager.send(op, call, (client, signal) =>
    client.send(new ListSecretsCommand({ MaxResults: 1 }), { abortSignal: signal }),
  );
  return accountOfArn(SecretList[0]?.ARN);
}
