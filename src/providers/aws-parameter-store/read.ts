/** Reading values, in batches that run side by side. */
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import type { Parameter } from '@aws-sdk/client-ssm';

import { done, failed, Fault } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Document, DocumentKey, Operation } from '../../provider-kit/contract.ts';
import { chunksApart } from '../aws-common/chunks.ts';
import { unexpectedAnswer } from '../aws-common/faults.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import { selectorOf } from './reference.ts';
import { callFor } from './store.ts';
import type { Store } from './store.ts';

/** As many names as GetParameters takes. */
const BATCH = 10;

export async function resolve(store: Store, keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Document>[]> {
  const outcomes = new Map<DocumentKey, Outcome<Document>>();
  // Not every server says by which selector it found a parameter, so a name comes only once into a batch.
  const chunks = chunksApart(keys, BATCH, ({ key }) => [key]);
  await Promise.all(chunks.map((chunk) => readChunk(store, chunk, op, outcomes)));
  return keys.map((key) => outcomes.get(key) ?? failed(absent(key)));
}

/** One document. Throws Fault. */
export async function get(store: Store, key: DocumentKey, op: Operation): Promise<Document> {
  const [outcome] = await resolve(store, [key], op);
  if (outcome === undefined || !outcome.ok) throw outcome?.fault ?? absent(key);
  return outcome.value;
}

async function readChunk(
  store: Store,
  chunk: readonly DocumentKey[],
  op: Operation,
  outcomes: Map<DocumentKey, Outcome<Document>>,
): Promise<void> {
  const batch = await outcomeOf(() => readBatch(store, chunk, op));
  // One parameter that may not be read, or a name that AWS does not like, fails the whole request: asked one by one,
  // each says its own.
  if (!batch.ok && chunk.length > 1 && (batch.fault.kind === 'denied' || batch.fault.kind === 'ref')) {
    await Promise.all(chunk.map((key) => readChunk(store, [key], op, outcomes)));
    return;
  }
  for (const key of chunk) outcomes.set(key, batch.ok ? (batch.value.get(key) ?? failed(absent(key))) : batch);
}

async function readBatch(store: Store, chunk: readonly DocumentKey[], op: Operation): Promise<ReadonlyMap<DocumentKey, Outcome<Document>>> {
  const [first] = chunk;
  const name = chunk.length === 1 && first !== undefined ? selectorOf(first) : `${chunk.length} parameters`;
  const call = callFor(name, 'read', 'GetParameters');
  return store.send(op, call, async (client, signal) => {
    const command = new GetParametersCommand({ Names: chunk.map(selectorOf), WithDecryption: true });
    const { Parameters = [], InvalidParameters = [], $metadata } = await client.send(command, { abortSignal: signal });
    return new Map(
      chunk.map((key) => {
        const parameter = Parameters.find((one) => answers(key, one));
        if (parameter?.Value !== undefined) return [key, done(documentOf(parameter, parameter.Value, $metadata.requestId))];
        const invalid = InvalidParameters.includes(selectorOf(key)) || InvalidParameters.includes(key.key);
        return [key, failed(invalid ? absent(key) : unexpectedAnswer(call))];
      }),
    );
  });
}

function answers({ key, version, stage }: DocumentKey, { Name: name, Selector: selector, Version }: Parameter): boolean {
  if (name !== key) return false;
  if (version !== undefined && Version !== undefined) return String(Version) === version;
  return selector === undefined || selector === '' || selector.replace(/^:/, '') === (version ?? stage ?? '');
}

function documentOf({ Version, LastModifiedDate: createdAt }: Parameter, value: string, requestId: string | undefined): Document {
  return {
    bytes: SecretValue.fromText(value),
    ...(Version === undefined ? {} : { version: String(Version) }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

const absent = (key: DocumentKey): Fault =>
  new Fault('not-found', { message: `AWS has no parameter ${selectorOf(key)}`, hint: 'check the name and the region of the provider' });
