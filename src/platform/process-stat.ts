/** What the kernel tells about a process, where there is a /proc. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /** One letter: `Z` and `X` are dead. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of the controlling terminal; 0 for none. */
  readonly terminal: number;
  /** The group in the foreground of that terminal; -1 for none. */
  readonly foreground: number;
  /** When it started, in the kernel's own count. */
  readonly start: string;
}

/** @throws where there is no such process or no /proc */
export function processStat(pid: number | 'self'): ProcessStat {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command in parentheses may hold anything; after it, from field 3: state, ppid, pgrp, session, tty_nr, tpgid, and
  // as field 22 the start.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [parent = 0, group = 0, session = 0, terminal = 0, foreground = -1] = fields.map(Number);
  return { state, parent, group, session, terminal, foreground, start: fields[18] ?? '' };
}
