/** `--length` and `--alphabet` of commands that make values. */
import { SecretsError } from '../core/errors.ts';
import { ALPHABETS, DEFAULT_GENERATE, GENERATED_LENGTH, type Alphabet, type GenerateSpec } from '../core/model.ts';

export interface GenerateOptions {
  readonly generate?: boolean;
  readonly length?: string;
  readonly alphabet?: string;
}

/**
 * How to make the value; undefined where none is to be made.
 * @param spec what the manifest says about it
 * @throws SecretsError USAGE
 */
export function generateOf(options: GenerateOptions, spec: GenerateSpec | undefined): GenerateSpec | undefined {
  const { length, alphabet } = options;
  if (options.generate !== true) {
    if (length === undefined && alphabet === undefined) return undefined;
    throw usage('--length and --alphabet belong to --generate', 'add --generate');
  }
  const base = spec ?? DEFAULT_GENERATE;
  return {
    length: length === undefined ? base.length : lengthOf(length),
    alphabet: alphabet === undefined ? base.alphabet : alphabetOf(alphabet),
  };
}

function lengthOf(text: string): number {
  const { least, most } = GENERATED_LENGTH;
  const length = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (length >= least && length <= most) return length;
  throw usage(`--length takes a number of characters from ${least} to ${most}`, 'secrets set NAME --generate --length 40');
}

function alphabetOf(text: string): Alphabet {
  const found = ALPHABETS.find((name) => name === text);
  if (found !== undefined) return found;
  throw usage(`--alphabet is one of ${ALPHABETS.join(', ')}`, 'secrets set NAME --generate --alphabet hex');
}

const usage = (message: string, hint: string): SecretsError => new SecretsError({ code: 'USAGE', message, hint });
