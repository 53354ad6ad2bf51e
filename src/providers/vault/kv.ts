/** What every request to a KV mount needs: folders, states of versions, names of custom metadata. */
import { Fault } from '../../core/fault.ts';
import type { Operation } from '../../provider-kit/contract.ts';
import { fieldPath } from '../../provider-kit/json-document.ts';
import type { VaultClient } from './client.ts';
import { dateAt, objectAt, stringsAt, type JsonObject } from './json.ts';
import { apiPath, type Mount } from './paths.ts';

/** One document of a KV mount, and the operation that works on it. */
export interface Target {
  readonly client: VaultClient;
  readonly mount: Mount;
  readonly key: string;
  readonly op: Operation;
}

export const ROTATED = 'rotated.';

/** A field as its date is recorded: a pointer of one step is the plain name. */
export function nameOf(field: string): string {
  const path = fieldPath(field) ?? [];
  return path.length === 1 ? (path[0] ?? field) : field;
}

/** Whether a request may succeed in another way: it was refused, or the server or engine does not know it. */
export const isRefusedOrUnknown = (error: unknown): error is Fault =>
  error instanceof Fault && (error.kind === 'denied' || error.code === 'CAPABILITY_UNSUPPORTED');

/** Names in a folder of a KV mount; those of folders end with a slash. Empty where there is nothing. */
export async function listFolder(client: VaultClient, mount: Mount, folder: string, op: Operation): Promise<readonly string[]> {
  const path = mount.path + folder;
  try {
    const answer = await client.call(
      { what: `list ${path}`, method: 'GET', path: apiPath(mount, path, 'metadata'), query: 'list=true', about: `the list of ${path}` },
      op,
    );
    return stringsAt(objectAt(answer.json, 'data'), 'keys');
  } catch (error) {
    if (error instanceof Fault && error.kind === 'not-found') return [];
    throw error;
  }
}

/** A deletion time in the future is that of delete_version_after: the version is still served. */
export function versionState(entry: JsonObject, now: Date): 'enabled' | 'deleted' | 'destroyed' {
  if (entry['destroyed'] === true) return 'destroyed';
  const deletion = dateAt(entry, 'deletion_time');
  return deletion === undefined || deletion > now ? 'enabled' : 'deleted';
}

/** The same fault; a refusal that has no hint yet gets the policy rule that is missing. */
export function withRule(error: unknown, path: string, capabilities: string): unknown {
  if (!(error instanceof Fault) || error.kind !== 'denied' || error.detail.hint !== undefined) return error;
  const hint = `a policy of the token must allow: path "${path}" { capabilities = [${capabilities}] }`;
  return new Fault('denied', { ...error.detail, hint });
}
