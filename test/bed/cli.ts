/**
 * The test bed by hand:
 *
 *   node test/bed/cli.ts install [COMPONENT…]              installs, and says what can't be
 *   node test/bed/cli.ts up --out FILE [COMPONENT…]        starts servers, writes their facts as JSON, leaves them running
 *   node test/bed/cli.ts down FILE | --all                 ends them
 */
import { copyFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { allRecords, readRecord, startBed, stopRecord } from './bed.ts';
import { COMPONENT_NAMES } from './components.ts';
import type { ComponentName } from './facts.ts';
import { install } from './install.ts';

const say = (line: string): void => console.error(`bed: ${line}`);

function usage(problem: string): never {
  say(`${problem}; usage: install [COMPONENT…] | up --out FILE [COMPONENT…] | down FILE|--all; components: ${COMPONENT_NAMES.join(' ')}`);
  process.exit(64);
}

function componentsOf(names: readonly string[]): readonly ComponentName[] {
  if (names.length === 0) return COMPONENT_NAMES;
  return names.map((name) => COMPONENT_NAMES.find((known) => known === name) ?? usage(`unknown component ${name}`));
}

function tellSkipped(skipped: Iterable<readonly [string, string]>): void {
  for (const [name, reason] of skipped) {
    say(`${name}: ${reason}`);
    process.exitCode = 1;
  }
}

const { values, positionals } = parseArgs({ options: { out: { type: 'string' }, all: { type: 'boolean' } }, allowPositionals: true });
const [verb, ...rest] = positionals;
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)));

try {
  if (verb === 'install') {
    tellSkipped((await install(componentsOf(rest), interrupt.signal, say)).skipped);
  } else if (verb === 'up' && values.out !== undefined) {
    const bed = await startBed({ components: componentsOf(rest), signal: interrupt.signal, say });
    bed.release();
    copyFileSync(bed.file, values.out);
    tellSkipped(Object.entries(bed.skipped));
  } else if (verb === 'down' && (values.all === true || rest[0] !== undefined)) {
    const record = rest[0] === undefined ? undefined : readRecord(rest[0]);
    if (rest[0] !== undefined && record === undefined) usage(`${rest[0]} is no bed's file`);
    for (const one of record === undefined ? allRecords() : [record]) await stopRecord(one);
  } else usage('nothing to do');
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
