/**
 * `rotations/<id>.json` in the state folder: how far each rotation is and when its former value ends. Ids, names,
 * versions and times, never a value. What is true is found in the stores; this says what was meant.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../core/fault.ts';
import { isPlainText } from '../core/printable.ts';
import { dropFile, errorCode, makeFolders, readOwnFile, replaceFile } from '../platform/atomic-file.ts';
import type { Step } from './staged.ts';

export interface RotationRecord {
  /** Id of the rotation. */
  readonly id: string;
  /** What is rotated, as this machine names it: equal for two references that mean the same document. */
  readonly document: string;
  readonly label: string;
  readonly reference: string;
  /** Absolute path of the manifest; undefined for a bare reference. */
  readonly manifest?: string;
  readonly profile?: string;
  readonly using: string;
  /** The last step that was reached. */
  readonly step: Step;
  /** RFC 3339, as the other times. */
  readonly since: string;
  readonly at: string;
  /** What the backend calls the pending value, where that is not the id. */
  readonly pending?: string;
  /** The version that was current before, and the one that is since. */
  readonly from?: string;
  readonly version?: string;
  /** When the former value ends. */
  readonly retireAt?: string;
}

const VERSION = 1;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MOST_BYTES = 16 * 1024;
/** Records of what is over are kept so long, in milliseconds. */
const KEPT_MS = 30 * 86_400_000;
const OVER: ReadonlySet<Step> = new Set(['retired', 'aborted']);

export const rotationsFolder = (stateFolder: string): string => path.join(stateFolder, 'rotations');

export class Journal {
  readonly #folder: string | undefined;

  /** @param folder undefined where there is no place for one: nothing is kept then */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  get folder(): string | undefined {
    return this.#folder;
  }

  /** Makes the folder. @throws Fault with code IO */
  prepare(): void {
    try {
      if (this.#folder !== undefined) makeFolders(this.#folder);
    } catch (error) {
      throw cannotWrite(error);
    }
  }

  /** On the disk when this returns. @throws Fault with code IO */
  async write(record: RotationRecord): Promise<void> {
    if (this.#folder === undefined) return;
    try {
      await replaceFile(this.#file(record.id), `${JSON.stringify({ journal: VERSION, ...record })}\n`, 0o600);
    } catch (error) {
      throw cannotWrite(error);
    }
  }

  /** All that can be read, oldest first, after removing those that are long over. Never throws. */
  async all(now: Date = new Date()): Promise<readonly RotationRecord[]> {
    const records: RotationRecord[] = [];
    for (const name of this.#names()) {
      const record = await this.#read(name.slice(0, -5));
      if (record === undefined) continue;
      if (OVER.has(record.step) && now.getTime() - Date.parse(record.at) > KEPT_MS) dropFile(this.#file(record.id));
      else records.push(record);
    }
    return records.sort((one, other) => one.since.localeCompare(other.since));
  }

  /** The rotation of a document that has not come to an end. Never throws. */
  async unfinished(document: string): Promise<RotationRecord | undefined> {
    return (await this.all()).findLast((record) => record.document === document && !OVER.has(record.step) && record.step !== 'promoted');
  }

  #file(id: string): string {
    return path.join(this.#folder ?? '', `${id}.json`);
  }

  #names(): readonly string[] {
    try {
      return this.#folder === undefined ? [] : readdirSync(this.#folder).filter((name) => name.endsWith('.json'));
    } catch {
      return [];
    }
  }

  async #read(id: string): Promise<RotationRecord | undefined> {
    if (!ID.test(id)) return undefined;
    const read = await readOwnFile(this.#file(id), MOST_BYTES);
    if (read.state !== 'read') return undefined;
    try {
      return asRecord(JSON.parse(read.bytes.toString('utf8')));
    } catch {
      return undefined;
    }
  }
}

const cannotWrite = (error: unknown): Fault =>
  new Fault('unavailable', {
    code: 'IO',
    retryable: false,
    message: `the journal of rotations cannot be written (${errorCode(error)})`,
    hint: 'SECRETS_STATE_DIR names another folder for it',
  });

const STEPS: readonly string[] = ['planned', 'created', 'applied', 'verified', 'promoted', 'retired', 'aborted'] satisfies readonly Step[];

/** Checks the shape, and that what is printed is fit for that. */
function asRecord(value: unknown): RotationRecord | undefined {
  const { journal, ...fields } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (journal !== VERSION || !Object.values(fields).every(isPlainText)) return undefined;
  const { id, document, label, reference, using, step, since, at } = fields as Partial<Record<string, string>>;
  if ([id, document, label, reference, using, since, at].includes(undefined) || !STEPS.includes(step ?? '')) return undefined;
  return fields as unknown as RotationRecord;
}
