/** What `secrets run` says about its preparation. */
import type { Prepared } from '../run/prepare.ts';
import type { Context } from './context.ts';

export function reportPrepared(context: Context, { valid, composed }: Prepared): void {
  const { output } = context;
  for (const warning of valid.warnings) output.warn(warning);
  for (const spec of valid.absent) output.detail(`${spec.name} is absent and optional, so it is not set`);
  const taken = new Set(valid.secrets.flatMap(({ spec, secret }) => (secret.outerRun === undefined ? [] : [spec.name])));
  if (taken.size > 0) output.detail(`taken from the run around this one: ${[...taken].join(', ')} (--fresh asks again)`);
  // A template that was filled with what was taken is what it was.
  const replaced = composed.overridden.filter((name) => !taken.has(name) && composed.env[name] !== context.env[name]);
  for (const name of replaced) output.detail(`${name} replaces the value of the parent's environment`);
  for (const name of composed.kept) output.detail(`${name} keeps the value of the parent's environment`);
  output.detail(`injected ${composed.injected.length === 0 ? 'nothing' : composed.injected.join(', ')}`);
  if (composed.scrubbed.length > 0) output.notice(scrubNotice(composed.scrubbed));
}

export const scrubNotice = (names: readonly string[]): string =>
  `${names.join(', ')} signed in to fetch the secrets and ${names.length === 1 ? 'is' : 'are'} not passed on (--pass-env ${names.join(',')} keeps ${names.length === 1 ? 'it' : 'them'})`;

/** A command as typed, if it is fit to print. */
export const shown = (command: string): string => (/^[\x20-\x7e]{1,200}$/.test(command) ? command : 'the command');
