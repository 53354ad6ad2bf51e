/** Says at the end what was skipped and why, and closes the output with one line of counts. */
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';

export class SummaryReporter implements Reporter {
  #vitest: Vitest | undefined;
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    // At the very end, so that the counts are the last line whatever else is printed.
    process.once('exit', (code) => {
      // A run that ends badly without a failed test (a broken set-up, an interrupt) is no success either.
      const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed;
      process.stdout.write(`\n${this.#passed} passed, ${failed} failed, ${this.#skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#passed = 0;
    this.#failed = unhandled.length;
    this.#skipped = 0;
    const skippedTests: string[] = [];
    for (const module of modules) {
      this.#failed += module.errors().length;
      for (const suite of module.children.allSuites()) this.#failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') this.#passed++;
        else if (state === 'skipped') {
          this.#skipped++;
          skippedTests.push(`${module.relativeModuleId}: ${test.fullName}`);
        } else this.#failed++;
      }
    }
    this.#tell('Components of the test bed that were not there', this.#missing());
    this.#tell('Tests that were skipped', skippedTests);
  }

  #missing(): readonly string[] {
    const context = this.#vitest?.getRootProject().getProvidedContext();
    const byReason = Object.groupBy(Object.entries(context?.bed?.skipped ?? {}), ([, reason]) => reason);
    return Object.entries(byReason).map(([reason, those = []]) => `${those.map(([name]) => name).join(', ')}: ${reason}`);
  }

  #tell(title: string, lines: readonly string[]): void {
    if (lines.length > 0) process.stdout.write(`\n${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
  }
}
