/** The audit log of one run: who, when and where are added to what is recorded, and every place gets it. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Keychain } from '../provider-kit/keychain.ts';
import type { Audit, AuditEntry } from './event.ts';
import { keyFileOf, keyFor } from './key.ts';
import { LogWriter, type Draft } from './log-writer.ts';
import { placesFor, type LogPlace, type Places, type Rules, type Surroundings } from './places.ts';
import { logIn } from './parts.ts';
import { canonical } from './record.ts';
import { SinkFault, type Sink } from './sinks/sink.ts';
import { actorOf, ciOf } from './who.ts';

export interface AuditLogOptions extends Surroundings {
  /** Id of the run. */
  readonly run: string;
  readonly rules: Rules;
  readonly project: string | undefined;
  readonly profile: string | undefined;
  /** How the manifest is trusted. */
  readonly trust: string | undefined;
  readonly reason: string | undefined;
  readonly keychain: () => Promise<Pick<Keychain, 'get' | 'set'>>;
  readonly warn: (issue: { readonly message: string; readonly hint?: string }) => void;
  /** Said with --verbose only. */
  readonly detail: (message: string) => void;
}

export class AuditLog implements Audit {
  readonly #options: AuditLogOptions;
  readonly #places: Places;
  readonly #common: Omit<Draft, 'ts' | 'event' | 'result'>;
  /** Kept for the whole run: it knows how far the run's chain is. */
  #writer: LogWriter | undefined;
  #sinks: readonly Promise<Sink>[] | undefined;
  /** For records that the log itself did not take. */
  #count = 0;
  /** What was said once. */
  readonly #warned = new Set<string>();
  /** One after the other, so that all places get the same order. */
  #queue: Promise<unknown> = Promise.resolve();

  /** Touches nothing yet. @throws SecretsError USAGE for a wrong SECRETS_AUDIT */
  constructor(options: AuditLogOptions) {
    const { run, rules, env, project, profile, trust, reason } = options;
    this.#options = options;
    this.#places = placesFor(rules, options);
    const ci = ciOf(env);
    this.#common = {
      v: 1,
      run,
      actor: actorOf(),
      host: hostname(),
      ...(ci === undefined ? {} : { ci }),
      ...(project === undefined ? {} : { project }),
      ...(profile === undefined ? {} : { profile }),
      ...(trust === undefined ? {} : { trust }),
      ...(reason === undefined || reason === '' ? {} : { reason }),
    };
  }

  /** Path of the log that this run writes; undefined for none. */
  get file(): string | undefined {
    return this.#places.log?.file;
  }

  /** See {@link Audit.record}. With no entries it only checks that the places seem ready, as before a change. */
  record(entries: readonly AuditEntry[]): Promise<void> {
    const done = this.#queue.then(() => this.#record(entries));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #record(entries: readonly AuditEntry[]): Promise<void> {
    const { log, noLog, others, required, offRefused } = this.#places;
    if (offRefused) this.#warn('off', [{ message: 'SECRETS_AUDIT=off is not followed: the audit log is required here' }]);
    if (noLog !== undefined && !required) this.#options.detail(`${noLog}, so none is kept`);
    const faults: SinkFault[] =
      noLog === undefined ? [] : [new SinkFault(noLog, 'export HOME, SECRETS_STATE_DIR, or SECRETS_AUDIT=stderr')];
    if (log === undefined && others.length === 0) return this.#answer(faults, 0, noLog === undefined);
    const ts = new Date().toISOString();
    const drafts = entries.map((entry): Draft => ({ ...this.#common, ts, ...entry }));
    let taken = 0;
    let lines: readonly string[] | undefined;
    if (log !== undefined) {
      try {
        this.#writer ??= await this.#openWriter(log);
        const writer = this.#writer;
        if (drafts.length === 0) writer.check();
        else lines = await writer.append(drafts, entries.some(isDurable));
        taken++;
      } catch (error) {
        faults.push(asSinkFault(error));
      }
    }
    if (others.length > 0) {
      lines ??= drafts.map((draft, index) => canonical({ ...draft, seq: this.#count + index }));
      const sent = lines;
      this.#sinks ??= others.map((open) => open());
      const outcomes = await Promise.allSettled(
        this.#sinks.map(async (opening) => {
          const sink = await opening;
          return drafts.length === 0 ? sink.check?.() : sink.send(sent);
        }),
      );
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') taken++;
        else faults.push(asSinkFault(outcome.reason));
      }
    }
    this.#count += drafts.length;
    this.#answer(faults, taken, false);
  }

  async #openWriter({ file, custody }: LogPlace): Promise<LogWriter> {
    const { stateFolder } = this.#options;
    if (stateFolder !== undefined && file === logIn(stateFolder) && !hasHome(file)) throw new NoHomeFault(file);
    const key = await keyFor({ file: keyFileOf(file), custody, keychain: this.#options.keychain });
    const recovered = (): Draft => ({ ...this.#common, ts: new Date().toISOString(), event: 'recovered', result: 'ok' });
    return new LogWriter({ file, key, recovered });
  }

  /** @param off whether there is deliberately no place. @throws SecretsError AUDIT_WRITE_FAILED */
  #answer(faults: readonly SinkFault[], taken: number, off: boolean): void {
    const [first] = faults;
    if (taken > 0 || !this.#places.required) {
      // Without a home folder nothing can be kept, and nobody expects it.
      const told = faults.filter((fault) => !(fault instanceof NoHomeFault) && fault.message !== this.#places.noLog);
      if (told.length > 0) this.#warn('fault', told);
      return;
    }
    throw new SecretsError({
      code: 'AUDIT_WRITE_FAILED',
      message:
        off || first === undefined ? 'the audit log is required, and it has no place' : faults.map(({ message }) => message).join('; '),
      hint: first?.hint ?? 'SECRETS_AUDIT=stderr, or another of audit.sinks',
    });
  }

  #warn(about: string, faults: readonly { readonly message: string; readonly hint?: string | undefined }[]): void {
    if (this.#warned.has(about)) return;
    this.#warned.add(about);
    const hint = faults[0]?.hint;
    this.#options.warn({ message: faults.map(({ message }) => message).join('; '), ...(hint === undefined ? {} : { hint }) });
  }
}

/** `~/.local/state/secrets` may have to be made, but not a home folder: where that is not there, none is meant to be. */
const MADE_LEVELS = 3;

function hasHome(file: string): boolean {
  let folder = path.dirname(file);
  for (let level = 0; level <= MADE_LEVELS; level++, folder = path.dirname(folder)) if (existsSync(folder)) return true;
  return false;
}

class NoHomeFault extends SinkFault {
  constructor(file: string) {
    super(`there is no folder for the audit log ${file}`, 'make its home folder, or SECRETS_AUDIT=stderr');
  }
}

/** What must outlive a crash of the machine: who saw a value, and how far a rotation is. */
const isDurable = ({ event }: AuditEntry): boolean => event === 'reveal' || event.startsWith('rotate.');

const asSinkFault = (error: unknown): SinkFault =>
  error instanceof SinkFault ? error : new SinkFault('the audit log failed in a way that it should not have');
