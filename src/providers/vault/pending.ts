/**
 * Pending values: a sibling document beside the secret, made by check-and-set 0. Who made it, for which field and over
 * which version stands in the names of its fields, so that it is stored in the same request as the value and `subkeys`
 * tells it without the value.
 */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Document, Expectation, ParsedRef, Patch, PendingInfo, PutResult } from '../../provider-kit/contract.ts';
import { extractField, replaceField } from '../../provider-kit/json-document.ts';
import { alreadyPending, checkRotation, noPending, PENDING_SUFFIX, promoteSibling, type Promotion } from '../../provider-kit/pending.ts';
import { isObject, objectAt, type JsonObject } from './json.ts';
import { postData, readForWriting } from './kv-requests.ts';
import { withRule, type Target } from './kv.ts';
import { kv2Facts } from './metadata.ts';
import { apiPath } from './paths.ts';
import { readDocument } from './read.ts';
import { checkObject, put } from './write.ts';

/** Names in the sibling. Each but VALUE holds one member, whose name is what it says. */
const ROTATION = 'rotation';
const BASE = 'base';
const FIELD = 'field';
const VALUE = 'value';

/** @throws Fault 'unsupported' outside of KV version 2, as all of these */
export async function findPending(target: Target): Promise<PendingInfo | undefined> {
  const sibling = siblingOf(target);
  const { metadata, subkeys, version } = await kv2Facts(sibling.client, sibling.mount, { key: sibling.key }, sibling.op);
  if (version === undefined || metadata.presence === 'absent') return undefined;
  if (subkeys === undefined)
    throw withRule(
      new Fault('denied', `the fields of ${sibling.key} may not be listed`),
      apiPath(sibling.mount, sibling.key, 'subkeys'),
      '"read"',
    );
  return { ...infoOf(subkeys), ...(metadata.updatedAt === undefined ? {} : { createdAt: metadata.updatedAt }) };
}

export async function createPending(target: Target, ref: ParsedRef, patch: Patch, rotation: string): Promise<PendingInfo> {
  const sibling = siblingOf(target);
  const { field } = patch;
  if (field === undefined) checkObject(patch.value);
  const { version: newest, metadata } = await kv2Facts(target.client, target.mount, { key: target.key }, target.op);
  // A deleted version is not current: the next value is then a first one.
  const version = metadata.presence === 'absent' ? undefined : newest;
  const names = {
    [ROTATION]: { [rotation]: 0 },
    ...(version === undefined ? {} : { [BASE]: { [String(version)]: 0 } }),
    ...(field === undefined ? {} : { [FIELD]: { [field]: 0 } }),
    // A whole document stays an object, whose digits must not pass through JSON.parse.
    [VALUE]: field === undefined ? {} : '',
  };
  const data = replaceField(SecretValue.fromText(JSON.stringify(names)), VALUE, patch.value);
  if (!data.ok) throw data.fault;
  await createSibling(sibling, data.value, ref);
  return {
    rotation,
    createdAt: target.client.host.now(),
    ...(field === undefined ? {} : { field }),
    ...(version === undefined ? {} : { base: String(version) }),
  };
}

async function createSibling(sibling: Target, data: SecretValue, ref: ParsedRef): Promise<void> {
  const rule = (error: unknown): unknown => withRule(error, apiPath(sibling.mount, sibling.key), '"create", "update", "read"');
  try {
    await postData(sibling, data, 0);
    return;
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'conflict') throw rule(error);
  }
  // A sibling whose versions somebody deleted is no pending value, but still refuses the 0.
  const { metadata, version } = await kv2Facts(sibling.client, sibling.mount, { key: sibling.key }, sibling.op);
  if (metadata.presence !== 'absent' || version === undefined) throw alreadyPending(ref);
  await postData(sibling, data, version).catch((error: unknown) => {
    throw error instanceof Fault && error.kind === 'conflict' ? alreadyPending(ref) : rule(error);
  });
}

export async function readPending(target: Target, ref: ParsedRef, rotation: string): Promise<Document & Pick<PendingInfo, 'base'>> {
  const sibling = siblingOf(target);
  const document = await readDocument(sibling.client, sibling.mount, { key: sibling.key }, sibling.op).catch((error: unknown) => {
    throw error instanceof Fault && error.kind === 'not-found' ? noPending(ref) : error;
  });
  const parsed: unknown = JSON.parse(document.bytes.reveal().toString('utf8'));
  const info = infoOf(isObject(parsed) ? parsed : {});
  checkRotation(ref, rotation, info);
  const value = extractField(document.bytes, VALUE);
  if (!value.ok) throw new Fault('corrupt', `the pending value of ${ref.key} is not what was written: take it away and rotate again`);
  const { version: _, ...facts } = document;
  return { ...facts, bytes: value.value, ...(info.base === undefined ? {} : { base: info.base }) };
}

export async function promotePending(target: Target, ref: ParsedRef, rotation: string, expectation: Expectation): Promise<PutResult> {
  const { bytes, createdAt = target.client.host.now(), base } = await readPending(target, ref, rotation);
  const promotion: Promotion = {
    ref,
    value: bytes,
    createdAt,
    base,
    current: async () => {
      const { version, bytes: current } = await readForWriting(target);
      return { version: String(version), bytes: current };
    },
    put: (patch, expected) => put(target, patch, expected),
    clear: () => removeSibling(siblingOf(target)),
  };
  return promoteSibling(promotion, expectation);
}

export async function abandonPending(target: Target, ref: ParsedRef, rotation: string): Promise<void> {
  const found = await findPending(target);
  if (found === undefined) return;
  checkRotation(ref, rotation, found);
  await removeSibling(siblingOf(target));
}

/** With all its versions, so that the next rotation starts at 0 again. */
async function removeSibling({ client, mount, key, op }: Target): Promise<void> {
  const path = apiPath(mount, key, 'metadata');
  await client.call({ what: `remove ${key}`, kind: 'write', method: 'DELETE', path, about: key }, op).catch((error: unknown) => {
    throw withRule(error, path, '"delete"');
  });
}

function siblingOf(target: Target): Target {
  const { mount, key } = target;
  if (mount.engine !== 'kv2') {
    const what = mount.engine === 'kv1' ? 'KV version 1, which has no check-and-set' : 'no KV engine';
    throw new Fault('unsupported', {
      message: `${mount.path} is ${what}, so it can't keep a pending value`,
      hint: 'rotation needs KV version 2: bao kv enable-versioning (or vault kv enable-versioning)',
    });
  }
  return { ...target, key: key + PENDING_SUFFIX };
}

/** @param names the sibling's fields; what is not ours has no rotation */
function infoOf(names: JsonObject): Pick<PendingInfo, 'rotation' | 'field' | 'base'> {
  const only = (name: string): string | undefined => Object.keys(objectAt(names, name) ?? {})[0];
  const [rotation, field, base] = [only(ROTATION), only(FIELD), only(BASE)];
  return { rotation, ...(field === undefined ? {} : { field }), ...(base === undefined ? {} : { base }) };
}
