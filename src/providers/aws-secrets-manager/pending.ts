/**
 * Pending values: a version at the label AWSPENDING, as AWS's own rotation has it. Its id is made from the id of the
 * version that it is to follow, so that of two rotations that begin at once AWS refuses the second one's data. The
 * field is in a label of its own, since there is no other room that is written with the value.
 */
import { createHash } from 'node:crypto';

import { RotateSecretCommand } from '@aws-sdk/client-secrets-manager';

import { Fault } from '../../core/fault.ts';
import type {
  Document,
  DocumentKey,
  Expectation,
  Operation,
  ParsedRef,
  Patch,
  PendingInfo,
  PutResult,
} from '../../provider-kit/contract.ts';
import { extractField } from '../../provider-kit/json-document.ts';
import { alreadyPending, checkRotation, noPending, notCurrent } from '../../provider-kit/pending.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { refusePinned, valueOf } from '../aws-common/writing.ts';
import { callFor, sendFor } from './manager.ts';
import type { Manager } from './manager.ts';
import { describeSecret, listVersions } from './metadata.ts';
import type { Reader } from './read.ts';
import { CURRENT, PENDING } from './reference.ts';
import type { Writer } from './write.ts';

/** Begins the label that names the field of a pending value. */
const FIELD_LABEL = 'secrets-field-';
const MAX_LABEL = 256;
/** How many pending values over one version can be made and abandoned while AWS still keeps the abandoned ones. */
const MAX_TRIES = 100;

/** The labels of a secret's versions, without values. */
interface State {
  readonly versions: readonly { readonly id: string; readonly labels: readonly string[]; readonly createdAt: Date | undefined }[];
  readonly current: string | undefined;
  /** The version at AWSPENDING, if that is not the current one: AWS's rotation leaves the label there at its end. */
  readonly pending: string | undefined;
}

export class PendingVersions {
  readonly #manager: Manager;
  readonly #reader: Reader;
  readonly #writer: Writer;

  constructor(manager: Manager, reader: Reader, writer: Writer) {
    this.#manager = manager;
    this.#reader = reader;
    this.#writer = writer;
  }

