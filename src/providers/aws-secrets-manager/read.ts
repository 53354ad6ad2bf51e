/** Reading values: current versions in batches, pinned ones and single ones by themselves. */
import { BatchGetSecretValueCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import type { APIErrorType, SecretValueEntry } from '@aws-sdk/client-secrets-manager';

import { done, failed, Fault } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { Document, DocumentKey, Operation } from '../../provider-kit/contract.ts';
import { chunksApart } from '../aws-common/chunks.ts';
import { faultOf, unexpectedAnswer } from '../aws-common/faults.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { stateFault } from './faults.ts';
import { callFor, documentOf, pinOf, sendFor } from './manager.ts';
import type { Manager } from './manager.ts';
import { answersKey, CURRENT, possibleNames, regionOfKey } from './reference.ts';

/** As many ids as BatchGetSecretValue takes. */
const BATCH = 20;

const READ = { verb: 'read', action: 'GetSecretValue' } as const;

export class Reader {
  readonly #manager: Manager;
  /** Once the batch action was refused, it is not tried again. */
  #batchRefused = false;

  constructor(manager: Manager) {
    this.#manager = manager;
  }

  async resolve(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Document>[]> {
    const outcomes = new Map<DocumentKey, Outcome<Document>>();
    const current = keys.filter(({ version, stage }) => version === undefined && stage === undefined);
    const chunks = [...Map.groupBy(current, ({ key }) => regionOfKey(key)).values()].flatMap((group) =>
      chunksApart(group, BATCH, ({ key }) => possibleNames(key)),
    );
    const single = keys.filter((key) => !current.includes(key));
    await Promise.all([
      ...chunks.map((chunk) => this.#readChunk(chunk, op, outcomes)),
      ...single.map(async (key) => outcomes.set(key, await outcomeOf(() => this.get(key, op)))),
    ]);
    return keys.map((key) => outcomes.get(key) ?? failed(noValue(key)));
  }

  /** One document by its own request. Throws Fault. */
  async get(key: DocumentKey, op: Operation): Promise<Document> {
    const { key: id, version, stage } = key;
    // Without any label some servers answer the newest version instead of the current one.
    const label = stage ?? (version === undefined ? CURRENT : undefined);
    const call = callFor(id, READ, pinOf(key));
    return sendFor(this.#manager, op, id, call, async (client, signal) => {
      const command = new GetSecretValueCommand({ SecretId: id, VersionId: version, VersionStage: label });
      const answer = await client.send(command, { abortSignal: signal });
      const document = documentOf(answer, answer.$metadata.requestId);
      if (document !== undefined) return document;
      throw answer.Name === undefined && answer.ARN === undefined ? unexpectedAnswer(call) : noValue(key);
    });
  }

  async #readChunk(chunk: readonly DocumentKey[], op: Operation, outcomes: Map<DocumentKey, Outcome<Document>>): Promise<void> {
    // A single read needs one permission less than a batch of one.
    const batch = chunk.length > 1 && !this.#batchRefused ? await outcomeOf(() => this.#readBatch(chunk, op)) : undefined;
    if (batch?.ok === false && batch.fault.kind !== 'denied' && batch.fault.kind !== 'unsupported') {
      for (const key of chunk) outcomes.set(key, batch);
      return;
    }
    if (batch?.ok === false) this.#batchRefused = true;
    await Promise.all(
      chunk.map(async (key) => {
        const answered = batch?.ok === true ? batch.value.get(key) : undefined;
        outcomes.set(key, answered ?? (await outcomeOf(() => this.get(key, op))));
      }),
    );
  }

  /** The outcomes of the keys that the answer tells something about. Throws Fault if the whole request failed. */
  async #readBatch(chunk: readonly DocumentKey[], op: Operation): Promise<ReadonlyMap<DocumentKey, Outcome<Document>>> {
    const call = {
      what: `read ${chunk.length} secrets in one request`,
      subject: `batch of ${chunk.length} secrets`,
      permission: 'secretsmanager:BatchGetSecretValue',
      region: regionOfKey(chunk[0]?.key ?? ''),
    };
    return this.#manager.send(op, call, async (client, signal) => {
      const command = new BatchGetSecretValueCommand({ SecretIdList: chunk.map(({ key }) => key) });
      const { SecretValues = [], Errors = [], $metadata } = await client.send(command, { abortSignal: signal });
      const found = new Map<DocumentKey, Outcome<Document>>();
      for (const key of chunk) {
        const outcome = this.#pick(key, SecretValues, Errors, $metadata.requestId);
        if (outcome !== undefined) found.set(key, outcome);
      }
      return found;
    });
  }

  #pick(
    key: DocumentKey,
    values: readonly SecretValueEntry[],
    errors: readonly APIErrorType[],
    requestId: string | undefined,
  ): Outcome<Document> | undefined {
    // A batch can't ask for a label: an answer with another version than the current one is not taken.
    const value = values.find((entry) => answersKey(key.key, entry) && (entry.VersionStages?.includes(CURRENT) ?? true));
    const document = value === undefined ? undefined : documentOf(value, requestId);
    if (document !== undefined) return done(document);
    const error = errors.find(({ SecretId: id = '' }) => answersKey(key.key, id.startsWith('arn:') ? { ARN: id } : { Name: id }));
    if (error === undefined) return undefined;
    const call = callFor(key.key, READ);
    const seen = { name: error.ErrorCode, message: error.Message, $metadata: { requestId } };
    return failed(stateFault(seen, key.key, call) ?? faultOf(seen, call, this.#manager.host.now()));
  }
}

const noValue = (key: DocumentKey): Fault =>
  new Fault('not-found', { message: `the secret ${key.key}${pinOf(key)} has no value`, hint: 'give it one: secrets set NAME' });
