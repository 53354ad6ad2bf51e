/** Writing and removing: one change of the index each, made under the store's lock. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { DocumentKey, Expectation, Operation, ParsedRef, Patch, PutResult } from '../../provider-kit/contract.ts';
import { removeField, replaceField } from '../../provider-kit/json-document.ts';
import { isRecipient } from './age.ts';
import { createPersonalStore, noPlace } from './create.ts';
import { tidyCustody } from './custody.ts';
import { sealDocument } from './document.ts';
import { linesOf, pickVersion, versionsOf, type StoreIndex, type Version } from './index-file.ts';
import type { Location } from './location.ts';
import { MAX_VALUE_BYTES } from './limits.ts';
import { absent, readVersion, type Use } from './use.ts';
import { changeStore, createStore, newVersionFile, readIndex, type Change } from './store.ts';

/** Stores a new version; makes the store if there is none. Throws Fault. */
export async function put(use: Use, key: DocumentKey, patch: Patch, { expect }: Expectation, op: Operation): Promise<PutResult> {
  checkSize(patch.value);
  const location = await ensureStore(use, key, expect, op);
  const { field } = patch;
  if (field === undefined) {
    return change(use, location, op, (current) => {
      checkExpected(use, current.index, key, expect);
      return addVersion(use, current, key.key, patch.value);
    });
  }
  await unlockFirst(use, location, key);
  return change(use, location, op, async (current) => {
    checkExpected(use, current.index, key, expect);
    const before = pickVersion(current.index, use.project, key.key);
    const replaced = replaceField(before && (await readForRewrite(use, location, current.index, before)), field, patch.value);
    if (!replaced.ok) throw replaced.fault;
    checkSize(replaced.value);
    return addVersion(use, current, key.key, replaced.value, { ...before?.rotated, [field]: patch.rotatedAt.toISOString() });
  });
}

/** Removes a secret with all its versions, or writes a version without one field. Throws Fault. */
export async function remove(use: Use, ref: ParsedRef, op: Operation): Promise<void> {
  const { location } = use;
  if (ref.version !== undefined) {
    throw new Fault('unsupported', {
      message: 'a single version cannot be removed',
      hint: `secrets remove ${ref.key} removes all versions`,
    });
  }
  if (location === undefined || (await readIndex(location)) === undefined) throw absent(use, ref);
  const { field } = ref;
  if (field === undefined) return change(use, location, op, (current) => removeAll(use, current, ref));
  await unlockFirst(use, location, ref);
  await change(use, location, op, async (current) => {
    const before = pickVersion(current.index, use.project, ref.key);
    if (before === undefined) throw absent(use, ref);
    const rest = removeField(await readForRewrite(use, location, current.index, before), field);
    if (!rest.ok) throw rest.fault;
    const { [field]: _gone, ...rotated } = before.rotated ?? {};
    return addVersion(use, current, ref.key, rest.value, rotated);
  });
}

async function removeAll(use: Use, current: Change, ref: DocumentKey): Promise<void> {
  if (versionsOf(current.index, use.project, ref.key).length === 0) throw absent(use, ref);
  const gone = linesOf(current.index, use.project, ref.key);
  await current.commit({ ...current.index, versions: current.index.versions.filter((line) => !gone.includes(line)) });
  // Killed here, the next writer removes the rest.
  for (const { file } of gone) await current.delete(file);
}

/** Changes the store, and ends a change of custody that was interrupted. */
export function change<T>(use: Use, location: Location, op: Operation, act: (current: Change) => Promise<T>): Promise<T> {
  return changeStore(location, op.signal, async (current) => {
    await tidyCustody(current, use.host);
    return act(current);
  });
}

/** The store, made if it is not there and the write can succeed then. */
export async function ensureStore(use: Use, key: DocumentKey, expect: string | undefined, op: Operation): Promise<Location> {
  const { location, host } = use;
  if (location === undefined) throw noPlace();
  const index = await readIndex(location);
  if (index === undefined) checkExpected(use, { versions: [], recipients: [] }, key, expect);
  if (location.recipients !== undefined) await checkRecipients(location.recipients);
  if (index === undefined)
    await (location.recipients === undefined
      ? createPersonalStore(location, host, op.signal)
      : createTeamStore(location, location.recipients, op));
  else if (location.recipients !== undefined && location.recipients.join() !== index.recipients.join()) {
    host.notice(
      `the recipients of ${host.provider} have changed: secrets providers reencrypt ${host.provider} lets them read the older versions, too`,
    );
  }
  return location;
}

