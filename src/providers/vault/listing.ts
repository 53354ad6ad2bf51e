/** Names of documents and of their versions: lists only, never a value. */
import { Fault } from '../../core/fault.ts';
import type { DocumentKey, ListEntry, Operation, VersionInfo } from '../../provider-kit/contract.ts';
import { isPendingKey } from '../../provider-kit/pending.ts';
import type { VaultClient } from './client.ts';
import { dateAt, isObject, numberAt, objectAt } from './json.ts';
import { listFolder, versionState, withRule } from './kv.ts';
import type { Mounts } from './mounts.ts';
import { apiPath, type Mount } from './paths.ts';

/** Documents whose name begins with a prefix, in every KV mount that it reaches; folders are walked. */
export async function list(client: VaultClient, mounts: Mounts, prefix: string, op: Operation): Promise<readonly ListEntry[]> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const [covering] = folder === '' ? [] : await mounts.locate([folder.slice(0, -1)], op);
  if (covering?.ok === false) throw covering.fault;
  if (covering?.value !== undefined) return walk(client, covering.value, folder, prefix, op);
  const reached = (await mounts.all(op)).filter((mount) => mount.engine !== 'other' && mount.path.startsWith(prefix));
  return (await Promise.all(reached.map((mount) => walk(client, mount, mount.path, prefix, op)))).flat();
}

/** @param folder with its mount and a slash at the end */
async function walk(client: VaultClient, mount: Mount, folder: string, prefix: string, op: Operation): Promise<readonly ListEntry[]> {
  if (mount.engine === 'other') {
    throw new Fault('unsupported', { message: `${mount.path} is no KV engine, which has nothing to list`, hint: 'list a KV mount' });
  }
  const names = await listFolder(client, mount, folder.slice(mount.path.length), op);
  const found = await Promise.all(
    names.map(async (name): Promise<readonly ListEntry[]> => {
      const key = folder + name;
      if (!key.startsWith(prefix)) return [];
      // A pending value is no secret of its own, and no reference can name it.
      if (isPendingKey(key)) return [];
      return key.endsWith('/') ? walkBelow(client, mount, key, prefix, op) : [{ key }];
    }),
  );
  return found.flat();
}

/** A folder that may not be listed leaves a gap, which is said; the rest is still of use. */
async function walkBelow(client: VaultClient, mount: Mount, folder: string, prefix: string, op: Operation): Promise<readonly ListEntry[]> {
  try {
    return await walk(client, mount, folder, prefix, op);
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'denied') throw error;
    client.host.notice(`${client.host.provider}: ${folder} may not be listed with this sign-in, so what is below it is left out`);
    return [];
  }
}

/** @throws Fault 'unsupported' for a mount that keeps no versions, 'not-found' */
export async function versions(client: VaultClient, mount: Mount, { key }: DocumentKey, op: Operation): Promise<readonly VersionInfo[]> {
  if (mount.engine !== 'kv2') {
    throw new Fault('unsupported', {
      message: `${mount.path} keeps no versions`,
      hint: 'only KV version 2 does: bao kv enable-versioning (or vault kv enable-versioning)',
    });
  }
  const answer = await client
    .call({ what: `list the versions of ${key}`, method: 'GET', path: apiPath(mount, key, 'metadata'), about: `metadata of ${key}` }, op)
    .catch((error: unknown) => {
      throw withRule(error, apiPath(mount, key, 'metadata'), '"read"');
    });
  const data = objectAt(answer.json, 'data');
  const current = numberAt(data, 'current_version');
  return Object.entries(objectAt(data, 'versions') ?? {})
    .map(([version, entry]): VersionInfo => {
      const facts = isObject(entry) ? entry : {};
      const createdAt = dateAt(facts, 'created_time');
      const state = versionState(facts, client.host.now());
      const expiresAt = state === 'enabled' ? dateAt(facts, 'deletion_time') : undefined;
      return {
        version,
        state,
        current: Number(version) === current,
        ...(createdAt === undefined ? {} : { createdAt }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
    })
    .toSorted((a, b) => Number(b.version) - Number(a.version));
}
