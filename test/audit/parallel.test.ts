/** Processes that write to one log at once, some of them killed while they do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKey, keyFileOf } from '../../src/audit/key.ts';
import { recordsOf } from '../../src/audit/read.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { tempDir } from '../e2e/support/home.ts';
import { noKeychain } from './support.ts';

const start = (log: string, writes: number, each: number): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, 'run-child.ts'), log, String(writes), String(each)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

const ended = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });

describe('A49 sixteen runs at once', () => {
  it('leave a log in order, also those of them that are killed while they write', async () => {
    const log = join(tempDir('audit'), 'audit.jsonl');
    const whole = Array.from({ length: 11 }, () => start(log, 100, 1));
    // These write until they are killed, in pieces that the system does not write at one go.
    const killed = Array.from({ length: 5 }, () => start(log, 1_000_000, 60));
    for (const child of killed) child.stdout?.once('data', () => setTimeout(() => child.kill('SIGKILL'), 30 + Math.random() * 200));
    const [codes, ends] = await Promise.all([Promise.all(whole.map(ended)), Promise.all(killed.map(ended))]);
    expect(codes).toEqual(Array.from({ length: 11 }, () => 0));
    expect(ends).toEqual(Array.from({ length: 5 }, () => 'SIGKILL'));
    expect(await ended(start(log, 1, 1))).toBe(0);

    const key = await readKey({ file: keyFileOf(log), keychain: noKeychain });
    const verdict = verifyLog(log, key);
    const records = [...recordsOf(log)].map(({ record }) => record);
    // A line that is torn is closed by a record that says so, if need be by two at once.
    expect(verdict).toMatchObject({ ok: true });
    if (!verdict.ok) return;
    expect(records.filter(({ event }) => event === 'recovered').length).toBeGreaterThanOrEqual(verdict.torn);
    const perRun = [
      ...Map.groupBy(
        records.filter(({ event }) => event === 'use'),
        ({ run }) => run,
      ).values(),
    ].map((one) => one.length);
    expect(perRun.filter((count) => count === 100).length).toBeGreaterThanOrEqual(11);
  });
});
