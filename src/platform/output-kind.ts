/** What our own output streams are, which decides whether they are masked. */
import { fstatSync, statSync } from 'node:fs';
import { isatty } from 'node:tty';

export type StreamName = 'stdout' | 'stderr';
export const STREAM_FD: Readonly<Record<StreamName, 1 | 2>> = { stdout: 1, stderr: 2 };
export const STREAM_NAMES: readonly StreamName[] = ['stdout', 'stderr'];

export const isTerminal = (name: StreamName): boolean => isatty(STREAM_FD[name]);

/** What goes to /dev/null is seen by nobody. */
const isSeen = (name: StreamName): boolean => !isNull(STREAM_FD[name]);

/** What of our output goes into pipes of the child's when it is masked. */
export interface Piped {
  readonly names: readonly StreamName[];
  /** Both are one file, so one pipe serves for both and their order is kept. */
  readonly together: boolean;
}

export function pipedStreams(): Piped {
  const names = STREAM_NAMES.filter((name) => isSeen(name) && !isTerminal(name));
  return { names, together: names.length === 2 && sameFile(STREAM_FD.stdout, STREAM_FD.stderr) };
}

/** Whether two descriptors are the same file, so that the order of what is written to them matters. */
function sameFile(first: number, second: number): boolean {
  try {
    const [a, b] = [fstatSync(first, { bigint: true }), fstatSync(second, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev;
  } catch {
    return false;
  }
}

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
