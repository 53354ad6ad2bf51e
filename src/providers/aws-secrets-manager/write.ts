/**
 * Writing. A write that expects a version is a true compare-and-set: the new version is stored without the label of the
 * current one, and AWS moves the label only if it still stands where it was expected.
 */
import { randomUUID } from 'node:crypto';
import { isUtf8 } from 'node:buffer';

import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';

import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { DocumentKey, Expectation, Operation, ParsedRef, Patch, PutResult } from '../../provider-kit/contract.ts';
import { removeField, replaceField } from '../../provider-kit/json-document.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { rotatedKey, rotatedKeys, rotatedTag } from '../aws-common/rotated-tags.ts';
import { AgeTags, refusePinned, valueOf } from '../aws-common/writing.ts';
import { scheduledForDeletion } from './faults.ts';
import { callFor, sendFor } from './manager.ts';
import type { Manager } from './manager.ts';
import { describeSecret } from './metadata.ts';
import type { Description } from './description.ts';
import type { Reader } from './read.ts';
import { CURRENT, isArn } from './reference.ts';

/** Days in which a removed secret can be had back, where the provider does not say it. */
const RECOVERY_DAYS = 30;

const PUT = { verb: 'write', action: 'PutSecretValue', kind: 'write' } as const;
const MOVE = { verb: 'move the labels of', action: 'UpdateSecretVersionStage', kind: 'write' } as const;

export class Writer {
  readonly #manager: Manager;
  readonly #reader: Reader;
  readonly #recoveryDays: number;
  readonly #ages: AgeTags;

  constructor(manager: Manager, reader: Reader, recoveryDays = RECOVERY_DAYS) {
    this.#manager = manager;
    this.#reader = reader;
    this.#recoveryDays = recoveryDays;
    this.#ages = new AgeTags(manager.host);
  }

  /**
   * Writes the whole document, or one field of it with a read of the version that it replaces. Throws Fault 'conflict'
   * when the current version is not the expected one, or changes while a field is written.
   */
  async put(key: DocumentKey, patch: Patch, { expect }: Expectation, op: Operation): Promise<PutResult> {
    refusePinned(key);
    const secret = await this.#find(key.key, op);
    const current = secret?.versionAt.get(CURRENT);
    if (expect !== undefined && expect !== (current ?? 'absent')) throw expect === 'absent' ? existsAlready(key.key) : conflict(key.key);
    const value = patch.field === undefined ? patch.value : await this.withField(key.key, current, patch.field, patch.value, op);
    const version = await this.#write(key.key, secret, current, value, expect !== undefined || patch.field !== undefined, op);
    await this.record(key.key, secret, patch, op);
    return { version };
  }

