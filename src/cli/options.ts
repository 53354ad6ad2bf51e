/** How option texts are read; one place for all commands. */
import { Option } from 'commander';
import { SecretsError } from '../core/errors.ts';
import type { Context } from './context.ts';

/** `A,B` and repeated options alike. */
export const list = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
];

/**
 * The same for an option that narrows: an empty one, as of a variable that is not set, would mean everything.
 * @throws SecretsError USAGE
 */
export const someOf =
  (option: string) =>
  (value: string, before: readonly string[] = []): readonly string[] => {
    const all = list(value, before);
    if (all.length > before.length) return all;
    throw new SecretsError({ code: 'USAGE', message: `${option} names nothing`, hint: `${option} A,B, or leave it out` });
  };

/** What is given again and again, each text as it is. */
const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Of commands that choose among the references of one manifest or many. */
export interface ChoiceOptions {
  readonly where?: readonly string[];
  readonly workspace?: readonly string[];
}

/** @param what which those are that match */
export const whereOption = (what: string): Option =>
  new Option('--where <pairs>', `${what}: owner=ana,state=overdue,name=DB_*`).argParser(repeated);

export const workspaceOption = (): Option => new Option('--workspace <dirs...>', 'all manifests below these folders');

/** Of commands that touch values. */
export interface ReasonOption {
  readonly reason?: string;
}

export const REASON = ['--reason <text>', 'why, for the audit log (SECRETS_REASON)'] as const;

/** --reason counts more than SECRETS_REASON. */
export const withReason = (context: Context, { reason }: ReasonOption): Context =>
  reason === undefined || reason === '' ? context : { ...context, reason };

/** `NAME=REFERENCE` pairs. */
export function references(texts: readonly string[]): readonly { readonly name: string; readonly reference: string }[] {
  return texts.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0)
      throw new SecretsError({
        code: 'USAGE',
        message: '--ref takes NAME=REFERENCE',
        hint: 'secrets run --ref API_KEY=vault://secret/api#key -- COMMAND',
      });
    return { name: text.slice(0, at), reference: text.slice(at + 1) };
  });
}
