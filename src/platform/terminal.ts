/** What the kernel knows about our controlling terminal. */
import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Whether the terminal sends its own signals (Ctrl-C, window size) to us and our child alike: we have a controlling
 * terminal and are in its foreground group.
 */
export function inForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // After the command in parentheses: state, ppid, pgrp, session, tty_nr, tpgid.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [group, terminal, foreground] = [fields[2], Number(fields[4]), fields[5]];
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
