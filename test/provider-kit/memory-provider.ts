/** An adapter over a map, right or wrong in one chosen way, for proving that the conformance suite notices. */
import { done, failed, Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { defineProvider } from '../../src/provider-kit/contract.ts';
import type {
  Document,
  DocumentKey,
  Host,
  Operation,
  ParsedRef,
  PendingInfo,
  PendingStore,
  Provider,
} from '../../src/provider-kit/contract.ts';
import { extractField, removeField, replaceField } from '../../src/provider-kit/json-document.ts';

export const BUGS = [
  'trims values',
  'takes empty for absent',
  'cuts large values',
  'reads bytes as text',
  'gives outcomes in another order',
  'gives twenty outcomes at most',
  'takes denied for absent',
  'takes unreachable for absent',
  'ignores versions',
  'describes what is there as absent',
  'lists everything',
  'gives the same stamp for ever',
  'gives a stamp for what is absent',
  'lists versions oldest first',
  'gives no versions of what is absent',
  'doctor throws',
  'describes by reading',
  'never writes',
  'overwrites on create',
  'ignores expected versions',
  'drops neighbours',
  'dates every field',
  'removes nothing',
  'removes the whole document',
  'gives pending values to readers',
  'lists pending values',
  'overwrites pending values',
  'checks for a pending value before and not while it writes',
  'ignores whose a pending value is',
  'takes a foreign pending value for its own',
  'finds pending values by reading',
  'changes pending values',
  'promotes nothing',
  'promotes twice',
  'promotes the first value only over another',
  'promotes over neighbours',
  'promotes over newer versions',
  'abandons nothing',
  'changes no state',
  'ignores an abort',
  'fails on the second close',
  'lacks a declared method',
  'has an undeclared method',
  'shows the value in a fault',
  'shows the value as base64 in a notice',
  'prints the value',
  'throws what is no fault',
  'keeps a cause',
] as const;

export type Bug = (typeof BUGS)[number];

interface Pending {
  readonly rotation: string | undefined;
  readonly bytes: Buffer;
  readonly createdAt: Date;
  readonly field?: string;
  readonly base?: string;
}

interface Version {
  readonly bytes: Buffer;
  state?: 'enabled' | 'disabled' | 'destroyed';
  readonly rotatedAt: Record<string, Date>;
}

/** What a backend holds, and what it was asked. */
export class MemoryBackend {
  readonly documents = new Map<string, Version[]>();
  readonly pending = new Map<string, Pending>();
  readonly denied = new Set<string>();
  valueReads = 0;
  /** Called when a request arrives at the backend that never answers. */
  asked: () => void = () => {};
}

interface Options {
  readonly place: 'here' | 'nowhere' | 'silent';
}

export function memoryProvider(backend: MemoryBackend, bug?: Bug): Provider {
  return defineProvider({
    contract: 1,
    scheme: 'memory',
    title: 'Memory',
    options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Options }) } },
    needs: { network: true },
    limits: {},
    capabilities: ['describe', 'list', 'versions', 'put', 'remove', 'pending', 'setState', 'changes'],
    parseRef: ({ path, options, field }) => ({
      key: path,
      ...(options['version'] === undefined ? {} : { version: options['version'] }),
      ...(field === undefined ? {} : { field }),
    }),
    identity: () => 'memory',
    open: async (options, host) => open(backend, options, host, bug),
  });
}

