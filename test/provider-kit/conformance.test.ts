import { describe, expect, it } from 'vitest';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import type { ConformanceHarness } from '../../src/provider-kit/conformance/index.ts';
import type { Provider } from '../../src/provider-kit/contract.ts';
import { testHost } from '../support/host.ts';
import { BUGS, MemoryBackend, memoryProvider } from './memory-provider.ts';
import type { Bug } from './memory-provider.ts';

function harnessFor(backend: MemoryBackend): ConformanceHarness {
  const add = async (name: string, bytes: Buffer): Promise<void> => {
    backend.documents.set(name, [...(backend.documents.get(name) ?? []), { bytes, rotatedAt: {} }]);
  };
  return {
    options: { place: 'here' },
    host: () => testHost(),
    reference: (name, field) => `memory://${name}${field === undefined ? '' : `#${field}`}`,
    seed: (name, value) => add(name, Buffer.from(value)),
    seedFields: (name, fields) => add(name, Buffer.from(JSON.stringify(fields))),
    foreignPending: async (name, value) => {
      backend.pending.set(name, { rotation: undefined, bytes: Buffer.from(value), createdAt: new Date() });
    },
    remove: async (name) => {
      backend.documents.delete(name);
      backend.pending.delete(name);
    },
    deny: async (name) => void backend.denied.add(name),
    unreachable: () => ({ place: 'nowhere' }),
    silent: async () => ({ options: { place: 'silent' }, asked: new Promise<void>((resolve) => (backend.asked = resolve)) }),
    countRequests: () => ({ reset: () => void (backend.valueReads = 0), values: () => backend.valueReads }),
    skip: [],
  };
}

interface Run {
  /** Ids of the cases that failed. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  /** What the failures say. */
  readonly messages: readonly string[];
}

const run = (harness: ConformanceHarness, backend: MemoryBackend, bug?: Bug): Promise<Run> =>
  runWith(memoryProvider(backend, bug), harness);

async function runWith(provider: Provider, harness: ConformanceHarness): Promise<Run> {
  const cases: { title: string; body: () => Promise<void> }[] = [];
  const skipped: string[] = [];
  const register = (title: string, body: () => Promise<void>): void => void cases.push({ title, body });
  const skip = (title: string): void => void skipped.push(title);
  conformance(provider, { describe: (_title, body) => body(), it: Object.assign(register, { skip }) }, harness);
  const failed: string[] = [];
  const messages: string[] = [];
  for (const { title, body } of cases) {
    await body().catch((error: unknown) => {
      failed.push(title.split(':')[0] ?? '');
      messages.push(String(error));
    });
  }
  return { failed, skipped, messages };
}

/** Cases that must notice each mistake, among others perhaps. */
const NOTICED: Readonly<Record<Bug, readonly string[]>> = {
  'trims values': ['multi-line', 'put'],
  'takes empty for absent': ['empty'],
  'cuts large values': ['large'],
  'reads bytes as text': ['binary', 'put'],
  'gives outcomes in another order': ['order'],
  'gives twenty outcomes at most': ['many'],
  'takes denied for absent': ['denied'],
  'takes unreachable for absent': ['unreachable'],
  'ignores versions': ['version-pin', 'two-versions'],
  'describes what is there as absent': ['describe'],
  'lists everything': ['list'],
  'gives the same stamp for ever': ['changes'],
  'gives a stamp for what is absent': ['changes'],
  'lists versions oldest first': ['versions'],
  'gives no versions of what is absent': ['versions-absent'],
  'doctor throws': ['doctor'],
  'describes by reading': ['no-value-read'],
  'never writes': ['put', 'neighbours'],
  'overwrites on create': ['create-once'],
  'ignores expected versions': ['stale-write'],
  'drops neighbours': ['neighbours'],
  'dates every field': ['write-date'],
  'removes nothing': ['remove', 'remove-field'],
  'removes the whole document': ['remove-field'],
  'gives pending values to readers': ['pending-hidden'],
  'lists pending values': ['pending-hidden'],
  'overwrites pending values': ['pending-once', 'pending-foreign', 'pending-neighbours'],
  'checks for a pending value before and not while it writes': ['pending-race'],
  'ignores whose a pending value is': ['pending-whose', 'pending-foreign'],
  'takes a foreign pending value for its own': ['pending-foreign'],
  'finds pending values by reading': ['pending-find'],
  'changes pending values': ['pending-read'],
  'promotes nothing': ['pending-promote', 'pending-first', 'pending-neighbours'],
  'promotes twice': ['pending-promote'],
  'promotes the first value only over another': ['pending-first'],
  'promotes over neighbours': ['pending-neighbours'],
  'promotes over newer versions': ['pending-stale'],
  'abandons nothing': ['pending-abandon', 'pending-find'],
  'changes no state': ['set-state'],
  'ignores an abort': ['abort-in-flight'],
  'fails on the second close': ['close'],
  'lacks a declared method': ['contract'],
  'has an undeclared method': ['contract'],
  'shows the value in a fault': ['multi-line'],
  'shows the value as base64 in a notice': ['multi-line'],
  'prints the value': ['multi-line'],
  'throws what is no fault': ['order'],
  'keeps a cause': ['absent'],
};

describe('the conformance suite', () => {
  it('passes an adapter that keeps the contract', async () => {
    const backend = new MemoryBackend();
    expect(await run(harnessFor(backend), backend)).toEqual({ failed: [], skipped: [], messages: [] });
    expect(backend.documents.size).toBe(0);
  });

  it.each(BUGS)('notices an adapter that %s', async (bug) => {
    const backend = new MemoryBackend();
    const { failed, messages } = await run(harnessFor(backend), backend, bug);
    expect(failed).toEqual(expect.arrayContaining([...NOTICED[bug]]));
    expect(messages.join('\n')).not.toContain('canary-');
  });

  it('fails for a skip that is not needed', async () => {
    const backend = new MemoryBackend();
    const provider = { ...memoryProvider(backend), limits: { binary: false } };
    const { failed } = await runWith(provider, { ...harnessFor(backend), skip: [{ test: 'binary', reason: 'text only' }] });
    expect(failed).toEqual(['binary']);
  });

  it('skips only by name and with the reason in the title, and fails for a helper that is missing without one', async () => {
    const backend = new MemoryBackend();
    const { deny: _deny, silent: _silent, ...less } = harnessFor(backend);
    const { failed, skipped, messages } = await run({ ...less, skip: [{ test: 'denied', reason: 'no rights here' }] }, backend);
    expect(skipped).toEqual([expect.stringMatching(/^denied: .* \(skipped: no rights here\)$/)]);
    expect(failed).toEqual(['abort-in-flight']);
    expect(messages.join()).toContain("the harness has no silent(): add it, or { test: 'abort-in-flight', reason: … } to its skip list");
  });
});
