/** One process of this machine at a time for one document. Other machines are kept apart by the store. */
import path from 'node:path';
import { Fault } from '../core/fault.ts';
import { errorCode } from '../platform/atomic-file.ts';
import { acquireLock, type FileLock } from '../platform/lock.ts';

/**
 * @param folder where the locks are; without one there is none
 * @throws Fault 'conflict' where another process has it, code IO where it can't be made
 */
export async function alone<T>(folder: string | undefined, document: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (folder === undefined) return work();
  const lock = await take(path.join(folder, `${document}.lock`), signal);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function take(file: string, signal: AbortSignal): Promise<FileLock> {
  try {
    return await acquireLock(file, { what: 'this rotation', waitMs: 0, signal });
  } catch (error) {
    if (!(error instanceof Fault))
      throw new Fault('unavailable', {
        code: 'IO',
        retryable: false,
        message: `the lock of the rotation cannot be made (${errorCode(error)}); nothing was changed`,
        hint: 'SECRETS_STATE_DIR names another folder for it',
      });
    if (error.code !== 'STORE_BUSY') throw error;
    throw new Fault('conflict', { message: `${error.detail.message}; nothing was changed`, hint: 'wait for its end, then run it again' });
  }
}
