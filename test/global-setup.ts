/**
 * Starts the test bed once for the whole run and ends it afterwards, also after Ctrl-C.
 *
 * SECRETS_BED says what is wanted: nothing set, whatever can be had on this machine; `require`, everything, and less is
 * a failure; `off`, no servers; or a list of components such as `openbao,moto`.
 */
import type { TestProject } from 'vitest/node';
import { startBed } from './bed/bed.ts';
import type { Bed } from './bed/bed.ts';
import { COMPONENT_NAMES } from './bed/components.ts';
import type { BedReport, ComponentName } from './bed/facts.ts';

declare module 'vitest' {
  interface ProvidedContext {
    bed: BedReport;
  }
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const wanted = process.env['SECRETS_BED'] ?? '';
  const components = componentsFor(wanted);
  const interrupt = new AbortController();
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      interrupt.abort(new Error(`interrupted by ${signal}`));
      // Which also ends the bed.
      process.exit(128 + number);
    });
  }
  const say = (line: string): void => console.error(`test bed: ${line}`);
  const bed = components.length === 0 ? undefined : await startBed({ components, signal: interrupt.signal, say });
  if (bed !== undefined) process.env['BED_JSON'] = bed.file;
  const report = reportOf(bed, wanted, components);
  project.provide('bed', report);
  const missing = Object.entries(report.skipped);
  if (wanted === 'require' && missing.length > 0) {
    await bed?.stop();
    throw new Error(`SECRETS_BED=require, but there is no ${missing.map(([name, reason]) => `${name} (${reason})`).join(', no ')}`);
  }
  return async () => {
    await bed?.stop();
    delete process.env['BED_JSON'];
  };
}

function componentsFor(wanted: string): readonly ComponentName[] {
  if (wanted === '' || wanted === 'require') return COMPONENT_NAMES;
  if (wanted === 'off') return [];
  return wanted.split(',').map((name) => {
    const known = COMPONENT_NAMES.find((one) => one === name);
    if (known === undefined) throw new Error(`SECRETS_BED: unknown component ${name}; there are ${COMPONENT_NAMES.join(', ')}`);
    return known;
  });
}

function reportOf(bed: Bed | undefined, wanted: string, components: readonly ComponentName[]): BedReport {
  const unasked = COMPONENT_NAMES.filter((name) => !components.includes(name) && bed?.components[name] === undefined);
  const skipped = { ...Object.fromEntries(unasked.map((name) => [name, `SECRETS_BED=${wanted}`])), ...bed?.skipped };
  return { components: bed?.components ?? {}, skipped };
}
