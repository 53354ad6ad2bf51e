/** A session with one server: one sign-in, the mounts it has met, and the methods of the contract. */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { Document, DocumentKey, Host, Operation, SessionFor } from '../../provider-kit/contract.ts';
import { Changes } from './changes.ts';
import { VaultClient } from './client.ts';
import { doctor } from './doctor.ts';
import type { Target } from './kv.ts';
import { list, versions } from './listing.ts';
import { describe } from './metadata.ts';
import { Mounts } from './mounts.ts';
import type { Mount } from './paths.ts';
import { readDocument, readUnderUnknownMount } from './read.ts';
import { remove } from './remove.ts';
import type { Settings } from './settings.ts';
import { put } from './write.ts';

export type VaultSession = SessionFor<'describe' | 'list' | 'versions' | 'put' | 'remove' | 'setState' | 'pending' | 'rotate' | 'changes'>;

export function openSession(settings: Settings, host: Host): VaultSession {
  const client = new VaultClient(settings, host);
  const mounts = new Mounts(client);
  const changes = new Changes(client, mounts);

  const read = async (key: DocumentKey, located: Outcome<Mount | undefined>, op: Operation): Promise<Outcome<Document>> => {
    if (!located.ok) return located;
    try {
      const mount = located.value;
      const document =
        mount === undefined
          ? await readUnderUnknownMount(client, key, mounts.hidden(key.key), op)
          : await readDocument(client, mount, key, op);
      return done(document);
    } catch (error) {
      if (error instanceof Fault) return failed(error);
      throw error;
    }
  };

  const targetOf = async ({ key, version }: DocumentKey, op: Operation): Promise<Target> => {
    if (version === undefined) return { client, mount: await mounts.find(key, op), key, op };
    throw new Fault('unsupported', {
      message: `the reference is pinned to version ${version} of ${key}`,
      hint: 'take ?version off the reference to change the secret',
    });
  };

  return {
    resolve: async (keys, op) => {
      const located = await mounts.locate(
        keys.map(({ key }) => key),
        op,
      );
      return Promise.all(keys.map((key, index) => read(key, located[index] ?? done(undefined), op)));
    },
    describe: (refs, op) => describe(client, mounts, refs, op),
    list: (prefix, op) => list(client, mounts, prefix, op),
    versions: async (key, op) => versions(client, await mounts.find(key.key, op), key, op),
    put: async (key, patch, expectation, op) => put(await targetOf(key, op), patch, expectation),
    remove: async (ref, op) => remove(await targetOf(ref, op), ref.field),
    setState: async (key, version, state, op) => (await import('./state.ts')).setState(await targetOf(key, op), version, state),
    rotate: async (key, op) => (await import('./state.ts')).rotateStaticRole(await targetOf(key, op)),
    pending: {
      find: async (ref, op) => (await import('./pending.ts')).findPending(await targetOf(ref, op)),
      create: async (ref, patch, rotation, op) =>
        (await import('./pending.ts')).createPending(await targetOf(ref, op), ref, patch, rotation),
      read: async (ref, rotation, op) => (await import('./pending.ts')).readPending(await targetOf(ref, op), ref, rotation),
      promote: async (ref, rotation, expectation, op) =>
        (await import('./pending.ts')).promotePending(await targetOf(ref, op), ref, rotation, expectation),
      abandon: async (ref, rotation, op) => (await import('./pending.ts')).abandonPending(await targetOf(ref, op), ref, rotation),
    },
    changes: (keys, op) => changes.of(keys, op),
    doctor: (op) => doctor(client, op),
    close: () => client.close(),
  };
}
