/** Agreement to what changes things: a question at a terminal, --yes elsewhere. */
import { SecretsError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { askConfirm } from './prompts.ts';
import { interrupted } from './session.ts';

/**
 * @param lines what is going to happen, shown before the question
 * @throws SecretsError USAGE where nobody can be asked, INTERRUPTED where the person says no
 */
export async function agree(context: Context, lines: readonly string[], question: string, yes: boolean | undefined): Promise<void> {
  const { output, interactive } = context;
  if (yes === true) return;
  if (!interactive) {
    throw new SecretsError({
      code: 'USAGE',
      message: 'nobody can be asked here whether to do this',
      hint: 'look at it with --dry-run, then add --yes',
    });
  }
  for (const line of lines) output.notice(line);
  if (await askConfirm(question, false)) return;
  throw new SecretsError({ ...interrupted().primary, message: 'nothing was changed', hint: 'run it again' });
}
