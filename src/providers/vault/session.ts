/** A session with one server: one sign-in, the mounts it has met, and the methods of the contract. */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { Document, DocumentKey, Host, Operation, SessionFor } from '../../provider-kit/contract.ts';
import { Changes } from './changes.ts';
import { VaultClient } from './client.ts';
import { doctor } from './doctor.ts';
import { answerOf, Guesses, onlyOnce, type Early } from './guesses.ts';
import type { Target } from './kv.ts';
import { list, versions } from './listing.ts';
import { describe } from './metadata.ts';
import { Mounts } from './mounts.ts';
import { covering, type Mount } from './paths.ts';
import { readDocument, readUnderUnknownMount } from './read.ts';
import { remove } from './remove.ts';
import type { Settings } from './settings.ts';
import { put } from './write.ts';

export type VaultSession = SessionFor<'describe' | 'list' | 'versions' | 'put' | 'remove' | 'setState' | 'pending' | 'rotate' | 'changes'>;

export function openSession(settings: Settings, host: Host): VaultSession {
  const client = new VaultClient(settings, host);
  const mounts = new Mounts(client);
  const guesses = new Guesses(settings, host);
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

  /** What is at a guessed place; the server is asked at the same time whether that is the right one. */
  const readEarly = (key: DocumentKey, guess: Mount | undefined, op: Operation): Early | undefined => {
    if (guess === undefined || covering(mounts.known, key.key) !== undefined) return undefined;
    const outcome = read(key, done(guess), onlyOnce(op));
    // Where the guess was wrong, nobody waits for it.
    outcome.catch(() => undefined);
    return { guess, outcome };
  };

  const resolve: VaultSession['resolve'] = async (keys, op) => {
    const names = keys.map(({ key }) => key);
    const guessed = await guesses.of(names);
    const locating = mounts.locate(names, op);
    const early = keys.map((key, index) => readEarly(key, guessed[index], op));
    const located = await locating;
    const hidden = names.filter((_, index) => located[index]?.ok === true && located[index].value === undefined);
    void guesses.correct(mounts.known, hidden);
    return Promise.all(
      keys.map(async (key, index) => {
        const told = located[index] ?? done(undefined);
        const first = early[index];
        const answer = first !== undefined && told.ok && told.value !== undefined ? await answerOf(first, told.value) : undefined;
        return answer ?? read(key, told, op);
      }),
    );
  };

  const targetOf = async ({ key, version }: DocumentKey, op: Operation): Promise<Target> => {
    if (version === undefined) return { client, mount: await mounts.find(key, op), key, op };
    throw new Fault('unsupported', {
      message: `the reference is pinned to version ${version} of ${key}`,
      hint: 'take ?version off the reference to change the secret',
    });
  };

  return {
    resolve,
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
