/** Cases about writing and removing. */
import assert from 'node:assert/strict';
import type { Cases } from './case.ts';

export const writing: Cases = {
  put: {
    title: 'writes a new document and a newer version of it, byte for byte',
    capabilities: ['put'],
    run: async (subject) => {
      const ref = subject.parsed(subject.name());
      const session = await subject.open();
      for (const value of [subject.text('\nline "two" ü\n'), subject.text()]) {
        await subject.put(session, ref, value);
        // A session of its own, as the next command would have.
        subject.equal((await subject.read(await subject.open(), [ref]))[0], value);
      }
      if (subject.provider.limits.binary === false) return;
      const bytes = Buffer.concat([Buffer.from(subject.text()), Buffer.from([0, 0xff, 0xfe, 0xc3, 0x28])]);
      if (ref.field !== undefined) return;
      await subject.put(session, ref, bytes);
      subject.equal((await subject.read(await subject.open(), [ref]))[0], bytes);
    },
  },
  'create-once': {
    title: "refuses to create, with expect 'absent', what is there already",
    capabilities: ['put'],
    run: async (subject) => {
      const ref = subject.parsed(subject.name());
      const session = await subject.open();
      const value = subject.text();
      await subject.put(session, ref, value, 'absent');
      await subject.throws(() => subject.put(session, ref, subject.text(), 'absent'), 'conflict');
      subject.equal((await subject.read(await subject.open(), [ref]))[0], value);
    },
  },
  'stale-write': {
    title: 'refuses a write that expects an older version',
    capabilities: ['put'],
    run: async (subject) => {
      const ref = subject.parsed(subject.name());
      const session = await subject.open();
      const first = await subject.put(session, ref, subject.text());
      const value = subject.text();
      const second = await subject.put(session, ref, value, first);
      assert.ok(first !== undefined && second !== undefined && first !== second, 'each write gives a version of its own');
      await subject.throws(() => subject.put(session, ref, subject.text(), first), 'conflict');
      subject.equal((await subject.read(await subject.open(), [ref]))[0], value);
      const last = subject.text();
      await subject.put(session, ref, last, second);
      subject.equal((await subject.read(await subject.open(), [ref]))[0], last);
    },
  },
  neighbours: {
    title: 'writes one field and keeps its neighbours',
    capabilities: ['put'],
    requires: 'seedFields',
    run: async (subject) => {
      const name = subject.name();
      const kept = subject.text();
      await subject.harness.seedFields?.(name, { left: subject.text(), right: kept });
      const session = await subject.open();
      const [changed, added] = [subject.text(), subject.text()];
      await subject.put(session, subject.parsed(name, 'left'), changed);
      await subject.put(session, subject.parsed(name, 'new'), added);
      const refs = ['left', 'right', 'new'].map((field) => subject.parsed(name, field));
      const outcomes = await subject.read(await subject.open(), refs);
      for (const [index, value] of [changed, kept, added].entries()) subject.equal(outcomes[index], value);
      const [missing] = await subject.read(session, [subject.parsed(name, 'nowhere')]);
      subject.failed(missing, 'no-field');
    },
  },
  'write-date': {
    title: 'keeps the date of a write apart for each field, where it keeps one',
    capabilities: ['put', 'describe'],
    requires: 'seedFields',
    run: async (subject) => {
      const name = subject.name();
      await subject.harness.seedFields?.(name, { left: subject.text(), right: subject.text() });
      const session = await subject.open();
      const ref = subject.parsed(name, 'left');
      const before = Date.now();
      await subject.put(session, ref, subject.text());
      const [described] = await subject.with(session, 'describe').describe([ref], subject.operation());
      assert.ok(described?.ok === true);
      const dates = described.value.rotatedAt ?? {};
      assert.equal(dates['right'], undefined, 'the neighbour was not written');
      const date = dates['left'];
      // Backends may keep whole seconds.
      if (date !== undefined) assert.ok(date.getTime() >= before - 1_000 && date.getTime() <= Date.now() + 1_000);
    },
  },
  remove: {
    title: 'removes a document, after which it is absent',
    capabilities: ['remove'],
    run: async (subject) => {
      const name = subject.name();
      await subject.harness.seed(name, Buffer.from(subject.text()));
      const ref = subject.parsed(name);
      const session = subject.with(await subject.open(), 'remove');
      await session.remove(ref, subject.operation());
      const [outcome] = await subject.read(await subject.open(), [ref]);
      subject.failed(outcome, 'not-found', 'no-field');
      await subject.throws(() => session.remove(ref, subject.operation()), 'not-found', 'no-field');
    },
  },
  'remove-field': {
    title: 'removes one field and keeps its neighbours',
    capabilities: ['remove'],
    requires: 'seedFields',
    run: async (subject) => {
      const name = subject.name();
      const kept = subject.text();
      await subject.harness.seedFields?.(name, { left: subject.text(), right: kept });
      const session = subject.with(await subject.open(), 'remove');
      await session.remove(subject.parsed(name, 'left'), subject.operation());
      const [left, right] = await subject.read(
        await subject.open(),
        ['left', 'right'].map((field) => subject.parsed(name, field)),
      );
      subject.failed(left, 'no-field');
      subject.equal(right, kept);
    },
  },
};
