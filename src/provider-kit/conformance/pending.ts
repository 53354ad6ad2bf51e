/** Cases about pending values: kept for one rotation, shown to no reader, promoted once. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { SecretValue } from '../../core/secret-value.ts';
import type { AnySession, CapabilityMethods, ParsedRef, PendingInfo } from '../contract.ts';
import type { Case, Cases } from './case.ts';
import { keyOf, type Subject } from './subject.ts';

const ROTATION = 'rotation-one';
const OTHER = 'rotation-two';

type Session = AnySession & CapabilityMethods['pending'];

const open = async (subject: Subject): Promise<Session> => subject.with(await subject.open(), 'pending');

/** Asserts that a result shows nothing, and gives it. */
function checked<T>(subject: Subject, what: string, result: T): T {
  subject.leaks.check(what, result);
  return result;
}

/** A document with a value, its reference and that value. */
async function seeded(subject: Subject): Promise<{ readonly name: string; readonly ref: ParsedRef; readonly value: string }> {
  const [name, value] = [subject.name(), subject.text()];
  await subject.harness.seed(name, Buffer.from(value));
  return { name, ref: subject.parsed(name), value };
}

/** Makes a pending value; gives what later calls must name as their rotation, too. */
async function create(
  subject: Subject,
  session: Session,
  ref: ParsedRef,
  value: string,
  rotation = ROTATION,
): Promise<PendingInfo & { readonly rotation: string }> {
  const patch = { value: SecretValue.fromText(value), rotatedAt: new Date(), ...(ref.field === undefined ? {} : { field: ref.field }) };
  const info = checked(subject, 'a pending value', await session.pending.create(ref, patch, rotation, subject.operation()));
  assert.ok(info.rotation !== undefined, 'who makes a pending value learns its rotation');
  assert.equal(info.field, ref.field);
  return { ...info, rotation: info.rotation };
}

const find = async (subject: Subject, session: Session, ref: ParsedRef): Promise<PendingInfo | undefined> =>
  checked(subject, 'a pending value', await session.pending.find(ref, subject.operation()));

const expecting = ({ base }: PendingInfo): { readonly expect?: string } => (base === undefined ? {} : { expect: base });

const promote = async (subject: Subject, session: Session, ref: ParsedRef, info: PendingInfo & { readonly rotation: string }) =>
  checked(subject, 'the result of a write', await session.pending.promote(ref, info.rotation, expecting(info), subject.operation()));

async function current(subject: Subject, ref: ParsedRef, value: string): Promise<void> {
  subject.equal((await subject.read(await subject.open(), [ref]))[0], value);
}

