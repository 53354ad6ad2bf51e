/** A session with the OS keychain. */
import { done, type Outcome } from '../../core/fault.ts';
import type { Check, Document, Host, SessionFor } from '../../provider-kit/contract.ts';
import type { Keychain } from '../../provider-kit/keychain.ts';
import type { PendingItems } from './pending.ts';
import { put, read, refuseExpectation, remove } from './items.ts';

export async function openSession(host: Host): Promise<SessionFor<'describe' | 'put' | 'remove' | 'pending'>> {
  const keychain = await host.keychain();
  const items = async (): Promise<PendingItems> => new (await import('./pending.ts')).PendingItems(keychain, host);
  return {
    resolve: async (keys) => {
      const outcomes: Outcome<Document>[] = [];
      // The system may ask a person for each item: one question at a time, and none of the kit's limits for a request.
      for (const key of keys) outcomes.push(await read(keychain, key));
      return outcomes;
    },
    describe: (refs) => Promise.resolve(refs.map(() => done({ presence: 'unknown' as const }))),
    put: async (key, patch, expectation) => {
      refuseExpectation(expectation);
      return put(keychain, key, patch);
    },
    remove: (ref) => remove(keychain, ref),
    pending: {
      find: async (ref) => (await items()).find(ref),
      create: async (ref, patch, rotation, op) => (await items()).create(ref, patch, rotation, op),
      read: async (ref, rotation) => (await items()).read(ref, rotation),
      promote: async (ref, rotation, expectation, op) => (await items()).promote(ref, rotation, expectation, op),
      abandon: async (ref, rotation, op) => (await items()).abandon(ref, rotation, op),
    },
    doctor: async () => ({ checks: [await check(keychain)] }),
    close: () => Promise.resolve(),
  };
}

async function check(keychain: Keychain): Promise<Check> {
  const title = 'OS keychain';
  const probe = await keychain.probe();
  if (probe.state === 'open') return { title, status: 'ok', message: 'open' };
  return { title, status: 'fail', message: probe.message, hint: probe.hint };
}
