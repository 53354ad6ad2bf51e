/** What a rotation works with outside of the store: its target, and the user's commands around it. */
import type { Audit } from '../audit/event.ts';
import { Fault } from '../core/fault.ts';
import type { Sessions } from '../provider-kit/session.ts';
import { withoutCredentials } from '../run/compose.ts';
import { groundOf, type Ground } from './ground.ts';
import { commandOf, runHook } from './hooks.ts';
import type { Job } from './job.ts';
import { textOf } from './ledger.ts';
import type { Target } from './target.ts';

export interface WorkOptions {
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names of the credentials that were signed in with, which the user's own programs do not get. */
  readonly credentials: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** A line of a program of the user's, already masked. */
  readonly say: (job: Job, line: string) => void;
  /** Milliseconds for a command before or after. */
  readonly hookLimitMs: number;
}

/** Opens the target of a job for as long as the work takes. @throws Fault */
export async function withTarget<T>(
  options: WorkOptions,
  job: Job,
  ground: Ground,
  rotation: string,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const { rotator, admin, reference } = job;
  if (rotator === undefined) throw new Fault('unsupported', 'this way of rotating has no target');
  const { env, sessions, signal, say, audit } = options;
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
      const entry = {
        event: 'use',
        reference: admin.placed.reference.text,
        result: 'ok',
        source: 'provider',
        ...textOf('name', job.name),
      } as const;
      return groundOf(admin.configured, admin.parsed, sessions, () => audit.record([entry])).read();
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

/** Runs the command of a job, if it has one. @throws Fault */
export async function runJobHook(options: WorkOptions, job: Job, key: 'before' | 'after', version: string | undefined): Promise<void> {
  const argv = commandOf(job.options, key);
  if (argv === undefined) return;
  const { env, credentials, signal, hookLimitMs } = options;
  await runHook(key, argv, {
    label: job.label,
    reference: job.reference.placed.reference.text,
    version,
    baseDir: job.manifest.dir,
    env: withoutCredentials(env, credentials),
    limitMs: hookLimitMs,
    signal,
  });
}