/** Reads over and over while something happens; every read must give one of these values. */
async function whileRead<T>(subject: Subject, ref: ParsedRef, values: readonly string[], act: () => Promise<T>): Promise<T> {
  const session = await subject.open();
  const over = new AbortController();
  const reader = (async () => {
    for (let reads = 0; !over.signal.aborted || reads === 0; reads++) {
      const [outcome] = await subject.read(session, [ref]);
      assert.ok(outcome?.ok === true, 'a reader gets a value at every moment');
      const text = outcome.value.toString();
      assert.ok(values.includes(text), 'a reader gets the current value and no other');
      await turn();
    }
  })();
  const [result, read] = await Promise.allSettled([act().finally(() => over.abort()), reader]);
  if (read.status === 'rejected') throw read.reason;
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

const cases = {
  'pending-hidden': {
    title: 'gives a pending value to no reader, neither while it is made nor while it is promoted or abandoned',
    run: async (subject) => {
      const { ref, value } = await seeded(subject);
      const session = await open(subject);
      const listed = async (): Promise<readonly string[]> => {
        const entries = (await session.list?.(keyOf(ref).key, subject.operation())) ?? [];
        return entries.map(({ key }) => key);
      };
      const before = await listed();
      const next = subject.text();
      const info = await whileRead(subject, ref, [value], () => create(subject, session, ref, next));
      assert.deepEqual(await listed(), before, 'a pending value is no document of the list');
      await whileRead(subject, ref, [value], () => session.pending.abandon(ref, info.rotation, subject.operation()));
      const again = await whileRead(subject, ref, [value], () => create(subject, session, ref, next));
      await whileRead(subject, ref, [value, next], () => promote(subject, session, ref, again));
      await current(subject, ref, next);
    },
  },
  'pending-once': {
    title: 'keeps one pending value of a document at a time',
    run: async (subject) => {
      const { ref } = await seeded(subject);
      const session = await open(subject);
      const value = subject.text();
      const info = await create(subject, session, ref, value);
      for (const rotation of [ROTATION, OTHER])
        await subject.throws(() => create(subject, session, ref, subject.text(), rotation), 'conflict');
      const { bytes } = await session.pending.read(ref, info.rotation, subject.operation());
      subject.equal({ ok: true, value: bytes.reveal() }, value);
      await session.pending.abandon(ref, info.rotation, subject.operation());
      const second = await create(subject, session, ref, subject.text(), OTHER);
      await promote(subject, session, ref, second);
      const third = await create(subject, session, ref, subject.text());
      await session.pending.abandon(ref, third.rotation, subject.operation());
    },
  },
  'pending-race': {
    title: 'lets one of several rotations that begin at once have the pending value',
    run: async (subject) => {
      const { ref } = await seeded(subject);
      const all = await Promise.allSettled(
        ['one', 'two', 'three', 'four'].map(async (rotation) => create(subject, await open(subject), ref, subject.text(), rotation)),
      );
      const winners = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.ok(winners.length <= 1, 'one of them has it at most');
      for (const one of all) if (one.status === 'rejected') subject.kind(subject.fault(one.reason), ['conflict']);
      const session = await open(subject);
      assert.equal((await find(subject, session, ref))?.rotation, winners[0]?.rotation);
      // Where all of them stepped back, the next one has it.
      const winner = winners[0] ?? (await create(subject, session, ref, subject.text(), 'later'));
      await session.pending.abandon(ref, winner.rotation, subject.operation());
    },
  },
  'pending-whose': {
    title: "refuses to read, promote or abandon another rotation's pending value",
    run: async (subject) => {
      const { ref, value } = await seeded(subject);
      const session = await open(subject);
      const { pending } = session;
      for (const use of [() => pending.read(ref, OTHER, subject.operation()), () => pending.promote(ref, OTHER, {}, subject.operation())])
        await subject.throws(use, 'not-found');
      const info = await create(subject, session, ref, subject.text());
      for (const use of [
        () => pending.read(ref, OTHER, subject.operation()),
        () => pending.promote(ref, OTHER, {}, subject.operation()),
        () => pending.abandon(ref, OTHER, subject.operation()),
      ])
        await subject.throws(use, 'conflict');
      await current(subject, ref, value);
      assert.equal((await find(subject, session, ref))?.rotation, info.rotation);
      await pending.abandon(ref, info.rotation, subject.operation());
    },
  },
  'pending-foreign': {
    title: 'says that a pending value which another tool left is there, and leaves it alone',
    requires: 'foreignPending',
    run: async (subject) => {
      const { name, ref, value } = await seeded(subject);
      await subject.harness.foreignPending?.(name, Buffer.from(subject.text()));
      const session = await open(subject);
      const found = await find(subject, session, ref);
      assert.ok(found !== undefined, 'it is found');
      assert.equal(found.rotation, undefined, 'it is no rotation of ours');
      await subject.throws(() => create(subject, session, ref, subject.text()), 'conflict');
      await subject.throws(() => session.pending.promote(ref, ROTATION, {}, subject.operation()), 'conflict');
      await subject.throws(() => session.pending.abandon(ref, ROTATION, subject.operation()), 'conflict');
      await current(subject, ref, value);
    },
  },
  'pending-find': {
    title: 'finds a pending value from another session, without reading a value',
    requires: 'countRequests',
    run: async (subject) => {
      const { ref } = await seeded(subject);
      const session = await open(subject);
      assert.equal(await find(subject, session, ref), undefined);
      const before = Date.now();
      const info = await create(subject, session, ref, subject.text());
      const other = await open(subject);
      const counter = subject.harness.countRequests?.();
      assert.ok(counter !== undefined);
      await counter.reset();
      const found = await find(subject, other, ref);
      assert.equal(await counter.values(), 0, 'requests to endpoints that return values');
      assert.ok(found !== undefined, 'it is found');
      assert.equal(found.rotation, info.rotation);
      assert.equal(found.field, ref.field);
      assert.equal(found.base, info.base);
      const created = found.createdAt?.getTime();
      // Backends may keep whole seconds, and have a clock of their own.
      if (created !== undefined) assert.ok(Math.abs(created - before) < 60_000, 'it says when it was made');
      await other.pending.abandon(ref, info.rotation, subject.operation());
      assert.equal(await find(subject, session, ref), undefined);
    },
  },
  'pending-read': {
    title: 'gives a pending value back byte for byte, from another session',
    run: async (subject) => {
      const { ref } = await seeded(subject);
      const value = subject.text('\nline "two" ü\n{"a": 1}\n');
      const { rotation } = await create(subject, await open(subject), ref, value);
      const other = await open(subject);
      const document = checked(subject, 'a document', await other.pending.read(ref, rotation, subject.operation()));
      subject.equal({ ok: true, value: document.bytes.reveal() }, value);
      await other.pending.abandon(ref, rotation, subject.operation());
      await subject.throws(() => other.pending.read(ref, rotation, subject.operation()), 'not-found');
    },
  },
  'pending-promote': {
    title: 'makes a pending value current, once',
    run: async (subject) => {
      const { ref } = await seeded(subject);
      const session = await open(subject);
      const value = subject.text();
      const info = await create(subject, session, ref, value);
      const { version } = await promote(subject, session, ref, info);
      const [document] = await subject.documents(await subject.open(), [ref]);
      assert.ok(document?.ok === true);
      assert.equal(document.value.version, version, 'it gives the version that is current now');
      await current(subject, ref, value);
      assert.equal(await find(subject, session, ref), undefined, 'nothing is pending any more');
      const newest = subject.text();
      const later = await create(subject, session, ref, newest, OTHER);
      const result = await promote(subject, session, ref, later);
      // Done already is done, or the value is not there any more; either way nothing changes.
      const again = await promote(subject, session, ref, later).catch((error: unknown) => subject.fault(error));
      if (again instanceof Error) subject.kind(subject.fault(again), ['not-found']);
      else assert.equal(again.version, result.version, 'no version is made twice');
      await current(subject, ref, newest);
    },
  },
  'pending-first': {
    title: 'promotes the first value of a document that is not there yet, or says that it has no place for one',
    run: async (subject) => {
      const ref = subject.parsed(subject.name());
      const session = await open(subject);
      const value = subject.text();
      const info = await create(subject, session, ref, value).catch((error: unknown) => subject.fault(error));
      if (info instanceof Error) {
        subject.kind(subject.fault(info), ['unsupported']);
        return;
      }
      assert.equal(info.base, undefined, 'nothing was current');
      const [none] = await subject.read(session, [ref]);
      subject.failed(none, 'not-found', 'no-field');
      await session.pending.promote(ref, info.rotation, { expect: 'absent' }, subject.operation());
      await current(subject, ref, value);
    },
  },
  'pending-neighbours': {
    title: 'promotes one field, keeps its neighbours, and records its date where it keeps one',
    requires: 'seedFields',
    run: async (subject) => {
      const name = subject.name();
      const kept = subject.text();
      await subject.harness.seedFields?.(name, { left: subject.text(), right: kept });
      const session = await open(subject);
      const [left, right] = ['left', 'right'].map((field) => subject.parsed(name, field)) as [ParsedRef, ParsedRef];
      const before = Date.now();
      const value = subject.text();
      const info = await create(subject, session, left, value);
      // Another field of the same document would need a second pending value.
      await subject.throws(() => create(subject, session, right, subject.text(), OTHER), 'conflict');
      const read = await session.pending.read(left, info.rotation, subject.operation());
      subject.equal({ ok: true, value: read.bytes.reveal() }, value);
      await promote(subject, session, left, info);
      const outcomes = await subject.read(await subject.open(), [left, right]);
      subject.equal(outcomes[0], value);
      subject.equal(outcomes[1], kept);
      const [described] = (await session.describe?.([left], subject.operation())) ?? [];
      if (described?.ok !== true) return;
      const dates = described.value.rotatedAt ?? {};
      assert.equal(dates['right'], undefined, 'the neighbour was not written');
      const date = dates['left'];
      if (date !== undefined) assert.ok(Math.abs(date.getTime() - before) < 60_000, 'the date is that of the new value');
    },
  },
  'pending-stale': {
    title: 'promotes nothing over a version that somebody else has written meanwhile',
    run: async (subject) => {
      const { name, ref } = await seeded(subject);
      const session = await open(subject);
      const info = await create(subject, session, ref, subject.text());
      if (info.base === undefined) {
        assert.ok(!subject.provider.capabilities.includes('versions'), 'it says which version was current');
        await session.pending.abandon(ref, info.rotation, subject.operation());
        return;
      }
      const newer = subject.text();
      await subject.harness.seed(name, Buffer.from(newer));
      await subject.throws(() => promote(subject, session, ref, info), 'conflict');
      await current(subject, ref, newer);
      assert.equal((await find(subject, session, ref))?.rotation, info.rotation, 'the pending value is still there');
      await session.pending.abandon(ref, info.rotation, subject.operation());
    },
  },
  'pending-abandon': {
    title: 'takes a pending value away; a second time there is nothing to do',
    run: async (subject) => {
      const { ref, value } = await seeded(subject);
      const session = await open(subject);
      const { rotation } = await create(subject, session, ref, subject.text());
      await session.pending.abandon(ref, rotation, subject.operation());
      await session.pending.abandon(ref, rotation, subject.operation());
      assert.equal(await find(subject, session, ref), undefined);
      await current(subject, ref, value);
      await subject.throws(() => session.pending.promote(ref, rotation, {}, subject.operation()), 'not-found');
      await current(subject, ref, value);
    },
  },
} as const satisfies Cases;

/** Each only for adapters that keep pending values. */
export const pending: Cases = Object.fromEntries(
  Object.entries<Case>(cases).map(([id, one]) => [id, { ...one, capabilities: ['pending', ...(one.capabilities ?? [])] }]),
);
