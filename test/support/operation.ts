/** An operation without the kit's retry and limits: what an adapter's own tests run in. */
import type { CallOptions, Operation } from '../../src/provider-kit/contract.ts';

export interface TestOperation extends Operation {
  /** What `call` was asked to send, in order. */
  readonly calls: readonly CallOptions[];
}

/** Runs every request once, at once. `signal` aborts the operation and each of its requests. */
export function testOperation(signal: AbortSignal = new AbortController().signal): TestOperation {
  const calls: CallOptions[] = [];
  return {
    calls,
    signal,
    call(options, send) {
      calls.push(options);
      return send(AbortSignal.any([signal]));
    },
  };
}
