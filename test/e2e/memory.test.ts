import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { PROGRAM } from './support/cli.ts';
import { tempHome } from './support/home.ts';

const CHUNK = 64 * 1024;
const TOTAL = 400 * 1024 * 1024;

describe.runIf(process.platform === 'linux')('memory', () => {
  it('A44 stays small while a child writes 400 MB to a slow reader', { timeout: 120_000 }, async () => {
    const env = { ...tempHome().env, SOURCE: canary() };
    const args = [PROGRAM, 'run', '--ref', 'TOKEN=env://SOURCE', '--', 'head', '-c', String(TOTAL), '/dev/zero'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let bytes = 0;
    let most = 0;
    let pieces = 0;
    for await (const piece of child.stdout) {
      bytes += (piece as Buffer).length;
      // A reader that is slower than the child, by looking at the memory after every few pieces.
      if (++pieces % 64 === 0) most = Math.max(most, residentBytes(child.pid ?? 0));
      if (bytes % (CHUNK * 16) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect(bytes).toBe(TOTAL);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(150 * 1024 * 1024);
  });
});

/** 0 once the process is gone. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
