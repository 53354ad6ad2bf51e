/**
 * `secrets` as a library: the same stages as the command line, each a function with one typed input and output.
 *
 * ```ts
 * const { manifest } = await load({ cwd: process.cwd(), env: process.env });
 * const run = new Run(manifest, { env: process.env, prompter: nobody, notice: console.error });
 * try {
 *   const { composed } = await prepare(manifest, run, { select: { only: ['DB_PASSWORD'] }, argv: [] });
 *   spawn('psql', { env: composed.env, stdio: 'inherit' });
 * } finally {
 *   await run.close();
 * }
 * ```
 */
import { SecretsError } from './core/errors.ts';
import type { Prompter } from './run/host.ts';

export type { Audit, AuditEntry } from './audit/event.ts';
export { CODES, SecretsError, type ErrorCode, type Issue, type Position } from './core/errors.ts';
export { Fault, type FaultDetail, type FaultKind, type Outcome } from './core/fault.ts';
export type { EnvRules, Manifest, ProviderConfig, SecretSource, SecretSpec } from './core/model.ts';
export { formatReference, parseReference, type Reference } from './core/reference.ts';
export { SecretValue } from './core/secret-value.ts';
export { defineProvider } from './provider-kit/contract.ts';
export type * from './provider-kit/contract.ts';
export { compose, type Composed, type ComposeInput } from './run/compose.ts';
export { Handover, type FileSecret } from './run/handover.ts';
export type { Prompter, Surroundings } from './run/host.ts';
export { launch, lookUp, type Command, type Launched, type LaunchOptions } from './run/launch.ts';
export { load, type Loaded, type LoadOptions } from './run/load.ts';
export { plan, type Plan } from './run/plan.ts';
export { DEFAULT_LIMITS, prepare, Run, type Prepared, type PrepareOptions, type TimeLimits } from './run/prepare.ts';
export { resolve, type Resolution } from './run/resolve.ts';
export { select, type Selection, type SelectOptions } from './run/select.ts';
export { supervise, type Ending } from './run/supervise.ts';
export { validate, type ValidSet } from './run/validate.ts';

/** A {@link Prompter} for where nobody can be asked. */
export const nobody: Prompter = {
  interactive: false,
  password: async () => {
    throw new SecretsError({ code: 'UNAUTHENTICATED', message: 'a passphrase is needed, and nobody can be asked here' });
  },
  confirm: async () => false,
};
