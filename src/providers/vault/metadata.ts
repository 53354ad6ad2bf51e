/** What is known without reading a value: no request here goes to a path that returns one. */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { DocumentKey, Metadata, Operation, ParsedRef } from '../../provider-kit/contract.ts';
import { fieldPath } from '../../provider-kit/json-document.ts';
import type { VaultClient } from './client.ts';
import { dateAt, isObject, numberAt, objectAt, type JsonObject } from './json.ts';
import type { Mounts } from './mounts.ts';
import { listFolder, ROTATED, versionState, withRule } from './kv.ts';
import { apiPath, type Mount } from './paths.ts';

/** What is known of one document; `subkeys` are its fields, nested, with null in place of values. */
export interface Facts {
  readonly metadata: Metadata;
  readonly subkeys: JsonObject | undefined;
  /** Number of the version that is asked for, also if it was deleted. */
  readonly version: number | undefined;
}

export async function describe(
  client: VaultClient,
  mounts: Mounts,
  refs: readonly ParsedRef[],
  op: Operation,
): Promise<readonly Outcome<Metadata>[]> {
  const located = await mounts.locate(
    refs.map(({ key }) => key),
    op,
  );
  const shared = new Map<string, Promise<Facts>>();
  const factsOf = (mount: Mount, ref: ParsedRef): Promise<Facts> => {
    const id = `${ref.version ?? ''}/${ref.key}`;
    const facts = shared.get(id) ?? lookUp(client, mount, ref, op);
    shared.set(id, facts);
    return facts;
  };
  return Promise.all(
    refs.map(async (ref, index): Promise<Outcome<Metadata>> => {
      const mount = located[index];
      if (mount?.ok === false) return mount;
      if (mount?.value === undefined) return failed(mounts.hidden(ref.key));
      try {
        const facts = await factsOf(mount.value, ref);
        return done({ ...facts.metadata, presence: presenceOf(facts, ref.field) });
      } catch (error) {
        if (error instanceof Fault) return failed(error);
        throw error;
      }
    }),
  );
}

async function lookUp(client: VaultClient, mount: Mount, key: DocumentKey, op: Operation): Promise<Facts> {
  if (mount.engine === 'kv2') return kv2Facts(client, mount, key, op);
  // Asking a dynamic engine would make a credential.
  const presence = mount.engine === 'kv1' ? await kv1Presence(client, mount, key.key, op) : 'unknown';
  return { metadata: { presence }, subkeys: undefined, version: undefined };
}

/** From `metadata` and `subkeys`; one of the two may be refused. */
export async function kv2Facts(client: VaultClient, mount: Mount, { key, version }: DocumentKey, op: Operation): Promise<Facts> {
  const query = version === undefined ? {} : { query: `version=${version}` };
  const ask = (part: 'metadata' | 'subkeys'): Promise<JsonObject | Fault> =>
    client
      .call(
        {
          what: `describe ${key}`,
          method: 'GET',
          path: apiPath(mount, key, part),
          about: `${part} of ${key}`,
          acceptGone: true,
          ...(part === 'subkeys' ? query : {}),
        },
        op,
      )
      .then((answer) => objectAt(answer.json, 'data') ?? {})
      .catch((error: unknown) => {
        if (error instanceof Fault && ['denied', 'not-found', 'unsupported'].includes(error.kind)) return error;
        throw error;
      });
  const [whole, fields] = await Promise.all([ask('metadata'), ask('subkeys')]);
  if (whole instanceof Fault && fields instanceof Fault) {
    if (whole.kind === 'not-found' || fields.kind === 'not-found')
      return { metadata: { presence: 'absent' }, subkeys: undefined, version: undefined };
    throw withRule(whole, apiPath(mount, key, 'metadata'), '"read"');
  }
  const data = whole instanceof Fault ? undefined : whole;
  const current = fields instanceof Fault ? undefined : objectAt(fields, 'metadata');
  const number = version === undefined ? (numberAt(data, 'current_version') ?? numberAt(current, 'version')) : Number(version);
  const entry = current ?? objectAt(objectAt(data, 'versions'), String(number));
  const subkeys = fields instanceof Fault ? undefined : objectAt(fields, 'subkeys');
  return {
    version: number,
    subkeys,
    metadata: {
      ...kv2Metadata(data, entry, client.host.now()),
      ...(number === undefined ? {} : { version: String(number) }),
      ...(subkeys === undefined ? {} : { fields: Object.keys(subkeys) }),
    },
  };
}

function kv2Metadata(data: JsonObject | undefined, entry: JsonObject | undefined, now: Date): Metadata {
  const createdAt = dateAt(data, 'created_time');
  const updatedAt = dateAt(entry, 'created_time');
  const isServed = entry !== undefined && versionState(entry, now) === 'enabled';
  const expiresAt = isServed ? dateAt(entry, 'deletion_time') : undefined;
  const versions = objectAt(data, 'versions');
  const rotatedAt = rotationDates(objectAt(data, 'custom_metadata') ?? objectAt(entry, 'custom_metadata'));
  return {
    presence: isServed ? 'present' : 'absent',
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(versions === undefined ? {} : { versionCount: Object.keys(versions).length }),
    ...(rotatedAt === undefined ? {} : { rotatedAt }),
  };
}

function rotationDates(custom: JsonObject | undefined): Readonly<Record<string, Date>> | undefined {
  const dates = Object.keys(custom ?? {}).flatMap((key): readonly (readonly [string, Date])[] => {
    const date = key.startsWith(ROTATED) ? dateAt(custom, key) : undefined;
    return date === undefined ? [] : [[key.slice(ROTATED.length), date]];
  });
  return dates.length === 0 ? undefined : Object.fromEntries(dates);
}

/** KV version 1 has no metadata; the list of the folder tells whether the name is there. */
export async function kv1Presence(client: VaultClient, mount: Mount, key: string, op: Operation): Promise<Metadata['presence']> {
  const slash = key.lastIndexOf('/') + 1;
  try {
    const names = await listFolder(client, mount, key.slice(mount.path.length, slash), op);
    return names.includes(key.slice(slash)) ? 'present' : 'absent';
  } catch (error) {
    if (error instanceof Fault && error.kind === 'denied') return 'unknown';
    throw error;
  }
}

function presenceOf({ metadata, subkeys }: Facts, field: string | undefined): Metadata['presence'] {
  if (field === undefined || metadata.presence !== 'present') return metadata.presence;
  if (subkeys === undefined) return 'unknown';
  return fieldPresence(subkeys, field);
}

/** Lists and values are both null in subkeys, so what lies inside of one is unknown. */
export function fieldPresence(subkeys: JsonObject, field: string): Metadata['presence'] {
  let at: unknown = subkeys;
  for (const key of fieldPath(field) ?? []) {
    if (!isObject(at)) return 'unknown';
    if (!Object.hasOwn(at, key)) return 'absent';
    at = at[key];
  }
  return 'present';
}
