/** Reads documents. The bytes are the server's own text of the data, so that numbers keep their digits. */
import { Fault, type FaultDetail } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Document, DocumentKey, Lease, Operation } from '../../provider-kit/contract.ts';
import type { VaultClient } from './client.ts';
import { dateAt, numberAt, objectAt, sourceAt, stringAt, type JsonObject } from './json.ts';
import { withRule } from './kv.ts';
import { apiPath, withoutApiPart, type Mount } from './paths.ts';
import type { Answer } from './transport.ts';

/** @throws Fault 'not-found' also for a deleted or destroyed version, 'ref' for a version where there are none */
export async function readDocument(client: VaultClient, mount: Mount, key: DocumentKey, op: Operation): Promise<Document> {
  if (mount.engine === 'kv2') return readKv2(client, mount, key, op);
  if (key.version !== undefined) {
    throw new Fault('ref', {
      message: `${mount.path} is ${mount.engine === 'kv1' ? 'KV version 1' : 'no KV engine'}, which keeps no versions`,
      hint: 'take ?version off the reference',
    });
  }
  return readPlain(client, mount, key.key, op);
}

/**
 * A document of a mount that the server does not tell about, as behind a proxy that hides `sys/`. The first segment
 * is taken for the mount and KV version 2 tried first; what is refused both ways is denied.
 */
export async function readUnderUnknownMount(client: VaultClient, key: DocumentKey, hidden: Fault, op: Operation): Promise<Document> {
  const path = key.key.slice(0, key.key.indexOf('/') + 1);
  const kinds = new Set<string>();
  for (const engine of key.version === undefined ? (['kv2', 'other'] as const) : (['kv2'] as const)) {
    try {
      return await readDocument(client, { path, engine }, key, op);
    } catch (error) {
      if (!(error instanceof Fault) || !['denied', 'not-found', 'unsupported'].includes(error.kind)) throw error;
      if (error.detail.backendCode === GONE || (engine === 'other' && op.existingOnly === true)) throw error;
      kinds.add(error.kind);
    }
  }
  if (kinds.has('denied')) throw hidden;
  throw new Fault('not-found', {
    message: `${client.host.provider} has nothing at ${key.key}, as far as it says`,
    hint: 'check the path and the namespace',
    status: 404,
  });
}

/** Marks a version that was there once. */
const GONE = 'deleted-version';

async function readKv2(client: VaultClient, mount: Mount, { key, version }: DocumentKey, op: Operation): Promise<Document> {
  const asked =
    version === undefined
      ? { what: `read ${key}`, about: key }
      : { what: `read ${key}`, about: `version ${version} of ${key}`, query: `version=${version}` };
  const answer = await client.call({ ...asked, method: 'GET', path: apiPath(mount, key), acceptGone: true }, op).catch((error: unknown) => {
    throw withAdvice(error, mount, key);
  });
  const data = objectAt(answer.json, 'data');
  const metadata = objectAt(data, 'metadata');
  if (answer.status === 404) throw goneVersion(key, metadata, answer);
  const source = sourceAt(answer.text, 'data', 'data');
  if (objectAt(data, 'data') === undefined || source === undefined) throw noData(client, key);
  return { bytes: SecretValue.fromText(source), ...versionFacts(metadata), ...requestFacts(answer) };
}

async function readPlain(client: VaultClient, mount: Mount, key: string, op: Operation): Promise<Document> {
  // Reading another engine may make a credential: a request whose answer was lost must not make a second one.
  const makes = mount.engine === 'other';
  if (makes && op.existingOnly === true) {
    throw new Fault('unsupported', { message: 'reading it would make a new credential', hint: 'leave it out: --except NAME' });
  }
  const answer = await client
    .call({ what: `read ${key}`, kind: makes ? 'write' : 'read', method: 'GET', path: key, about: key }, op)
    .catch((error: unknown) => {
      throw withAdvice(makes ? finalUnlessRefused(error) : error, mount, key);
    });
  const source = sourceAt(answer.text, 'data');
  if (objectAt(answer.json, 'data') === undefined || source === undefined) throw noData(client, key);
  const lease = leaseOf(answer.json);
  return { bytes: SecretValue.fromText(source), ...(lease === undefined ? {} : { lease }), ...requestFacts(answer) };
}

function noData({ host }: VaultClient, key: string): Fault {
  return new Fault('protocol', {
    message: `${host.provider} answered for ${key} without an object of fields`,
    hint: 'check that the path names a secret',
  });
}

function leaseOf(json: JsonObject | undefined): Lease | undefined {
  const id = stringAt(json, 'lease_id');
  if (id === undefined || id === '') return undefined;
  return { id, durationMs: (numberAt(json, 'lease_duration') ?? 0) * 1_000, renewable: json?.['renewable'] === true };
}

function versionFacts(metadata: JsonObject | undefined): Pick<Document, 'version' | 'createdAt' | 'expiresAt'> {
  const version = numberAt(metadata, 'version');
  const createdAt = dateAt(metadata, 'created_time');
  // In the future while the version is still served: delete_version_after.
  const expiresAt = dateAt(metadata, 'deletion_time');
  return {
    ...(version === undefined ? {} : { version: String(version) }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

const requestFacts = ({ requestId }: Answer): Pick<Document, 'requestId'> => (requestId === undefined ? {} : { requestId });

/** A version that was deleted or destroyed, which the server still knows about. */
function goneVersion(key: string, metadata: JsonObject | undefined, answer: Answer): Fault {
  const detail = { status: 404, backendCode: GONE, ...requestFacts(answer) };
  const which = `version ${numberAt(metadata, 'version') ?? 'asked for'} of ${key}`;
  if (metadata?.['destroyed'] === true) {
    return new Fault('not-found', {
      ...detail,
      message: `${which} was destroyed: its value is gone`,
      hint: 'use another version, or set it anew',
    });
  }
  const when = dateAt(metadata, 'deletion_time');
  return new Fault('not-found', {
    ...detail,
    message: `${which} was deleted${when === undefined ? '' : ` on ${when.toISOString().slice(0, 16).replace('T', ' ')} UTC`}`,
    hint: 'undelete it (bao kv undelete, vault kv undelete), use another version, or set it anew',
  });
}

/** Says what a policy must allow, and finds the API's own `data/` in a path. */
function withAdvice(error: unknown, mount: Mount, key: string): unknown {
  if (!(error instanceof Fault) || (error.kind !== 'denied' && error.kind !== 'not-found')) return error;
  const meant = withoutApiPart(mount, key);
  if (meant !== undefined) {
    return new Fault(error.kind, {
      ...error.detail,
      message: `${error.detail.message}; data/ and metadata/ belong to the API of KV version 2 and not into a reference`,
      hint: `write ${meant} instead of ${key}`,
    });
  }
  return withRule(error, apiPath(mount, key), '"read"');
}

/** The kit repeats what is retryable; here only what the server refused with a status has surely not happened. */
function finalUnlessRefused(error: unknown): unknown {
  if (!(error instanceof Fault) || !error.retryable || [412, 429, 503].includes(error.detail.status ?? 0)) return error;
  const detail: FaultDetail = { ...error.detail, retryable: false };
  return new Fault(error.kind, detail);
}
