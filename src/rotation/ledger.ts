/** What is kept of a rotation's steps: the journal on this machine, the audit log, and a word to the person who waits. */
import { randomUUID } from 'node:crypto';
import type { Audit, AuditEntry, AuditEventName } from '../audit/event.ts';
import { Fault } from '../core/fault.ts';
import type { Job } from './job.ts';
import type { Journal, RotationRecord } from './journal.ts';
import type { Step } from './staged.ts';

export interface LedgerOptions {
  readonly audit: Audit;
  readonly journal: Journal;
  readonly now: () => Date;
  /** Called when a step is reached, for the person who waits. */
  readonly progress: (job: Job, step: Step) => void;
  /** Called when the journal could not be written in the middle of a rotation. */
  readonly journalLost: () => void;
}

export class Ledger {
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** A record of a rotation that begins. */
  open(job: Job, document: string): RotationRecord {
    const { label, reference, using, manifest } = job;
    const at = this.#time();
    return {
      id: randomUUID(),
      document,
      label,
      reference: reference.placed.reference.text,
      using,
      step: 'planned',
      since: at,
      at,
      ...textOf('manifest', job.name === undefined ? undefined : manifest.path),
      ...textOf('profile', manifest.profile),
    };
  }

  /** @throws Fault with code IO where a plan can't be noted, SecretsError where the audit log must be written and can't */
  async reached(job: Job, record: RotationRecord, step: Step, version: string | undefined = record.version ?? record.from): Promise<void> {
    await this.#note({ ...record, step, at: this.#time() });
    await this.audit(job, `rotate.${step}`, version);
    this.#options.progress(job, step);
  }

  /** The end of a rotation that came to nothing. */
  async dropped(record: RotationRecord): Promise<void> {
    await this.#note({ ...record, step: 'aborted', at: this.#time() });
  }

  async audit(
    job: Job,
    event: AuditEventName,
    version?: string,
    more: Pick<AuditEntry, 'result' | 'code'> = { result: 'ok' },
  ): Promise<void> {
    const reference = job.reference.placed.reference.text;
    await this.#options.audit.record([{ event, reference, ...textOf('name', job.name), ...textOf('version', version), ...more }]);
  }

  /** Runs a step and records its failure. */
  async failing<T>(job: Job, event: () => AuditEventName, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const result = error.kind === 'denied' || error.kind === 'unauthenticated' ? 'denied' : 'failed';
      await this.audit(job, event(), undefined, { result, code: error.code });
      throw error;
    }
  }

  /** Before anything has changed a journal that can't be written is a failure; afterwards the store knows enough. */
  async #note(record: RotationRecord): Promise<void> {
    try {
      await this.#options.journal.write(record);
    } catch (error) {
      if (record.step === 'planned') throw error;
      this.#options.journalLost();
    }
  }

  #time(): string {
    return this.#options.now().toISOString();
  }
}

/** A property that is left out where there is nothing to say. */
export const textOf = <K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: string };
