/** Writing and removing. The service has no compare-and-set, so versions are compared before a write and after it. */
import { isUtf8 } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';

import type { SecretProperties, SetSecretOptions } from '@azure/keyvault-secrets';

import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Expectation, Host, Operation, Patch, PutResult } from '../../provider-kit/contract.ts';
import { removeField, replaceField } from '../../provider-kit/json-document.ts';
import type { Vault } from './vault.ts';
import { currentOf, isRotationTag, rotationTag } from './versions.ts';

/** The service keeps this many tags of a version. */
const MAX_TAGS = 15;
/** The last date that the client library can write, in milliseconds since 1970. */
const LAST_DATE = 0x7fff_ffff * 1000;
/** How long a deletion is waited for, and the first and longest gap between questions about it; in milliseconds. */
const DELETION = { waitMs: 15_000, firstGapMs: 100, maxGapMs: 2_000 } as const;

/** Writes a new version: the whole value, or one field of a JSON document. Throws Fault. */
export async function put(
  vault: Vault,
  name: string,
  patch: Patch,
  { expect }: Expectation,
  host: Host,
  op: Operation,
): Promise<PutResult> {
  const before = await vault.versions(name, op);
  const current = currentOf(before);
  if (expect !== undefined && (expect === 'absent' ? current !== undefined : current?.version !== expect)) {
    throw changed(vault, name, expect, current);
  }
  const { value, options } =
    patch.field === undefined ? wholeWrite(patch, current) : await fieldWrite(vault, name, patch, patch.field, current, host, op);
  const made = await vault.set(name, textOf(value), options, op);
  if (expect !== undefined || patch.field !== undefined) await checkNobodyElse(vault, name, before, made, op);
  return made === undefined ? {} : { version: made };
}

/** Deletes a secret with all its versions, and waits until it is gone. Throws Fault. */
export async function removeSecret(vault: Vault, name: string, host: Host, op: Operation): Promise<void> {
  const end = performance.now() + DELETION.waitMs;
  let done = await vault.delete(name, op);
  for (let gap: number = DELETION.firstGapMs; !done && performance.now() < end; gap = Math.min(gap * 2, DELETION.maxGapMs)) {
    await sleep(gap, undefined, { signal: op.signal }).catch(() => {
      throw new Fault('cancelled', `interrupted during the deletion of ${name}`);
    });
    done = await vault.isDeleted(name, op);
  }
  if (!done) host.notice(`${vault.name} is still deleting ${name}; it can be used again when that has ended`);
}

/** Writes a new version without one field. Throws Fault 'not-found' and 'no-field'. */
export async function removeOneField(vault: Vault, name: string, field: string, host: Host, op: Operation): Promise<void> {
  const before = await vault.versions(name, op);
  const current = currentOf(before);
  if (current === undefined) throw vault.absent(name);
  const rest = removeField((await vault.read(name, current.version, op)).value, field);
  if (!rest.ok) throw rest.fault;
  const { [rotationTag(field)]: _gone, ...tags } = current.tags ?? {};
  const made = await vault.set(name, textOf(rest.value), { ...keptOf(vault, current, host), tags }, op);
  await checkNobodyElse(vault, name, before, made, op);
}

interface Write {
  readonly value: SecretValue;
  readonly options: SetSecretOptions;
}

/** Dates of single fields say nothing about a new document, and an end of validity nothing about a new value. */
function wholeWrite(patch: Patch, current: SecretProperties | undefined): Write {
  const tags = Object.fromEntries(Object.entries(current?.tags ?? {}).filter(([tag]) => !isRotationTag(tag)));
  return { value: patch.value, options: { ...contentTypeOf(current), tags } };
}

async function fieldWrite(
  vault: Vault,
  name: string,
  patch: Patch,
  field: string,
  current: SecretProperties | undefined,
  host: Host,
  op: Operation,
): Promise<Write> {
  const document = current === undefined ? undefined : await vault.read(name, current.version, op);
  const replaced = replaceField(document?.value, field, patch.value);
  if (!replaced.ok) throw replaced.fault;
  const tags = { ...current?.tags, [rotationTag(field)]: patch.rotatedAt.toISOString() };
  if (Object.keys(tags).length > MAX_TAGS) {
    delete tags[rotationTag(field)];
    host.notice(`${name} in ${vault.name} has no room for another tag, so the age of ${field} is not recorded`);
  }
  return { value: replaced.value, options: { ...(current === undefined ? {} : keptOf(vault, current, host)), tags } };
}

/** What the rewritten document keeps: it is still the same one. */
function keptOf(vault: Vault, current: SecretProperties, host: Host): SetSecretOptions {
  const { name, expiresOn, notBefore } = current;
  // The client library writes seconds into 32 bits: a later date would become one of the last century.
  const expires = expiresOn === undefined || expiresOn.getTime() > LAST_DATE ? undefined : expiresOn;
  if (expires !== expiresOn) {
    host.notice(
      `the expiry date of ${name} lies after January 2038 and cannot be kept; az keyvault secret set-attributes --vault-name ${vault.name} --name ${name} --expires DATE sets it again`,
    );
  }
  return {
    ...contentTypeOf(current),
    ...(expires === undefined ? {} : { expiresOn: expires }),
    ...(notBefore === undefined ? {} : { notBefore }),
  };
}

const contentTypeOf = (current: SecretProperties | undefined): SetSecretOptions =>
  current?.contentType === undefined ? {} : { contentType: current.contentType };

/** A version that was neither there before nor is ours was written meanwhile. */
async function checkNobodyElse(
  vault: Vault,
  name: string,
  before: readonly SecretProperties[],
  made: string | undefined,
  op: Operation,
): Promise<void> {
  const known = new Set([...before.map(({ version }) => version), made]);
  const other = (await vault.versions(name, op)).find(({ version }) => !known.has(version));
  if (other === undefined) return;
  throw new Fault('conflict', {
    message: `somebody else wrote ${name} in ${vault.name} in the same moment; both versions are there, and the later one is in use`,
    hint: 'secrets history NAME shows both; then write again what is missing',
  });
}

function changed(vault: Vault, name: string, expect: string, current: SecretProperties | undefined): Fault {
  const now =
    current === undefined ? 'is not there any more' : expect === 'absent' ? 'is there already' : 'has another version than expected';
  return new Fault('conflict', {
    message: `${name} in ${vault.name} ${now}; nothing was written`,
    hint: 'secrets history NAME, then run it again',
  });
}

/** The service stores text only. Throws Fault 'unsupported'. */
export function textOf(value: SecretValue): string {
  const bytes = value.reveal();
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new Fault('unsupported', {
    message: 'Key Vault stores text only, and the value is not UTF-8',
    hint: 'encode it first, for example with base64, and decode it where it is used',
    code: 'VALUE_INVALID',
  });
}
