/** The test bed as tests see it. */
import { describe, inject, it } from 'vitest';
import type { BedFacts, BedReport, ComponentName } from './facts.ts';

// Undefined where the tests run without the project's own configuration.
const report = (): BedReport | undefined => inject('bed') as BedReport | undefined;

/** Facts of a component, or undefined where it is not there. */
export function bed<N extends ComponentName>(name: N): BedFacts[N] | undefined {
  return report()?.components[name];
}

/** Why a component is not there. */
function whyNot(name: ComponentName): string {
  return report()?.skipped[name] ?? 'the test bed was not started';
}

/** A group of tests that needs one component; without it the group is skipped and its title says why. */
export function describeWith<N extends ComponentName>(name: N, title: string, tests: (facts: BedFacts[N]) => void): void;
/** The same for several components. */
export function describeWith<N extends ComponentName>(names: readonly N[], title: string, tests: (facts: Pick<BedFacts, N>) => void): void;
export function describeWith(
  wanted: ComponentName | readonly ComponentName[],
  title: string,
  tests: ((facts: never) => void) | ((facts: never) => void),
): void {
  const names = typeof wanted === 'string' ? [wanted] : wanted;
  const missing = names.filter((name) => bed(name) === undefined);
  if (missing.length > 0) {
    const reasons = missing.map((name) => `${name}: ${whyNot(name)}`).join('; ');
    describe(`${title} (skipped for want of ${reasons})`, () => {
      it('all of it', ({ skip }) => skip());
    });
    return;
  }
  const facts = typeof wanted === 'string' ? bed(wanted) : Object.fromEntries(names.map((name) => [name, bed(name)]));
  // oxlint-disable-next-line vitest/valid-title -- it is the caller's
  describe(title, () => {
    tests(facts as never);
  });
}
