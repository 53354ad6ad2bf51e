/**
 * A bed: servers started for one run of tests, in a folder of their own.
 *
 * Every process is recorded before anything waits for it, so that `stop`, the end of our own process or the next start
 * can always find it again.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPONENTS } from './components.ts';
import { makeContext } from './context.ts';
import type { BedFacts, BedReport, ComponentName } from './facts.ts';
import { bedHome, install } from './install.ts';
import { releasePorts, sweepPorts } from './ports.ts';
import { isAlive, killGroups, stopGroups, thisProcess } from './processes.ts';
import type { ProcessId, ServerProcess } from './processes.ts';

export interface BedRecord {
  readonly dir: string;
  /** The process whose end ends the bed; undefined for one that was left running on purpose. */
  owner: ProcessId | undefined;
  readonly processes: ServerProcess[];
  readonly ports: number[];
  components: Partial<BedFacts>;
  skipped: Partial<Record<ComponentName, string>>;
}

export interface Bed extends BedReport {
  /** File with the record of this bed: `components` and `skipped` among others. */
  readonly file: string;
  /** Ends the servers and removes the folder. */
  stop(): Promise<void>;
  /** Leaves the servers running when this process ends, which would end them otherwise. */
  release(): void;
}

export interface BedOptions {
  readonly components: readonly ComponentName[];
  readonly signal?: AbortSignal;
  /** One line of progress. */
  readonly say?: (line: string) => void;
}

const recordFile = (dir: string): string => join(dir, 'bed.json');

function save(record: BedRecord): void {
  const file = recordFile(record.dir);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function readRecord(file: string): BedRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as BedRecord;
  } catch {
    return undefined;
  }
}

/** Folder with one file for each bed, which holds the bed's folder. */
const beds = (): string => join(bedHome(), 'beds');
const bedName = (dir: string): string => dir.split('/').at(-1) ?? dir;

function forget(record: BedRecord): void {
  // The record in the folder must name it: a folder that no bed made is never removed.
  if (readRecord(recordFile(record.dir))?.dir === record.dir) rmSync(record.dir, { recursive: true, force: true, maxRetries: 5 });
  releasePorts(record.ports);
  rmSync(join(beds(), bedName(record.dir)), { force: true });
}

export async function stopRecord(record: BedRecord): Promise<void> {
  const stuck = await stopGroups(record.processes);
  forget(record);
  if (stuck.length > 0) throw new Error(`could not end ${stuck.map((one) => `${one.component} (pid ${one.pid})`).join(', ')}`);
}

/** Every bed of this user that is still on record. */
export function allRecords(): readonly BedRecord[] {
  mkdirSync(beds(), { recursive: true });
  return readdirSync(beds()).flatMap((name) => {
    const record = readRecord(recordFile(readFileSync(join(beds(), name), 'utf8')));
    if (record === undefined) rmSync(join(beds(), name), { force: true });
    return record ?? [];
  });
}

async function sweep(): Promise<void> {
  for (const record of allRecords()) if (record.owner !== undefined && !isAlive(record.owner)) await stopRecord(record);
  sweepPorts();
}

/** Installs what is missing, starts the components and gives their facts. What can't be had is in `skipped`, with the reason. */
export async function startBed(options: BedOptions): Promise<Bed> {
  const signal = options.signal ?? new AbortController().signal;
  await sweep();
  const names = withNeeds(options.components);
  const installed = await install(names, signal, options.say ?? (() => {}));

  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'secrets-bed-'));
  const record: BedRecord = {
    dir,
    owner: thisProcess(),
    processes: [],
    ports: [],
    components: {},
    skipped: Object.fromEntries(installed.skipped),
  };
  // However this process ends, except by SIGKILL, nothing stays; after that one, the next start sweeps up.
  const atExit = (): void => {
    killGroups(record.processes);
    forget(record);
  };
  process.on('exit', atExit);
  chmodSync(dir, 0o711);
  mkdirSync(join(dir, 'logs'), { mode: 0o700 });
  save(record);
  writeFileSync(join(beds(), bedName(dir)), dir);

  const starting = new Map<ComponentName, Promise<unknown>>();
  const begin = async (name: ComponentName, installDir: string): Promise<void> => {
    // Every component is in `starting` before the first one looks for another there.
    await Promise.resolve();
    const context = makeContext({
      name,
      dir,
      installed: installDir,
      signal,
      ports: record.ports,
      added: (server) => {
        record.processes.push(server);
        save(record);
      },
      peer: async (other) => {
        await starting.get(other);
        return record.components[other];
      },
    });
    try {
      const facts = await COMPONENTS[name].start(context);
      record.components = { ...record.components, [name]: facts };
    } catch (error) {
      signal.throwIfAborted();
      record.skipped[name] = `did not start: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  for (const [name, installDir] of installed.dirs) starting.set(name, begin(name, installDir));
  const results = await Promise.allSettled(starting.values());
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await stopRecord(record);
    process.off('exit', atExit);
    throw failure.reason;
  }
  save(record);
  return {
    file: recordFile(dir),
    components: record.components,
    skipped: record.skipped,
    stop: async () => {
      await stopRecord(record);
      process.off('exit', atExit);
    },
    release: () => {
      process.off('exit', atExit);
      record.owner = undefined;
      save(record);
    },
  };
}

function withNeeds(names: readonly ComponentName[]): readonly ComponentName[] {
  return [...new Set(names.flatMap((name) => [...(COMPONENTS[name].needs ?? []), name]))];
}