  async find(ref: ParsedRef, op: Operation): Promise<PendingInfo | undefined> {
    refusePinned(ref);
    return infoOf(await this.#state(ref.key, op));
  }

  /** @throws Fault 'unsupported' for a secret without a value: AWS makes the first one current */
  async create(ref: ParsedRef, patch: Patch, op: Operation): Promise<PendingInfo> {
    refusePinned(ref);
    const { key } = ref;
    const state = await this.#state(key, op);
    if (state.pending !== undefined) throw alreadyPending(ref);
    const { current } = state;
    if (current === undefined) {
      throw new Fault('unsupported', {
        message: `AWS makes the first value of a secret current at once, so ${key} can't have a pending one yet`,
        hint: 'secrets set NAME --generate makes the first value',
      });
    }
    const { field } = patch;
    const labels = field === undefined ? [PENDING] : [PENDING, labelOf(field)];
    const value = field === undefined ? patch.value : await this.#writer.withField(key, current, field, patch.value, op);
    const put = await outcomeOf(() => this.#writer.putVersion(key, freeToken(state, current), value, labels, op));
    if (!put.ok) throw put.fault.kind === 'conflict' ? alreadyPending(ref) : put.fault;
    const made = infoOf(await this.#state(key, op));
    // Another tool has moved the label to a version of its own meanwhile.
    if (made === undefined || made.version !== put.value) throw alreadyPending(ref);
    return made;
  }

  async read(ref: ParsedRef, rotation: string, op: Operation): Promise<Document> {
    const found = await this.find(ref, op);
    if (found === undefined) throw noPending(ref);
    checkRotation(ref, rotation, found);
    const document = await this.#reader.get({ key: ref.key, version: rotation }, op);
    return ref.field === undefined ? document : { ...document, bytes: valueOf(extractField(document.bytes, ref.field)) };
  }

  /** Moves the label of the current version, which AWS does only if it stands where it is said to stand. */
  async promote(ref: ParsedRef, rotation: string, { expect }: Expectation, op: Operation): Promise<PutResult> {
    refusePinned(ref);
    const { key, field } = ref;
    const state = await this.#state(key, op);
    if (state.current !== rotation) {
      const found = infoOf(state);
      if (found === undefined) throw noPending(ref);
      checkRotation(ref, rotation, found);
      // The pending document has the neighbours of its field as they were in its base.
      const from = field === undefined ? (expect ?? state.current) : found.base;
      if (from !== state.current || (expect !== undefined && expect !== from)) throw notCurrent(ref);
      await this.#moveCurrent(ref, from, rotation, op);
    }
    const secret = await describeSecret(this.#manager, key, op);
    const rotatedAt = state.versions.find(({ id }) => id === rotation)?.createdAt ?? this.#manager.host.now();
    await this.#writer.record(key, secret, { rotatedAt, ...(field === undefined ? {} : { field }) }, op);
    await this.#dropLabels(key, state, rotation, op);
    return { version: rotation };
  }

  async abandon(ref: ParsedRef, rotation: string, op: Operation): Promise<void> {
    refusePinned(ref);
    const state = await this.#state(ref.key, op);
    const found = infoOf(state);
    if (found !== undefined) checkRotation(ref, rotation, found);
    await this.#dropLabels(ref.key, state, rotation, op);
  }

  /** Has AWS start the secret's own rotation. */
  async rotate(key: DocumentKey, op: Operation): Promise<PutResult> {
    refusePinned(key);
    const call = callFor(key.key, { verb: 'rotate', action: 'RotateSecret', kind: 'write' });
    const { VersionId: version } = await sendFor(this.#manager, op, key.key, call, (client, signal) =>
      client.send(new RotateSecretCommand({ SecretId: key.key }), { abortSignal: signal }),
    );
    return version === undefined ? {} : { version };
  }

  async #moveCurrent(ref: ParsedRef, from: string | undefined, to: string, op: Operation): Promise<void> {
    const moved = await outcomeOf(() => this.#writer.move(ref.key, CURRENT, from, to, op));
    if (moved.ok) return;
    // A lost answer, or a label that stood elsewhere: where it stands now tells which.
    const now = await outcomeOf(() => this.#state(ref.key, op));
    if (now.ok && now.value.current === to) return;
    throw now.ok && now.value.current !== from ? notCurrent(ref) : moved.fault;
  }

  /** AWSPENDING first: as long as it stands, the version is found with its field. */
  async #dropLabels(key: string, { versions }: State, rotation: string, op: Operation): Promise<void> {
    const labels = versions.find(({ id }) => id === rotation)?.labels ?? [];
    const ours = labels.filter((label) => label === PENDING || label.startsWith(FIELD_LABEL));
    for (const label of ours.toSorted((a, b) => Number(b === PENDING) - Number(a === PENDING)))
      await this.#writer.move(key, label, rotation, undefined, op);
  }

  async #state(key: string, op: Operation): Promise<State> {
    const listed = await outcomeOf(() => listVersions(this.#manager, key, true, op));
    if (!listed.ok && listed.fault.kind !== 'not-found') throw listed.fault;
    const versions = (listed.ok ? listed.value : []).flatMap(({ VersionId: id, VersionStages: labels = [], CreatedDate: createdAt }) =>
      id === undefined ? [] : [{ id, labels, createdAt }],
    );
    const at = (label: string): string | undefined => versions.find(({ labels }) => labels.includes(label))?.id;
    const current = at(CURRENT);
    const pending = at(PENDING);
    return { versions, current, pending: pending === current ? undefined : pending };
  }
}

function infoOf({ versions, pending }: State): PendingInfo | undefined {
  const version = versions.find(({ id }) => id === pending);
  if (version === undefined) return undefined;
  const base = versions.find(({ id }) => tokensOver(id).includes(version.id))?.id;
  const field = fieldOf(version.labels);
  return {
    rotation: base === undefined ? undefined : version.id,
    version: version.id,
    ...(version.createdAt === undefined ? {} : { createdAt: version.createdAt }),
    ...(field === undefined ? {} : { field }),
    ...(base === undefined ? {} : { base }),
  };
}

/** The first id over the current version that no version has: abandoned ones keep theirs until AWS drops them. */
function freeToken({ versions }: State, current: string): string {
  const free = tokensOver(current).find((token) => !versions.some(({ id }) => id === token));
  if (free !== undefined) return free;
  throw new Fault('unsupported', {
    message: 'too many pending values of this version were abandoned',
    hint: 'try again tomorrow, when AWS has dropped them',
  });
}

/** The ids that pending versions over a version can have, in the order in which they are taken. */
const tokensOver = (base: string): readonly string[] => Array.from({ length: MAX_TRIES }, (_, index) => tokenOver(base, index));

/** In the shape of a random UUID, as AWS wants it. */
function tokenOver(base: string, index: number): string {
  const hex = createHash('sha256').update(`secrets pending ${index} ${base}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

function labelOf(field: string): string {
  const label = FIELD_LABEL + Buffer.from(field).toString('base64url');
  if (label.length <= MAX_LABEL) return label;
  throw new Fault('unsupported', {
    message: 'the name of the field is too long for a pending value',
    hint: 'give the field a shorter name',
  });
}

function fieldOf(labels: readonly string[]): string | undefined {
  const label = labels.find((one) => one.startsWith(FIELD_LABEL));
  return label === undefined ? undefined : Buffer.from(label.slice(FIELD_LABEL.length), 'base64url').toString('utf8');
}
