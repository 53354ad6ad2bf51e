/**
 * A pseudo-terminal for the child, so that what it shows can be masked while it still sees a terminal. The native part
 * of node-pty opens it; the optional package may be missing.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { findCommand } from './command.ts';

interface NativePty {
  open(columns: number, rows: number): { readonly master: number; readonly slave: number; readonly pty: string };
  resize(master: number, columns: number, rows: number): void;
}

export interface Pty {
  /** Our end: what the child prints is read here, what is typed is written here. */
  readonly masterFd: number;
  /** The child's end. */
  readonly slaveFd: number;
  resize(columns: number, rows: number): void;
}

/** @returns undefined where the package is not installed for this system or no pseudo-terminal is to be had */
export function openPty(columns: number, rows: number): Pty | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    const require = createRequire(import.meta.url);
    const wrapper = require.resolve('@lydell/node-pty');
    // The wrapper adds variables to the child's environment, so its native part is used alone.
    const native = createRequire(wrapper)(`@lydell/node-pty-${process.platform}-${process.arch}/pty.node`) as NativePty;
    const { master, slave, pty } = native.open(columns, rows);
    // Opened again with the close-on-exec mark, which the native part does not set.
    const slaveFd = openSync(pty, constants.O_RDWR | constants.O_NOCTTY);
    closeSync(slave);
    return { masterFd: master, slaveFd, resize: (width, height) => native.resize(master, width, height) };
  } catch {
    return undefined;
  }
}

/** The program that makes its stdin the controlling terminal of a new session and becomes another one. */
export function findSetsid(searchPath: string | undefined): string | undefined {
  const found = findCommand('setsid', searchPath, '/');
  return found.ok ? found.file : undefined;
}
