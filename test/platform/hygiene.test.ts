import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('A17 no report is written by a failure, whatever the options of the runtime say', () => {
  const file = join(import.meta.dirname, '..', '..', 'src', 'platform', 'hygiene.ts');
  const script = `
    require(process.argv[1]).refuseInspection();
    const { excludeEnv, reportOnFatalError, reportOnSignal, reportOnUncaughtException } = process.report;
    console.log(JSON.stringify([excludeEnv, reportOnFatalError, reportOnSignal, reportOnUncaughtException]));`;
  const options = '--report-on-fatalerror --report-on-signal --report-uncaught-exception';
  const env = { ...process.env, NODE_OPTIONS: options };
  expect(execFileSync(process.execPath, ['-e', script, file], { env, encoding: 'utf8' })).toBe('[true,false,false,false]\n');
});
