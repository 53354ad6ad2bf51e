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

  /** Makes the files and writes the record. @throws SecretsError IO when the files can't be made */
  constructor({ run, prepared, command, handover, stateFolder }: FootprintOptions) {
    const { composed, plan } = prepared;
    this.#handover = handover;
    this.#folder = stateFolder === undefined ? undefined : runsFolder(stateFolder);
    handover?.make(composed.files);
    if (this.#folder === undefined) return;
    const { profile } = plan.manifest;
    const files = handover?.folder;
    try {
      this.#record = new KeptRecord(this.#folder, {
        id: run.id,
        since: new Date().toISOString(),
        command: path.basename(command.file),
        secrets: recordedSecrets(prepared, run.key, run.sessions),
        removed: removedCredentials(composed, run.reported, run.surroundings.env),
        ...(profile === undefined ? {} : { profile }),
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

  /** Never throws. */
  remove(): void {
    this.#handover?.remove();
    this.#record?.remove();
  }
}
