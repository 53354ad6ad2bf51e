/**
 * Measures speed and memory of the built program, prints them as a table, and keeps that in RESULTS.md beside this file.
 * A miss fails nothing: it is there to be read. With names of parts as arguments only those are measured, and nothing is
 * kept.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { audit } from './audit.ts';
import { listing } from './listing.ts';
import { masking } from './masking.ts';
import type { Row } from './measure.ts';
import { Machine, startServers } from './project.ts';
import { roundTrips } from './round-trips.ts';
import { startUp } from './start-up.ts';

const PARTS = { 'start-up': startUp, 'round-trips': roundTrips, listing, audit, masking } as const;
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(64);
}

const machine = new Machine();
const servers = await startServers();
const rows: Row[] = [];
try {
  await machine.makeIdentity();
  for (const [name, measure] of Object.entries(PARTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stderr.write(`bench: ${name}\n`);
    rows.push(...(await measure(machine, servers)));
  }
} finally {
  servers.close();
  machine.remove();
}

const verdict = ({ met }: Row): string => (met === undefined ? '' : met ? 'met' : 'missed');
const lines = [
  ['part', 'what', 'result', 'target', 'verdict'],
  ...rows.map((row) => [row.part, row.what, row.result, row.target, verdict(row)]),
];
const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
const table = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
table.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
process.stdout.write(`${table.join('\n')}\n`);

if (asked.length === 0) {
  const [cpu] = cpus();
  writeFileSync(
    join(import.meta.dirname, 'RESULTS.md'),
    `# Speed and memory

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpu?.model.trim() ?? 'unknown processor'}.

Times are medians, with the range of the middle half in parentheses. The cases of a part are run in turns, so that
whatever else the machine does meets all of them. CPU time is that of the whole program with all it waits for, compiled code being kept from
the first start on as it is for a user.

- **start-up**: as a multiple of \`node -e 0\` in the same run; output goes to the null device unless it says otherwise.
- **round trips**: managers are played by one other process that answers after 20 ms, which takes the round trip given
  in the first row. *Beyond start-up* is the wall time beyond that of one secret from a manager that answers at once.
  Where a Vault server has its engine is known from an earlier run, except in the row that says otherwise.
  Peak memory is that of the program when its child runs, with masking prepared for a pipe.
- **listing**: the same managers, asked for metadata of secrets with one version each. Requests are those of one list.
- **audit**: against the same run with \`SECRETS_AUDIT=off\`, into a new log and into one of 16 parts of 64 MB.
- **masking**: throughput is that of the masker in the process, in 10⁶ bytes. *Pass-through* is a Node program that
  copies its input to its output, between the same writer and the same reader.

${table.join('\n')}
`,
  );
}
