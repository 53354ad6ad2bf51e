/** The emulators that the test bed runs, if one was started. */
import { readFileSync } from 'node:fs';

import type { AwsFacts, BedReport } from '../../bed/facts.ts';

const file = process.env['BED_JSON'];
const report = file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as BedReport);

type Emulator = 'moto' | 'ministack' | 'microburst';

const factsOf = (name: Emulator): AwsFacts | undefined => report?.components[name];

/** The facts of an emulator; only inside a suite that is not skipped. */
export function emulator(name: Emulator): AwsFacts {
  const facts = factsOf(name);
  if (facts === undefined) throw new Error(`${name} does not run${whySkipped(name)}`);
  return facts;
}

export const isMissing = (name: Emulator): boolean => factsOf(name) === undefined;

/** What a suite's title says of its emulator where that does not run. */
export const whySkipped = (name: Emulator): string =>
  isMissing(name) ? ` (skipped: ${report?.skipped?.[name] ?? 'BED_JSON names no test bed with it'})` : '';
