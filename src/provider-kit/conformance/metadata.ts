/** Cases about what is known without reading a value. */
import assert from 'node:assert/strict';
import type { Capability } from '../contract.ts';
import type { Cases } from './case.ts';
import { keyOf } from './subject.ts';
import type { Subject } from './subject.ts';

async function seeded(subject: Subject): Promise<string> {
  const name = subject.name();
  await subject.harness.seed(name, Buffer.from(subject.text()));
  return name;
}

/** What two keys begin with. */
function commonStart(one: string, other: string): string {
  let at = 0;
  while (one[at] !== undefined && one[at] === other[at]) at++;
  return one.slice(0, at);
}

const isDate = (date: Date | undefined): boolean => date === undefined || !Number.isNaN(date.getTime());

export const metadata: Cases = {
  describe: {
    title: 'describes documents in their order, and never takes one that is there for absent',
    capabilities: ['describe'],
    run: async (subject) => {
      const session = await subject.open();
      const refs = [await seeded(subject), subject.name(), await seeded(subject)].map((name) => subject.parsed(name));
      const described = await subject.with(session, 'describe').describe(refs, subject.operation());
      subject.leaks.check('metadata', described);
      assert.equal(described.length, refs.length, 'one outcome for each reference');
      const presences = described.map((outcome) => (outcome.ok ? outcome.value.presence : subject.fault(outcome.fault).kind));
      assert.ok(presences[0] === 'present' || presences[0] === 'unknown', `a document that is there is ${presences[0]}`);
      assert.ok(presences[1] === 'absent' || presences[1] === 'unknown', `a document that is not there is ${presences[1]}`);
      assert.equal(presences[2], presences[0]);
      const [read] = await subject.documents(session, refs);
      const [first] = described;
      assert.ok(read?.ok === true && first?.ok === true);
      if (first.value.version !== undefined) assert.equal(first.value.version, read.value.version, 'the version that a read gives');
      assert.ok(isDate(first.value.createdAt) && isDate(first.value.updatedAt) && isDate(first.value.expiresAt), 'dates are dates');
    },
  },
  list: {
    title: 'lists documents whose name begins with a prefix, and no others',
    capabilities: ['list'],
    run: async (subject) => {
      const session = subject.with(await subject.open(), 'list');
      const [one, other] = [await seeded(subject), await seeded(subject)].map((name) => subject.parsed(name).key);
      assert.ok(one !== undefined && other !== undefined);
      const exact = await session.list(one, subject.operation());
      subject.leaks.check('a list', exact);
      const keys = exact.map(({ key }) => key);
      assert.ok(keys.includes(one), 'the document is listed');
      assert.ok(!keys.includes(other), 'one with another name is not');
      const all = (await session.list(commonStart(one, other), subject.operation())).map(({ key }) => key);
      assert.ok(all.includes(one) && all.includes(other), 'a shorter prefix gives both');
      assert.equal(new Set(all).size, all.length, 'each once');
    },
  },
  changes: {
    title: 'gives a stamp that differs when another version is current, without reading a value',
    capabilities: ['changes'],
    run: async (subject) => {
      const name = await seeded(subject);
      const keys = [name, await seeded(subject), subject.name(), await seeded(subject)].map((one) => keyOf(subject.parsed(one)));
      const opened = await subject.open();
      const session = subject.with(opened, 'changes');
      const stamps = async (): Promise<readonly (string | undefined)[]> => {
        const outcomes = await session.changes(keys, subject.operation());
        subject.leaks.check('stamps', outcomes);
        return outcomes.map((outcome) => (outcome.ok ? outcome.value : assert.fail(`a stamp failed: ${outcome.fault.kind}`)));
      };
      const before = await stamps();
      assert.equal(before.length, keys.length, 'one outcome for each document');
      assert.ok(before[0] !== undefined && before[1] !== undefined && before[3] !== undefined, 'documents that are there have one');
      assert.equal(before[2], undefined, 'a document that is not there has none');
      assert.deepEqual(await stamps(), before, 'nothing has changed');
      await subject.harness.seed(name, Buffer.from(subject.text()));
      const [changed, ...others] = await stamps();
      assert.notEqual(changed, before[0], 'the changed one differs');
      assert.deepEqual(others, before.slice(1), 'the others do not');
      const [read] = await subject.documents(await subject.open(), keys.slice(0, 1));
      assert.ok(read?.ok === true);
      assert.equal(changed, read.value.version, 'it is the version that a read gives');
    },
  },
  versions: {
    title: 'lists the versions of a document, newest first, one of them current',
    capabilities: ['versions'],
    run: async (subject) => {
      const name = subject.name();
      const key = keyOf(subject.parsed(name));
      const session = subject.with(await subject.open(), 'versions');
      const read: (string | undefined)[] = [];
      for (const value of [subject.text(), subject.text()]) {
        await subject.harness.seed(name, Buffer.from(value));
        const [document] = await subject.documents(await subject.open(), [key]);
        read.push(document?.ok === true ? document.value.version : undefined);
      }
      const versions = await session.versions(key, subject.operation());
      subject.leaks.check('a list of versions', versions);
      const ids = versions.map(({ version }) => version);
      const [older, newer] = read.map((version) => ids.indexOf(version ?? ''));
      assert.ok(older !== undefined && newer !== undefined && newer >= 0 && newer < older, 'both versions are listed, the newer one first');
      assert.deepEqual(
        versions.filter(({ current }) => current).map(({ version }) => version),
        [read[1]],
        'the current one is what a read gives',
      );
    },
  },
  'versions-absent': {
    title: 'says that a document is absent when its versions are asked for',
    capabilities: ['versions'],
    run: async (subject) => {
      const session = subject.with(await subject.open(), 'versions');
      const key = keyOf(subject.parsed(subject.name()));
      await subject.throws(() => session.versions(key, subject.operation()), 'not-found');
    },
  },
  doctor: {
    title: 'reports on its health without failing',
    run: async (subject) => {
      const report = await (await subject.open()).doctor(subject.operation());
      subject.leaks.check('a report', report);
      assert.deepEqual(
        report.checks.filter(({ status }) => status === 'fail').map(({ title, message }) => `${title}: ${message}`),
        [],
        'nothing fails on a backend that works',
      );
      const { unreachable } = subject.harness;
      if (unreachable === undefined) return;
      const other = await subject.open(unreachable.call(subject.harness));
      const outcome = await other.doctor(subject.operation()).catch((error: unknown) => subject.fault(error));
      subject.leaks.check('a report', outcome);
      const isSaid = outcome instanceof Error || outcome.checks.some(({ status }) => status === 'fail');
      assert.ok(isSaid, 'a backend that cannot be reached is said to be so');
    },
  },
  'no-value-read': {
    title: 'reads no value to describe, list or diagnose',
    requires: 'countRequests',
    run: async (subject) => {
      const { harness, provider } = subject;
      const name = await seeded(subject);
      const ref = subject.parsed(name);
      const key = keyOf(ref);
      const session = await subject.open();
      const counter = harness.countRequests?.();
      assert.ok(counter !== undefined);
      await counter.reset();
      // Some documents of a backend may have no versions, for example; to say so is fine.
      const ask = (call: Promise<unknown>): Promise<unknown> =>
        call.catch((error: unknown) => subject.kind(subject.fault(error), ['unsupported']));
      const can = (capability: Capability): boolean => provider.capabilities.includes(capability);
      await ask(session.doctor(subject.operation()));
      if (can('describe')) await ask(subject.with(session, 'describe').describe([ref], subject.operation()));
      if (can('list')) await ask(subject.with(session, 'list').list(key.key, subject.operation()));
      if (can('changes')) await ask(subject.with(session, 'changes').changes([key, key, key], subject.operation()));
      if (can('versions')) await ask(subject.with(session, 'versions').versions(key, subject.operation()));
      assert.equal(await counter.values(), 0, 'requests to endpoints that return values');
      await session.resolve([key], subject.operation());
      assert.ok((await counter.values()) > 0, 'the harness counts a real read');
    },
  },
};
