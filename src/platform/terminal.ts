/** What the kernel knows about our controlling terminal. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
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

/**
 * Puts the terminal of our stdin in raw mode, whole: the runtime's own leaves the terminal to turn each line feed into a
 * carriage return and a line feed, which misplaces what a program draws on a terminal behind ours.
 * @param stdin a stream of descriptor 0; its `setRawMode(false)` gives back what was
 */
export function makeRaw(stdin: ReadStream): void {
  stdin.setRawMode(true);
  // Where there is no stty, only such drawing is wrong.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}
