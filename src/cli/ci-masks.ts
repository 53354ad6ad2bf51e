/**
 * Tells the CI system that runs us which values to mask in its own log. A value is written in the clear for that, so
 * only to a stderr that the CI system reads: never to a terminal or into a file.
 */
import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { MaskRules } from '../core/model.ts';
import type { Prepared } from '../run/prepare.ts';
import type { Context } from './context.ts';

export async function announceMasks({ env }: Context, { valid }: Prepared, { minLength }: MaskRules): Promise<void> {
  if (isatty(2) || isFile(2)) return;
  const { ciMaskLines } = await import('../mask/ci-masks.ts');
  const values = valid.secrets.filter(({ spec }) => spec.sensitive).map(({ secret }) => secret.value.reveal());
  const lines = ciMaskLines(env, values, { minLength });
  if (lines.length > 0) writeSync(2, `${lines.join('\n')}\n`);
}

/** Whether this environment is of a CI system that takes masks at run time. */
export const takesMasks = (env: Context['env']): boolean => env['GITHUB_ACTIONS'] === 'true' || env['TF_BUILD']?.toLowerCase() === 'true';

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return true;
  }
}
