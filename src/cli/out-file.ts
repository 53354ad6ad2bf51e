/** `--out FILE`: a new file of ours with something that only its user may read. */
import { SecretsError } from '../core/errors.ts';
import { errorCode, writeNewFile } from '../platform/atomic-file.ts';

/**
 * @param instead said and typed where it cannot be written, in place of what fits every file
 * @throws SecretsError IO where the file is there already or can't be made
 */
export async function writeOut(file: string, bytes: Uint8Array, instead?: { readonly lost: string; readonly hint: string }): Promise<void> {
  try {
    await writeNewFile(file, bytes, 0o600);
  } catch (error) {
    const code = errorCode(error);
    const isThere = code === 'EEXIST';
    const why = isThere ? 'is there already' : `cannot be written: the system says ${code}`;
    throw new SecretsError({
      code: 'IO',
      message: `${file} ${why}${instead === undefined ? '' : `; ${instead.lost}`}`,
      hint: instead?.hint ?? (isThere ? 'name another file, or remove that one' : 'check the folder and its permissions'),
    });
  }
}
