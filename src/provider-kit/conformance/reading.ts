/** Cases about reading values, and about telling why there is none. */
import assert from 'node:assert/strict';
import type { Capability } from '../contract.ts';
import type { Cases } from './case.ts';
import type { Subject } from './subject.ts';

const LARGEST = 65_536;

async function readsBack(subject: Subject, value: Buffer): Promise<void> {
  const name = subject.name();
  await subject.harness.seed(name, value);
  const [outcome] = await subject.read(await subject.open(), [subject.parsed(name)]);
  subject.equal(outcome, value);
}

/** Values one by one in their own documents; gives the names. */
async function seedMany(subject: Subject, values: readonly string[]): Promise<readonly string[]> {
  const names = values.map(() => subject.name());
  for (const [index, name] of names.entries()) await subject.harness.seed(name, Buffer.from(values[index] ?? ''));
  return names;
}

/** Two versions of one document, and the id of the first. */
async function twoVersions(subject: Subject): Promise<{ name: string; first: string; second: string; version: string }> {
  const name = subject.name();
  const [first, second] = [subject.text(), subject.text()];
  await subject.harness.seed(name, Buffer.from(first));
  const [document] = await subject.documents(await subject.open(), [subject.parsed(name)]);
  assert.ok(document?.ok === true && document.value.version !== undefined, 'a read says which version it is');
  await subject.harness.seed(name, Buffer.from(second));
  return { name, first, second, version: document.value.version };
}

const VERSIONS: readonly Capability[] = ['versions'];

export const reading: Cases = {
  'multi-line': {
    title: 'gives a multi-line value back byte for byte',
    run: (subject) => readsBack(subject, Buffer.from(`-----BEGIN-----\n${subject.text('\r\n\tö "quoted" $HOME \\n')}\n-----END-----\n\n`)),
  },
  empty: {
    title: 'gives an empty value back as empty, not as absent',
    when: ({ limits }) => limits.emptyValue !== false,
    run: (subject) => readsBack(subject, Buffer.alloc(0)),
  },
  large: {
    title: 'gives a value of 64 KiB, or of its own limit, back in full',
    run: (subject) => {
      const size = Math.min(LARGEST, subject.provider.limits.valueBytes ?? LARGEST);
      return readsBack(subject, Buffer.from(subject.text(':').padEnd(size, 'abcdefghijklmnopqrstuvwxyz 0123456789\n')));
    },
  },
  binary: {
    title: 'gives bytes that are no UTF-8 back as they are',
    when: ({ limits }) => limits.binary !== false,
    run: (subject) =>
      readsBack(subject, Buffer.concat([Buffer.from(subject.text()), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))])),
  },
  order: {
    title: 'answers five documents of which two are absent in their order',
    run: async (subject) => {
      const values = [subject.text(), subject.text(), subject.text()];
      const [first = '', second = '', third = ''] = await seedMany(subject, values);
      const names = [first, subject.name(), second, subject.name(), third];
      const outcomes = await subject.read(
        await subject.open(),
        names.map((name) => subject.parsed(name)),
      );
      for (const [index, expected] of [values[0], undefined, values[1], undefined, values[2]].entries()) {
        if (expected === undefined) subject.failed(outcomes[index], 'not-found');
        else subject.equal(outcomes[index], expected);
      }
    },
  },
  many: {
    title: 'answers more documents than any batch holds',
    run: async (subject) => {
      const values = Array.from({ length: 45 }, () => subject.text());
      const names = await seedMany(subject, values);
      const outcomes = await subject.read(
        await subject.open(),
        names.map((name) => subject.parsed(name)),
      );
      for (const [index, value] of values.entries()) subject.equal(outcomes[index], value);
    },
  },
  absent: {
    title: 'says that a document is absent',
    run: async (subject) => {
      const [outcome] = await subject.read(await subject.open(), [subject.parsed(subject.name())]);
      assert.equal(subject.failed(outcome, 'not-found').retryable, false, 'asking again would not help');
    },
  },
  denied: {
    title: 'says that a document is denied, and still gives its neighbours',
    requires: 'deny',
    run: async (subject) => {
      const [present, denied] = [subject.text(), subject.text()];
      const [open = '', closed = ''] = await seedMany(subject, [present, denied]);
      await subject.harness.deny?.(closed);
      const refs = [open, closed, subject.name()].map((name) => subject.parsed(name));
      const [first, second, third] = await subject.read(await subject.open(), refs);
      subject.equal(first, present);
      assert.equal(subject.failed(second, 'denied').retryable, false, 'asking again would not help');
      subject.failed(third, 'not-found');
    },
  },
  unreachable: {
    title: 'says that the backend is unreachable, never that something is absent',
    requires: 'unreachable',
    run: async (subject) => {
      const session = await subject.open(subject.harness.unreachable?.());
      const ref = subject.parsed(subject.name());
      const outcomes = await subject.read(session, [ref, subject.parsed(subject.name())]);
      for (const outcome of outcomes) subject.failed(outcome, 'unavailable', 'timeout');
      if (!subject.provider.capabilities.includes('describe')) return;
      const [metadata] = await subject
        .with(session, 'describe')
        .describe([ref], subject.operation())
        .catch((error: unknown) => [{ ok: false as const, fault: subject.fault(error) }]);
      subject.failed(metadata, 'unavailable', 'timeout');
    },
  },
  'version-pin': {
    title: 'reads the version that a reference pins, and the newest otherwise',
    capabilities: VERSIONS,
    run: async (subject) => {
      const { name, first, second, version } = await twoVersions(subject);
      const pinned = subject.parsed(name, undefined, { version });
      assert.equal(pinned.version, version, '?version= of a reference is the version');
      const session = await subject.open();
      subject.equal((await subject.read(session, [pinned]))[0], first);
      subject.equal((await subject.read(session, [subject.parsed(name)]))[0], second);
    },
  },
  'two-versions': {
    title: 'reads two versions of one document in one call',
    capabilities: VERSIONS,
    run: async (subject) => {
      const { name, first, second, version } = await twoVersions(subject);
      const refs = [subject.parsed(name), subject.parsed(name, undefined, { version })];
      const outcomes = await subject.read(await subject.open(), refs);
      subject.equal(outcomes[0], second);
      subject.equal(outcomes[1], first);
    },
  },
};
