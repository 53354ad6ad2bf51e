/**
 * Pending values: an enabled version of the secret `<name>-pending`, with tags that say whose it is. Such a name may
 * also be an ordinary secret's, so it is the tags that count: a version that has them goes to no reader. The service
 * knows no "only if absent", so of several versions the oldest is the one, and who wrote another takes it back.
 * Versions are disabled rather than deleted, since a deleted name can't be used again for days.
 */
import type { SecretProperties } from '@azure/keyvault-secrets';

import { Fault } from '../../core/fault.ts';
import type { Document, Expectation, Host, Operation, ParsedRef, Patch, PendingInfo, PutResult } from '../../provider-kit/contract.ts';
import { alreadyPending, checkRotation, noPending, promoteSibling } from '../../provider-kit/pending.ts';
import type { Vault } from './vault.ts';
import { currentOf, isPendingVersion, PENDING_TAG } from './versions.ts';
import { put, textOf } from './write.ts';

const SUFFIX = '-pending';
const MAX_NAME = 127;
const BASE = 'secrets-base';
const FIELD = 'secrets-field';

/** A secret, and what asks for it. */
export interface Place {
  readonly vault: Vault;
  readonly name: string;
  readonly host: Host;
  readonly op: Operation;
}

export async function findPending(place: Place): Promise<PendingInfo | undefined> {
  const [oldest] = await enabledVersions(place);
  return oldest && infoOf(oldest);
}

export async function createPending(place: Place, ref: ParsedRef, patch: Patch, rotation: string): Promise<PendingInfo> {
  const { vault, name, op } = place;
  if ((await findPending(place)) !== undefined) throw alreadyPending(ref);
  const base = currentOf(await vault.versions(name, op))?.version;
  const { field } = patch;
  const tags = {
    [PENDING_TAG]: rotation,
    ...(base === undefined ? {} : { [BASE]: base }),
    ...(field === undefined ? {} : { [FIELD]: field }),
  };
  const made = await vault.set(siblingOf(name), textOf(patch.value), { tags }, op);
  const all = await enabledVersions(place);
  const own = all.find(({ version }) => version === made);
  // Dates are whole seconds: in a tie nobody can know who was first, so everybody steps back.
  if (own === undefined || all.some((one) => one !== own && timeOf(one) <= timeOf(own))) {
    if (made !== undefined) await vault.enable(siblingOf(name), made, false, op);
    throw alreadyPending(ref);
  }
  return infoOf(own);
}

export async function readPending(place: Place, ref: ParsedRef, rotation: string): Promise<Document> {
  return (await own(place, ref, rotation)).document;
}

export async function promotePending(place: Place, ref: ParsedRef, rotation: string, expectation: Expectation): Promise<PutResult> {
  const { vault, name, host, op } = place;
  const { document, info } = await own(place, ref, rotation);
  return promoteSibling(
    {
      ref,
      value: document.bytes,
      createdAt: info.createdAt ?? host.now(),
      base: info.base,
      current: async () => {
        const version = currentOf(await vault.versions(name, op))?.version;
        return { version, bytes: version === undefined ? undefined : (await vault.read(name, version, op)).value };
      },
      put: (patch, expected) => put(vault, name, patch, expected, host, op),
      clear: () => disable(place, rotation),
    },
    expectation,
  );
}

export async function abandonPending(place: Place, ref: ParsedRef, rotation: string): Promise<void> {
  const found = await findPending(place);
  if (found === undefined) return;
  checkRotation(ref, rotation, found);
  await disable(place, rotation);
}

async function own(place: Place, ref: ParsedRef, rotation: string): Promise<{ readonly document: Document; readonly info: PendingInfo }> {
  const info = await findPending(place);
  if (info === undefined) throw noPending(ref);
  checkRotation(ref, rotation, info);
  const { value, requestId } = await place.vault.read(siblingOf(place.name), info.version, place.op);
  const { createdAt } = info;
  const facts = { ...(createdAt === undefined ? {} : { createdAt }), ...(requestId === undefined ? {} : { requestId }) };
  return { document: { bytes: value, ...facts }, info };
}

async function disable(place: Place, rotation: string): Promise<void> {
  const { vault, name, op } = place;
  for (const { version, tags } of await enabledVersions(place))
    if (version !== undefined && tags?.[PENDING_TAG] === rotation) await vault.enable(siblingOf(name), version, false, op);
}

/** Oldest first. Those without our tags are an ordinary secret's, or another tool's. */
const enabledVersions = async ({ vault, name, op }: Place): Promise<readonly SecretProperties[]> =>
  (await vault.versions(siblingOf(name), op)).filter(({ enabled }) => enabled !== false);

function infoOf(properties: SecretProperties): PendingInfo {
  const { version, createdOn, tags = {} } = properties;
  const { [BASE]: base, [FIELD]: field } = tags;
  return {
    rotation: isPendingVersion(properties) ? tags[PENDING_TAG] : undefined,
    ...(version === undefined ? {} : { version }),
    ...(createdOn === undefined ? {} : { createdAt: createdOn }),
    ...(field === undefined ? {} : { field }),
    ...(base === undefined ? {} : { base }),
  };
}

function siblingOf(name: string): string {
  if (name.length + SUFFIX.length <= MAX_NAME) return name + SUFFIX;
  throw new Fault('unsupported', {
    message: `the name of the secret is too long to have ${SUFFIX} behind it`,
    hint: `use a name of ${MAX_NAME - SUFFIX.length} characters at most`,
  });
}

const timeOf = ({ createdOn }: SecretProperties): number => createdOn?.getTime() ?? 0;
