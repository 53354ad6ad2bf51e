/**
 * One rotation from beginning to end: the lock of this machine, the journal, the audit log, the hooks, and the way of
 * rotating around its steps.
 */
import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Audit, AuditEntry, AuditEventName } from '../audit/event.ts';
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import { withLock } from '../platform/lock.ts';
import type { Sessions } from '../provider-kit/session.ts';
import { rotateByBackend } from './backend.ts';
import { rotateDirect } from './direct.ts';
import { groundOf, type Ground } from './ground.ts';
import { withoutCredentials } from '../run/compose.ts';
import { commandOf, runHook } from './hooks.ts';
import type { Job } from './job.ts';
import type { Journal, RotationRecord } from './journal.ts';
import { makeMaterial, materialOf } from './material.ts';
import { putBack, rotateStaged, type Promoted, type Step } from './staged.ts';
import type { Rotator, Target } from './target.ts';
import { faultOf, inProgress } from './words.ts';

export interface EngineOptions {
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly journal: Journal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names of the credentials that were signed in with, which the user's own programs do not get. */
  readonly credentials: ReadonlySet<string>;
  readonly now: () => Date;
  /** Waits before another look at the target or the backend; false when it has waited long enough. */
  readonly patience: (tries: number, what: 'target' | 'backend') => Promise<boolean>;
  readonly signal: AbortSignal;
  /** Called when a step is reached, for the person who waits. */
  readonly progress: (job: Job, step: Step) => void;
  /** A line of a program of the user's, already masked. */
  readonly say: (job: Job, line: string) => void;
  readonly hookLimitMs: number;
  /** Called when the journal could not be written in the middle of a rotation. */
  readonly journalLost: () => void;
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

