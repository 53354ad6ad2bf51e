/** Writes an edited manifest, in one step and only over the text that was edited. */
import { realpathSync, statSync } from 'node:fs';
import { SecretsError } from '../core/errors.ts';
import { errorCode, replaceFile, writeNewFile } from '../platform/atomic-file.ts';
import { readTextFile } from './files.ts';

const CONFLICT = { code: 'CONFLICT', hint: 'look at the file, then run it again' } as const;

/**
 * Replaces the file atomically, keeping its mode; through a symbolic link, what it points to is replaced.
 * @param expected the text that the edit began with; undefined makes a new file
 * @throws SecretsError CONFLICT if the file holds something else by now (or is there already), IO if it can't be written
 */
export async function writeManifest(path: string, text: string, expected: string | undefined): Promise<void> {
  try {
    if (expected === undefined) {
      await writeNewFile(path, text, 0o644);
      return;
    }
    const target = realpathSync(path);
    const current = readTextFile(target);
    if (!current.ok || current.text !== expected)
      throw new SecretsError({ ...CONFLICT, message: `${path} changed while it was being edited` });
    await replaceFile(target, text, statSync(target).mode & 0o777);
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const code = errorCode(error);
    if (code === 'EEXIST') throw new SecretsError({ ...CONFLICT, message: `${path} is there already` });
    if (code === 'ENOENT' && expected !== undefined) throw new SecretsError({ ...CONFLICT, message: `${path} is gone` });
    throw new SecretsError({
      code: 'IO',
      message: `${path} cannot be written (${code})`,
      hint: 'check the folder, its permissions and the disk',
    });
  }
}
