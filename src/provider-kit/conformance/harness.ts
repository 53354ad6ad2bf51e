/** What the conformance suite needs from whoever runs it. */
import type { Host } from '../contract.ts';

/** Every case of the suite, by its id. */
export const CASES = [
  'contract',
  'reference',
  'multi-line',
  'empty',
  'large',
  'binary',
  'order',
  'many',
  'absent',
  'denied',
  'unreachable',
  'version-pin',
  'two-versions',
  'describe',
  'list',
  'changes',
  'versions',
  'versions-absent',
  'doctor',
  'no-value-read',
  'put',
  'create-once',
  'stale-write',
  'neighbours',
  'write-date',
  'remove',
  'remove-field',
  'pending-hidden',
  'pending-once',
  'pending-race',
  'pending-whose',
  'pending-foreign',
  'pending-find',
  'pending-read',
  'pending-promote',
  'pending-first',
  'pending-neighbours',
  'pending-stale',
  'pending-abandon',
  'set-state',
  'abort-before',
  'abort-in-flight',
  'close',
] as const;

export type ConformanceCase = (typeof CASES)[number];

/** The functions of a test runner that the suite calls. Those of vitest, jest, mocha and node:test fit. */
export interface ConformanceRunner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly it: ((title: string, body: () => Promise<void>) => unknown) & {
    readonly skip: (title: string, body: () => Promise<void>) => unknown;
  };
}

/** Options that point to a server which takes requests and never answers. */
export interface SilentServer {
  readonly options: unknown;
  /** Settles when the first request has arrived. */
  readonly asked: Promise<unknown>;
}

export interface ConformanceHarness {
  /** The provider entry's options, as in a manifest. May be made when the first case runs. */
  readonly options: unknown;
  /** A fresh host for one session; a plain object. */
  host(): Host;
  /**
   * The text of a reference to a document, or to one of its fields. Names are made by the suite: lower-case letters,
   * digits and hyphens, 24 at most, each used by one case only.
   */
  reference(name: string, field?: string): string;
  /** Puts a value where `reference(name)` finds it, past the adapter. A second call makes a newer version. */
  seed(name: string, value: Uint8Array): Promise<void>;
  /** Puts a document with text fields where `reference(name, field)` finds them. */
  seedFields?(name: string, fields: Readonly<Record<string, string>>): Promise<void>;
  /** Leaves a pending value of a document as another tool would, past the adapter. */
  foreignPending?(name: string, value: Uint8Array): Promise<void>;
  /** Removes what was seeded or written under a name, past the adapter; fine if there is nothing. */
  remove(name: string): Promise<void>;
  /** Makes the backend refuse that document, and only that one, to the credentials of `options`. */
  deny?(name: string): Promise<void>;
  /** The same options, but for a backend that nobody listens at. */
  unreachable?(): unknown;
  silent?(): Promise<SilentServer>;
  /** Counts requests to endpoints that return values. */
  countRequests?(): { reset(): void | Promise<void>; values(): number | Promise<number> };
  /** Other texts that must never be shown, such as the credentials that the options sign in with. */
  readonly sensitive?: readonly string[];
  /** Cases that this backend cannot meet, each with the reason; the reason becomes part of the test's title. */
  readonly skip: readonly { readonly test: ConformanceCase; readonly reason: string }[];
}
