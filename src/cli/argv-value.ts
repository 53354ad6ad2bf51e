/** Finds a value that somebody gave on the command line, and refuses it without repeating it. Pure. */
import { SecretsError } from '../core/errors.ts';
import { suggest } from '../core/suggest.ts';
import { schemeOf } from '../core/reference.ts';
import { safeWays } from './value-input.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/**
 * @param name the first argument @param rest what follows it, unknown options included
 * @param options the long options that there are, for near misses
 * @throws SecretsError USAGE
 */
export function refuseArgvValue(name: string, rest: readonly string[], options: readonly string[]): void {
  const assigned = schemeOf(name) === undefined && name.includes('=');
  const [first] = rest;
  if (!assigned && first === undefined) return;
  const label = NAME.exec(name.split('=')[0] ?? '')?.[0] ?? (schemeOf(name) === undefined ? 'NAME' : 'REFERENCE');
  const option = assigned || first === undefined ? undefined : misspelled(first, options);
  if (option !== undefined)
    throw new SecretsError({ code: 'USAGE', message: 'there is no option of that name', hint: `did you mean ${option}?` });
  throw new SecretsError({
    code: 'USAGE',
    message:
      'a value on the command line is refused: it is in the history of this shell now, and others on this machine could see it. If it is real, replace it',
    hint: safeWays(label),
  });
}

/** A long option that was probably meant; a value behind `=` is left out of the comparison. */
function misspelled(word: string, options: readonly string[]): string | undefined {
  const name = /^--([a-z][a-z-]{1,30})(?:=|$)/.exec(word)?.[1];
  return name === undefined ? undefined : suggest(`--${name}`, options);
}
