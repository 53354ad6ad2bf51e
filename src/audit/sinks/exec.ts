/** Records to a program of the user's: lines on its standard input, taken when it ends with 0. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { SinkFault, withinLimit, type Sink } from './sink.ts';

/** Nothing else of our environment: it may hold credentials. */
const PASSED = ['PATH', 'HOME', 'LANG', 'TZ', 'SystemRoot'];

export interface ExecSinkOptions {
  readonly command: readonly [string, ...string[]];
  /** Folder that a relative path starts from. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function execSink({ command: [program, ...args], dir, env }: ExecSinkOptions): Sink {
  const what = `the program ${path.basename(program)}`;
  const file = program.startsWith('.') ? path.resolve(dir, program) : program;
  return {
    what,
    send: (lines) =>
      withinLimit(what, async (signal) => {
        const passed = Object.fromEntries(PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
        const child = spawn(file, args, { env: passed, stdio: ['pipe', 'ignore', 'ignore'], signal, killSignal: 'SIGKILL' });
        const ended = new Promise<number | null>((resolve, reject) => {
          child.once('error', () => reject(new SinkFault(`${what} cannot be started`, 'check audit.sinks')));
          child.once('close', resolve);
        });
        // One that reads nothing and ends with 0 has decided so.
        child.stdin.on('error', () => undefined);
        child.stdin.end(lines.map((line) => `${line}\n`).join(''));
        const code = await ended;
        if (code !== 0) throw new SinkFault(`${what} ended with ${code ?? 'a signal'}`);
      }),
  };
}
