import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './summary-reporter.ts';

const root = join(import.meta.dirname, '..');

// The projects stand for themselves (no `extends`), so that the global setup of the root runs once for all of them.
export default defineConfig({
  root,
  test: {
    globalSetup: [join(import.meta.dirname, 'global-setup.ts')],
    reporters: ['default', new SummaryReporter()],
    // Most tests wait for a process or a server, so all cores are theirs.
    maxWorkers: '100%',
    // Ending the test bed's servers.
    teardownTimeout: 20_000,
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
