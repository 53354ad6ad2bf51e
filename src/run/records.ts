/**
 * `runs/<id>.json` in the state folder: what each living run has given to its child, without values. Feeds `secrets ps`
 * and nested runs. Written once before the launch, in one small write, since every run waits for it.
 */
import { lstatSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Delivery } from '../core/model.ts';
import { isPlainText } from '../core/printable.ts';
import { errorCode, makeFolders, TEMP_SUFFIX } from '../platform/atomic-file.ts';
import { asHolder, holderState, processOf, thisProcess, type Holder, type HolderState } from '../platform/lock-holder.ts';

export interface RecordedSecret {
  readonly name: string;
  /** `absent`: its managers had nothing, so that it was left out or its default was taken. */
  readonly state: 'injected' | 'absent';
  readonly as: Delivery;
  readonly reference?: string;
  readonly version?: string;
  /** RFC 3339, as `expiresAt`. */
  readonly createdAt?: string;
  readonly expiresAt?: string;
  /** Ties name, document and value together by a key that only the child has. */
  readonly proof?: string;
}

/** A sign-in credential that the run did not pass on. */
export interface RemovedCredential {
  readonly name: string;
  /** Id of the adapter that signed in with it, where that is known. */
  readonly adapter?: string;
  /** Whether --pass-env would pass it on. */
  readonly passable: boolean;
}

export interface RunRecord {
  readonly id: string;
  /** The process that supervises. */
  readonly run: Holder;
  /** The child, once it is there. */
  readonly program?: Holder;
  /** RFC 3339. */
  readonly since: string;
  readonly profile?: string;
  /** Absolute path of the manifest. */
  readonly manifest?: string;
  /** The command's name without its folder and its arguments. */
  readonly command: string;
  readonly secrets: readonly RecordedSecret[];
  readonly removed: readonly RemovedCredential[];
  /** Folder with the files of `as: file`, in memory. */
  readonly files?: string;
}

const VERSION = 1;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A record that can't be read may still be on its way; after so many milliseconds it is left over. */
const UNFINISHED_MS = 60_000;

export const runsFolder = (stateFolder: string): string => path.join(stateFolder, 'runs');
const fileOf = (folder: string, id: string): string => path.join(folder, `${id}.json`);

/** The record of this process's run, while it is kept. */
export class KeptRecord {
  readonly #folder: string;
  #record: RunRecord;

  /** @throws Node's errors where nothing can be written */
  constructor(folder: string, content: Omit<RunRecord, 'run' | 'program'>) {
    this.#folder = folder;
    this.#record = { ...content, run: thisProcess() };
    try {
      this.#write(fileOf(folder, content.id));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      makeFolders(folder);
      this.#write(fileOf(folder, content.id));
    }
    process.once('exit', this.remove);
  }

  /** Adds who the child is. Never throws. */
  started(pid: number): void {
    this.#record = { ...this.#record, program: processOf(pid) };
    this.#replace();
  }

  #replace(): void {
    const file = fileOf(this.#folder, this.#record.id);
    try {
      this.#write(`${file}${TEMP_SUFFIX}`);
      renameSync(`${file}${TEMP_SUFFIX}`, file);
    } catch {
      // the record as it was is good enough
    }
  }

  /** The child got these in place of what it had under their names. Never throws. */
  updated(secrets: readonly RecordedSecret[]): void {
    const fresh = new Map(secrets.map((one) => [one.name, one]));
    this.#record = { ...this.#record, secrets: this.#record.secrets.map((one) => fresh.get(one.name) ?? one) };
    this.#replace();
  }

  /** Leaves the file to the record that the same run has made for its next child. */
  readonly leave = (): void => {
    process.removeListener('exit', this.remove);
  };

  /** Never throws. */
  readonly remove = (): void => {
    process.removeListener('exit', this.remove);
    removeFile(fileOf(this.#folder, this.#record.id));
  };

  #write(file: string): void {
    writeFileSync(file, `${JSON.stringify({ version: VERSION, ...this.#record })}\n`, { mode: 0o600 });
  }
}

/** A run's record if it is there, whole, and not of a dead run. Never throws. */
export function readLiveRecord(folder: string, id: string): RunRecord | undefined {
  const record = ID.test(id) ? readRecord(fileOf(folder, id)) : undefined;
  return record !== undefined && stateOf(record) !== 'dead' ? record : undefined;
}

/** A run lives as long as its supervisor or its child. */
export function stateOf({ run, program }: Pick<RunRecord, 'run' | 'program'>): HolderState {
  const states = [run, ...(program === undefined ? [] : [program])].map((holder) => holderState(holder));
  return states.includes('alive') ? 'alive' : states.includes('unknown') ? 'unknown' : 'dead';
}

/** The records of living runs, after removing those of dead ones. Never throws. */
export function sweepRecords(folder: string, now: number = Date.now()): readonly RunRecord[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const file = path.join(folder, name);
    const record = name.endsWith('.json') ? readRecord(file) : undefined;
    if (record !== undefined && stateOf(record) !== 'dead') return [record];
    if (record !== undefined || isOld(file, now)) removeFile(file);
    return [];
  });
}

function isOld(file: string, now: number): boolean {
  try {
    const stat = lstatSync(file);
    return stat.isFile() && now - stat.mtimeMs > UNFINISHED_MS;
  } catch {
    return false;
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // gone, or not to be written: another run tries again
  }
}

function readRecord(file: string): RunRecord | undefined {
  try {
    return asRecord(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Checks the shape, and that everything in it that is printed is fit for that. */
function asRecord(value: unknown): RunRecord | undefined {
  const record = value as Readonly<Record<string, unknown>> | null;
  if (typeof record !== 'object' || record === null || record['version'] !== VERSION) return undefined;
  const { id, since, profile, manifest, command, secrets, removed, files } = record;
  const [run, program] = [asHolder(record['run']), asHolder(record['program'])];
  if (run === undefined || typeof id !== 'string' || !ID.test(id) || !isPlainText(since) || !isPlainText(command)) return undefined;
  if (!isListOf(secrets, isSecret) || !isListOf(removed, isRemoved)) return undefined;
  return {
    id,
    run,
    since,
    command,
    secrets,
    removed,
    ...(program === undefined ? {} : { program }),
    ...(isPlainText(profile) ? { profile } : {}),
    ...(isPlainText(manifest) ? { manifest } : {}),
    ...(isPlainText(files) ? { files } : {}),
  };
}

const isTextOrNone = (value: unknown): boolean => value === undefined || isPlainText(value);

const isListOf = <T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] =>
  Array.isArray(value) && value.every((one) => isOne(one));

const isSecret = (value: unknown): value is RecordedSecret => {
  const { name, state, as, reference, version, createdAt, expiresAt, proof } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (
    isPlainText(name) &&
    (state === 'injected' || state === 'absent') &&
    isPlainText(as) &&
    [reference, version, createdAt, expiresAt, proof].every((one) => isTextOrNone(one))
  );
};

const isRemoved = (value: unknown): value is RemovedCredential => {
  const { name, adapter, passable } = (value ?? {}) as Partial<Record<string, unknown>>;
  return isPlainText(name) && isTextOrNone(adapter) && typeof passable === 'boolean';
};
