/**
 * A store in memory and a system that its value opens, whose every request can fail, lose its answer, or be the last
 * one of a process that is killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Audit, AuditEntry } from '../../src/audit/event.ts';
import { done, failed, Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { defineProvider, type DocumentKey, type ParsedRef, type Patch, type Provider } from '../../src/provider-kit/contract.ts';
import { Deadline } from '../../src/provider-kit/deadline.ts';
import { Sessions } from '../../src/provider-kit/session.ts';
import { Engine } from '../../src/rotation/engine.ts';
import type { Job } from '../../src/rotation/job.ts';
import { Journal } from '../../src/rotation/journal.ts';
import type { Step } from '../../src/rotation/staged.ts';
import type { Rotator } from '../../src/rotation/target.ts';
import { reference, spec } from '../support/model.ts';
import { testHost } from '../support/host.ts';

/**
 * `fail`: refused before anything happens, as by a server that is down; `lost`: done, and the answer is lost;
 * `kill`: the process ends before; `kill-after`: done, and the process ends before it hears of it.
 */
export type Trouble = 'fail' | 'lost' | 'kill' | 'kill-after';

interface Pending {
  readonly value: string;
  readonly rotation: string | undefined;
  readonly base: string | undefined;
}

export class World {
  readonly versions: string[] = ['first'];
  readonly states = new Map<string, string>();
  readonly dates: (Date | undefined)[] = [undefined];
  pending: Pending | undefined;
  /** What opens the target. */
  opens = 'first';
  /** Whether the target takes new values, and whether those that it has taken open it. */
  target: 'takes' | 'refuses' | 'forgets' = 'takes';
  made = 0;
  puts = 0;
  /** How often a value other than the pending one was read. */
  reads = 0;
  calls: string[] = [];
  dead = false;
  readonly entries: AuditEntry[] = [];
  readonly steps: Step[] = [];
  /** What goes wrong at which request, counted from the last `revive`. */
  trouble: ReadonlyMap<number, Trouble> = new Map();
  /** Called before each request, for what others do meanwhile. */
  meanwhile: (call: string) => void = () => undefined;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'secrets-rotation-'));
  #retired = 0;

  get retired(): number {
    return this.#retired;
  }

  get current(): string {
    return this.versions.at(-1) ?? '';
  }

  /** Whether one of the values that are stored opens the target. */
  get isOpen(): boolean {
    return this.versions.includes(this.opens) || this.pending?.value === this.opens;
  }

  revive(trouble: ReadonlyMap<number, Trouble> = new Map()): void {
    this.dead = false;
    this.calls = [];
    this.trouble = trouble;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async request<T>(name: string, act: () => T): Promise<T> {
    if (this.dead) throw new Fault('cancelled', 'the process is gone');
    this.meanwhile(name);
    const trouble = this.trouble.get(this.calls.push(name) - 1);
    const ends = trouble === 'kill' || trouble === 'kill-after';
    if (ends) this.dead = true;
    if (trouble === 'kill') throw new Fault('cancelled', 'the process is gone');
    if (trouble === 'fail') throw new Fault('unavailable', { message: 'nobody answers', retryable: false });
    const result = act();
    if (ends) throw new Fault('cancelled', 'the process is gone');
    if (trouble === 'lost') throw new Fault('timeout', { message: 'no answer', retryable: false });
    return result;
  }

  readonly rotator: Rotator = {
    unit: (ref) => ref,
    open: async () => ({
      next: async () => SecretValue.fromText(`made-${++this.made}`),
      apply: (value) =>
        this.request('apply', () => {
          if (this.target === 'refuses') throw new Fault('denied', 'the target refuses the value');
          this.opens = this.target === 'forgets' && value.reveal().toString() !== 'first' ? 'nobody knows' : value.reveal().toString();
        }),
      accepts: (value) => this.request('accepts', () => value.reveal().toString() === this.opens),
      finish: () => this.request('finish', () => undefined),
      retire: () =>
        this.request('retire', () => {
          this.#retired += 1;
          return 'ended' as const;
        }),
      close: async () => undefined,
    }),
  };

  /** A new process of the tool. */
  engine(journal: string | undefined = this.folder): Engine {
    const kept = new Journal(journal);
    const write = kept.write.bind(kept);
    kept.write = async (record) => {
      if (this.dead) throw new Fault('cancelled', 'the process is gone');
      await write(record);
    };
    const audit: Audit = {
      record: async (entries) => {
        if (!this.dead) this.entries.push(...entries);
      },
    };
    return new Engine({
      sessions: new Sessions(new Deadline(60_000), 10_000, (config) => testHost({ provider: config.name })),
      audit,
      journal: kept,
      env: {},
      credentials: new Set(),
      now: () => new Date(),
      patience: async (tries) => tries < 3,
      signal: new AbortController().signal,
      progress: (_job, step) => void this.steps.push(step),
      say: () => undefined,
      hookLimitMs: 1_000,
      journalLost: () => undefined,
    });
  }

  job(more: Partial<Job> = {}): Job {
    const placed = reference('memory://doc');
    const configured = {
      config: { name: 'memory', use: 'memory', options: {}, positionOf: () => undefined, personal: false, baseDir: '/' },
      provider: this.provider,
      options: {},
    };
    return {
      label: 'DB_PASSWORD',
      name: 'DB_PASSWORD',
      spec: spec('DB_PASSWORD'),
      reference: { placed, configured, parsed: { key: 'doc' } },
      using: 'exec',
      unit: { key: 'doc' },
      rotator: this.rotator,
      options: {},
      admin: undefined,
      grace: 60_000,
      manifest: { dir: '/' },
      ...more,
    };
  }

  direct(more: Partial<Job> = {}): Job {
    return this.job({ using: 'generate', rotator: undefined, ...more });
  }

  write(value: string, date?: Date): string {
    this.versions.push(value);
    this.dates.push(date);
    return String(this.versions.length);
  }

  #expect(expect: string | undefined): void {
    if (expect !== undefined && expect !== String(this.versions.length)) throw new Fault('conflict', 'another version is current');
  }

  #own(rotation: string): Pending {
    const { pending } = this;
    if (pending === undefined) throw new Fault('not-found', 'nothing is pending');
    if (pending.rotation !== rotation) throw new Fault('conflict', 'it is of another rotation');
    return pending;
  }

  readonly provider: Provider = defineProvider({
    contract: 1,
    scheme: 'memory',
    title: 'Memory',
    options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
    needs: { network: false },
    limits: {},
    capabilities: ['describe', 'versions', 'put', 'pending', 'setState', 'rotate'],
    parseRef: ({ path: key }) => ({ key }),
    identity: () => 'memory',
    open: async () => ({
      resolve: async (keys: readonly DocumentKey[]) =>
        Promise.all(
          keys.map(async ({ version }) => {
            try {
              return done(
                await this.request('read', () => {
                  this.reads += 1;
                  return {
                    bytes: SecretValue.fromText(this.versions[Number(version ?? this.versions.length) - 1] ?? ''),
                    version: version ?? String(this.versions.length),
                  };
                }),
              );
            } catch (error) {
              return failed(error as Fault);
            }
          }),
        ),
      describe: async (refs: readonly ParsedRef[]) => {
        const metadata = await this.request('describe', () => ({ presence: 'present' as const, version: String(this.versions.length) }));
        return refs.map(() => done(metadata));
      },
      versions: async () => this.request('versions', () => []),
      put: async (_key: DocumentKey, patch: Patch, { expect }: { readonly expect?: string | undefined }) =>
        this.request('put', () => {
          this.#expect(expect);
          this.puts += 1;
          return { version: this.write(patch.value.reveal().toString(), patch.rotatedAt) };
        }),
      setState: async (_key: DocumentKey, version: string, state: string) =>
        this.request('setState', () => void this.states.set(version, state)),
      rotate: async () => this.request('rotate', () => ({ version: this.write('by the backend') })),
      pending: {
        find: async () =>
          this.request('find', () =>
            this.pending === undefined
              ? undefined
              : { rotation: this.pending.rotation, ...(this.pending.base === undefined ? {} : { base: this.pending.base }) },
          ),
        create: async (_ref: ParsedRef, patch: Patch, rotation: string) =>
          this.request('create', () => {
            if (this.pending !== undefined) throw new Fault('conflict', 'there is a pending value already');
            const base = String(this.versions.length);
            this.pending = { value: patch.value.reveal().toString(), rotation, base };
            return { rotation, base };
          }),
        read: async (_ref: ParsedRef, rotation: string) =>
          this.request('readPending', () => ({ bytes: SecretValue.fromText(this.#own(rotation).value) })),
        promote: async (_ref: ParsedRef, rotation: string, { expect }: { readonly expect?: string | undefined }) =>
          this.request('promote', () => {
            const { value } = this.#own(rotation);
            this.#expect(expect);
            this.pending = undefined;
            return { version: this.write(value) };
          }),
        abandon: async (_ref: ParsedRef, rotation: string) =>
          this.request('abandon', () => {
            if (this.pending !== undefined) this.#own(rotation);
            this.pending = undefined;
          }),
      },
      doctor: async () => ({ checks: [] }),
      close: async () => undefined,
    }),
  });
}
