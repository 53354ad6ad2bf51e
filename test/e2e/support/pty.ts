/** The program, or a shell, in a pseudo-terminal. */
import { spawn } from '@lydell/node-pty';
import { stripVTControlCharacters } from 'node:util';
import { atEnd } from './at-end.ts';
import { asPattern, environmentOf, PROGRAM } from './cli.ts';
import type { CliOptions } from './cli.ts';
import { tempHome } from './home.ts';

export interface PtyOptions extends Pick<CliOptions, 'home' | 'env' | 'cwd'> {
  readonly columns?: number;
  readonly rows?: number;
}

export interface PtyExit {
  readonly code: number;
  /** Number of the signal that ended it; 0 for none. */
  readonly signal: number;
}

export interface Pty {
  readonly pid: number;
  /** Everything that was shown so far, without colours and cursor movements. */
  text(): string;
  /** The same as it came. */
  raw(): string;
  /**
   * Waits for a text that is shown after what the last `waitFor` found; gives the match. Fails when the process ends
   * without, or after the time limit in milliseconds.
   */
  waitFor(pattern: string | RegExp, limitMs?: number): Promise<RegExpExecArray>;
  write(keys: string): void;
  resize(columns: number, rows: number): void;
  kill(signal: NodeJS.Signals): void;
  readonly exit: Promise<PtyExit>;
}

/** Ctrl-C, Ctrl-Z and Ctrl-D, as the keyboard sends them. */
export const CTRL_C = '\u0003';
export const CTRL_Z = '\u001a';
export const CTRL_D = '\u0004';

const LIMIT_MS = 20_000;

/** `secrets` with arguments, in a terminal. */
export function openPty(args: readonly string[], options: PtyOptions = {}): Pty {
  return open(process.execPath, [PROGRAM, ...args], options);
}

/** An interactive bash with job control, whose prompt is `ready$ `. */
export function shellPty(options: PtyOptions = {}): Pty {
  const env = { PS1: 'ready$ ', HISTFILE: '/dev/null', ...options.env };
  return open('bash', ['--norc', '--noprofile', '-i'], { ...options, env });
}

function open(program: string, args: readonly string[], options: PtyOptions): Pty {
  const home = options.home ?? tempHome();
  const terminal = spawn(program, [...args], {
    name: 'xterm-256color',
    cols: options.columns ?? 100,
    rows: options.rows ?? 30,
    cwd: options.cwd ?? home.dir,
    env: environmentOf(home, { TERM: 'xterm-256color', ...options.env }),
  });
  let raw = '';
  let seen = 0;
  let ended = false;
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  terminal.onData((data) => {
    raw += data;
    changed();
  });
  const exit = new Promise<PtyExit>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      ended = true;
      changed();
      resolve({ code: exitCode, signal: signal ?? 0 });
    });
  });
  atEnd(() => {
    if (!ended) terminal.kill('SIGKILL');
  });
  const text = (): string => stripVTControlCharacters(raw);

  return {
    pid: terminal.pid,
    text,
    raw: () => raw,
    write: (keys) => terminal.write(keys),
    resize: (columns, rows) => terminal.resize(columns, rows),
    kill: (signal) => terminal.kill(signal),
    exit,
    waitFor: (wanted, limitMs = LIMIT_MS) =>
      new Promise((resolve, reject) => {
        const pattern = asPattern(wanted);
        const settle = (act: () => void): void => {
          watchers.delete(look);
          clearTimeout(timer);
          act();
        };
        const look = (): void => {
          const match = pattern.exec(text().slice(seen));
          if (match !== null) {
            seen += match.index + match[0].length;
            settle(() => resolve(match));
          } else if (ended) settle(() => reject(new Error(`ended without ${pattern}; shown: ${text()}`)));
        };
        const timer = setTimeout(() => settle(() => reject(new Error(`no ${pattern} in ${limitMs} ms; shown: ${text()}`))), limitMs);
        watchers.add(look);
        look();
      }),
  };
}
