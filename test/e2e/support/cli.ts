/** The built program, as a process of its own with a clean environment. */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY, tempHome } from './home.ts';
import type { Environment, Home } from './home.ts';

export const PROGRAM = join(REPOSITORY, 'bin', 'secrets.js');

export interface CliOptions {
  /** Default: one made for this call. */
  readonly home?: Home;
  /** Added to the home's; undefined takes a name away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the home folder. */
  readonly cwd?: string;
  /** Standard input, which then ends; none by default. */
  readonly input?: string | Uint8Array;
  /** Milliseconds until the process is killed and the call fails. */
  readonly limitMs?: number;
  /** In place of pipes, for tests of descriptors. */
  readonly stdio?: StdioOptions;
  /** Put in front of the program: a tracer and its arguments. */
  readonly wrapper?: readonly string[];
  /** A process group of its own, so that a signal to it doesn't meet the tests. */
  readonly detached?: boolean;
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The exact bytes. */
  readonly stdoutBytes: Buffer;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly result: Promise<CliResult>;
  /** Waits until the output so far matches; gives the match. Fails when the process ends without. */
  waitFor(pattern: string | RegExp, stream?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
}

const DEFAULT_LIMIT_MS = 30_000;

export function environmentOf(home: Home, more: CliOptions['env'] = {}): Environment {
  const merged: Record<string, string | undefined> = { ...home.env, ...more };
  return Object.fromEntries(Object.entries(merged).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

export function asPattern(pattern: string | RegExp): RegExp {
  return typeof pattern === 'string' ? new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')) : pattern;
}

/** Runs the program to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}

/** Starts the program, for tests that act on it while it runs. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const home = options.home ?? tempHome();
  const [program, ...before] = [...(options.wrapper ?? []), process.execPath, PROGRAM];
  const child = spawn(program, [...before, ...args], {
    cwd: options.cwd ?? home.dir,
    env: environmentOf(home, options.env),
    stdio: options.stdio ?? [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: options.detached ?? false,
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (chunk: Buffer) => {
      output[stream].push(chunk);
      changed();
    });
  }
  // A program that ends early closes its input: that is not the test's failure.
  child.stdin?.on('error', () => {});
  if (options.input !== undefined) child.stdin?.end(options.input);

  const textOf = (stream: 'stdout' | 'stderr'): string => Buffer.concat(output[stream]).toString('utf8');
  const limit = options.limitMs ?? DEFAULT_LIMIT_MS;
  let ended = false;
  const result = new Promise<CliResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`secrets ${args.join(' ')}: not over after ${limit} ms\nstdout: ${textOf('stdout')}\nstderr: ${textOf('stderr')}`));
    }, limit);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      ended = true;
      changed();
      resolve({ code, signal, stdout: textOf('stdout'), stderr: textOf('stderr'), stdoutBytes: Buffer.concat(output.stdout) });
    });
  });
  // The test awaits it when it likes.
  result.catch(() => {});

  return {
    child,
    pid: child.pid ?? 0,
    result,
    waitFor: (wanted, stream = 'stdout') =>
      new Promise((resolve, reject) => {
        const pattern = asPattern(wanted);
        const look = (): void => {
          const match = pattern.exec(textOf(stream));
          if (match === null && !ended) return;
          watchers.delete(look);
          if (match !== null) resolve(match);
          else reject(new Error(`ended without ${pattern} on ${stream}\nstdout: ${textOf('stdout')}\nstderr: ${textOf('stderr')}`));
        };
        watchers.add(look);
        look();
      }),
  };
}
