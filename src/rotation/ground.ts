/**
 * The store of one value that is rotated, as the steps see it: current and pending value, versions. Every call is a
 * fresh one, with the credentials of the role `rotate`.
 */
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type {
  DocumentKey,
  Metadata,
  ParsedRef,
  Patch,
  PendingInfo,
  PendingStore,
  PutResult,
  VersionInfo,
} from '../provider-kit/contract.ts';
import { extractField } from '../provider-kit/json-document.ts';
import type { ConfiguredProvider, ProviderSession, Sessions } from '../provider-kit/session.ts';

export interface Ground {
  /** The version that is current, as far as the backend tells. @throws Fault 'not-found' where the value is absent */
  version(): Promise<string | undefined>;
  metadata(): Promise<Metadata>;
  /** Newest first; undefined where the backend keeps none. */
  versions(): Promise<readonly VersionInfo[] | undefined>;
  /** The value itself; without a version the current one. */
  read(version?: string): Promise<SecretValue>;
  /** The document that the value is a field of; the same as `read` where it is none. */
  readDocument(): Promise<SecretValue>;
  put(value: SecretValue, rotatedAt: Date, expect: string | undefined): Promise<PutResult>;
  /** Lets the backend rotate the value itself. */
  rotate(): Promise<PutResult>;
  readonly canEnd: boolean;
  setState(version: string, state: 'enabled' | 'disabled' | 'destroyed'): Promise<void>;
  readonly pending: {
    find(): Promise<PendingInfo | undefined>;
    create(value: SecretValue, rotatedAt: Date, rotation: string): Promise<PendingInfo>;
    read(rotation: string): Promise<SecretValue>;
    promote(rotation: string, expect: string | undefined): Promise<PutResult>;
    abandon(rotation: string): Promise<void>;
  };
}

const keyOf = (ref: ParsedRef, version?: string): DocumentKey => ({ key: ref.key, ...(version === undefined ? {} : { version }) });

/**
 * @param ref what is rotated: the reference's own value, or the whole document around it
 * @param used called after each read of a value that is not the pending one
 */
export function groundOf(configured: ConfiguredProvider, ref: ParsedRef, sessions: Sessions, used: () => Promise<void>): Ground {
  const session = (): ProviderSession => sessions.get(configured, 'rotate');
  const patch = (value: SecretValue, rotatedAt: Date): Patch => ({
    value,
    rotatedAt,
    ...(ref.field === undefined ? {} : { field: ref.field }),
  });
  const pending = <T>(call: (store: PendingStore, op: Parameters<PendingStore['find']>[1]) => Promise<T>): Promise<T> =>
    session().use('pending', (opened, op) => call(opened.pending, op));
  const metadata = async (): Promise<Metadata> => {
    const [outcome] = await session().use('describe', (opened, op) => opened.describe([ref], op));
    if (outcome === undefined) throw new Fault('protocol', { code: 'PROVIDER_BUG', message: 'the adapter did not answer' });
    if (!outcome.ok) throw outcome.fault;
    return outcome.value;
  };
  return {
    metadata,
    version: async () => {
      const { presence, version } = await metadata();
      if (presence === 'absent') throw new Fault('not-found', 'there is no value yet that could be replaced');
      return version;
    },
    versions: async () =>
      session().can('versions') ? session().use('versions', (opened, op) => opened.versions(keyOf(ref), op)) : undefined,
    read: async (version) => {
      const { bytes } = await session().read(keyOf(ref, version));
      await used();
      if (ref.field === undefined) return bytes;
      const field = extractField(bytes, ref.field);
      if (!field.ok) throw field.fault;
      return field.value;
    },
    readDocument: async () => {
      const { bytes } = await session().read(keyOf(ref));
      await used();
      return bytes;
    },
    put: (value, rotatedAt, expect) =>
      session().use('put', (opened, op) => opened.put(keyOf(ref), patch(value, rotatedAt), { expect }, op)),
    rotate: () => session().use('rotate', (opened, op) => opened.rotate(keyOf(ref), op)),
    canEnd: configured.provider.capabilities.includes('setState'),
    setState: (version, state) => session().use('setState', (opened, op) => opened.setState(keyOf(ref), version, state, op)),
    pending: {
      find: () => pending((store, op) => store.find(ref, op)),
      create: (value, rotatedAt, rotation) => pending((store, op) => store.create(ref, patch(value, rotatedAt), rotation, op)),
      read: async (rotation) => (await pending((store, op) => store.read(ref, rotation, op))).bytes,
      promote: (rotation, expect) => pending((store, op) => store.promote(ref, rotation, { expect }, op)),
      abandon: (rotation) => pending((store, op) => store.abandon(ref, rotation, op)),
    },
  };
}
