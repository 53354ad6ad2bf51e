/**
 * Writing. Parameter Store has no compare-and-set: only "not there yet" is checked by AWS itself. An expected version is
 * compared before the write and with the number that the write got; if somebody else wrote in between, this write has
 * become the current version all the same, and the conflict says so.
 */
import { AddTagsToResourceCommand, DeleteParameterCommand, PutParameterCommand, RemoveTagsFromResourceCommand } from '@aws-sdk/client-ssm';
import type { ParameterMetadata, ParameterTier } from '@aws-sdk/client-ssm';

import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { DocumentKey, Expectation, Operation, ParsedRef, Patch, PutResult } from '../../provider-kit/contract.ts';
import { removeField, replaceField } from '../../provider-kit/json-document.ts';
import { rotatedKey, rotatedKeys, rotatedTag } from '../aws-common/rotated-tags.ts';
import { AgeTags, refusePinned, valueOf } from '../aws-common/writing.ts';
import { describeNamed, tagsOf } from './metadata.ts';
import { get } from './read.ts';
import { callFor } from './store.ts';
import type { Store } from './store.ts';

/** Larger values need the advanced tier, which AWS charges for. */
const STANDARD_BYTES = 4096;

export class Writer {
  readonly #store: Store;
  readonly #ages: AgeTags;

  constructor(store: Store) {
    this.#store = store;
    this.#ages = new AgeTags(store.host);
  }

  /**
   * Writes the whole parameter, or one field of it with a read of the version that it replaces. A new parameter is a
   * SecureString; an existing one keeps type, key and tier. Throws Fault 'conflict' when the current version is not the
   * expected one, or another write came in between.
   */
  async put(key: DocumentKey, patch: Patch, { expect }: Expectation, op: Operation): Promise<PutResult> {
    refusePinned(key);
    const name = key.key;
    const parameter = await this.#find(name, op);
    const current = versionOf(parameter);
    if (expect !== undefined && expect !== (current ?? 'absent')) throw expect === 'absent' ? existsAlready(name) : conflict(name);
    const value = patch.field === undefined ? patch.value : await this.#withField(name, current, patch.field, patch.value, op);
    const version = await this.#write(name, parameter, value, expect !== undefined || patch.field !== undefined, op);
    await this.#record(name, parameter, patch, op);
    return { version };
  }

  async remove(ref: ParsedRef, op: Operation): Promise<void> {
    refusePinned(ref);
    const { key: name, field } = ref;
    if (field === undefined) {
      await this.#store.send(op, callFor(name, 'delete', 'DeleteParameter', 'write'), (client, signal) =>
        client.send(new DeleteParameterCommand({ Name: name }), { abortSignal: signal }),
      );
      return;
    }
    const parameter = await this.#find(name, op);
    const current = versionOf(parameter);
    if (current === undefined) throw new Fault('not-found', `AWS has no parameter ${name}`);
    const document = await get(this.#store, { key: name, version: current }, op);
    await this.#write(name, parameter, valueOf(removeField(document.bytes, field)), true, op);
    await this.#ages.change(name, () => this.#untag(name, (own) => own === rotatedKey(field), op));
  }

  async #find(name: string, op: Operation): Promise<ParameterMetadata | undefined> {
    return (await describeNamed(this.#store, [name], op)).get(name);
  }

  async #withField(name: string, current: string | undefined, field: string, value: SecretValue, op: Operation): Promise<SecretValue> {
    const document = current === undefined ? undefined : await get(this.#store, { key: name, version: current }, op);
    return valueOf(replaceField(document?.bytes, field, value));
  }

  async #write(
    name: string,
    parameter: ParameterMetadata | undefined,
    value: SecretValue,
    guarded: boolean,
    op: Operation,
  ): Promise<string> {
    const { Type: type = 'SecureString', KeyId, DataType, Tier, Version: before } = parameter ?? {};
    const tier = tierFor(value, Tier);
    const { Version: after } = await this.#store.send(op, callFor(name, 'write', 'PutParameter', 'write'), (client, signal) =>
      client.send(
        new PutParameterCommand({
          Name: name,
          Value: value.reveal().toString('utf8'),
          Type: type,
          // Without its key a parameter would change to the account's default key.
          KeyId: type === 'SecureString' ? KeyId : undefined,
          DataType,
          Tier: tier,
          Overwrite: !(guarded && parameter === undefined),
        }),
        { abortSignal: signal },
      ),
    );
    if (guarded && before !== undefined && after !== undefined && after !== before + 1) {
      throw new Fault('conflict', {
        message: `somebody else wrote ${name} at the same time; version ${after} of this write is current now, version ${after - 1} is theirs`,
        hint: `compare them: secrets get '${this.#store.host.provider}://${name}?version=${after - 1}' --reveal`,
      });
    }
    return String(after ?? (before ?? 0) + 1);
  }

  /** Records when the field was written; a whole write makes every such record wrong. */
  async #record(name: string, parameter: ParameterMetadata | undefined, { field, rotatedAt }: Patch, op: Operation): Promise<void> {
    const tag = field === undefined ? undefined : rotatedTag(field, rotatedAt);
    if (tag !== undefined) {
      await this.#ages.change(name, () =>
        this.#store.send(op, callFor(name, 'tag', 'AddTagsToResource', 'write'), (client, signal) =>
          client.send(new AddTagsToResourceCommand({ ResourceType: 'Parameter', ResourceId: name, Tags: [tag] }), { abortSignal: signal }),
        ),
      );
    } else if (field === undefined && parameter !== undefined) {
      await this.#ages.change(name, () => this.#untag(name, () => true, op));
    }
  }

  async #untag(name: string, which: (key: string) => boolean, op: Operation): Promise<void> {
    const keys = rotatedKeys(await tagsOf(this.#store, name, op)).filter(which);
    if (keys.length === 0) return;
    await this.#store.send(op, callFor(name, 'untag', 'RemoveTagsFromResource', 'write'), (client, signal) =>
      client.send(new RemoveTagsFromResourceCommand({ ResourceType: 'Parameter', ResourceId: name, TagKeys: keys }), {
        abortSignal: signal,
      }),
    );
  }
}

/** The tier for a value in place of one in this tier. */
export function tierFor(value: SecretValue, tier: ParameterTier | undefined): ParameterTier | undefined {
  if (tier === 'Advanced') return tier;
  return value.size > STANDARD_BYTES ? 'Intelligent-Tiering' : undefined;
}

export const versionOf = (parameter: ParameterMetadata | undefined): string | undefined =>
  parameter?.Version === undefined ? undefined : String(parameter.Version);

const conflict = (name: string): Fault => new Fault('conflict', `the parameter ${name} has another current version than expected`);

const existsAlready = (name: string): Fault => new Fault('conflict', `there is a parameter ${name} already`);
