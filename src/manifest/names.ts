/** Which names a secret may have. Names that make interpreters run code are judged when the environment is composed. */
import type { Position } from '../core/errors.ts';
import type { Problems } from './problems.ts';
import { ENVIRONMENT_NAME } from './shape.ts';

/** Settings of `secrets` itself: a manifest can't set them for an inner run. */
export const OWN_VARIABLES: ReadonlySet<string> = new Set([
  'SECRETS_AUDIT',
  'SECRETS_CONFIG_DIR',
  'SECRETS_IDENTITY_FILE',
  'SECRETS_MANIFEST',
  'SECRETS_PASSPHRASE',
  'SECRETS_PROFILE',
  'SECRETS_REASON',
  'SECRETS_RUN',
  'SECRETS_STATE_DIR',
  'SECRETS_STORE',
  'SECRETS_TIMEOUT',
  'SECRETS_TRUST',
]);

/**
 * Reports a name that can't be used.
 * @returns whether it can
 */
export function checkName(name: string, at: Position, problems: Problems): boolean {
  if (!ENVIRONMENT_NAME.test(name) || name === '__proto__') {
    problems.invalid(at, 'the name is no environment name: letters, digits and _, not a digit first');
    return false;
  }
  if (!OWN_VARIABLES.has(name.toUpperCase())) return true;
  problems.invalid(at, 'the name belongs to a setting of secrets itself', { name, hint: 'choose another name' });
  return false;
}

/** Names that differ only in case are one variable on Windows: an error there, a note elsewhere. */
export function checkCase(secrets: Iterable<{ readonly name: string; readonly at: Position }>, platform: string, problems: Problems): void {
  const known = new Map<string, string>();
  for (const { name, at } of secrets) {
    const former = known.get(name.toUpperCase());
    if (former === undefined) known.set(name.toUpperCase(), name);
    else if (platform === 'win32')
      problems.invalid(at, `it differs from ${former} only in case, and Windows takes both for one`, { name, hint: 'rename one of them' });
    else
      problems.note({ name, at, message: `it differs from ${former} only in case: on Windows both are one`, hint: 'rename one of them' });
  }
}
