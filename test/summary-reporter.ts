/** Says at the end what was skipped and why, and closes the output with one line of counts. */
import type { Reporter, TestModule, Vitest } from 'vitest/node';

interface Counts {
  passed: number;
  failed: number;
  readonly skipped: string[];
}

export class SummaryReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    // At the very end, so that the counts are the last line whatever else is printed, and also of an interrupted run.
    process.once('exit', (code) => {
      const { passed, failed, skipped } = countsOf(vitest.state.getTestModules(), vitest.state.getUnhandledErrors().length);
      // A run that ends badly without a failed test (a broken set-up, an interrupt) is no success either.
      const known = code !== 0 && failed === 0 ? 1 : failed;
      process.stdout.write(`\n${passed} passed, ${known} failed, ${skipped.length} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    tell('Components of the test bed that were not there', this.#missing());
    tell('Tests that were skipped', countsOf(modules, 0).skipped);
  }

  #missing(): readonly string[] {
    const context = this.#vitest?.getRootProject().getProvidedContext();
    const byReason = Object.groupBy(Object.entries(context?.bed?.skipped ?? {}), ([, reason]) => reason);
    return Object.entries(byReason).map(([reason, those = []]) => `${those.map(([name]) => name).join(', ')}: ${reason}`);
  }
}

function countsOf(modules: readonly TestModule[], unhandled: number): Counts {
  const counts: Counts = { passed: 0, failed: unhandled, skipped: [] };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') counts.passed++;
      else if (state === 'failed') counts.failed++;
      else if (state === 'skipped') counts.skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
    }
  }
  return counts;
}

function tell(title: string, lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`\n${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}
