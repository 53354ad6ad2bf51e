/** Items of the OS keychain, one call each: keychains know no batches. */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Document, DocumentKey, Expectation, ParsedRef, Patch, PutResult } from '../../provider-kit/contract.ts';
import { removeField, replaceField } from '../../provider-kit/json-document.ts';
import type { Keychain } from '../../provider-kit/keychain.ts';

/** Service and account of a key: the service ends at the first slash. */
function itemOf({ key }: DocumentKey): { readonly service: string; readonly account: string } {
  const slash = key.indexOf('/');
  return { service: key.slice(0, slash), account: key.slice(slash + 1) };
}

/** One item. */
export async function read(keychain: Keychain, key: DocumentKey): Promise<Outcome<Document>> {
  try {
    const { service, account } = itemOf(key);
    const item = await keychain.get(service, account);
    return item.state === 'present' ? done({ bytes: item.value }) : failed(absent(key));
  } catch (error) {
    if (error instanceof Fault) return failed(error);
    throw error;
  }
}

/** Writes a whole item. */
export async function write(keychain: Keychain, key: DocumentKey, value: SecretValue): Promise<void> {
  const { service, account } = itemOf(key);
  await keychain.set(service, account, value);
}

/** Writes an item, or one field of it. */
export async function put(keychain: Keychain, key: DocumentKey, patch: Patch): Promise<PutResult> {
  await write(keychain, key, patch.field === undefined ? patch.value : await withField(keychain, key, patch, patch.field));
  return {};
}

/** The item is one text, so its other fields have to be read to be kept. */
async function withField(keychain: Keychain, key: DocumentKey, patch: Patch, field: string): Promise<SecretValue> {
  const current = await read(keychain, key);
  if (!current.ok && current.fault.kind !== 'not-found') throw current.fault;
  const replaced = replaceField(current.ok ? current.value.bytes : undefined, field, patch.value);
  if (!replaced.ok) throw replaced.fault;
  return replaced.value;
}

/** Removes an item, or one field of it. Throws Fault 'not-found'. */
export async function remove(keychain: Keychain, ref: ParsedRef): Promise<void> {
  if (ref.field !== undefined) {
    const current = await read(keychain, ref);
    if (!current.ok) throw current.fault;
    const rest = removeField(current.value.bytes, ref.field);
    if (!rest.ok) throw rest.fault;
    return write(keychain, ref, rest.value);
  }
  const { service, account } = itemOf(ref);
  if (!(await keychain.delete(service, account))) throw absent(ref);
}

/** To compare, the value would have to be read, and the answer could be wrong a moment later. */
export function refuseExpectation({ expect }: Expectation): void {
  if (expect === undefined) return;
  throw new Fault('unsupported', {
    message: 'the keychain has no versions, so a write cannot be made to depend on what is there',
    hint: 'write it without a condition, or keep it in another provider, such as local',
  });
}

const absent = ({ key }: DocumentKey): Fault =>
  new Fault('not-found', { message: `the keychain has no item ${key}`, hint: `secrets set keychain://${key}` });
