/** Files that do not come: a pipe without an end stands for the disk of a network that hangs. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RunningCli } from './support/cli.ts';
import { project } from './support/project.ts';

/** Waits until a process has a file open. */
async function opened({ pid }: RunningCli, file: string): Promise<void> {
  const folder = `/proc/${pid}/fd`;
  const linkOf = (fd: string): string => {
    try {
      return readlinkSync(join(folder, fd));
    } catch {
      return '';
    }
  };
  while (!readdirSync(folder).some((fd) => linkOf(fd) === file)) await turn();
}

describe.runIf(process.platform === 'linux')('A15 a signal while a file does not come', () => {
  it.each([
    ['SIGINT', ['run', '--manifest', 'pipe', '--', 'true']],
    ['SIGTERM', ['run', '--dotenv', 'pipe', '--', 'true']],
    ['SIGHUP', ['run', '--manifest', 'pipe', '--', 'true']],
    ['SIGINT', ['list', '--manifest', 'pipe']],
    ['SIGINT', ['explain', '--manifest', 'pipe']],
  ] as const)('%s ends %o at once', async (signal, args) => {
    const one = await project({ manifest: 'version: 1\nsecrets: {}\n' });
    const pipe = join(one.dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = openSync(pipe, constants.O_RDWR);
    try {
      const running = one.start([...args]);
      await opened(running, pipe);
      const began = performance.now();
      running.child.kill(signal);
      expect(await running.result).toMatchObject({ signal, stdout: '', stderr: '' });
      expect(performance.now() - began).toBeLessThan(200);
    } finally {
      closeSync(writer);
    }
  });

  it('an identity that is no file is refused, and nobody waits for it', async () => {
    const one = await project({ manifest: 'version: 1\nproject: slow\nsecrets: { A: "local://a" }\n' });
    await one.set('A', 'canary-stored');
    const pipe = join(one.dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { code, stderr } = await one.run(['run', '--', 'true'], { env: { SECRETS_IDENTITY_FILE: pipe } });
    expect(code).toBe(125);
    expect(stderr).toContain(`${pipe} is not a regular file`);
  });
});