function open(backend: MemoryBackend, { place }: Options, host: Host, bug: Bug | undefined) {
  const has = (one: Bug): boolean => bug === one;
  const newest = (key: string): Version | undefined => backend.documents.get(key)?.at(-1);
  const absent = (): Fault => new Fault('not-found', 'there is no such document');
  let closed = 0;

  const reach = async (op: Operation): Promise<void> => {
    if (place === 'nowhere') throw has('takes unreachable for absent') ? absent() : new Fault('unavailable', 'nobody listens');
    if (op.signal.aborted && !has('ignores an abort')) throw new Fault('cancelled', 'stopped');
    if (place === 'here') return;
    backend.asked();
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(new Fault('cancelled', 'stopped'));
    if (has('ignores an abort')) setTimeout(stop, 1_500);
    else op.signal.addEventListener('abort', stop);
    await promise;
  };

  const leak = (bytes: Buffer): void => {
    if (has('shows the value as base64 in a notice')) host.notice(`read ${Buffer.concat([Buffer.from('x'), bytes]).toString('base64')}`);
    if (has('prints the value')) console.log(bytes.toString());
    if (has('shows the value in a fault')) throw new Fault('protocol', `cannot read ${bytes.toString()}`);
    if (has('throws what is no fault')) throw new TypeError('a mistake');
  };

  const document = (key: DocumentKey): Document => {
    backend.valueReads++;
    if (backend.denied.has(key.key)) throw has('takes denied for absent') ? absent() : new Fault('denied', 'not allowed');
    const versions = backend.documents.get(key.key) ?? [];
    const at = key.version === undefined || has('ignores versions') ? versions.length : Number(key.version);
    const waiting = has('gives pending values to readers') ? backend.pending.get(key.key) : undefined;
    const version = waiting === undefined ? versions[at - 1] : { bytes: waiting.bytes };
    if (version === undefined) {
      const fault = absent();
      if (has('keeps a cause')) fault.cause = new Error('why');
      throw fault;
    }
    if (has('takes empty for absent') && version.bytes.length === 0) throw absent();
    leak(version.bytes);
    return { bytes: SecretValue.fromBytes(mangle(version.bytes, bug)), version: String(at), createdAt: new Date(0) };
  };

  const change = (key: string, bytes: Buffer, rotatedAt: Record<string, Date>): void => {
    backend.documents.set(key, [...(backend.documents.get(key) ?? []), { bytes, rotatedAt }]);
  };

  const session = {
    resolve: async (keys: readonly DocumentKey[], op: Operation) => {
      await reach(op);
      const asked = has('gives outcomes in another order') ? keys.toSorted((a, b) => (a.key < b.key ? -1 : 1)) : keys;
      return asked.slice(0, has('gives twenty outcomes at most') ? 20 : undefined).map((key) => {
        try {
          return done(document(key));
        } catch (error) {
          if (error instanceof Fault) return failed(error);
          throw error;
        }
      });
    },
    describe: async (refs: readonly ParsedRef[], op: Operation) => {
      await reach(op);
      return refs.map(({ key }) => {
        const version = newest(key);
        if (version === undefined || has('describes what is there as absent')) return done({ presence: 'absent' as const });
        if (has('describes by reading')) backend.valueReads++;
        return done({ presence: 'present' as const, rotatedAt: version.rotatedAt });
      });
    },
    list: async (prefix: string) =>
      [...backend.documents.keys(), ...(has('lists pending values') ? [...backend.pending.keys()].map((key) => `${key}.pending`) : [])]
        .filter((key) => key.startsWith(prefix) || has('lists everything'))
        .map((key) => ({ key })),
    changes: async (keys: readonly DocumentKey[]) =>
      keys.map(({ key }) => {
        const version = String(backend.documents.get(key)?.length ?? 0);
        if (version === '0' && !has('gives a stamp for what is absent')) return done(undefined);
        return done(has('gives the same stamp for ever') ? '1' : version);
      }),
    versions: async ({ key }: DocumentKey) => {
      const all = (backend.documents.get(key) ?? []).map(({ state = 'enabled' }, index, { length }) => ({
        version: String(index + 1),
        current: index + 1 === length,
        state,
      }));
      if (all.length === 0 && !has('gives no versions of what is absent')) throw absent();
      return has('lists versions oldest first') ? all : all.toReversed();
    },
    put: async (
      { key }: DocumentKey,
      patch: { value: SecretValue; field?: string; rotatedAt: Date },
      { expect }: { expect?: string | undefined },
    ) => {
      const current = backend.documents.get(key)?.length ?? 0;
      const wanted = expect === 'absent' ? 0 : Number(expect ?? current);
      const ignored = expect === 'absent' ? has('overwrites on create') : has('ignores expected versions');
      if (wanted !== current && !ignored) throw new Fault('conflict', 'somebody else was faster');
      if (has('never writes')) return { version: String(current + 1) };
      const { field, value, rotatedAt } = patch;
      if (field === undefined) change(key, Buffer.from(value.reveal()), {});
      else {
        const before = newest(key);
        const start = before === undefined || has('drops neighbours') ? undefined : SecretValue.fromBytes(before.bytes);
        const after = replaceField(start, field, value);
        if (!after.ok) throw after.fault;
        const dates = has('dates every field') ? { left: rotatedAt, right: rotatedAt } : { ...before?.rotatedAt, [field]: rotatedAt };
        change(key, after.value.reveal(), dates);
      }
      return { version: String(current + 1) };
    },
    remove: async ({ key, field }: ParsedRef) => {
      const version = newest(key);
      if (version === undefined) throw absent();
      if (has('removes nothing')) return;
      if (field === undefined || has('removes the whole document')) {
        backend.documents.delete(key);
        return;
      }
      const bytes = SecretValue.fromBytes(version.bytes);
      const there = extractField(bytes, field);
      if (!there.ok) throw there.fault;
      const after = removeField(bytes, field);
      if (!after.ok) throw after.fault;
      change(key, after.value.reveal(), version.rotatedAt);
    },
    setState: async ({ key }: DocumentKey, version: string, state: 'enabled' | 'disabled' | 'destroyed') => {
      const found = backend.documents.get(key)?.[Number(version) - 1];
      if (found === undefined) throw absent();
      if (!has('changes no state')) found.state = state;
    },
    pending: pendingOf(backend, has),
    doctor: async (op: Operation) => {
      if (has('doctor throws')) throw new Fault('protocol', 'not well');
      await reach(op);
      return { checks: [] };
    },
    close: async () => {
      if (++closed > 1 && has('fails on the second close')) throw new Fault('protocol', 'closed already');
    },
  };
  if (has('lacks a declared method')) delete (session as Partial<typeof session>).list;
  return has('has an undeclared method') ? { ...session, rotate: async () => ({}) } : session;
}

