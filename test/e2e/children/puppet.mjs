// Writes what it is told to: each line on standard input is a descriptor and bytes in base64, one write each.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

for await (const line of createInterface({ input: process.stdin })) {
  const [fd, bytes] = line.split(' ');
  writeSync(Number(fd), Buffer.from(bytes, 'base64'));
}
