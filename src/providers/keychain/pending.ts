/**
 * Pending values: a second item, `ACCOUNT.pending`, whose JSON says whose it is. A keychain gives an item only with its
 * value, so finding one reads it. What keeps two rotations of this user apart is a lock in the state folder.
 */
import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { makeFolders } from '../../platform/atomic-file.ts';
import type {
  Document,
  DocumentKey,
  Expectation,
  Host,
  Operation,
  ParsedRef,
  Patch,
  PendingInfo,
  PutResult,
} from '../../provider-kit/contract.ts';
import type { Keychain } from '../../provider-kit/keychain.ts';
import { alreadyPending, checkRotation, noPending, PENDING_SUFFIX, promoteSibling } from '../../provider-kit/pending.ts';
import { put, read, refuseExpectation, remove, write } from './items.ts';

const LOCK_FILE = 'keychain.lock';

interface Envelope {
  readonly info: PendingInfo;
  readonly value: SecretValue;
}

export class PendingItems {
  readonly #keychain: Keychain;
  readonly #host: Host;

  constructor(keychain: Keychain, host: Host) {
    this.#keychain = keychain;
    this.#host = host;
  }

  async find(ref: ParsedRef): Promise<PendingInfo | undefined> {
    return (await this.#open(ref))?.info;
  }

  create(ref: ParsedRef, patch: Patch, rotation: string, op: Operation): Promise<PendingInfo> {
    return this.#locked(op, async () => {
      if ((await this.#open(ref)) !== undefined) throw alreadyPending(ref);
      const created = this.#host.now();
      const { field, value } = patch;
      const envelope = { rotation, created: created.toISOString(), field, value: textOf(value) };
      await write(this.#keychain, siblingOf(ref), SecretValue.fromText(JSON.stringify(envelope)));
      return { rotation, createdAt: created, ...(field === undefined ? {} : { field }) };
    });
  }

  async read(ref: ParsedRef, rotation: string): Promise<Document> {
    const { value, info } = await this.#own(ref, rotation);
    return { bytes: value, ...(info.createdAt === undefined ? {} : { createdAt: info.createdAt }) };
  }

  promote(ref: ParsedRef, rotation: string, expectation: Expectation, op: Operation): Promise<PutResult> {
    if (expectation.expect !== 'absent') refuseExpectation(expectation);
    return this.#locked(op, async () => {
      const { value, info } = await this.#own(ref, rotation);
      return promoteSibling(
        {
          ref,
          value,
          createdAt: info.createdAt ?? this.#host.now(),
          base: undefined,
          current: async () => {
            const current = await read(this.#keychain, ref);
            if (!current.ok && current.fault.kind !== 'not-found') throw current.fault;
            return { version: undefined, bytes: current.ok ? current.value.bytes : undefined };
          },
          // The lock is held, and the expectation was compared under it.
          put: (patch) => put(this.#keychain, ref, patch),
          clear: () => this.#clear(ref),
        },
        expectation,
      );
    });
  }

  abandon(ref: ParsedRef, rotation: string, op: Operation): Promise<void> {
    return this.#locked(op, async () => {
      const found = await this.#open(ref);
      if (found === undefined) return;
      checkRotation(ref, rotation, found.info);
      await this.#clear(ref);
    });
  }

  async #own(ref: ParsedRef, rotation: string): Promise<Envelope> {
    const found = await this.#open(ref);
    if (found === undefined) throw noPending(ref);
    checkRotation(ref, rotation, found.info);
    return found;
  }

  async #open(ref: ParsedRef): Promise<Envelope | undefined> {
    const item = await read(this.#keychain, siblingOf(ref));
    if (item.ok) return envelopeOf(item.value.bytes);
    if (item.fault.kind === 'not-found') return undefined;
    throw item.fault;
  }

  async #clear(ref: ParsedRef): Promise<void> {
    await remove(this.#keychain, siblingOf(ref)).catch((error: unknown) => {
      if (!(error instanceof Fault) || error.kind !== 'not-found') throw error;
    });
  }

  /** Without a state folder there is nothing to lock, and no other rotation that would have a journal there. */
  async #locked<T>(op: Operation, act: () => Promise<T>): Promise<T> {
    const { state } = this.#host.folders;
    if (state === undefined) return act();
    const { withLock } = await import('../../platform/lock.ts');
    try {
      makeFolders(state);
    } catch {
      throw new Fault('unavailable', {
        message: `the folder ${state} cannot be made, which keeps two rotations apart`,
        hint: 'export SECRETS_STATE_DIR with a folder that you can write',
        retryable: false,
      });
    }
    return withLock(path.join(state, LOCK_FILE), { what: 'the pending values of the keychain', signal: op.signal }, act);
  }
}

const siblingOf = ({ key }: ParsedRef): DocumentKey => ({ key: key + PENDING_SUFFIX });

/** An item that is no envelope of ours is another tool's. */
function envelopeOf(bytes: SecretValue): Envelope {
  const parsed = objectOf(bytes.reveal().toString('utf8'));
  const text = (name: string): string | undefined => {
    const value = parsed[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [rotation, value, field, created] = [text('rotation'), text('value'), text('field'), new Date(text('created') ?? '')];
  const info: PendingInfo = {
    rotation: value === undefined ? undefined : rotation,
    ...(Number.isNaN(created.getTime()) ? {} : { createdAt: created }),
    ...(field === undefined ? {} : { field }),
  };
  return { info, value: SecretValue.fromText(value ?? '') };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function textOf(value: SecretValue): string {
  if (isUtf8(value.reveal())) return value.reveal().toString('utf8');
  throw new Fault('unsupported', { message: 'the keychain stores text only, and the value is not UTF-8', code: 'VALUE_INVALID' });
}
