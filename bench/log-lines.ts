/** Log lines as a server writes them; as a program of its own it prints so many bytes of them, in large writes. */
import { writeSync } from 'node:fs';

const WORDS =
  'the quick request handled status=200 path=/api/v1/users duration=12ms level=info user=4711 cache=miss region=eu-west-1'.split(' ');

/** Whole lines, at least so many bytes. */
export function logLines(bytes: number): Buffer {
  let text = '';
  for (let line = 0; text.length < bytes; line++) {
    text += `2026-11-24T12:${String(line % 60).padStart(2, '0')}:00Z INFO`;
    for (let word = 0; word < 12; word++) text += ` ${WORDS[(line * 7 + word * 13 + ((line * word) % 5)) % WORDS.length]}`;
    text += ` ${((line * 2_654_435_761) >>> 0).toString(16)}\n`;
  }
  return Buffer.from(text);
}

if (import.meta.main) {
  const block = logLines(65_536);
  for (let left = Number(process.argv[2]); left > 0; left -= block.length) {
    for (let at = 0; at < block.length;) at += writeSync(1, block, at);
  }
}
