/** What a run leaves on the system while it lives: its record, and files in memory. Gone at every way out. */
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { errorCode } from '../platform/atomic-file.ts';
import { sweepMemory } from '../platform/memory-files.ts';
import type { Handover } from './handover.ts';
import type { Command } from './launch.ts';
import { recordedSecrets, removedCredentials } from './nested.ts';
import type { Prepared, Run } from './prepare.ts';
import { KeptRecord, runsFolder, sweepRecords } from './records.ts';

export interface FootprintOptions {
  readonly run: Run;
  readonly prepared: Prepared;
  readonly command: Command;
  readonly handover: Handover | undefined;
  /** Undefined where there is none: then there is no record. */
  readonly stateFolder: string | undefined;
}

export class Footprint {
  /** Why no record is kept, if that is so: a code of the system's. */
  readonly unrecorded: string | undefined;
  readonly #record: KeptRecord | undefined;
  readonly #handover: Handover | undefined;
  readonly #folder: string | undefined;
  #left = false;

  /** Makes the files and writes the record. @throws SecretsError IO when the files can't be made */
  constructor({ run, prepared, command, handover, stateFolder }: FootprintOptions) {
    const { composed, plan } = prepared;
    this.#handover = handover;
    this.#folder = stateFolder === undefined ? undefined : runsFolder(stateFolder);
    handover?.make(composed.files);
    if (this.#folder === undefined) return;
    const { profile, path: manifest } = plan.manifest;
    const files = handover?.folder;
    try {
      this.#record = new KeptRecord(this.#folder, {
        id: run.id,
        since: new Date().toISOString(),
        command: path.basename(command.file),
        secrets: recordedSecrets(prepared, run.key, run.sessions),
        removed: removedCredentials(composed, run.reported, run.surroundings.env),
        ...(profile === undefined ? {} : { profile }),
        ...(manifest === undefined ? {} : { manifest }),
        ...(files === undefined ? {} : { files }),
      });
    } catch (error) {
      this.unrecorded = errorCode(error);
    }
  }

  /** The child is there. While it starts, what killed runs left is removed. */
  started(child: ChildProcess): void {
    this.#handover?.started(child);
    if (child.pid !== undefined) this.#record?.started(child.pid);
    sweepMemory();
    if (this.#folder !== undefined) sweepRecords(this.#folder);
  }

  /**
   * The files of these secrets hold their new values from now on, each all at once.
   * @throws Node's errors where one can't be written; the file is as it was then
   */
  update(prepared: Prepared, run: Run): void {
    this.#handover?.update(prepared.composed.files);
    this.#record?.updated(recordedSecrets(prepared, run.key, run.sessions).filter((one) => one.as === 'file'));
  }

  /** The next program of the same run keeps the record from now on. */
  leaveRecord(): void {
    this.#record?.leave();
    this.#left = true;
  }

  /** Never throws. */
  remove(): void {
    this.#handover?.remove();
    if (!this.#left) this.#record?.remove();
  }
}
