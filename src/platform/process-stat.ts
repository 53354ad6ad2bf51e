/** What the kernel tells about a process and its terminal, where there is a /proc. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of the controlling terminal; 0 for none. */
  readonly terminal: number;
  /** The group in the foreground of that terminal; -1 for none. */
  readonly foreground: number;
}

/** @throws where there is no such process or no /proc */
export function processStat(pid: number | 'self'): ProcessStat {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command in parentheses may hold anything; after it: state, ppid, pgrp, session, tty_nr, tpgid.
  const [, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [parent = 0, group = 0, session = 0, terminal = 0, foreground = -1] = fields.map(Number);
  return { parent, group, session, terminal, foreground };
}
