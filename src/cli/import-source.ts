/** The end of an env file: only when a run gets every one of its values, byte for byte. */
import { unlink } from 'node:fs/promises';
import { SecretsError, throwIssues, type Issue } from '../core/errors.ts';
import { SecretValue } from '../core/secret-value.ts';
import { readTextFile } from '../manifest/index.ts';
import { errorCode } from '../platform/atomic-file.ts';
import { prepare } from '../run/prepare.ts';
import type { Context } from './context.ts';
import type { EnvFile, Planned } from './import-plan.ts';
import { again } from './said-once.ts';
import { withRun } from './session.ts';
import { withSpinner } from './spinner.ts';

/**
 * Prepares everything that `secrets run` would, compares, and removes the file.
 * @throws SecretsError if a run would fail, a value differs, or lines of the file are nowhere else; the file stays then
 */
export async function removeSource(context: Context, path: string, file: EnvFile, planned: readonly Planned[]): Promise<void> {
  const left = planned.filter(({ fate }) => fate.kind === 'left');
  throwIssues(
    left.map(({ entry }): Issue => ({
      code: 'USAGE',
      name: entry.name,
      at: entry.at,
      message: 'it is nowhere but in the file, which therefore stays',
      hint: 'take it over by hand, and out of the file',
    })),
  );
  await withRun(again(context), ({ manifest }, run) =>
    withSpinner(context, 'comparing every value', async () => {
      const { valid } = await prepare(manifest, run, { select: {}, argv: ['true'] });
      const got = new Map(valid.secrets.map(({ spec, secret }) => [spec.name, secret.value]));
      throwIssues(
        planned
          .filter(({ entry, fate }) => fate.kind !== 'reference' && got.get(entry.name)?.equals(SecretValue.fromText(entry.value)) !== true)
          .map(({ entry }): Issue => ({
            code: 'CONFLICT',
            name: entry.name,
            at: entry.at,
            message: 'a run gets another value than the file has, so the file stays',
            hint: `secrets explain ${entry.name}`,
          })),
      );
    }),
  );
  const now = readTextFile(path);
  if (!now.ok || now.text !== file.text)
    throw new SecretsError({ code: 'CONFLICT', message: `${file.shown} was changed meanwhile, so it stays`, hint: 'run it again' });
  await unlink(path).catch((error: unknown) => {
    throw new SecretsError({ code: 'IO', message: `${file.shown} cannot be removed (${errorCode(error)})`, hint: 'remove it by hand' });
  });
}
