/** Finds a program as a shell would, before anything is fetched, so that "not found" costs nothing. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';

export type Lookup =
  | { readonly ok: true; readonly file: string }
  /** 127: there is none; 126: it is there and can't be executed. */
  | { readonly ok: false; readonly exit: 126 | 127; readonly message: string };

/** What an execvp without PATH would search. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** @param searchPath the caller's own PATH, not the child's */
export function findCommand(command: string, searchPath: string | undefined, cwd: string): Lookup {
  if (command === '') return { ok: false, exit: 127, message: 'the command is empty' };
  if (command.includes('\0')) return { ok: false, exit: 127, message: 'the command holds a NUL byte' };
  if (command.includes('/')) return check(path.resolve(cwd, command)) ?? { ok: false, exit: 127, message: 'there is no such file' };
  let refused: Lookup | undefined;
  for (const folder of (searchPath ?? DEFAULT_PATH).split(':')) {
    // An empty entry means the working directory, as POSIX says.
    const found = check(path.resolve(cwd, folder === '' ? '.' : folder, command));
    if (found?.ok === true) return found;
    refused ??= found;
  }
  return refused ?? { ok: false, exit: 127, message: 'it is not in PATH' };
}

function check(file: string): Lookup | undefined {
  const cannot = (message: string): Lookup => ({ ok: false, exit: 126, message });
  try {
    if (statSync(file).isDirectory()) return cannot('it is a folder');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' ? cannot('its folder may not be searched') : undefined;
  }
  try {
    accessSync(file, constants.X_OK);
  } catch {
    return cannot('it is not executable');
  }
  const interpreter = interpreterOf(file);
  if (interpreter !== undefined) {
    try {
      accessSync(interpreter, constants.X_OK);
    } catch {
      return cannot('its first line (#!) names an interpreter that is not there');
    }
  }
  return { ok: true, file };
}

/** The program that a script's `#!` line names, if it is an absolute path. */
function interpreterOf(file: string): string | undefined {
  const head = Buffer.alloc(256);
  try {
    const fd = openSync(file, 'r');
    try {
      const length = readSync(fd, head, 0, head.length, 0);
      return /^#![ \t]*(\/[^\s]+)/.exec(head.toString('latin1', 0, length))?.[1];
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // executable without being readable: the kernel decides
  }
}
