/** What can be known about parameters without reading one. No request in here returns a value. */
import { DescribeParametersCommand, ListTagsForResourceCommand } from '@aws-sdk/client-ssm';
import type { ParameterMetadata, ParameterStringFilter } from '@aws-sdk/client-ssm';

import { done } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { ListEntry, Metadata, Operation, ParsedRef } from '../../provider-kit/contract.ts';
import { isPendingKey } from '../../provider-kit/pending.ts';
import { chunksApart } from '../aws-common/chunks.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { allPages } from '../aws-common/pages.ts';
import { rotatedAt } from '../aws-common/rotated-tags.ts';
import type { Tag } from '../aws-common/rotated-tags.ts';
import { callFor } from './store.ts';
import type { Store } from './store.ts';

/** As many names as one filter of DescribeParameters takes, and entries as one answer has. */
const PAGE = 50;

/** AWS's own parameters can be read by everybody, but are not described. */
const isPublic = (name: string): boolean => name.startsWith('/aws/');

export async function describe(store: Store, refs: readonly ParsedRef[], op: Operation): Promise<readonly Outcome<Metadata>[]> {
  const names = [...new Set(refs.map(({ key }) => key))].filter((name) => !isPublic(name));
  const withFields = [...new Set(refs.flatMap(({ key, field }) => (field === undefined || isPublic(key) ? [] : [key])))];
  const chunks = chunksApart(names, PAGE, (name) => [name]);
  const found = new Map<string, Outcome<ParameterMetadata | undefined>>();
  const tags = new Map<string, readonly Tag[]>();
  await Promise.all([
    ...chunks.map(async (chunk) => {
      const outcome = await outcomeOf(() => describeNamed(store, chunk, op));
      for (const name of chunk) found.set(name, outcome.ok ? done(outcome.value.get(name)) : outcome);
    }),
    ...withFields.map(async (name) => {
      const outcome = await outcomeOf(() => tagsOf(store, name, op));
      if (outcome.ok) tags.set(name, outcome.value);
    }),
  ]);
  return refs.map((ref) => {
    const outcome = found.get(ref.key);
    if (outcome?.ok === false) return outcome;
    return done(metadataOf(ref, outcome?.value, tags.get(ref.key) ?? []));
  });
}

/** The metadata of the parameters that exist, by name. Throws Fault. */
export async function describeNamed(
  store: Store,
  names: readonly string[],
  op: Operation,
): Promise<ReadonlyMap<string, ParameterMetadata>> {
  const what = names.length === 1 ? (names[0] ?? '') : `${names.length} parameters`;
  const found = new Map<string, ParameterMetadata>();
  for (const parameter of await described(store, what, { Key: 'Name', Option: 'Equals', Values: [...names] }, op)) {
    if (parameter.Name !== undefined) found.set(parameter.Name, parameter);
  }
  return found;
}

/** Names that begin with the prefix. */
export async function list(store: Store, prefix: string, op: Operation): Promise<readonly ListEntry[]> {
  const filter = prefix === '' ? undefined : { Key: 'Name', Option: 'BeginsWith', Values: [prefix] };
  const entries: ListEntry[] = [];
  for (const { Name: key, Version: version, LastModifiedDate: updatedAt } of await described(store, 'parameters', filter, op)) {
    if (key?.startsWith(prefix) !== true || isPendingKey(key)) continue;
    entries.push({
      key,
      ...(version === undefined ? {} : { version: String(version) }),
      ...(updatedAt === undefined ? {} : { updatedAt }),
    });
  }
  return entries;
}

export async function tagsOf(store: Store, name: string, op: Operation): Promise<readonly Tag[]> {
  const { TagList = [] } = await store.send(op, callFor(name, 'read the tags of', 'ListTagsForResource'), (client, signal) =>
    client.send(new ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId: name }), { abortSignal: signal }),
  );
  return TagList;
}

/** Asks for one name at most, and says whose account it is in, if AWS says it. */
export async function probe(store: Store, op: Operation): Promise<string | undefined> {
  const { Parameters = [] } = await store.send(op, callFor('parameters', 'describe', 'DescribeParameters'), (client, signal) =>
    client.send(new DescribeParametersCommand({ MaxResults: 1 }), { abortSignal: signal }),
  );
  return /^arn:[^:]+:ssm:[^:]*:(\d{12}):/.exec(Parameters[0]?.ARN ?? '')?.[1];
}

function described(
  store: Store,
  what: string,
  filter: ParameterStringFilter | undefined,
  op: Operation,
): Promise<readonly ParameterMetadata[]> {
  const filters = filter === undefined ? {} : { ParameterFilters: [filter] };
  return allPages((token) =>
    store.send(op, callFor(what, 'describe', 'DescribeParameters'), async (client, signal) => {
      const command = new DescribeParametersCommand({ MaxResults: PAGE, NextToken: token, ...filters });
      const { Parameters = [], NextToken } = await client.send(command, { abortSignal: signal });
      return { items: [...Parameters], next: NextToken };
    }),
  );
}

function metadataOf(ref: ParsedRef, parameter: ParameterMetadata | undefined, tags: readonly Tag[]): Metadata {
  if (parameter === undefined) return { presence: isPublic(ref.key) ? 'unknown' : 'absent' };
  const current = parameter.Version === undefined ? undefined : String(parameter.Version);
  // Only the current version is described; others, and labels, are in the history, which returns values.
  const described = (ref.version === undefined || ref.version === current) && ref.stage === undefined;
  const rotated = rotatedAt(tags);
  const expiresAt = expirationOf(parameter);
  return {
    presence: described && ref.field === undefined ? 'present' : 'unknown',
    ...(ref.version !== undefined ? { version: ref.version } : described && current !== undefined ? { version: current } : {}),
    ...(described && parameter.LastModifiedDate !== undefined ? { updatedAt: parameter.LastModifiedDate } : {}),
    ...(rotated === undefined ? {} : { rotatedAt: rotated }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** When a policy of the parameter makes AWS delete it. */
function expirationOf({ Policies = [] }: ParameterMetadata): Date | undefined {
  for (const { PolicyType, PolicyText = '' } of Policies) {
    if (PolicyType !== 'Expiration') continue;
    const date = new Date(/"Timestamp"\s*:\s*"([^"]+)"/.exec(PolicyText)?.[1] ?? '');
    if (!Number.isNaN(date.getTime())) return date;
  }
  return undefined;
}
