/**
 * `as: file` and `as: fd`: the child's variable holds a path, and behind it are the value's exact bytes, in memory.
 *
 * A file lies in a private folder, which is removed when the run ends; the next run removes what a killed one left. A
 * descriptor is an open file that has no name any more, so nothing can be left.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, fchmodSync, mkdirSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { SecretsError, type Issue } from '../core/errors.ts';
import type { SecretSpec } from '../core/model.ts';
import type { SecretValue } from '../core/secret-value.ts';
import { errorCode, TEMP_SUFFIX } from '../platform/atomic-file.ts';
import type { StdioEntry } from '../platform/descriptors.ts';
import { memoryPlace, memoryRoots, ownedName } from '../platform/memory-files.ts';

export type FileDelivery = 'file' | 'fd';

/** A secret that the child gets behind a path. */
export interface FileSecret {
  readonly name: string;
  readonly as: FileDelivery;
  /** What the child's variable holds. */
  readonly path: string;
  readonly value: SecretValue;
}

export const isFileDelivery = (as: SecretSpec['as']): as is FileDelivery => as === 'file' || as === 'fd';

export interface System {
  readonly platform: NodeJS.Platform;
  /** Folders that may be in memory. */
  readonly roots: readonly string[];
}

const thisSystem = (): System => ({ platform: process.platform, roots: memoryRoots() });

/** Why this system can't hand a secret over so; undefined where it can. Looks only. */
export function deliveryProblem(as: FileDelivery, system: System = thisSystem()): Pick<Issue, 'code' | 'message' | 'hint'> | undefined {
  const refused = (message: string, hint: string): Pick<Issue, 'code' | 'message' | 'hint'> => ({
    code: 'CAPABILITY_UNSUPPORTED',
    message: `as: ${as} is refused here: ${message}`,
    hint,
  });
  switch (system.platform) {
    case 'win32':
      return as === 'fd'
        ? refused('Windows hands no descriptors over by number', 'use as: env')
        : refused('Windows has no folder that is in memory, and a value is never written to a disk', 'use as: env');
    case 'darwin':
      return as === 'fd'
        ? undefined
        : refused('macOS has no folder that is in memory, and a value is never written to a disk', 'use as: fd or as: env');
    default:
      return memoryPlace(system.roots) === undefined
        ? refused('neither /dev/shm nor XDG_RUNTIME_DIR is in memory and open to this user', 'mount a tmpfs at /dev/shm, or use as: env')
        : undefined;
  }
}

/** Descriptors of secrets begin here: shells and their scripts use those below. */
const FIRST_DESCRIPTOR = 20;

export class Handover {
  readonly #system: System;
  readonly #reserved: ReadonlySet<number>;
  readonly #numbers = new Map<string, number>();
  readonly #descriptors = new Map<number, StdioEntry>();
  /** Where the system has no file without a name: what is written when the child is there. */
  readonly #pending = new Map<number, SecretValue>();
  #folder: string | undefined;
  #made = false;

  /** @param reserved numbers that the child's other descriptors have */
  constructor(reserved: Iterable<number>, system: System = thisSystem()) {
    this.#reserved = new Set(reserved);
    this.#system = system;
  }

  /** What the variable of a secret will hold. Nothing is made yet. */
  readonly pathOf = ({ name, as }: Pick<SecretSpec, 'name' | 'as'>): string =>
    as === 'fd' ? `/dev/fd/${this.#numberOf(name)}` : path.join(this.#place(), name);

  /** The folder with the files, while there is one. */
  get folder(): string | undefined {
    return this.#made ? this.#folder : undefined;
  }

  /** For spawn: what the child gets under which number. */
  get descriptors(): ReadonlyMap<number, StdioEntry> {
    return this.#descriptors;
  }

  /**
   * Makes files and descriptors, and removes them when this process exits.
   * @throws SecretsError IO with nothing left behind
   */
  make(secrets: readonly FileSecret[]): void {
    const named = secrets.filter(({ as }) => as === 'file');
    const open = secrets.filter(({ as }) => as === 'fd');
    if (this.#system.platform === 'darwin') {
      for (const { name, value } of open) {
        this.#descriptors.set(this.#numberOf(name), 'pipe');
        this.#pending.set(this.#numberOf(name), value);
      }
      return;
    }
    if (secrets.length === 0) return;
    const folder = this.#place();
    let current: string | undefined;
    process.once('exit', this.remove);
    try {
      mkdirSync(folder, { mode: 0o700 });
      this.#made = true;
      for (const { name, value } of open) {
        current = name;
        this.#descriptors.set(this.#numberOf(name), openNameless(path.join(folder, name), value.reveal()));
      }
      for (const { name, path: file, value } of named) {
        current = name;
        writeNew(file, value.reveal());
      }
    } catch (error) {
      this.#closeOurs();
      this.remove();
      throw new SecretsError({
        code: 'IO',
        message: `its file in memory cannot be made in ${path.dirname(folder)} (${errorCode(error)})`,
        hint: 'make room there (docker run --shm-size 256m), or use as: env',
        ...(current === undefined ? {} : { name: current }),
      });
    }
    if (named.length === 0) this.remove();
  }

  /**
   * Puts new values in place of those in the files, each in one step, so that a reader gets the old one or the new.
   * @throws Node's errors; the file that failed is as it was
   */
  update(secrets: readonly FileSecret[]): void {
    for (const { as, path: file, value } of secrets) {
      if (as !== 'file' || !this.#made) continue;
      const temp = `${file}${TEMP_SUFFIX}`;
      rmSync(temp, { force: true });
      writeNew(temp, value.reveal());
      renameSync(temp, file);
    }
  }

  /** The child has its own descriptors now. */
  started(child: ChildProcess): void {
    this.#closeOurs();
    for (const [number, value] of this.#pending) {
      const stream = child.stdio[number] as Writable | null | undefined;
      // A child that does not read it all is free to do so.
      stream?.on('error', () => undefined);
      stream?.end(value.reveal());
    }
    this.#pending.clear();
  }

  /** Removes the files. Never throws. */
  readonly remove = (): void => {
    process.removeListener('exit', this.remove);
    if (!this.#made || this.#folder === undefined) return;
    this.#made = false;
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // the next run tries again
    }
  };

  #closeOurs(): void {
    for (const fd of this.#descriptors.values()) if (typeof fd === 'number') closeSync(fd);
    this.#descriptors.clear();
  }

  #place(): string {
    this.#folder ??= path.join(memoryPlace(this.#system.roots) ?? '/dev/shm', ownedName());
    return this.#folder;
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    let number = FIRST_DESCRIPTOR;
    while (this.#reserved.has(number) || [...this.#numbers.values()].includes(number)) number++;
    this.#numbers.set(name, number);
    return number;
  }
}

/** A file that is gone before anything is in it: readable from its start, by its descriptor only. */
function openNameless(file: string, bytes: Uint8Array): number {
  const writer = openSync(file, 'wx', 0o600);
  let reader: number | undefined;
  try {
    fchmodSync(writer, 0o600);
    reader = openSync(file, 'r');
    unlinkSync(file);
    writeAll(writer, bytes);
    return reader;
  } catch (error) {
    if (reader !== undefined) closeSync(reader);
    throw error;
  } finally {
    closeSync(writer);
  }
}

function writeNew(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    fchmodSync(fd, 0o600);
    writeAll(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
