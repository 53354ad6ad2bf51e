/**
 * Pending values: a line of the index that no reader looks at, with an encrypted file of its own. Promoting takes the
 * line out and puts a version in by one change of the index.
 */
import type { SecretValue } from '../../core/secret-value.ts';
import type { Document, Expectation, Operation, ParsedRef, Patch, PendingInfo, PutResult } from '../../provider-kit/contract.ts';
import { replaceField } from '../../provider-kit/json-document.ts';
import { alreadyPending, checkRotation, noPending } from '../../provider-kit/pending.ts';
import { sealDocument } from './document.ts';
import { pendingOf, pickVersion, type StoreIndex, type Version } from './index-file.ts';
import { newVersionFile, readIndex, type Change } from './store.ts';
import type { Use } from './use.ts';
import { addVersion, change, checkExpected, checkSize, ensureStore, readForRewrite, unlockFirst } from './write.ts';

type Pending = NonNullable<ReturnType<typeof pendingOf>>;

export async function findPending(use: Use, ref: ParsedRef): Promise<PendingInfo | undefined> {
  const index = use.location && (await readIndex(use.location));
  const found = index && pendingOf(index, use.project, ref.key);
  return found && infoOf(found);
}

export async function createPending(use: Use, ref: ParsedRef, patch: Patch, rotation: string, op: Operation): Promise<PendingInfo> {
  checkSize(patch.value);
  const location = await ensureStore(use, ref, undefined, op);
  return change(use, location, op, async (current) => {
    const { index } = current;
    if (pendingOf(index, use.project, ref.key) !== undefined) throw alreadyPending(ref);
    const base = pickVersion(index, use.project, ref.key)?.version;
    const { field } = patch;
    const pending = { rotation, ...(field === undefined ? {} : { field }), ...(base === undefined ? {} : { base }) };
    const place = { project: use.project, name: ref.key, version: (base ?? 0) + 1, pending };
    const line = { ...place, created: use.host.now().toISOString(), file: newVersionFile(ref.key, place.version) };
    await current.add(line.file, await sealDocument(place, patch.value, location.recipients ?? index.recipients));
    await current.commit({ ...index, versions: [...index.versions, line] });
    return infoOf(line);
  });
}

export async function readPending(use: Use, ref: ParsedRef, rotation: string): Promise<Document> {
  const { location } = use;
  const index = location && (await readIndex(location));
  if (index === undefined || location === undefined) throw noPending(ref);
  const found = own(use, index, ref, rotation);
  return { bytes: await readForRewrite(use, location, index, found), createdAt: new Date(found.created) };
}

export async function promotePending(
  use: Use,
  ref: ParsedRef,
  rotation: string,
  { expect }: Expectation,
  op: Operation,
): Promise<PutResult> {
  const { location } = use;
  const before = location && (await readIndex(location));
  if (location === undefined || before === undefined) throw noPending(ref);
  own(use, before, ref, rotation);
  await unlockFirst(use, location, ref);
  return change(use, location, op, async (current) => {
    const found = own(use, current.index, ref, rotation);
    checkExpected(use, current.index, ref, expect);
    const promoted = await addVersion(use, current, ref.key, ...(await nextOf(use, current, ref, found)), found);
    // Killed here, the next writer removes the file.
    await current.delete(found.file);
    return promoted;
  });
}

/** The whole next value of the secret, and the dates of its fields. */
async function nextOf(
  use: Use,
  current: Change,
  ref: ParsedRef,
  found: Pending,
): Promise<readonly [SecretValue, Readonly<Record<string, string>>]> {
  const value = await readForRewrite(use, current.location, current.index, found);
  const { field } = found.pending;
  if (field === undefined) return [value, {}];
  const base = pickVersion(current.index, use.project, ref.key);
  const replaced = replaceField(base && (await readForRewrite(use, current.location, current.index, base)), field, value);
  if (!replaced.ok) throw replaced.fault;
  checkSize(replaced.value);
  return [replaced.value, { ...base?.rotated, [field]: found.created }];
}

export async function abandonPending(use: Use, ref: ParsedRef, rotation: string, op: Operation): Promise<void> {
  const { location } = use;
  if (location === undefined || (await readIndex(location)) === undefined) return;
  await change(use, location, op, async (current) => {
    const found = pendingOf(current.index, use.project, ref.key);
    if (found === undefined) return;
    checkRotation(ref, rotation, infoOf(found));
    await current.commit({ ...current.index, versions: current.index.versions.filter(({ file }) => file !== found.file) });
    await current.delete(found.file);
  });
}

/** @throws Fault 'not-found', 'conflict' */
function own(use: Use, index: StoreIndex, ref: ParsedRef, rotation: string): Pending {
  const found = pendingOf(index, use.project, ref.key);
  if (found === undefined) throw noPending(ref);
  checkRotation(ref, rotation, infoOf(found));
  return found;
}

function infoOf({ pending, created }: Pick<Version, 'created'> & Pick<Pending, 'pending'>): PendingInfo {
  const { rotation, field, base } = pending;
  return {
    rotation,
    createdAt: new Date(created),
    ...(field === undefined ? {} : { field }),
    ...(base === undefined ? {} : { base: String(base) }),
  };
}
