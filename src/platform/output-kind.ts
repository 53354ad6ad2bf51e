/** What our own output streams are, which decides whether they are masked. */
import { fstatSync, statSync } from 'node:fs';
import { isatty } from 'node:tty';

export type StreamName = 'stdout' | 'stderr';
export const STREAM_FD: Readonly<Record<StreamName, 1 | 2>> = { stdout: 1, stderr: 2 };
export const STREAM_NAMES: readonly StreamName[] = ['stdout', 'stderr'];

export const isTerminal = (name: StreamName): boolean => isatty(STREAM_FD[name]);

/** What goes to /dev/null is seen by nobody. */
export const isSeen = (name: StreamName): boolean => !isNull(STREAM_FD[name]);

/** Whether masking concerns any stream of ours at all. */
export const needsMasking = (mode: 'auto' | 'always'): boolean =>
  STREAM_NAMES.some((name) => isSeen(name) && (mode === 'always' || !isTerminal(name)));

/** Whether a descriptor is the null device. */
function isNull(fd: number): boolean {
  try {
    const [file, none] = [fstatSync(fd), statSync('/dev/null')];
    return file.isCharacterDevice() && file.rdev === none.rdev;
  } catch {
    return false;
  }
}
