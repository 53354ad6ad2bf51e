/**
 * Removing. One field becomes absent in a new version: older versions still hold its value. A whole document goes
 * with all its versions and its metadata, and can't be brought back.
 */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { fieldNames, fieldPath, removeField } from '../../provider-kit/json-document.ts';
import { patchData, postData, readForWriting } from './kv-requests.ts';
import { isRefusedOrUnknown, nameOf, ROTATED, withRule, type Target } from './kv.ts';
import { fieldPresence, kv1Presence, kv2Facts } from './metadata.ts';
import { apiPath } from './paths.ts';

/** @throws Fault 'not-found' when it is not there, 'unsupported' outside of KV mounts */
export async function remove(target: Target, field: string | undefined): Promise<void> {
  const { mount } = target;
  if (mount.engine === 'other')
    throw new Fault('unsupported', {
      message: `${mount.path} is no KV engine, which removes nothing`,
      hint: 'name a secret of a KV mount',
    });
  if (field === undefined) return removeWhole(target);
  if (mount.engine === 'kv1') return rewriteWithout(target, field);
  await removeKv2Field(target, field);
}

async function removeWhole(target: Target): Promise<void> {
  const { client, mount, key, op } = target;
  if (!(await mayBeThere(target))) throw absent(target, undefined);
  const path = apiPath(mount, key, 'metadata');
  await client.call({ what: `remove ${key}`, kind: 'write', method: 'DELETE', path, about: key }, op).catch((error: unknown) => {
    throw withRule(error, path, '"delete"');
  });
}

/** The server says yes to removing what is not there, so this looks first; without the right to look it is let through. */
async function mayBeThere({ client, mount, key, op }: Target): Promise<boolean> {
  if (mount.engine === 'kv1') return (await kv1Presence(client, mount, key, op)) !== 'absent';
  try {
    return (await kv2Facts(client, mount, { key }, op)).version !== undefined;
  } catch (error) {
    if (error instanceof Fault && error.kind === 'denied') return true;
    throw error;
  }
}

async function removeKv2Field(target: Target, field: string): Promise<void> {
  const { client, mount, key, op } = target;
  const facts = await kv2Facts(client, mount, { key }, op).catch((error: unknown) => {
    if (error instanceof Fault && error.kind === 'denied') return undefined;
    throw error;
  });
  const isAbsent =
    facts?.metadata.presence === 'absent' || (facts?.subkeys !== undefined && fieldPresence(facts.subkeys, field) === 'absent');
  if (isAbsent) throw absent(target, field);
  if (fieldPath(field)?.length !== 1) await rewriteWithout(target, field);
  else await patchOut(target, field, facts?.version);
  await forgetRotation(target, field);
}

async function patchOut(target: Target, field: string, version: number | undefined): Promise<void> {
  try {
    const nothing = SecretValue.fromText(JSON.stringify({ [nameOf(field)]: null }));
    if ('gone' in (await patchData(target, nothing, version))) throw absent(target, field);
  } catch (error) {
    if (!isRefusedOrUnknown(error)) throw error;
    await rewriteWithout(target, field);
  }
}

async function rewriteWithout(target: Target, field: string): Promise<void> {
  const { client, mount, key, op } = target;
  const { version, bytes } = await readForWriting(target).catch((error: unknown) => {
    throw withRule(error, apiPath(mount, key), mount.engine === 'kv2' ? '"patch"' : '"read", "update"');
  });
  const changed = bytes === undefined ? undefined : removeField(bytes, field);
  if (changed === undefined) throw absent(target, field);
  if (!changed.ok) throw changed.fault.code === 'FIELD_NOT_FOUND' ? absent(target, field) : changed.fault;
  if (mount.engine === 'kv2') {
    await postData(target, changed.value, version);
    return;
  }
  const left = fieldNames(changed.value);
  // KV version 1 stores no document without fields.
  const isEmpty = left.ok && left.value.length === 0;
  const write = isEmpty ? ({ method: 'DELETE' } as const) : ({ method: 'POST', body: changed.value.reveal().toString('utf8') } as const);
  await client.call({ ...write, what: `write ${key}`, kind: 'write', path: key, about: key }, op);
}

/** The date of a field that is gone would be that of the next one of this name; leaving it does no harm. */
async function forgetRotation({ client, mount, key, op }: Target, field: string): Promise<void> {
  const body = JSON.stringify({ custom_metadata: { [ROTATED + nameOf(field)]: null } });
  const path = apiPath(mount, key, 'metadata');
  await client.call({ what: `forget the date of ${key}`, kind: 'write', method: 'PATCH', path, body }, op).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
  });
}

const absent = ({ client, key }: Target, field: string | undefined): Fault => {
  const provider = client.host.provider;
  if (field === undefined)
    return new Fault('not-found', { message: `${provider} has nothing at ${key}`, hint: 'check the path and the namespace' });
  return new Fault('not-found', { message: `${provider} has no field ${field} at ${key}`, code: 'FIELD_NOT_FOUND', hint: 'secrets list' });
};
