/** What a case of the suite is. */
import type { Capability, Provider } from '../contract.ts';
import type { ConformanceCase, ConformanceHarness } from './harness.ts';
import type { Subject } from './subject.ts';

/** The parts of a harness that only some cases need. */
type OptionalHelper = 'seedFields' | 'foreignPending' | 'deny' | 'unreachable' | 'silent' | 'countRequests';

export interface Case {
  readonly title: string;
  /** Only for adapters that declare all of these. */
  readonly capabilities?: readonly Capability[];
  /** Only for adapters of which this is true. */
  readonly when?: (provider: Provider) => boolean;
  /** A helper that the harness must have, or else skip the case with a reason. */
  readonly requires?: OptionalHelper & keyof ConformanceHarness;
  readonly run: (subject: Subject) => Promise<void>;
}

export type Cases = { readonly [id in ConformanceCase]?: Case };
