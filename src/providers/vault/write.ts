/**
 * Writes. One field of a KV version 2 document is a PATCH, which keeps its neighbours and needs no reading; only where
 * that is refused is the document read and written back under check-and-set.
 */
import { done, Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Expectation, Patch, PutResult } from '../../provider-kit/contract.ts';
import { extractField, fieldNames, fieldPath, replaceField } from '../../provider-kit/json-document.ts';
import { patchData, postData, readForWriting } from './kv-requests.ts';
import { CAS_REQUIRED } from './faults.ts';
import { fieldPresence, kv2Facts, type Facts } from './metadata.ts';
import { isRefusedOrUnknown, nameOf, ROTATED, withRule, type Target } from './kv.ts';
import { apiPath, withoutApiPart } from './paths.ts';

/** What must hold for a write to happen. */
interface Guard {
  /** Check-and-set: the number of the current version; undefined writes over whatever is there. */
  readonly cas: number | undefined;
  /** Whether what is written must not be there yet: the field, else the document. */
  readonly absent: boolean;
}

/**
 * @throws Fault 'conflict' when the expectation does not hold; 'unsupported' where the engine can't: no KV mount, a
 * value that is not UTF-8, a whole document that is no JSON object, a version to compare on KV version 1
 */
export async function put(target: Target, patch: Patch, { expect }: Expectation): Promise<PutResult> {
  const { mount } = target;
  if (mount.engine === 'other')
    throw new Fault('unsupported', { message: `${mount.path} is no KV engine, which takes no values`, hint: 'write to a KV mount' });
  if (expect !== undefined && expect !== 'absent' && !/^\d{1,9}$/.test(expect))
    throw new Fault('conflict', `${target.key} has no version ${expect}`);
  const guard: Guard = { absent: expect === 'absent', cas: expect === undefined || expect === 'absent' ? undefined : Number(expect) };
  if (patch.field === undefined) checkObject(patch.value);
  const capabilities = mount.engine === 'kv1' ? '"create", "read", "update"' : '"create", "patch"';
  const result = await write(target, patch, guard).catch((error: unknown) => {
    throw withRule(error, apiPath(mount, target.key), capabilities);
  });
  if (mount.engine === 'kv2') await recordRotation(target, patch);
  const meant = withoutApiPart(mount, target.key);
  if (meant !== undefined) {
    const { host } = target.client;
    host.notice(`${host.provider}: ${target.key} is now a secret of that name; if ${meant} was meant, leave the part of the API out`);
  }
  return result;
}

function write(target: Target, patch: Patch, guard: Guard): Promise<PutResult> {
  if (target.mount.engine === 'kv1') return putKv1(target, patch, guard);
  return patch.field === undefined ? putWhole(target, patch.value, guard) : putField(target, patch.field, patch.value, guard);
}

async function putField(target: Target, field: string, value: SecretValue, guard: Guard): Promise<PutResult> {
  const alone = replaceField(undefined, field, value);
  // A pointer into the document can't be a patch: of a list it would make an object.
  if ((fieldPath(field)?.length ?? 0) > 1) return rewriteField(target, field, value, guard);
  if (!alone.ok) throw alone.fault;
  try {
    return guard.absent ? await addField(target, field, alone.value) : await patchField(target, alone.value, guard.cas);
  } catch (error) {
    if (!isRefusedOrUnknown(error)) throw error;
  }
  return rewriteField(target, field, value, guard);
}

/** @param alone the field in an object of its own */
async function patchField(target: Target, alone: SecretValue, cas: number | undefined): Promise<PutResult> {
  try {
    const patched = await patchData(target, alone, cas);
    if ('result' in patched) return patched.result;
    if (cas !== undefined && cas !== patched.gone) throw conflict(target, patched.gone);
    return await postData(target, alone, patched.gone);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (isCasRequired(error) && cas === undefined) return patchField(target, alone, (await factsOf(target)).version ?? 0);
    if (error.kind !== 'not-found') throw error;
    if (cas !== undefined && cas !== 0) throw conflict(target, 0);
    return postData(target, alone, 0);
  }
}

/** Writes a field that must not be there yet: a new document, else beside the fields that are. */
async function addField(target: Target, field: string, alone: SecretValue): Promise<PutResult> {
  let refused: Fault;
  try {
    return await postData(target, alone, 0);
  } catch (error) {
    if (!(error instanceof Fault) || (error.kind !== 'conflict' && error.kind !== 'denied')) throw error;
    refused = error;
  }
  const { version = 0, metadata, subkeys } = await factsOf(target);
  if (metadata.presence !== 'present') {
    if (refused.kind === 'denied') throw refused;
    return postData(target, alone, version);
  }
  if (subkeys === undefined)
    throw withRule(
      new Fault('denied', `the fields of ${target.key} may not be listed`),
      apiPath(target.mount, target.key, 'subkeys'),
      '"read"',
    );
  if (fieldPresence(subkeys, field) !== 'absent') throw alreadyThere(target, field);
  return patchField(target, alone, version);
}

