/**
 * Questions to a person. They are asked on the controlling terminal, never on stdin or stdout, which belong to the
 * program that is run or to a pipe.
 */
import { closeSync, openSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';
import { SecretsError } from '../core/errors.ts';
import { SecretValue } from '../core/secret-value.ts';
import type { Prompter } from '../run/host.ts';
import type { Context } from './context.ts';
import { hideSpinner } from './spinner.ts';

const TERMINAL = process.platform === 'win32' ? '\\\\.\\CONIN$' : '/dev/tty';
/** How long a question waits, in milliseconds. */
const PATIENCE_MS = 300_000;

/** Whether there is a terminal to ask on, and one on stderr to show the question. */
export function canAsk(): boolean {
  if (!isatty(2)) return false;
  try {
    closeSync(openSync(TERMINAL, 'r'));
    return true;
  } catch {
    return false;
  }
}

type Ask<T> = (context: {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}) => Promise<T>;

/** @throws SecretsError INTERRUPTED when the person gives up or does not answer for five minutes */
async function ask<T>(question: Ask<T>): Promise<T> {
  hideSpinner();
  const input = new ReadStream(openSync(TERMINAL, 'r'));
  try {
    return await question({ input, output: process.stderr, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    if (error instanceof Error && /^(?:ExitPrompt|AbortPrompt|CancelPrompt)Error$/.test(error.name)) {
      throw new SecretsError({ code: 'INTERRUPTED', message: 'the question was not answered' });
    }
    throw error;
  } finally {
    input.destroy();
  }
}

/** Asks without showing what is typed. */
export async function askSecret(message: string, repeat = false): Promise<SecretValue> {
  const { password } = await import('./inquirer.ts');
  for (;;) {
    const hidden = { mask: false, toggleMask: false } as const;
    const first = await ask((on) => password({ message, ...hidden }, on));
    if (!repeat || first === (await ask((on) => password({ message: 'The same again', ...hidden }, on))))
      return SecretValue.fromText(first);
    process.stderr.write('They differ. Once more.\n');
  }
}

export async function askConfirm(message: string, fallback: boolean): Promise<boolean> {
  const { confirm } = await import('./inquirer.ts');
  return ask((on) => confirm({ message, default: fallback }, on));
}

export async function askText(message: string, fallback?: string, check?: (text: string) => true | string): Promise<string> {
  const { input } = await import('./inquirer.ts');
  return ask((on) =>
    input({ message, ...(fallback === undefined ? {} : { default: fallback }), ...(check === undefined ? {} : { validate: check }) }, on),
  );
}

export interface Choice<T> {
  readonly name: string;
  readonly value: T;
  readonly description?: string;
}

export async function askChoice<T>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  const { select } = await import('./inquirer.ts');
  return ask((on) => select<T>({ message, choices: [...choices] }, on));
}

export async function askChoices<T>(
  message: string,
  choices: readonly (Choice<T> & { readonly checked: boolean })[],
): Promise<readonly T[]> {
  const { checkbox } = await import('./inquirer.ts');
  return ask((on) => checkbox<T>({ message, choices: [...choices] }, on));
}

/** The prompter of the adapters. */
export function prompterFor(context: Context): Prompter {
  const nobody = (what: string): never => {
    throw new SecretsError({
      code: 'UNAUTHENTICATED',
      message: `${what}, and nobody can be asked here`,
      hint: 'run it at a terminal, or set SECRETS_IDENTITY_FILE or SECRETS_PASSPHRASE for the local store',
    });
  };
  return {
    interactive: context.interactive,
    password: async (request) => (context.interactive ? askSecret(request.message, request.repeat) : nobody('a passphrase is needed')),
    confirm: async (message) => (context.interactive ? askConfirm(message, false) : nobody('a confirmation is needed')),
  };
}
