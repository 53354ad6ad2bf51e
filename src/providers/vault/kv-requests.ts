/** The requests that writing is made of. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { PutResult } from '../../provider-kit/contract.ts';
import { numberAt, objectAt, sourceAt, type JsonObject } from './json.ts';
import type { Target } from './kv.ts';
import { apiPath } from './paths.ts';

/** Writes a whole version. @param cas number of the current version, 0 for none; undefined does not compare */
export async function postData(target: Target, data: SecretValue, cas: number | undefined): Promise<PutResult> {
  const { client, mount, key, op } = target;
  const request = { what: `write ${key}`, kind: 'write', method: 'POST', path: apiPath(mount, key), about: key } as const;
  const answer = await client.call({ ...request, body: bodyOf(data, cas) }, op);
  return resultOf(objectAt(answer.json, 'data'));
}

/** Merges into the current version. `gone` is the number of a current version that is deleted or destroyed. */
export async function patchData(
  target: Target,
  data: SecretValue,
  cas: number | undefined,
): Promise<{ readonly result: PutResult } | { readonly gone: number }> {
  const { client, mount, key, op } = target;
  const request = {
    what: `write ${key}`,
    kind: 'write',
    method: 'PATCH',
    path: apiPath(mount, key),
    about: key,
    acceptGone: true,
  } as const;
  const answer = await client.call({ ...request, body: bodyOf(data, cas) }, op);
  const facts = objectAt(answer.json, 'data');
  return answer.status === 404 ? { gone: numberAt(facts, 'version') ?? 0 } : { result: resultOf(facts) };
}

/** The document as it is, for writing it back; without bytes where it is absent, deleted or destroyed. */
export async function readForWriting({
  client,
  mount,
  key,
  op,
}: Target): Promise<{ readonly version: number; readonly bytes?: SecretValue }> {
  const request = { what: `read ${key} to change it`, method: 'GET', path: apiPath(mount, key), about: key, acceptGone: true } as const;
  try {
    const answer = await client.call(request, op);
    const data = objectAt(answer.json, 'data');
    const version = mount.engine === 'kv2' ? (numberAt(objectAt(data, 'metadata'), 'version') ?? 0) : 0;
    const source = mount.engine === 'kv2' ? sourceAt(answer.text, 'data', 'data') : sourceAt(answer.text, 'data');
    return answer.status === 404 || source === undefined ? { version } : { version, bytes: SecretValue.fromText(source) };
  } catch (error) {
    if (error instanceof Fault && error.kind === 'not-found') return { version: 0 };
    throw error;
  }
}

function bodyOf(data: SecretValue, cas: number | undefined): string {
  const options = cas === undefined ? '' : `"options":{"cas":${cas}},`;
  // As text, because JSON.parse would round large numbers.
  return `{${options}"data":${data.reveal().toString('utf8')}}`;
}

function resultOf(facts: JsonObject | undefined): PutResult {
  const version = numberAt(facts, 'version');
  return version === undefined ? {} : { version: String(version) };
}
