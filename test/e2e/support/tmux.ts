/** A shell in a terminal that draws: tmux keeps the screen as a person would see it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolFacts } from '../../bed/facts.ts';
import { atEnd } from './at-end.ts';
import { asPattern, environmentOf } from './cli.ts';
import type { CliOptions } from './cli.ts';
import { tempDir, tempHome } from './home.ts';

export interface TmuxOptions extends Pick<CliOptions, 'home' | 'env' | 'cwd'> {
  readonly columns?: number;
  readonly rows?: number;
}

/** What a program may leave behind in a terminal. */
export interface TerminalState {
  /** As `stty -g` writes all of them. */
  readonly settings: string;
  readonly alternateScreen: boolean;
  readonly cursorShown: boolean;
  readonly mouseWanted: boolean;
  /** Cursor keys and number pad send what programs of a full screen ask for. */
  readonly applicationKeys: boolean;
}

export interface Tmux {
  /** Types a text as it is. */
  type(text: string): void;
  /** Presses keys by tmux's names, such as `Enter`, `Down`, `C-c`. */
  press(...keys: readonly string[]): void;
  /** What is on the screen now, line by line. */
  screen(): string;
  /** The same with everything that scrolled out of it. */
  everything(): string;
  /** Waits until the screen matches; gives the match. Fails after 20 s with what is on it. */
  waitFor(pattern: string | RegExp): Promise<RegExpExecArray>;
  resize(columns: number, rows: number): void;
  /** Asks the shell, which has to be at its prompt. */
  state(): Promise<TerminalState>;
}

/** The prompt of the shell. */
export const PROMPT = 'ready$ ';

const LIMIT_MS = 20_000;
const LOOK_MS = 25;

/** Starts an interactive bash; it is ended when the test file is over. */
export async function openTmux(tmux: ToolFacts, options: TmuxOptions = {}): Promise<Tmux> {
  const home = options.home ?? tempHome();
  const socket = join(tempDir('tmux'), 's');
  const env = environmentOf(home, { ...options.env, PS1: PROMPT, HISTFILE: '/dev/null' });
  const ask = (...args: readonly string[]): string =>
    execFileSync(tmux.path, ['-S', socket, '-f', '/dev/null', ...args], { env, cwd: options.cwd ?? home.dir, encoding: 'utf8' });
  const size = ['-x', String(options.columns ?? 100), '-y', String(options.rows ?? 30)];
  ask('new-session', '-d', ...size, 'bash', '--norc', '--noprofile', '-i');
  atEnd(() => void ask('kill-server'));
  const screen = (): string => ask('capture-pane', '-p');
  const type = (text: string): void => void ask('send-keys', '-l', text);
  const press = (...keys: readonly string[]): void => void ask('send-keys', ...keys);
  const waitFor = async (wanted: string | RegExp): Promise<RegExpExecArray> => {
    const pattern = asPattern(wanted);
    const until = performance.now() + LIMIT_MS;
    for (;;) {
      const shown = screen();
      const match = pattern.exec(shown);
      if (match !== null) return match;
      if (performance.now() > until) throw new Error(`no ${pattern} in ${LIMIT_MS} ms; on the screen:\n${shown}`);
      await sleep(LOOK_MS);
    }
  };
  let asked = 0;
  const settings = async (): Promise<string> => {
    const mark = `settings-${++asked}`;
    type(`clear; echo; stty -g; echo ${mark.replace('-', '""-')}`);
    press('Enter');
    const [, words = ''] = await waitFor(new RegExp(`^([0-9a-f:\\n]+)\\n${mark}$`, 'm'));
    return words.replaceAll('\n', '');
  };
  await waitFor(PROMPT.trim());
  return {
    type,
    press,
    screen,
    everything: () => ask('capture-pane', '-p', '-S', '-'),
    waitFor,
    resize: (columns, rows) => void ask('resize-window', '-x', String(columns), '-y', String(rows)),
    state: async () => {
      const lines = await settings();
      const format = '#{alternate_on}#{cursor_flag}#{mouse_any_flag}#{keypad_flag}#{keypad_cursor_flag}';
      const [alternate, cursor, mouse, pad, cursorKeys] = ask('display-message', '-p', format).trim();
      return {
        settings: lines,
        alternateScreen: alternate === '1',
        cursorShown: cursor === '1',
        mouseWanted: mouse === '1',
        applicationKeys: pad === '1' || cursorKeys === '1',
      };
    },
  };
}
