/** Cases about the adapter's declaration, and about how a session ends. */
import assert from 'node:assert/strict';
import { formatReference, parseReference } from '../../core/reference.ts';
import type { Capability } from '../contract.ts';
import type { Cases } from './case.ts';

/** The member of a session that each capability brings. */
const MEMBERS: { readonly [C in Capability]: readonly string[] } = {
  describe: ['describe'],
  list: ['list'],
  versions: ['versions'],
  put: ['put'],
  setState: ['setState'],
  remove: ['remove'],
  pending: ['pending'],
  rotate: ['rotate'],
  lease: ['lease'],
  access: ['access'],
  signIn: ['signIn', 'signOut'],
  changes: ['changes'],
};

const PROMPT_MS = 1_000;

/** The outcome of a read that was aborted just now; asserts that it takes no longer than a moment. */
async function soon<T>(reading: Promise<readonly T[]>): Promise<T | undefined> {
  const began = performance.now();
  const [outcome] = await reading;
  assert.ok(performance.now() - began < PROMPT_MS, `it takes less than ${PROMPT_MS} ms to stop`);
  return outcome;
}

export const session: Cases = {
  contract: {
    title: 'has the methods of its capabilities and no others',
    run: async (subject) => {
      const { provider } = subject;
      assert.equal(provider.contract, 1);
      assert.match(provider.scheme, /^[a-z][a-z0-9+.-]*$/);
      assert.equal(new Set(provider.capabilities).size, provider.capabilities.length, 'each capability is declared once');
      const opened = await subject.open();
      for (const [capability, members] of Object.entries(MEMBERS)) {
        const declared = provider.capabilities.some((one) => one === capability);
        for (const member of members) assert.equal(member in opened, declared, `${member}: declared ${declared}`);
      }
    },
  },
  reference: {
    title: 'reads references offline, the same each time, and writes them back',
    run: async (subject) => {
      const { provider } = subject;
      const name = subject.name();
      const [one, again, other] = [subject.parsed(name), subject.parsed(name), subject.parsed(subject.name())];
      assert.deepEqual(one, again);
      assert.notEqual(one.key, other.key, 'other documents have other keys');
      if (provider.formatRef === undefined) return;
      const { provider: scheme } = subject.reference(name);
      const text = formatReference({ provider: scheme, ...provider.formatRef(one) });
      const parsed = parseReference(text);
      assert.ok(parsed.ok, 'what it writes can be read');
      assert.deepEqual(provider.parseRef(parsed.reference, subject.options), one);
    },
  },
  'abort-before': {
    title: 'does not start what was aborted before',
    run: async (subject) => {
      const name = subject.name();
      await subject.harness.seed(name, Buffer.from(subject.text()));
      const opened = await subject.open();
      const outcome = await soon(subject.read(opened, [subject.parsed(name)], subject.operation(AbortSignal.abort())));
      // A provider that needs no request may give the value all the same.
      if (outcome?.ok === false) subject.failed(outcome, 'cancelled', 'timeout');
    },
  },
  'abort-in-flight': {
    title: 'stops soon when it is aborted while a server does not answer',
    when: ({ needs }) => needs.network,
    requires: 'silent',
    run: async (subject) => {
      const silent = await subject.harness.silent?.();
      assert.ok(silent !== undefined);
      const opened = await subject.open(silent.options);
      const controller = new AbortController();
      const ref = subject.parsed(subject.name());
      const reading = subject.read(opened, [ref], subject.operation(controller.signal));
      await silent.asked;
      controller.abort();
      const outcome = await soon(reading);
      subject.failed(outcome, 'cancelled', 'timeout');
    },
  },
  close: {
    title: 'closes without a word, used or not, and twice',
    run: async (subject) => {
      const name = subject.name();
      await subject.harness.seed(name, Buffer.from(subject.text()));
      const [unused, used] = [await subject.open(), await subject.open()];
      await subject.read(used, [subject.parsed(name)]);
      for (const opened of [unused, used]) {
        await opened.close();
        await opened.close();
      }
    },
  },
};
