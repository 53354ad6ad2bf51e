/**
 * One rotation from beginning to end: the lock of this machine, the journal, the audit log, the hooks, and the way of
 * rotating around its steps.
 */
import type { AuditEventName } from '../audit/event.ts';
import type { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import { alone } from './alone.ts';
import { rotateByBackend } from './backend.ts';
import { rotateDirect } from './direct.ts';
import { groundOf, type Ground } from './ground.ts';
import { documentOf, type Job } from './job.ts';
import type { RotationRecord } from './journal.ts';
import { Ledger, textOf, type LedgerOptions } from './ledger.ts';
import { makeMaterial, materialOf } from './material.ts';
import { withOlderValue } from './older-value.ts';
import { putBack, rotateStaged, type Promoted, type Step } from './staged.ts';
import { runJobHook, withTarget, type WorkOptions } from './surroundings.ts';
import { faultOf, inProgress, onlyPendingWorks } from './words.ts';

export interface EngineOptions extends LedgerOptions, WorkOptions {
  /** Waits before another look at the target or the backend; false when it has waited long enough. */
  readonly patience: (tries: number, what: 'target' | 'backend') => Promise<boolean>;
}

/** `rotated`: by this call; `finished`: it was so already; `nothing`: there was nothing to do. */
export interface Result {
  readonly state: 'rotated' | 'finished' | 'nothing' | 'aborted' | 'retired';
  readonly rotation?: string | undefined;
  readonly version?: string | undefined;
  readonly from?: string | undefined;
  /** When the former value ends; undefined where it has ended or never does. */
  readonly retireAt?: Date | undefined;
  /** Whether the manager keeps the former version readable, since it can't be told to disable one. */
  readonly kept?: boolean | undefined;
  /** A failure after the value was rotated, which changes nothing about that. */
  readonly afterwards?: Fault | undefined;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #ledger: Ledger;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options);
  }

  /** Rotates; with `resume` goes on with what was begun, and does nothing where nothing was. @throws Fault */
  async rotate(job: Job, resume: boolean): Promise<Result> {
    return this.#alone(job, async (ground, document) => {
      const known = await this.#options.journal.unfinished(document);
      if (job.rotator === undefined) return this.#unstaged(job, ground, document, known, resume);
      return this.#staged(job, ground, document, known, resume);
    });
  }

  /**
   * Makes an older version current again: a new version with its value, which the target is given first where there is
   * one. @throws Fault
   */
  async rollBack(job: Job, version: string): Promise<Result> {
    const result = await this.#alone(job, async (ground, document) => {
      const old = async (): Promise<SecretValue> => ground.read(version);
      if (job.rotator !== undefined)
        return this.#staged({ ...job, rotator: withOlderValue(job.rotator, old) }, ground, document, undefined, false);
      const value = await old();
      const record = this.#ledger.open(job, document);
      const planned = (from: string | undefined): Promise<void> =>
        this.#ledger.reached(job, { ...record, ...textOf('from', from) }, 'planned');
      const { now } = this.#options;
      return this.#promoted(job, ground, record, await rotateDirect({ ground, next: () => value, now, field: job.unit.field, planned }));
    });
    await this.#ledger.audit(job, 'rollback', result.version);
    return result;
  }

  /** Takes a rotation back that has not ended: the current value works, the pending one is gone. @throws Fault */
  async abort(job: Job): Promise<Result> {
    return this.#alone(job, async (ground, document) => {
      const known = await this.#options.journal.unfinished(document);
      const found = job.rotator === undefined ? undefined : await ground.pending.find();
      if (found === undefined) {
        if (known === undefined) return { state: 'nothing' };
        return (await this.#settle(job, ground, known)) ?? { state: 'nothing', rotation: known.id };
      }
      if (found.rotation === undefined) throw inProgress(job.label, found);
      const rotation = found.rotation;
      await withTarget(this.#options, job, ground, rotation, async (target) => {
        const pending = await ground.pending.read(rotation);
        // The pending value must not go while it is the only one that opens the target.
        const works = await putBack({ ground, target, label: job.label }, rotation, pending);
        pending.wipe();
        if (works === 'pending') throw onlyPendingWorks(job.label);
      });
      await ground.pending.abandon(rotation);
      await this.#ledger.audit(job, 'rotate.aborted', found.base);
      if (known !== undefined) await this.#ledger.dropped(known);
      return { state: 'aborted', rotation };
    });
  }

  /** Ends the former value of a rotation that is over. @throws Fault */
  async retire(job: Job, record: RotationRecord): Promise<Result> {
    return this.#alone(job, async (ground) => {
      await this.#end(job, ground, record);
      return { state: 'retired', rotation: record.id, version: record.version, from: record.from };
    });
  }

  async #alone(job: Job, work: (ground: Ground, document: string) => Promise<Result>): Promise<Result> {
    const { journal, sessions, signal } = this.#options;
    await sessions.ready();
    const document = documentOf(job, sessions);
    const ground = groundOf(job.reference.configured, job.unit, sessions, () => this.#ledger.audit(job, 'use'));
    return alone(journal.folder, document, signal, () => work(ground, document));
  }

  async #unstaged(job: Job, ground: Ground, document: string, known: RotationRecord | undefined, resume: boolean): Promise<Result> {
    if (known !== undefined) {
      const settled = await this.#settle(job, ground, known);
      if (resume && settled !== undefined) return settled;
    }
    if (resume && known === undefined) return { state: 'nothing' };
    const record = (resume ? known : undefined) ?? this.#ledger.open(job, document);
    await runJobHook(this.#options, job, 'before', undefined);
    const { now } = this.#options;
    const patience = (tries: number): Promise<boolean> => this.#options.patience(tries, 'backend');
    const planned = (from: string | undefined): Promise<void> =>
      this.#ledger.reached(job, { ...record, ...textOf('from', from) }, 'planned');
    const promoted = await this.#ledger.failing(
      job,
      () => 'rotate.promoted',
      () =>
        job.using === 'provider'
          ? rotateByBackend({ ground, patience, planned })
          : rotateDirect({ ground, next: () => makeMaterial(materialOf(job.options)), now, field: job.unit.field, planned }),
    );
    return this.#promoted(job, ground, record, promoted);
  }

  async #staged(job: Job, ground: Ground, document: string, known: RotationRecord | undefined, resume: boolean): Promise<Result> {
    const found = await ground.pending.find();
    if (found === undefined && known !== undefined && (known.step !== 'planned' || !resume)) {
      const settled = await this.#settle(job, ground, known);
      if (resume) return settled ?? { state: 'nothing', rotation: known.id };
    }
    if (found === undefined && resume && known === undefined) return { state: 'nothing' };
    if (found !== undefined && (!resume || found.rotation === undefined)) throw inProgress(job.label, found);
    let record = (resume ? known : undefined) ?? this.#ledger.open(job, document);
    if (found === undefined) {
      await runJobHook(this.#options, job, 'before', undefined);
      record = { ...record, ...textOf('from', await ground.version()) };
      await this.#ledger.reached(job, record, 'planned');
    }
    let step: Step = 'planned';
    const promoted = await this.#ledger.failing(
      job,
      () => `rotate.${FOLLOWING[step] ?? step}` as AuditEventName,
      () =>
        withTarget(this.#options, job, ground, record.id, (target) =>
          rotateStaged({
            label: job.label,
            ground,
            target,
            rotation: record.id,
            resume,
            base: found === undefined ? undefined : known?.from,
            now: this.#options.now,
            patience: (tries) => this.#options.patience(tries, 'target'),
            reached: async (at, { rotation, version }) => {
              step = at;
              record = { ...record, ...(rotation === record.id ? {} : { pending: rotation }), ...textOf('version', version) };
              if (at !== 'promoted') await this.#ledger.reached(job, record, at);
            },
          }),
        ),
    );
    return this.#promoted(job, ground, record, promoted);
  }

  async #promoted(
    job: Job,
    ground: Ground,
    before: RotationRecord,
    promoted: Promoted,
    state: 'rotated' | 'finished' = 'rotated',
  ): Promise<Result> {
    const { version, from } = promoted;
    const retireAt = new Date(this.#options.now().getTime() + job.grace);
    const record = { ...before, ...textOf('version', version), ...textOf('from', from), retireAt: retireAt.toISOString() };
    await this.#ledger.reached(job, record, 'promoted');
    const failed = await this.#afterwards(job, ground, record);
    const ends = canEnd(job, ground);
    const later = ends && job.grace > 0 && this.#options.journal.folder !== undefined;
    const afterwards = promoted.afterwards ?? failed;
    return { state, rotation: record.id, version, from, ...(later ? { retireAt } : {}), kept: !ends, afterwards };
  }

  /** The value is rotated: what fails from here on is told and changes nothing about that. */
  async #afterwards(job: Job, ground: Ground, record: RotationRecord): Promise<Fault | undefined> {
    try {
      await runJobHook(this.#options, job, 'after', record.version);
      if (job.grace === 0 && canEnd(job, ground)) await this.#end(job, ground, record);
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }

  async #end(job: Job, ground: Ground, record: RotationRecord): Promise<void> {
    await this.#ledger.failing(
      job,
      () => 'rotate.retired',
      async () => {
        // After another rotation it is that one's former value which the target still takes.
        const isLatest = record.version === undefined || (await ground.version()) === record.version;
        if (job.rotator !== undefined && isLatest) await withTarget(this.#options, job, ground, record.id, (target) => target.retire());
        if (record.from !== undefined && ground.canEnd) await ground.setState(record.from, 'disabled');
      },
    );
    await this.#ledger.reached(job, record, 'retired', record.from);
  }

  /** Finds out what became of a rotation without a pending value. */
  async #settle(job: Job, ground: Ground, known: RotationRecord): Promise<Result | undefined> {
    const version = await ground.version().catch(() => undefined);
    const isOther = known.from !== undefined && version !== undefined && version !== known.from;
    // A staged value that was never stored can't have become current.
    if (!isOther || (job.rotator !== undefined && known.step === 'planned')) {
      await this.#ledger.dropped(known);
      return undefined;
    }
    const afterwards = job.rotator === undefined ? undefined : await this.#finishAgain(job, ground, known.id);
    return this.#promoted(
      job,
      ground,
      known,
      { version, from: known.from, ...(afterwards === undefined ? {} : { afterwards }) },
      'finished',
    );
  }

  /** The target's last step, of which nobody knows whether it was taken. */
  async #finishAgain(job: Job, ground: Ground, rotation: string): Promise<Fault | undefined> {
    try {
      await withTarget(this.#options, job, ground, rotation, async (target) => target.finish(await ground.read()));
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }
}

/** Whether something can be done to end a former value: at its target, or in its store. */
const canEnd = ({ rotator }: Job, ground: Ground): boolean => rotator !== undefined || ground.canEnd;

const FOLLOWING: Readonly<Partial<Record<Step, Step>>> = {
  planned: 'created',
  created: 'applied',
  applied: 'verified',
  verified: 'promoted',
};
