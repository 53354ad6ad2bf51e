/** The terms of a bundle, and whether a run keeps them. Pure, but for the time that it is given. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { Bundle } from './bundle.ts';

/** Clocks of two hosts differ by less than this many milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * The words of a command as typed after `--for`: parts in single or double quotes stay together.
 * @returns undefined where a quote is not closed or there is nothing
 */
export function commandWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  const pattern = /\s*((?:'[^']*'|"[^"]*"|[^\s'"])+)/y;
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    words.push((match[1] ?? '').replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''));
    end = pattern.lastIndex;
  }
  return words.length > 0 && words[0] !== '' && text.slice(end).trim() === '' ? words : undefined;
}

/**
 * Whether a command is the one that a bundle is for. A program without a folder is compared by its name, one with a
 * folder by its whole path; further words must be the arguments, exactly and all.
 * @param file absolute path of the program
 */
export function isFor(words: readonly string[], argv: readonly string[], file: string): boolean {
  const [program = '', ...args] = words;
  const same = program.includes('/') ? path.resolve(program) === file || program === file : program === path.basename(file);
  return same && (args.length === 0 || (args.length === argv.length - 1 && args.every((arg, index) => arg === argv[index + 1])));
}

export interface Asked {
  readonly argv: readonly string[];
  /** Absolute path of the program. */
  readonly file: string;
  readonly now: Date;
}

/** @throws SecretsError for a bundle that is over, from the future, or for another command */
export function checkTerms(bundle: Bundle, { argv, file, now }: Asked): void {
  if (now >= bundle.expiresAt) throw refused(`it expired at ${bundle.expiresAt.toISOString()}`, 'ask for a new one: secrets seal');
  if (now.getTime() < bundle.createdAt.getTime() - CLOCK_SKEW_MS) {
    throw refused(
      `it was made at ${bundle.createdAt.toISOString()}, and the clock of this host says ${now.toISOString()}`,
      'set the clock of this host',
    );
  }
  if (bundle.command !== undefined && !isFor(bundle.command, argv, file)) {
    throw new SecretsError({
      code: 'USAGE',
      message: `the sealed file is for another command: ${bundle.command.join(' ')}`,
      hint: `secrets run --sealed FILE -- ${bundle.command.join(' ')}`,
    });
  }
}

export const refused = (why: string, hint: string): SecretsError =>
  new SecretsError({ code: 'VALUE_INVALID', message: `the sealed file is refused: ${why}`, hint });
