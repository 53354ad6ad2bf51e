/** The user's own commands before and after a rotation: exact arguments, no shell, no value. */
import { spawn } from 'node:child_process';
import { Fault } from '../core/fault.ts';
import { findCommand } from '../platform/command.ts';

export interface HookContext {
  readonly label: string;
  readonly reference: string;
  readonly version: string | undefined;
  readonly baseDir: string;
  /** The environment for the command: without credentials that were signed in with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** The command of an option as argv; undefined where there is none. @throws Fault 'options' */
export function commandOf(options: Readonly<Record<string, unknown>>, key: string): readonly [string, ...string[]] | undefined {
  const given = options[key];
  if (given === undefined) return undefined;
  const words = Array.isArray(given) ? given.filter((word) => typeof word === 'string') : [];
  const [program, ...rest] = words;
  if (!Array.isArray(given) || words.length !== given.length || program === undefined || program === '')
    throw new Fault('options', {
      message: `rotate.${key} must be a program and its arguments`,
      hint: `write ${key}: [./program, argument]`,
    });
  return [program, ...rest];
}

/** Runs one to its end; its output goes to our stderr. @throws Fault when it can't start, fails, or takes too long */
export async function runHook(key: 'before' | 'after', argv: readonly [string, ...string[]], context: HookContext): Promise<void> {
  const found = findCommand(argv[0], context.env['PATH'], context.baseDir);
  if (!found.ok)
    throw new Fault('unavailable', { message: `the command of rotate.${key} cannot be started: ${found.message}`, retryable: false });
  const more = {
    SECRETS_ROTATED: context.label,
    SECRETS_ROTATED_REFERENCE: context.reference,
    ...(context.version === undefined ? {} : { SECRETS_ROTATED_VERSION: context.version }),
  };
  const child = spawn(found.file, argv.slice(1), {
    cwd: context.baseDir,
    env: { ...context.env, ...more },
    stdio: ['ignore', 2, 2],
    timeout: context.limitMs,
    killSignal: 'SIGKILL',
    signal: context.signal,
  });
  const ending = await new Promise<string | undefined>((resolve) => {
    child.once('error', () => resolve('could not be run'));
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? undefined : signal === null ? `ended with ${code ?? 0}` : `was ended by ${signal}`),
    );
  });
  if (ending !== undefined)
    throw new Fault('unavailable', { message: `the command of rotate.${key} ${ending}`, retryable: false, code: 'IO' });
}
