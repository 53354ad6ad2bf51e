import { EventEmitter } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Relay } from '../../src/run/supervise.ts';

const kill = vi.spyOn(process, 'kill').mockImplementation(() => true);
afterEach(() => kill.mockClear());

/** A child that nobody started: no signal is sent to a process of this system. */
const child = (): ChildProcess =>
  Object.assign(new EventEmitter(), { pid: 4_000_001, exitCode: null, signalCode: null }) as unknown as ChildProcess;

describe('A16 signals between the last look and the program', () => {
  it("end the preparation before, and are the program's from then on, in their order", () => {
    const early: string[] = [];
    const relay = new Relay((signal) => early.push(signal));
    try {
      process.emit('SIGTERM');
      expect(early).toEqual(['SIGTERM']);
      relay.hold();
      process.emit('SIGINT');
      process.emit('SIGHUP');
      expect(early).toEqual(['SIGTERM']);
      expect(kill).not.toHaveBeenCalled();
      relay.attach(child());
      expect(kill.mock.calls).toEqual([
        [4_000_001, 'SIGINT'],
        [4_000_001, 'SIGHUP'],
      ]);
      process.emit('SIGTERM');
      expect(kill).toHaveBeenLastCalledWith(4_000_001, 'SIGTERM');
    } finally {
      relay.release();
    }
  });
});