/** Throws Fault 'options' for a recipient with a typing mistake. */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  for (const [index, recipient] of recipients.entries()) {
    if (await isRecipient(recipient)) continue;
    throw new Fault('options', {
      message: `recipient ${index + 1} of the sorted list, ${recipient.slice(0, 12)}…, has a typing mistake`,
      hint: 'copy it again',
    });
  }
}

/** What git has to know of a team store. */
const GIT_FILES = {
  '.gitattributes': 'index.json merge=union text eol=lf\n*.age binary\n',
  '.gitignore': 'lock\nlock.*\n*.tmp\n',
} as const;

async function createTeamStore(location: Location, recipients: readonly string[], op: Operation): Promise<void> {
  await createStore(location, op.signal, async (current) => {
    for (const [name, text] of Object.entries(GIT_FILES)) {
      await writeFile(path.join(location.folder, name), text, { flag: 'wx', mode: 0o644 }).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      });
    }
    await current.commit({ versions: [], recipients });
  });
}

/** @param replaces a pending value that this version is made of: its line goes in the same step */
export async function addVersion(
  use: Use,
  current: Change,
  name: string,
  value: SecretValue,
  rotated: Readonly<Record<string, string>> = {},
  replaces?: Version,
): Promise<PutResult> {
  const { index, location } = current;
  const version = (versionsOf(index, use.project, name)[0]?.version ?? 0) + 1;
  const file = newVersionFile(name, version);
  const place = { project: use.project, name, version };
  // The manifest's list counts, not the index's: somebody taken off it must not read what is written from now on.
  await current.add(file, await sealDocument(place, value, location.recipients ?? index.recipients));
  const line: Version = {
    ...place,
    created: use.host.now().toISOString(),
    ...(Object.keys(rotated).length === 0 ? {} : { rotated }),
    file,
  };
  await current.commit({ ...index, versions: [...index.versions.filter(({ file: other }) => other !== replaces?.file), line] });
  return { version: String(version) };
}

/** A person is asked before the lock is taken, so that nobody waits for them. */
export async function unlockFirst(use: Use, location: Location, key: DocumentKey): Promise<void> {
  const index = await readIndex(location);
  if (index !== undefined && versionsOf(index, use.project, key.key).length > 0) await use.identities(index);
}

/** The value of a version whose file must be there. */
export async function readForRewrite(use: Use, location: Location, index: StoreIndex, version: Version): Promise<SecretValue> {
  const value = await readVersion(use, location, index, version);
  if (value !== undefined) return value;
  throw new Fault('corrupt', {
    message: `the file of version ${version.version} of ${version.name} is missing`,
    hint: 'restore it from a backup, or set the whole secret again',
  });
}

/** Throws Fault 'conflict' when another version is the newest. */
export function checkExpected(use: Use, index: StoreIndex, { key }: DocumentKey, expect: string | undefined): void {
  if (expect === undefined) return;
  const current = pickVersion(index, use.project, key);
  if (expect === 'absent' ? current === undefined : String(current?.version) === expect) return;
  const now =
    current === undefined ? 'is not there any more' : expect === 'absent' ? 'is there already' : `has version ${current.version} now`;
  throw new Fault('conflict', { message: `${key} ${now}; nothing was written`, hint: `secrets history ${key}, then run it again` });
}

/** Throws Fault 'unsupported' for a value that is too large. */
export function checkSize(value: SecretValue): void {
  if (value.size <= MAX_VALUE_BYTES) return;
  throw new Fault('unsupported', {
    message: 'the value is larger than the 1 MiB that the local store takes',
    hint: 'keep large files elsewhere, encrypted with a key from the store',
    code: 'VALUE_INVALID',
  });
}
