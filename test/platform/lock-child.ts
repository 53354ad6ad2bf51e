/**
 * A process for the tests of the lock: `count FILE COUNTER TIMES` adds to a counter that way often, holding the lock
 * for each addition; `hold FILE` takes the lock, prints a line, and keeps it until it is killed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { acquireLock, withLock } from '../../src/platform/lock.ts';

const [what, file = '', counter = '', times = '0'] = process.argv.slice(2);
const options = { what: 'the counter', waitMs: 30_000 };
if (what === 'hold') {
  await acquireLock(file, options);
  console.log('held');
  setInterval(() => undefined, 1_000);
} else {
  for (let round = 0; round < Number(times); round++) {
    await withLock(file, options, async () => {
      const before = Number(readFileSync(counter, 'utf8'));
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(counter, String(before + 1));
    });
  }
}
