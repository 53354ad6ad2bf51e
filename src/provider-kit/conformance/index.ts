/**
 * The conformance suite: proves that an adapter keeps the contract, against a live or emulated backend, under any
 * test runner.
 *
 * Every case also checks that no value and no credential shows in a fault, a notice, metadata or the output.
 */
import assert from 'node:assert/strict';
import type { Provider } from '../contract.ts';
import type { Case, Cases } from './case.ts';
import { CASES } from './harness.ts';
import type { ConformanceCase, ConformanceHarness, ConformanceRunner } from './harness.ts';
import { recordOutput } from './leaks.ts';
import { metadata } from './metadata.ts';
import { pending } from './pending.ts';
import { reading } from './reading.ts';
import { session } from './session.ts';
import { state } from './state.ts';
import { Subject } from './subject.ts';
import { writing } from './writing.ts';

const ALL: Cases = { ...session, ...reading, ...metadata, ...writing, ...pending, ...state };

/**
 * Registers the suite's cases with a test runner. Cases about capabilities that the adapter does not declare are left
 * out; those that the harness skips stay as skipped tests, their reason in the title.
 */
export function conformance(provider: Provider, runner: ConformanceRunner, harness: ConformanceHarness): void {
  runner.describe(`conformance of ${provider.scheme}`, () => {
    for (const id of CASES) {
      const one = ALL[id];
      if (one === undefined) continue;
      const title = `${id}: ${one.title}`;
      const reason = skipReason(harness, id);
      if (!appliesTo(one, provider)) {
        // A skip that is not needed would hide the case on the day when it is.
        if (reason !== undefined)
          runner.it(title, async () => assert.fail(`take '${id}' off the skip list: it does not apply to this adapter`));
        continue;
      }
      if (reason === undefined) runner.it(title, () => runCase(one, id, provider, harness));
      else runner.it.skip(`${title} (skipped: ${reason})`, () => Promise.resolve());
    }
  });
}

function appliesTo({ capabilities = [], when }: Case, provider: Provider): boolean {
  return capabilities.every((one) => provider.capabilities.includes(one)) && (when === undefined || when(provider));
}

function skipReason(harness: ConformanceHarness, id: ConformanceCase): string | undefined {
  return harness.skip.find(({ test }) => test === id)?.reason;
}

async function runCase(one: Case, id: ConformanceCase, provider: Provider, harness: ConformanceHarness): Promise<void> {
  if (one.requires !== undefined && harness[one.requires] === undefined) {
    assert.fail(`the harness has no ${one.requires}(): add it, or { test: '${id}', reason: … } to its skip list`);
  }
  const subject = await Subject.create(provider, harness);
  const { result, output } = await recordOutput(async () => {
    try {
      await one.run(subject);
    } finally {
      await subject.end();
    }
  });
  if (result.status === 'rejected') throw result.reason;
  subject.leaks.check('the output', output);
}

export { CASES } from './harness.ts';
export type { ConformanceCase, ConformanceHarness, ConformanceRunner, SilentServer } from './harness.ts';
