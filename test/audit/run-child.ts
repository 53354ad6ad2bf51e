/** A run that writes records until it has written so many or is killed: LOG, how many writes, records in each. */
import { randomUUID } from 'node:crypto';
import { keyFileOf, keyFor } from '../../src/audit/key.ts';
import { LogWriter, type Draft } from '../../src/audit/log-writer.ts';

const [file = '', writes = '0', each = '1'] = process.argv.slice(2);
const run = randomUUID();
const draft = (event: Draft['event']): Draft => ({
  v: 1,
  ts: new Date().toISOString(),
  run,
  actor: 'ana',
  host: 'box',
  event,
  reference: `vault://secret/${'x'.repeat(900)}`,
  result: 'ok',
});
const key = await keyFor({
  file: keyFileOf(file),
  custody: 'file',
  keychain: async () => {
    throw new Error('no keychain');
  },
});
const writer = new LogWriter({ file, key, recovered: () => draft('recovered'), partBytes: 4_000_000 });
process.stdout.write('begins\n');
for (let count = 0; count < Number(writes); count++) {
  await writer.append(
    Array.from({ length: Number(each) }, () => draft('use')),
    false,
  );
}
