/** What the kernel knows about our controlling terminal. */
import { closeSync, openSync } from 'node:fs';
import { processStat } from './process-stat.ts';

/**
 * Whether the terminal sends its own signals (Ctrl-C, window size) to us and our child alike: we have a controlling
 * terminal and are in its foreground group.
 */
export function inForeground(): boolean {
  try {
    const { group, terminal, foreground } = processStat('self');
    return terminal !== 0 && group === foreground;
  } catch {
    return process.stdin.isTTY; // no /proc: a terminal on stdin is the best guess
  }
}

/** Whether we have a controlling terminal; after a hang-up there is none any more. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
