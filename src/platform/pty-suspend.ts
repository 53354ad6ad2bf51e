/**
 * Ctrl-Z in a terminal between. The kernel stops nothing there: a session without a parent shell has nobody who would
 * continue it. So whoever passes the key on has to stop the program instead.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { processStat } from './process-stat.ts';

/** What the key sends. */
export const SUSPEND_KEY = 0x1a;

/**
 * Whether the key would stop the program in its terminal: it is in the foreground itself, neither ignores nor
 * handles the signal, has not asked to read the key as it is, and there is a shell that could go on with it.
 * @param pid the program, which leads its session
 * @param terminalFd either end of its terminal
 */
export function isSuspendable(pid: number, terminalFd: number): boolean {
  try {
    if (processStat(pid).foreground !== pid || !hasShell()) return false;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    for (const [, mask = '0'] of status.matchAll(/^Sig(?:Ign|Cgt):\s*([0-9a-f]+)/gm))
      if (((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGTSTP - 1)) & 1n) === 1n) return false;
  } catch {
    return false; // no /proc: the key is passed on, and does nothing
  }
  const { stdout } = spawnSync('stty', ['-a'], { stdio: [terminalFd, 'pipe', 'ignore'], encoding: 'utf8' });
  return /(?:^|\s)isig(?:\s|$)/.test(stdout ?? '') && /susp = \^Z;/.test(stdout ?? '');
}

/** Whether whoever started our group is in our session, as the kernel asks before it stops anything. */
function hasShell(): boolean {
  const own = processStat('self');
  let above = own;
  while (above.group === own.group && above.parent !== 0) above = processStat(above.parent);
  return above.group !== own.group && above.session === own.session;
}
