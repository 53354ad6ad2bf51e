/** The stages up to `compose` in one call: what `run` and the library share. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Audit } from '../audit/event.ts';
import type { EnvRules, Manifest, ProviderConfig } from '../core/model.ts';
import { stopwatch } from '../core/stopwatch.ts';
import { maxExecBytes } from '../platform/limits.ts';
import { Deadline } from '../provider-kit/deadline.ts';
import { Sessions } from '../provider-kit/session.ts';
import { compose, type Composed } from './compose.ts';
import type { Handover } from './handover.ts';
import { createHost, type Reported, type Surroundings } from './host.ts';
import { markOf, signInHint, takeOver, type OuterRun } from './nested.ts';
import { plan, type Plan } from './plan.ts';
import { resolve, type Resolution, type Resolved } from './resolve.ts';
import { select, type SelectOptions } from './select.ts';
import { validate, type ValidSet } from './validate.ts';

/** Time limits in milliseconds: all of the resolving, and one request. */
export interface TimeLimits {
  readonly totalMs: number;
  readonly requestMs: number;
}

export const DEFAULT_LIMITS: TimeLimits = { totalMs: 30_000, requestMs: 10_000 };

/** One use of the tool: its id, its deadline, and its sessions with the providers. */
export class Run {
  readonly id: string;
  /** What an inner run proves by that it is one; the child alone gets it. */
  readonly key: string = randomBytes(16).toString('base64url');
  readonly reported: Reported = { credentials: new Set(), signedIn: new Map(), principals: new Map(), sensitive: [] };
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly surroundings: Surroundings;
  readonly #deadline: Deadline;
  #closed: Promise<void> | undefined;

  /** @param manifests one, or several that share what they ask of the same manager */
  constructor(
    manifests: Manifest | readonly Manifest[],
    surroundings: Surroundings,
    limits: TimeLimits = DEFAULT_LIMITS,
    cancel?: AbortSignal,
  ) {
    const all = [manifests].flat();
    const ownerOf = (config: ProviderConfig): Manifest | undefined =>
      all.find(({ providers }) => providers.get(config.name) === config) ?? all[0];
    this.id = randomUUID();
    this.surroundings = surroundings;
    this.audit = surroundings.audit?.(this.id) ?? { record: async () => undefined };
    this.#deadline = new Deadline(limits.totalMs, cancel);
    const common = {
      ...surroundings,
      runId: this.id,
      deadline: this.#deadline,
      reported: this.reported,
    };
    let checked: Promise<void> | undefined;
    this.sessions = new Sessions(
      this.#deadline,
      Math.min(limits.requestMs, limits.totalMs),
      (config, role) => {
        const { project, profile } = ownerOf(config) ?? {};
        return createHost({ ...common, project, profile }, config, role);
      },
      surroundings.trace,
      // What could not be recorded must not happen, so that is found out before.
      async () => (all.some(({ audit }) => audit.required) ? (checked ??= this.audit.record([])) : undefined),
    );
  }

  /** Aborted when the time is over or the run was cancelled. */
  get signal(): AbortSignal {
    return this.#deadline.signal;
  }

  /** A further operation of the same sessions: its clock begins at the start, and documents are read again. */
  async again<T>(work: () => Promise<T>): Promise<T> {
    this.#deadline.restart();
    this.sessions.forgetReads();
    try {
      return await work();
    } finally {
      this.#deadline.close();
    }
  }

  /** Closes every session, bounded in time, and stops the clock; a second call waits for the first. Never throws. */
  async close(): Promise<void> {
    this.#closed ??= this.sessions.close().then(() => this.#deadline.close());
    return this.#closed;
  }
}

export interface Prepared {
  readonly plan: Plan;
  readonly resolution: Resolution;
  readonly valid: ValidSet;
  readonly composed: Composed;
}

export interface PrepareOptions {
  readonly select: SelectOptions;
  /** Program and arguments, for the system's limit. */
  readonly argv: readonly string[];
  /** Default: those of the manifest. */
  readonly rules?: EnvRules;
  /** The run whose child this is. */
  readonly outer?: OuterRun | undefined;
  /** Values that are there already, by name: those of a sealed file. */
  readonly settled?: ReadonlyMap<string, Resolved> | undefined;
  /** Asks the managers for everything, also for what the outer run has injected. */
  readonly fresh?: boolean | undefined;
  /** Needed for secrets with `as: file` and `as: fd`; the caller makes what `composed.files` says. */
  readonly handover?: Pick<Handover, 'pathOf'> | undefined;
}

/** @throws SecretsError of any stage */
export async function prepare(manifest: Manifest, run: Run, options: PrepareOptions): Promise<Prepared> {
  const { outer, settled } = options;
  const step = stopwatch(run.surroundings.trace);
  const selection = select(manifest, options.select);
  step(`select, ${selection.injected.length} to inject and ${selection.support.length} besides`);
  const planned = await plan(manifest, selection, settled);
  step('plan');
  const taken = outer === undefined || options.fresh === true ? undefined : takeOver(planned, outer, run);
  const known = settled === undefined ? taken : new Map([...(taken ?? []), ...settled]);
  const resolution = await resolve(planned, run.sessions, known);
  step('resolve');
  const valid = validate(resolution, {
    now: new Date(),
    signInHint: outer === undefined ? undefined : (name, fault, adapter) => signInHint(outer, name, fault, adapter),
  });
  step('validate');
  const composed = compose({
    parent: run.surroundings.env,
    rules: options.rules ?? manifest.env,
    secrets: valid.secrets,
    credentialsUsed: run.reported.credentials,
    runId: markOf(run),
    pathOf: options.handover?.pathOf,
    argv: options.argv,
    maxExecBytes: maxExecBytes(),
    foldCase: process.platform === 'win32',
  });
  step('compose');
  return { plan: planned, resolution, valid, composed };
}
