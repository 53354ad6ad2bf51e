/** What most commands begin with: the manifest and the sessions of this call, closed at every way out. */
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { stopwatch, type Trace } from '../core/stopwatch.ts';
import { load, type Loaded, type LoadOptions } from '../run/load.ts';
import { Run } from '../run/prepare.ts';
import type { TrustState } from '../trust/decide.ts';
import { auditFor, record, recordAnyway } from './auditing.ts';
import type { Context } from './context.ts';
import { prompterFor } from './prompts.ts';
import { ensureTrusted } from './trust-gate.ts';

export async function loadFor(context: Context, more: Pick<LoadOptions, 'envFiles' | 'refs'> = {}): Promise<Loaded> {
  const step = stopwatch(traceOf(context));
  const loaded = await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile: context.profile, ...more });
  const { path: file, profile, secrets, providers } = loaded.manifest;
  step(`load ${file ?? 'no manifest'}, profile ${profile ?? 'none'}, ${secrets.size} secrets, ${providers.size} providers`);
  for (const warning of loaded.warnings) context.output.warn(warning);
  return loaded;
}

/** @param trust how the manifest is trusted */
export function openRun(context: Context, { manifest }: Loaded, cancel?: AbortSignal, trust?: TrustState): Run {
  return openRunOf(context, [manifest], cancel, trust);
}

function openRunOf(context: Context, manifests: readonly Manifest[], cancel?: AbortSignal, trust?: TrustState): Run {
  const notice = (message: string): void => context.output.notice(message);
  const audit = auditFor(context, manifests, trust);
  const surroundings = { env: context.env, prompter: prompterFor(context), notice, trace: traceOf(context), audit };
  return new Run(manifests, surroundings, context.limits, cancel);
}

/** Undefined unless --debug asks for it. */
export const traceOf = ({ output }: Context): Trace | undefined => (output.options.debug ? (message) => output.debug(message) : undefined);

type Work<T> = (loaded: Loaded, run: Run) => Promise<T>;

/** Loads the manifest and runs `work` with open sessions, as {@link withSessions} does. */
export async function withRun<T>(context: Context, work: Work<T>): Promise<T> {
  return withSessions(context, await loadFor(context), work);
}

/**
 * Runs `work` with open sessions, if the manifest is trusted. What it does with values is recorded at the end, unless it
 * did that itself. Ctrl-C and the like cancel it: what was created is given
 * back within two seconds, a second signal ends at once.
 */
export async function withSessions<T>(context: Context, loaded: Loaded, work: Work<T>): Promise<T> {
  const trust = await ensureTrusted(context, loaded);
  return withOpenRun(context, [loaded.manifest], (run) => work(loaded, run), trust);
}

/** The same for several manifests, which the caller has found trusted. */
export async function withOpenRun<T>(
  context: Context,
  manifests: readonly Manifest[],
  work: (run: Run) => Promise<T>,
  trust?: TrustState,
): Promise<T> {
  const cancel = new AbortController();
  const cleanUp = interruptible(() => cancel.abort());
  const run = openRunOf(context, manifests, cancel.signal, trust);
  try {
    const result = await work(run);
    await record(run, manifests, 'use');
    return result;
  } catch (error) {
    await recordAnyway(run, manifests, 'use');
    throw error;
  } finally {
    await run.close();
    cleanUp();
  }
}

const ENDING = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Calls `cancel` on the first ending signal, and makes sure that the process then ends with that signal's code. */
function interruptible(cancel: () => void): () => void {
  let first = true;
  const handlers = Object.entries(ENDING).map(([signal, code]) => {
    const handler = (): void => {
      if (!first) process.exit(code);
      first = false;
      process.once('exit', () => {
        process.exitCode = code;
      });
      cancel();
      setTimeout(() => process.exit(code), 2_000).unref();
    };
    process.on(signal, handler);
    return () => process.removeListener(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}

export const interrupted = (): SecretsError => new SecretsError({ code: 'INTERRUPTED', message: 'interrupted', hint: 'run it again' });
