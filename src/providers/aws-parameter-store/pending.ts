/**
 * Pending values: a SecureString beside the parameter, made without overwriting. Its tags, which AWS stores in the same
 * step, say whose it is.
 */
import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';

import { Fault } from '../../core/fault.ts';
import type { Document, Expectation, Operation, ParsedRef, Patch, PendingInfo, PutResult } from '../../provider-kit/contract.ts';
import { alreadyPending, checkRotation, noPending, PENDING_SUFFIX, promoteSibling } from '../../provider-kit/pending.ts';
import { outcomeOf } from '../aws-common/outcomes.ts';
import type { Tag } from '../aws-common/rotated-tags.ts';
import { refusePinned } from '../aws-common/writing.ts';
import { describeNamed, tagsOf } from './metadata.ts';
import { get } from './read.ts';
import { NAME_LENGTH } from './reference.ts';
import { callFor } from './store.ts';
import type { Store } from './store.ts';
import { tierFor, versionOf, type Writer } from './write.ts';

const ROTATION = 'secrets.rotation';
const BASE = 'secrets.base';
const FIELD = 'secrets.field';

export class PendingParameters {
  readonly #store: Store;
  readonly #writer: Writer;

  constructor(store: Store, writer: Writer) {
    this.#store = store;
    this.#writer = writer;
  }

  async find(ref: ParsedRef, op: Operation): Promise<PendingInfo | undefined> {
    const name = siblingOf(ref);
    const sibling = (await describeNamed(this.#store, [name], op)).get(name);
    if (sibling === undefined) return undefined;
    const tags = await outcomeOf(() => tagsOf(this.#store, name, op));
    // Taken away in between, for which AWS has more than one error.
    if (!tags.ok && (tags.fault.kind === 'denied' || (await describeNamed(this.#store, [name], op)).has(name))) throw tags.fault;
    if (!tags.ok) return undefined;
    const { LastModifiedDate: createdAt } = sibling;
    return { ...infoOf(tags.value), ...(createdAt === undefined ? {} : { createdAt }) };
  }

  async create(ref: ParsedRef, patch: Patch, rotation: string, op: Operation): Promise<PendingInfo> {
    const sibling = siblingOf(ref);
    const { key } = ref;
    const { field, value } = patch;
    const parameter = (await describeNamed(this.#store, [key], op)).get(key);
    const base = versionOf(parameter);
    const tags = [
      { Key: ROTATION, Value: encoded(rotation) },
      ...(base === undefined ? [] : [{ Key: BASE, Value: base }]),
      ...(field === undefined ? [] : [{ Key: FIELD, Value: encoded(field) }]),
    ];
    const put = await outcomeOf(() =>
      this.#store.send(op, callFor(sibling, 'write', 'PutParameter', 'write'), (client, signal) =>
        client.send(
          new PutParameterCommand({
            Name: sibling,
            Value: value.reveal().toString('utf8'),
            Type: 'SecureString',
            KeyId: parameter?.Type === 'SecureString' ? parameter.KeyId : undefined,
            Tier: tierFor(value, parameter?.Tier),
            Tags: tags,
          }),
          { abortSignal: signal },
        ),
      ),
    );
    if (!put.ok) throw put.fault.kind === 'conflict' ? alreadyPending(ref) : put.fault;
    return {
      rotation,
      createdAt: this.#store.host.now(),
      ...(field === undefined ? {} : { field }),
      ...(base === undefined ? {} : { base }),
    };
  }

  async read(ref: ParsedRef, rotation: string, op: Operation): Promise<Document> {
    return (await this.#own(ref, rotation, op)).document;
  }

  async promote(ref: ParsedRef, rotation: string, expectation: Expectation, op: Operation): Promise<PutResult> {
    const { document, info } = await this.#own(ref, rotation, op);
    return promoteSibling(
      {
        ref,
        value: document.bytes,
        createdAt: info.createdAt ?? this.#store.host.now(),
        base: info.base,
        current: async () => {
          const current = await outcomeOf(() => get(this.#store, { key: ref.key }, op));
          if (current.ok) return { version: current.value.version, bytes: current.value.bytes };
          if (current.fault.kind !== 'not-found') throw current.fault;
          return { version: undefined, bytes: undefined };
        },
        put: (patch, expected) => this.#writer.put(ref, patch, expected, op),
        clear: () => this.#clear(ref, op),
      },
      expectation,
    );
  }

  async abandon(ref: ParsedRef, rotation: string, op: Operation): Promise<void> {
    const found = await this.find(ref, op);
    if (found === undefined) return;
    checkRotation(ref, rotation, found);
    await this.#clear(ref, op);
  }

  async #own(ref: ParsedRef, rotation: string, op: Operation): Promise<{ readonly document: Document; readonly info: PendingInfo }> {
    const info = await this.find(ref, op);
    if (info === undefined) throw noPending(ref);
    checkRotation(ref, rotation, info);
    const document = await outcomeOf(() => get(this.#store, { key: siblingOf(ref) }, op));
    if (!document.ok) throw document.fault.kind === 'not-found' ? noPending(ref) : document.fault;
    const { version: _, ...facts } = document.value;
    return { document: facts, info };
  }

  async #clear(ref: ParsedRef, op: Operation): Promise<void> {
    const name = siblingOf(ref);
    const deleted = await outcomeOf(() =>
      this.#store.send(op, callFor(name, 'delete', 'DeleteParameter', 'write'), (client, signal) =>
        client.send(new DeleteParameterCommand({ Name: name }), { abortSignal: signal }),
      ),
    );
    if (!deleted.ok && deleted.fault.kind !== 'not-found') throw deleted.fault;
  }
}

function siblingOf(ref: ParsedRef): string {
  refusePinned(ref);
  const name = ref.key + PENDING_SUFFIX;
  if (name.length <= NAME_LENGTH) return name;
  throw new Fault('unsupported', {
    message: `the name of the parameter is too long to have ${PENDING_SUFFIX} behind it`,
    hint: 'move the secret to a parameter with a shorter name',
  });
}

function infoOf(tags: readonly Tag[]): Pick<PendingInfo, 'rotation' | 'base' | 'field'> {
  const valueOf = (key: string): string | undefined => tags.find(({ Key }) => Key === key)?.Value;
  const [rotation, base, field] = [decoded(valueOf(ROTATION)), valueOf(BASE), decoded(valueOf(FIELD))];
  return { rotation, ...(base === undefined ? {} : { base }), ...(field === undefined ? {} : { field }) };
}

/** Tags take only some characters. */
const encoded = (text: string): string => Buffer.from(text).toString('base64url');
const decoded = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Buffer.from(text, 'base64url').toString('utf8');