  /** Removes a secret after its days of recovery, or one field at once. */
  async remove(ref: ParsedRef, op: Operation): Promise<void> {
    refusePinned(ref);
    const { key, field } = ref;
    if (field === undefined) {
      await sendFor(this.#manager, op, key, callFor(key, { verb: 'delete', action: 'DeleteSecret', kind: 'write' }), (client, signal) =>
        client.send(new DeleteSecretCommand({ SecretId: key, RecoveryWindowInDays: this.#recoveryDays }), { abortSignal: signal }),
      );
      return;
    }
    const secret = await this.#find(key, op);
    const current = secret?.versionAt.get(CURRENT);
    if (secret === undefined || current === undefined) throw new Fault('not-found', `AWS has no secret ${key} with a value`);
    const document = await this.#reader.get({ key, version: current }, op);
    await this.#write(key, secret, current, valueOf(removeField(document.bytes, field)), true, op);
    await this.#untag(
      key,
      rotatedKeys(secret.tags).filter((name) => name === rotatedKey(field)),
      op,
    );
  }

  /** The secret's description, undefined if there is none. Throws Fault 'not-found' if it is scheduled for deletion. */
  async #find(key: string, op: Operation): Promise<Description | undefined> {
    const secret = await outcomeOf(() => describeSecret(this.#manager, key, op));
    if (!secret.ok && secret.fault.kind === 'not-found') return undefined;
    if (!secret.ok) throw secret.fault;
    if (secret.value.deletedAt !== undefined) throw scheduledForDeletion(key);
    return secret.value;
  }

  /** The document of the current version with one field changed. */
  async withField(key: string, current: string | undefined, field: string, value: SecretValue, op: Operation): Promise<SecretValue> {
    const document = current === undefined ? undefined : await this.#reader.get({ key, version: current }, op);
    return valueOf(replaceField(document?.bytes, field, value));
  }

  /** Makes the new current version and gives its id. */
  async #write(
    key: string,
    secret: Description | undefined,
    current: string | undefined,
    value: SecretValue,
    guarded: boolean,
    op: Operation,
  ): Promise<string> {
    const token = randomUUID();
    if (secret === undefined) return this.#create(key, token, value, op);
    const staged = guarded ? await this.#putStaged(key, token, value, op) : undefined;
    const last = await outcomeOf(() =>
      staged === undefined
        ? this.putVersion(key, token, value, [CURRENT], op)
        : this.move(key, CURRENT, current, staged, op).then(() => staged),
    );
    if (staged !== undefined) await outcomeOf(() => this.move(key, stagedLabel(token), staged, undefined, op));
    if (last.ok) return last.value;
    // A lost answer, or a label that stood elsewhere: what is current now tells which.
    const now = await outcomeOf(() => describeSecret(this.#manager, key, op));
    const nowCurrent = now.ok ? now.value.versionAt.get(CURRENT) : undefined;
    if (nowCurrent !== undefined && nowCurrent === (staged ?? token)) return nowCurrent;
    throw now.ok && guarded && nowCurrent !== current ? conflict(key) : last.fault;
  }

  async #create(key: string, token: string, value: SecretValue, op: Operation): Promise<string> {
    if (isArn(key))
      throw new Fault('not-found', { message: `AWS has no secret ${key}`, hint: 'a new secret is named without an ARN: aws://NAME' });
    const answer = await sendFor(
      this.#manager,
      op,
      key,
      callFor(key, { verb: 'create', action: 'CreateSecret', kind: 'write' }),
      (client, signal) =>
        client.send(new CreateSecretCommand({ Name: key, ClientRequestToken: token, ...payload(value) }), { abortSignal: signal }),
    );
    return answer.VersionId ?? token;
  }

  /** Stores a version at these labels; gives its id. Throws Fault 'conflict' where one with this token has other data. */
  async putVersion(key: string, token: string, value: SecretValue, stages: string[], op: Operation): Promise<string> {
    const answer = await sendFor(this.#manager, op, key, callFor(key, PUT), (client, signal) =>
      client.send(new PutSecretValueCommand({ SecretId: key, ClientRequestToken: token, VersionStages: stages, ...payload(value) }), {
        abortSignal: signal,
      }),
    );
    return answer.VersionId ?? token;
  }

  /** Stores a version with a label of its own. */
  async #putStaged(key: string, token: string, value: SecretValue, op: Operation): Promise<string> {
    const put = await outcomeOf(() => this.putVersion(key, token, value, [stagedLabel(token)], op));
    if (put.ok) return put.value;
    // It may have arrived; without its label AWS drops the version.
    if (put.fault.retryable) await outcomeOf(() => this.move(key, stagedLabel(token), token, undefined, op));
    throw put.fault;
  }

  /** Moves a label; AWS refuses when it does not stand at `from`. */
  async move(key: string, label: string, from: string | undefined, to: string | undefined, op: Operation): Promise<void> {
    await sendFor(this.#manager, op, key, callFor(key, MOVE), (client, signal) =>
      client.send(
        new UpdateSecretVersionStageCommand({ SecretId: key, VersionStage: label, RemoveFromVersionId: from, MoveToVersionId: to }),
        { abortSignal: signal },
      ),
    );
  }

  /** Records when the field was written; a whole write makes every such record wrong. */
  async record(key: string, secret: Description | undefined, { field, rotatedAt }: Omit<Patch, 'value'>, op: Operation): Promise<void> {
    const tag = field === undefined ? undefined : rotatedTag(field, rotatedAt);
    if (tag !== undefined) {
      await this.#ages.change(key, () =>
        sendFor(this.#manager, op, key, callFor(key, { verb: 'tag', action: 'TagResource', kind: 'write' }), (client, signal) =>
          client.send(new TagResourceCommand({ SecretId: key, Tags: [tag] }), { abortSignal: signal }),
        ),
      );
    } else if (field === undefined) {
      await this.#untag(key, rotatedKeys(secret?.tags ?? []), op);
    }
  }

  async #untag(key: string, names: string[], op: Operation): Promise<void> {
    if (names.length === 0) return;
    await this.#ages.change(key, () =>
      sendFor(this.#manager, op, key, callFor(key, { verb: 'untag', action: 'UntagResource', kind: 'write' }), (client, signal) =>
        client.send(new UntagResourceCommand({ SecretId: key, TagKeys: names }), { abortSignal: signal }),
      ),
    );
  }
}

const stagedLabel = (token: string): string => `secrets-${token}`;

/** Text where it is text, so that AWS's console shows it; bytes otherwise. */
const payload = (value: SecretValue): { SecretString: string } | { SecretBinary: Uint8Array } =>
  isUtf8(value.reveal()) ? { SecretString: value.reveal().toString('utf8') } : { SecretBinary: value.reveal() };

const conflict = (key: string): Fault => new Fault('conflict', `the secret ${key} has another current version than expected`);

const existsAlready = (key: string): Fault => new Fault('conflict', `there is a secret ${key} already`);