function pendingOf(backend: MemoryBackend, has: (bug: Bug) => boolean): PendingStore {
  const infoOf = ({ rotation, createdAt, field, base }: Pending): PendingInfo => ({
    rotation,
    createdAt,
    ...(field === undefined ? {} : { field }),
    ...(base === undefined ? {} : { base }),
  });
  const own = ({ key }: ParsedRef, rotation: string): Pending => {
    const found = backend.pending.get(key);
    if (found === undefined) throw new Fault('not-found', 'nothing is pending');
    if (found.rotation !== rotation && !has('ignores whose a pending value is')) throw new Fault('conflict', 'it is not ours');
    return found;
  };
  return {
    find: async ({ key }) => {
      if (has('finds pending values by reading')) backend.valueReads++;
      const found = backend.pending.get(key);
      return found && infoOf(has('takes a foreign pending value for its own') ? { ...found, rotation: found.rotation ?? 'ours' } : found);
    },
    create: async ({ key }, { value, field }, rotation) => {
      const taken = backend.pending.has(key);
      if (has('checks for a pending value before and not while it writes')) await Promise.resolve();
      if (taken && !has('overwrites pending values')) throw new Fault('conflict', 'a value is pending');
      const base = backend.documents.get(key)?.length;
      const bytes = Buffer.from(has('changes pending values') ? value.reveal().toString('utf8').trim() : value.reveal());
      const made = {
        rotation,
        bytes,
        createdAt: new Date(),
        ...(field === undefined ? {} : { field }),
        ...(base === undefined ? {} : { base: String(base) }),
      };
      backend.pending.set(key, made);
      return infoOf(made);
    },
    read: async (ref, rotation) => ({ bytes: SecretValue.fromBytes(own(ref, rotation).bytes) }),
    promote: async (ref, rotation, { expect }) => {
      const { key } = ref;
      const { bytes, field, createdAt } = own(ref, rotation);
      const all = backend.documents.get(key) ?? [];
      if (all.length === 0 && has('promotes the first value only over another')) throw new Fault('conflict', 'nothing is there');
      const isStale = expect !== undefined && expect !== (all.length === 0 ? 'absent' : String(all.length));
      if (isStale && !has('promotes over newer versions')) throw new Fault('conflict', 'somebody else was faster');
      if (has('promotes nothing')) return {};
      const before = all.at(-1);
      const start = before === undefined || has('promotes over neighbours') ? undefined : SecretValue.fromBytes(before.bytes);
      const next = field === undefined ? done(SecretValue.fromBytes(bytes)) : replaceField(start, field, SecretValue.fromBytes(bytes));
      if (!next.ok) throw next.fault;
      const rotatedAt = field === undefined ? {} : { ...before?.rotatedAt, [field]: createdAt };
      backend.documents.set(key, [...all, { bytes: next.value.reveal(), rotatedAt }]);
      if (!has('promotes twice')) backend.pending.delete(key);
      return { version: String(all.length + 1) };
    },
    abandon: async (ref, rotation) => {
      if (!backend.pending.has(ref.key)) return;
      own(ref, rotation);
      if (!has('abandons nothing')) backend.pending.delete(ref.key);
    },
  };
}

function mangle(bytes: Buffer, bug: Bug | undefined): Buffer {
  if (bug === 'trims values') return Buffer.from(bytes.toString('latin1').trimEnd(), 'latin1');
  if (bug === 'cuts large values') return bytes.subarray(0, 60_000);
  if (bug === 'reads bytes as text') return Buffer.from(bytes.toString('utf8'));
  return bytes;
}
