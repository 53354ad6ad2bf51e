/** What went wrong with a file, in words. Of Node's errors only the code is used. */
import { Fault, type FaultDetail } from '../../core/fault.ts';
import { errorCode, type FileRead } from '../../platform/atomic-file.ts';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of its path is not a folder',
  ENOTAFILE: 'something else than a file has its name',
};

const DENIED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTAFILE']);

/** Our words for one of Node's codes. */
const wordsFor = (code: string): string => WORDS[code] ?? `the system answered ${code}`;

/** A file could not be written or made. Faults pass through, and what is no error of the system's is thrown on. @param doing such as `write /home/ana/…` */
export function asIoFault(error: unknown, doing: string, detail: Partial<FaultDetail> = {}): Fault {
  if (error instanceof Fault) return error;
  if (!(error instanceof Error && 'code' in error)) throw error;
  const code = errorCode(error);
  const message = `cannot ${doing}: ${wordsFor(code)}`;
  if (DENIED.has(code)) return new Fault('denied', { message, hint: 'check the path and its permissions', ...detail });
  return new Fault('unavailable', { message, code: 'IO', retryable: false, hint: 'check the path and the free space', ...detail });
}

/** A store could not be made. */
export const createFault = (message: string, hint: string): Fault => new Fault('denied', { message, hint, code: 'STORE_CREATE_FAILED' });

/** A file that is there and can't be used. */
export function unreadable(read: Exclude<FileRead, { state: 'read' | 'absent' }>, file: string): Fault {
  switch (read.state) {
    case 'symlink':
      return new Fault('denied', {
        message: `${file} is a symbolic link, which is refused: it could lead to another store`,
        hint: 'put the file itself there, or point SECRETS_STORE to the real folder',
      });
    case 'not-a-file':
      return new Fault('corrupt', { message: `${file} is not a regular file`, hint: 'restore it from a backup' });
    case 'too-big':
      return new Fault('corrupt', {
        message: `${file} is far bigger than anything secrets writes there`,
        hint: 'restore it from a backup',
      });
    case 'failed':
      return asIoFault(Object.assign(new Error(), { code: read.code }), `read ${file}`);
  }
}

/** Refuses a file that others could have written or can read. Does nothing on Windows. */
export function checkPrivate(file: string, stat: { readonly mode: number | undefined; readonly uid: number | undefined }): void {
  checkOwner(file, stat.uid);
  if (stat.mode === undefined || (stat.mode & ~0o600) === 0) return;
  throw new Fault('denied', {
    message: `${file} has mode ${octal(stat.mode)}, so others than you could use it`,
    hint: `chmod 600 ${quoted(file)}`,
  });
}

export function checkOwner(file: string, uid: number | undefined): void {
  if (uid === undefined || uid === process.getuid?.()) return;
  throw new Fault('denied', {
    message: `${file} belongs to another user`,
    hint: 'run secrets as that user, or point SECRETS_STORE to a store of your own',
  });
}

export const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** A path as it can be typed into a shell. */
export const quoted = (file: string): string => (/^[\w./+:@-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`);