async function rewriteField(target: Target, field: string, value: SecretValue, guard: Guard): Promise<PutResult> {
  let refused: Fault | undefined;
  const { version, bytes } = await readForWriting(target).catch((error: unknown) => {
    const isBlind = guard.cas === undefined && !guard.absent && fieldPath(field)?.length === 1;
    if (!isBlind || !(error instanceof Fault) || error.kind !== 'denied') throw error;
    // Who may only create can still write what is not there; check-and-set refuses the rest.
    refused = error;
    return { version: 0, bytes: undefined };
  });
  if (guard.cas !== undefined && guard.cas !== version) throw conflict(target, version);
  if (guard.absent && bytes !== undefined && extractField(bytes, field).ok) throw alreadyThere(target, field);
  const changed = replaceField(bytes, field, value);
  if (!changed.ok) throw changed.fault;
  return postData(target, changed.value, version).catch((error: unknown) => {
    throw error instanceof Fault && error.kind === 'conflict' ? (refused ?? error) : error;
  });
}

async function putWhole(target: Target, value: SecretValue, guard: Guard): Promise<PutResult> {
  try {
    return await postData(target, value, guard.absent ? 0 : guard.cas);
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'conflict') throw error;
    if (!guard.absent && !isCasRequired(error)) throw error;
    const { version = 0, metadata } = await factsOf(target);
    if (guard.absent && metadata.presence === 'present') throw alreadyThere(target, undefined);
    return postData(target, value, version);
  }
}

/** KV version 1 can only be read and written whole; nothing guards the moment in between. */
async function putKv1(target: Target, { field, value }: Patch, guard: Guard): Promise<PutResult> {
  const { client, key, mount, op } = target;
  if (guard.cas !== undefined) {
    throw new Fault('unsupported', {
      message: `${mount.path} is KV version 1, which keeps no versions to compare`,
      hint: 'write without an expected version',
    });
  }
  const mustRead = field !== undefined || guard.absent;
  const { bytes } = mustRead ? await readForWriting(target) : {};
  const isThere = bytes !== undefined && (field === undefined || extractField(bytes, field).ok);
  if (guard.absent && isThere) throw alreadyThere(target, field);
  const changed = field === undefined ? done(value) : replaceField(bytes, field, value);
  if (!changed.ok) throw changed.fault;
  const body = changed.value.reveal().toString('utf8');
  await client.call({ what: `write ${key}`, kind: 'write', method: 'POST', path: key, body, about: key }, op);
  return {};
}

/** Throws Fault 'unsupported' for a value of a whole document that is no JSON object. */
export function checkObject(value: SecretValue): void {
  if (fieldNames(value).ok) return;
  throw new Fault('unsupported', {
    message: 'a secret of this manager holds fields, so a value for all of it must be a JSON object',
    hint: 'name one field: add #FIELD to the reference',
    code: 'VALUE_INVALID',
  });
}

/** Notes when the fields were made. The value is stored by now, so a failure here is a remark. */
async function recordRotation(target: Target, { field, value, rotatedAt }: Patch): Promise<void> {
  const { client, mount, key, op } = target;
  const names = field === undefined ? fieldNames(value) : undefined;
  const fields = field !== undefined ? [nameOf(field)] : names?.ok === true ? names.value : [];
  const entries = fields.map((name) => [ROTATED + name, rotatedAt.toISOString()]);
  const body = JSON.stringify({ custom_metadata: Object.fromEntries(entries) });
  const path = apiPath(mount, key, 'metadata');
  try {
    await client.call({ what: `record the date of ${key}`, kind: 'write', method: 'PATCH', path, body, about: `metadata of ${key}` }, op);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    client.host.notice(
      `${client.host.provider}: ${key} is written, but its date is not recorded, so its age stays unknown (allow: path "${path}" { capabilities = ["patch"] })`,
    );
  }
}

const factsOf = ({ client, mount, key, op }: Target): Promise<Facts> => kv2Facts(client, mount, { key }, op);

const isCasRequired = (fault: Fault): boolean => fault.detail.backendCode === CAS_REQUIRED;

const conflict = ({ client, key }: Target, version: number): Fault =>
  new Fault(
    'conflict',
    `${client.host.provider}: ${version === 0 ? `${key} is not there any more` : `${key} is at version ${version} by now`}`,
  );

const alreadyThere = ({ client, key }: Target, field: string | undefined): Fault =>
  new Fault('conflict', `${client.host.provider}: ${field === undefined ? key : `the field ${field} of ${key}`} is already there`);