  constructor(options: EngineOptions) {
    this.#options = options;
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
      if (job.rotator !== undefined) return this.#staged(againWith(job, old), ground, document, undefined, false);
      const value = await old();
      const record = this.#newRecord(job, document, undefined);
      const planned = (from: string | undefined): Promise<void> => this.#reached(job, { ...record, ...textOf('from', from) }, 'planned');
      const { now } = this.#options;
      return this.#promoted(job, ground, record, await rotateDirect({ ground, next: () => value, now, field: job.unit.field, planned }));
    });
    await this.#record(job, 'rollback', result.version);
    return result;
  }

  /** Takes a rotation back that has not ended: the current value works, the pending one is gone. @throws Fault */
  async abort(job: Job): Promise<Result> {
    return this.#alone(job, async (ground, document) => {
      const known = await this.#options.journal.unfinished(document);
      const found = job.rotator === undefined ? undefined : await ground.pending.find();
      if (found === undefined) {
        if (known === undefined) return { state: 'nothing' };
        await this.#settle(job, ground, known);
        return { state: 'nothing', rotation: known.id };
      }
      if (found.rotation === undefined) throw inProgress(job.label, found);
      const rotation = found.rotation;
      await this.#withTarget(job, ground, rotation, async (target) => {
        const pending = await ground.pending.read(rotation);
        // Only a target that may have heard of the new value has to be asked.
        if (await target.accepts(pending)) await putBack({ ground, target, label: job.label }, rotation, pending);
        pending.wipe();
      });
      await ground.pending.abandon(rotation);
      await this.#record(job, 'rotate.aborted', found.base);
      if (known !== undefined) await this.#note({ ...known, step: 'aborted', at: this.#time() });
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

  /** What this machine calls the document: equal for two references that mean the same one. @throws Fault 'options' */
  documentOf({ reference, unit }: Pick<Job, 'reference' | 'unit'>): string {
    const identity = this.#options.sessions.identity(reference.configured, 'rotate');
    return createHash('sha256')
      .update(JSON.stringify([identity, unit.key]))
      .digest('hex')
      .slice(0, 32);
  }

  async #alone(job: Job, work: (ground: Ground, document: string) => Promise<Result>): Promise<Result> {
    const { journal, sessions, signal } = this.#options;
    const document = this.documentOf(job);
    await sessions.ready();
    const ground = groundOf(job.reference.configured, job.unit, sessions, () => this.#record(job, 'use', undefined));
    if (journal.folder === undefined) return work(ground, document);
    const lock = path.join(journal.folder, `${document}.lock`);
    return withLock(lock, { what: 'this rotation', waitMs: 0, signal }, () => work(ground, document)).catch((error: unknown) => {
      const fault = faultOf(error);
      if (fault.code !== 'STORE_BUSY') throw fault;
      throw new Fault('conflict', { message: `${fault.detail.message}; nothing was changed`, hint: 'wait for its end, then run it again' });
    });
  }

  async #unstaged(job: Job, ground: Ground, document: string, known: RotationRecord | undefined, resume: boolean): Promise<Result> {
    if (known !== undefined) {
      const settled = await this.#settle(job, ground, known);
      if (resume && settled !== undefined) return settled;
    }
    if (resume && known === undefined) return { state: 'nothing' };
    const record = this.#newRecord(job, document, resume ? known : undefined);
    await this.#hook(job, 'before', undefined);
    const { now } = this.#options;
    const patience = (tries: number): Promise<boolean> => this.#options.patience(tries, 'backend');
    const planned = (from: string | undefined): Promise<void> => this.#reached(job, { ...record, ...textOf('from', from) }, 'planned');
    const promoted = await this.#failing(job, 'rotate.promoted', () =>
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
    let record = this.#newRecord(job, document, resume ? known : undefined);
    if (found === undefined) {
      await this.#hook(job, 'before', undefined);
      record = { ...record, ...textOf('from', await ground.version()) };
      await this.#reached(job, record, 'planned');
    }
    let step: Step = 'planned';
    const promoted = await this.#failing(
      job,
      () => `rotate.${FOLLOWING[step] ?? step}` as AuditEventName,
      () =>
        this.#withTarget(job, ground, record.id, (target) =>
          rotateStaged({
            label: job.label,
            ground,
            target,
            rotation: record.id,
            resume,
            now: this.#options.now,
            patience: (tries) => this.#options.patience(tries, 'target'),
            reached: async (at, { rotation, version }) => {
              step = at;
              record = { ...record, ...(rotation === record.id ? {} : { pending: rotation }), ...textOf('version', version) };
              if (at !== 'promoted') await this.#reached(job, record, at);
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
    await this.#reached(job, record, 'promoted');
    const failed = await this.#afterwards(job, ground, record);
    const ends = canEnd(job, ground);
    const later = ends && job.grace > 0 && this.#options.journal.folder !== undefined;
    const afterwards = promoted.afterwards ?? failed;
    return { state, rotation: record.id, version, from, ...(later ? { retireAt } : {}), kept: !ends, afterwards };
  }

  /** The value is rotated: what fails from here on is told and changes nothing about that. */
  async #afterwards(job: Job, ground: Ground, record: RotationRecord): Promise<Fault | undefined> {
    try {
      await this.#hook(job, 'after', record.version);
      if (job.grace === 0 && canEnd(job, ground)) await this.#end(job, ground, record);
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }

  async #end(job: Job, ground: Ground, record: RotationRecord): Promise<void> {
    await this.#failing(job, 'rotate.retired', async () => {
      // After another rotation it is that one's former value which the target still takes.
      const isLatest = record.version === undefined || (await ground.version()) === record.version;
      if (job.rotator !== undefined && isLatest) await this.#withTarget(job, ground, record.id, (target) => target.retire());
      if (record.from !== undefined && ground.canEnd) await ground.setState(record.from, 'disabled');
    });
    await this.#reached(job, record, 'retired', record.from);
  }

  /** Finds out what became of a rotation without a pending value. */
  async #settle(job: Job, ground: Ground, known: RotationRecord): Promise<Result | undefined> {
    const version = await ground.version().catch(() => undefined);
    const isOther = known.from !== undefined && version !== undefined && version !== known.from;
    // A staged value that was never stored can't have become current.
    if (!isOther || (job.rotator !== undefined && known.step === 'planned')) {
      await this.#note({ ...known, step: 'aborted', at: this.#time() });
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
      await this.#withTarget(job, ground, rotation, async (target) => target.finish(await ground.read()));
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }

  async #withTarget<T>(job: Job, ground: Ground, rotation: string, work: (target: Target) => Promise<T>): Promise<T> {
    const { rotator, admin, reference } = job;
    if (rotator === undefined) throw new Fault('unsupported', 'this way of rotating has no target');
    const { env, sessions, signal, say } = this.#options;
    const target = await rotator.open({
      label: job.label,
      reference: reference.placed.reference.text,
      field: reference.parsed.field,
      options: job.options,
      baseDir: job.manifest.dir,
      env,
      rotation,
      current: () => ground.read(),
      document: () => ground.readDocument(),
      admin: async () => {
        if (admin === undefined) return undefined;
        const used = (): Promise<void> =>
          this.#options.audit.record([
            { event: 'use', reference: admin.placed.reference.text, result: 'ok', source: 'provider', ...textOf('name', job.name) },
          ]);
        return groundOf(admin.configured, admin.parsed, sessions, used).read();
      },
      say: (line) => say(job, line),
      signal,
    });
    try {
      return await work(target);
    } finally {
      await target.close();
    }
  }

  async #hook(job: Job, key: 'before' | 'after', version: string | undefined): Promise<void> {
    const argv = commandOf(job.options, key);
    if (argv === undefined) return;
    const { env, credentials, signal, hookLimitMs } = this.#options;
    const clean = withoutCredentials(env, credentials);
    const reference = job.reference.placed.reference.text;
    await runHook(key, argv, { label: job.label, reference, version, baseDir: job.manifest.dir, env: clean, limitMs: hookLimitMs, signal });
  }

  #newRecord(job: Job, document: string, known: RotationRecord | undefined): RotationRecord {
    if (known !== undefined) return known;
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

  async #reached(job: Job, record: RotationRecord, step: Step, version: string | undefined = record.version ?? record.from): Promise<void> {
    await this.#note({ ...record, step, at: this.#time() });
    await this.#record(job, `rotate.${step}`, version);
    this.#options.progress(job, step);
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

  async #failing<T>(job: Job, event: AuditEventName | (() => AuditEventName), work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const result = error.kind === 'denied' || error.kind === 'unauthenticated' ? 'denied' : 'failed';
      await this.#record(job, typeof event === 'string' ? event : event(), undefined, { result, code: error.code });
      throw error;
    }
  }

  async #record(
    job: Job,
    event: AuditEventName,
    version: string | undefined,
    more: Pick<AuditEntry, 'result' | 'code'> = { result: 'ok' },
  ): Promise<void> {
    const reference = job.reference.placed.reference.text;
    await this.#options.audit.record([{ event, reference, ...textOf('name', job.name), ...textOf('version', version), ...more }]);
  }

  #time(): string {
    return this.#options.now().toISOString();
  }
}

/** The job with an older value in place of a new one. */
const againWith = (job: Job, old: () => Promise<SecretValue>): Job => {
  const { rotator } = job;
  if (rotator === undefined) return job;
  const open: Rotator['open'] = async (context) => {
    const target = await rotator.open(context);
    return {
      next: old,
      apply: (value) => target.apply(value),
      accepts: (value) => target.accepts(value),
      finish: (value) => target.finish(value),
      retire: () => target.retire(),
      close: () => target.close(),
    };
  };
  return { ...job, rotator: { unit: rotator.unit, open } };
};

/** Whether something can be done to end a former value: at its target, or in its store. */
const canEnd = ({ rotator }: Job, ground: Ground): boolean => rotator !== undefined || ground.canEnd;

const FOLLOWING: Readonly<Partial<Record<Step, Step>>> = {
  planned: 'created',
  created: 'applied',
  applied: 'verified',
  verified: 'promoted',
};

const textOf = <K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: string };
