/** A store in use: reading and describing. Keys are names; the project comes from the host. */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { Document, DocumentKey, Host, ListEntry, Metadata, ParsedRef, SessionFor, VersionInfo } from '../../provider-kit/contract.ts';
import { pickVersion, versionsOf, type StoreIndex } from './index-file.ts';
import { nowhere } from './location.ts';
import type { Options } from './options.ts';
import { readIndex } from './store.ts';
import { absent, readVersion, useOf, type Use } from './use.ts';

export type LocalSession = SessionFor<'describe' | 'list' | 'versions' | 'put' | 'remove' | 'pending' | 'setState'>;

export async function openSession(options: Options, host: Host): Promise<LocalSession> {
  const use = useOf(options, host);
  return {
    resolve: (keys) => resolve(use, keys),
    describe: (refs) => describe(use, refs),
    list: (prefix) => list(use, prefix),
    versions: (key) => versions(use, key),
    put: async (key, patch, expectation, op) => (await import('./write.ts')).put(use, key, patch, expectation, op),
    remove: async (ref, op) => (await import('./write.ts')).remove(use, ref, op),
    setState: async (key, version, state, op) => (await import('./state.ts')).setState(use, key, version, state, op),
    pending: {
      find: async (ref) => (await import('./pending.ts')).findPending(use, ref),
      create: async (ref, patch, rotation, op) => (await import('./pending.ts')).createPending(use, ref, patch, rotation, op),
      read: async (ref, rotation) => (await import('./pending.ts')).readPending(use, ref, rotation),
      promote: async (ref, rotation, expectation, op) => (await import('./pending.ts')).promotePending(use, ref, rotation, expectation, op),
      abandon: async (ref, rotation, op) => (await import('./pending.ts')).abandonPending(use, ref, rotation, op),
    },
    doctor: async () => (await import('./doctor.ts')).examine(use),
    close: () => Promise.resolve(),
  };
}

async function resolve(use: Use, keys: readonly DocumentKey[]): Promise<readonly Outcome<Document>[]> {
  const index = await indexOf(use);
  return Promise.all(keys.map((key) => outcome(() => read(use, index, key))));
}

async function read(use: Use, index: StoreIndex | undefined, key: DocumentKey): Promise<Document> {
  if (use.location === undefined) throw nowhere();
  if (index === undefined) throw absent(use, key, `there is no store yet at ${use.location.folder}`);
  const version = pickVersion(index, use.project, key.key, key.version);
  if (version === undefined) throw absent(use, key);
  if (version.disabled === true) {
    throw new Fault('denied', {
      message: `version ${version.version} of ${key.key} is disabled`,
      hint: `secrets history ${key.key} lists the others`,
    });
  }
  const bytes = await readVersion(use, use.location, index, version);
  if (bytes !== undefined) return { bytes, version: String(version.version), createdAt: new Date(version.created) };
  // Somebody may have removed it, or set it again after a removal, since the index was read.
  const newer = await readIndex(use.location);
  if (newer !== undefined && pickVersion(newer, use.project, key.key, key.version)?.file !== version.file) return read(use, newer, key);
  throw new Fault('corrupt', {
    message: `the file of version ${version.version} of ${key.key} is missing from ${use.location.folder}`,
    hint: 'restore it from a backup, or set the secret again',
  });
}

async function describe(use: Use, refs: readonly ParsedRef[]): Promise<readonly Outcome<Metadata>[]> {
  const index = await indexOf(use);
  return Promise.all(refs.map((ref) => outcome(() => metadata(use, index, ref))));
}

async function metadata(use: Use, index: StoreIndex | undefined, ref: ParsedRef): Promise<Metadata> {
  const version = index && pickVersion(index, use.project, ref.key, ref.version);
  if (index === undefined || version === undefined) return { presence: 'absent' };
  const all = versionsOf(index, use.project, ref.key);
  const { rotated } = version;
  return {
    // Whether a field is there would take reading the value.
    presence: ref.field === undefined ? 'present' : 'unknown',
    version: String(version.version),
    createdAt: new Date(all.at(-1)?.created ?? version.created),
    updatedAt: new Date(version.created),
    ...(version.disabled === true ? { enabled: false } : {}),
    ...(rotated === undefined
      ? {}
      : { rotatedAt: Object.fromEntries(Object.entries(rotated).map(([field, at]) => [field, new Date(at)])) }),
    versionCount: all.length,
  };
}

async function list(use: Use, prefix: string): Promise<readonly ListEntry[]> {
  const index = await indexOf(use);
  const names =
    index?.versions.filter(({ project, name, pending }) => project === use.project && name.startsWith(prefix) && pending === undefined) ??
    [];
  return [...new Set(names.map(({ name }) => name))].sort().map((name) => {
    const all = index === undefined ? [] : versionsOf(index, use.project, name);
    const [newest, oldest] = [all[0], all.at(-1)];
    if (newest === undefined || oldest === undefined) return { key: name };
    return { key: name, version: String(newest.version), createdAt: new Date(oldest.created), updatedAt: new Date(newest.created) };
  });
}

async function versions(use: Use, key: DocumentKey): Promise<readonly VersionInfo[]> {
  const index = await indexOf(use);
  const all = index === undefined ? [] : versionsOf(index, use.project, key.key);
  const [newest] = all;
  if (newest === undefined) throw absent(use, key);
  const ambiguous = all.filter(({ version }) => version === newest.version).length > 1;
  return all.map((line) => ({
    version: String(line.version),
    createdAt: new Date(line.created),
    current: line === newest && !ambiguous,
    state: line.disabled === true ? 'disabled' : 'enabled',
  }));
}

const indexOf = async (use: Use): Promise<StoreIndex | undefined> => (use.location === undefined ? undefined : readIndex(use.location));

async function outcome<T>(act: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return done(await act());
  } catch (error) {
    if (error instanceof Fault) return failed(error);
    throw error;
  }
}
