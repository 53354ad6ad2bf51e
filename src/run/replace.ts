/**
 * `--replace`: the program takes our place, and nobody stays to mask, renew or clean up.
 *
 * The runtime aborts when its execve fails, and it leaves SIGPIPE ignored. So /usr/bin/env, which is there for sure, is
 * executed, resets the signals and executes the program: what goes wrong then is an exit code of 126 or 127.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';
import type { Issue } from '../core/errors.ts';
import type { MaskRules, SecretSpec } from '../core/model.ts';
import { closeInherited } from '../platform/descriptors.ts';
import { canExecute, execute } from '../platform/execute.ts';
import type { Environment } from './compose.ts';
import type { Command } from './launch.ts';
import type { ValidSecret } from './validate.ts';

const ENV = '/usr/bin/env';
/** Those that the runtime ignores. */
const RESET = '--default-signal=PIPE,XFSZ';

export interface ReplaceRequest {
  readonly command: Command;
  readonly mask: MaskRules['mode'];
  /** Name of the protected profile, if the one in effect is. */
  readonly protectedProfile: string | undefined;
  /** What is injected. */
  readonly specs: readonly SecretSpec[];
  /** Descriptors above 2 that the program should keep. */
  readonly keep: readonly number[];
  /** Options given that need us to stay. */
  readonly staying: readonly string[];
}

type Refusal = Pick<Issue, 'code' | 'message' | 'hint' | 'name' | 'at'>;

const usage = (message: string, hint = 'leave --replace out'): Refusal => ({ code: 'USAGE', message, hint });

/** Everything that forbids it, before anything is fetched. */
export function replaceRefusals(request: ReplaceRequest): readonly Refusal[] {
  if (!canExecute()) {
    return [{ code: 'CAPABILITY_UNSUPPORTED', message: 'this system cannot replace a process', hint: 'leave --replace out' }];
  }
  const { command, specs, protectedProfile } = request;
  return [
    ...request.staying.map((option) => usage(`${option} needs somebody who stays, and with --replace nobody does`)),
    ...(request.mask === 'always'
      ? [usage('with --replace nobody masks the output, and the mask mode is always', 'leave --replace out, or add --mask auto')]
      : []),
    ...(protectedProfile === undefined
      ? []
      : [usage(`--replace is refused in the protected profile ${protectedProfile}, whose output is masked`)]),
    ...specs
      .filter((spec) => spec.as === 'file' || spec.as === 'fd')
      .map(({ name, at, as }) => ({ ...usage(`with --replace nobody removes what as: ${as} makes`), name, at })),
    ...(request.keep.length > 0 ? [usage('with --replace no descriptor above 2 can be kept')] : []),
    // env would take it for a variable.
    ...(command.file.includes('=') ? [usage('--replace cannot start a program whose path holds an equals sign')] : []),
    ...(isMissing(ENV) ? [{ code: 'DEPENDENCY_MISSING' as const, message: `--replace needs ${ENV}`, hint: 'leave --replace out' }] : []),
  ];
}

/** What only shows when the values are there: leases, which would end with us. */
export function leaseRefusals(secrets: readonly ValidSecret[]): readonly Refusal[] {
  return secrets
    .filter(({ secret }) => secret.lease !== undefined)
    .map(({ spec }) => ({ ...usage('with --replace nobody renews and revokes its lease'), name: spec.name, at: spec.at }));
}

/** Whether a file is text without a `#!` line, which only a shell would run. */
export function lacksInterpreter(file: string): boolean {
  const head = Buffer.alloc(256);
  try {
    const fd = openSync(file, 'r');
    try {
      const bytes = head.subarray(0, readSync(fd, head, 0, head.length, 0));
      return !bytes.includes(0) && bytes.toString('latin1', 0, 2) !== '#!';
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // executable without being readable: the kernel decides
  }
}

export interface Replacement {
  readonly argv: readonly [string, ...string[]];
  /** Whether the program gets the default meaning of SIGPIPE, as everywhere. */
  readonly resetsSignals: boolean;
}

/** What is executed in our place. */
export function replacementFor({ file, argv }: Command): Replacement {
  const [, ...args] = argv;
  // Without a command it prints the environment; those of macOS and BusyBox don't know the option.
  const resetsSignals = spawnSync(ENV, [RESET], { stdio: 'ignore', env: {} }).status === 0;
  return { argv: ['env', ...(resetsSignals ? [RESET] : []), file, ...args], resetsSignals };
}

/** Ends this program by becoming the other. */
export function replaceBy({ argv }: Replacement, env: Environment): never {
  closeInherited([]);
  return execute(ENV, argv, env);
}

function isMissing(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return false;
  } catch {
    return true;
  }
}
