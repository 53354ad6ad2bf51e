/** Programs that draw a screen of their own or ask questions, under `--mask always`, in a real terminal. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ToolFacts } from '../bed/facts.ts';
import { describeWith } from '../bed/use.ts';
import { canary } from './support/canary.ts';
import { PROGRAM } from './support/cli.ts';
import { child, project, type Project } from './support/project.ts';
import { openTmux, PROMPT, type Tmux } from './support/tmux.ts';

const MANIFEST = 'version: 1\nsecrets:\n  TOKEN: env://SRC\n';

interface Session {
  readonly one: Project;
  readonly terminal: Tmux;
  readonly value: string;
  /** Ends the test: the program is over, and the terminal is as it was before. */
  readonly expectSane: () => Promise<void>;
}

/** A shell in a terminal in which a program was started, masked. Each `{}` of the files is the value. */
async function session(tmux: ToolFacts, command: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<Session> {
  const value = canary();
  const filled = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.replaceAll('{}', value)]));
  const one = await project({ manifest: MANIFEST, files: filled });
  const terminal = await openTmux(tmux, {
    columns: 120,
    home: one.home,
    cwd: one.dir,
    env: { SRC: value, EDITOR: '', LESS: '', VIMINIT: undefined },
  });
  const before = await terminal.state();
  expect(before).toMatchObject({ alternateScreen: false, cursorShown: true, mouseWanted: false });
  const line = [process.execPath, PROGRAM, 'run', '--mask', 'always', '--', ...command];
  terminal.type(`clear; ${line.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')}; echo "status=$?"`);
  terminal.press('Enter');
  return {
    one,
    terminal,
    value,
    expectSane: async () => {
      await terminal.waitFor(/^status=0$/m);
      await terminal.waitFor(/masked in stdout: TOKEN ×\d+/);
      expect(terminal.everything()).not.toContain(value);
      expect(await terminal.state()).toEqual(before);
    },
  };
}

/** The line of the screen that is the last one with anything on it. */
const lastLine = (screen: string): string => screen.trimEnd().split('\n').at(-1) ?? '';

describeWith(['tmux', 'vim'], 'vim', ({ tmux, vim }) => {
  it('A47 draws, edits, follows the size, shows no value, and gives the terminal back', async () => {
    const { one, terminal, value, expectSane } = await session(tmux, [vim.path, '-u', 'NONE', '-i', 'NONE', '-N', 'notes.txt'], {
      'notes.txt': 'first line\nthe token is {}\nlast line\n',
    });
    await terminal.waitFor(/^the token is \*\*\*$/m);
    // The rest of the screen is vim's: lines after the end of the file.
    expect(terminal.screen()).toMatch(/^last line\n~\n~\n/m);
    terminal.type('oadded below');
    terminal.press('Escape');
    await terminal.waitFor(/^first line\nadded below\nthe token is \*\*\*$/m);
    terminal.type(':echo &columns . "x" . &lines . " " . $TOKEN');
    terminal.press('Enter');
    await terminal.waitFor(/^120x30 \*\*\*/m);
    terminal.resize(80, 20);
    await expect
      .poll(
        () =>
          terminal
            .screen()
            .split('\n')
            .filter((line) => line === '~').length,
      )
      .toBe(15);
    terminal.type(':echo &columns . "x" . &lines');
    terminal.press('Enter');
    await terminal.waitFor(/^80x20$/m);
    terminal.press('Down', 'Down');
    terminal.type('dd:wq');
    terminal.press('Enter');
    await expectSane();
    // Only what is shown is masked.
    expect(readFileSync(join(one.dir, 'notes.txt'), 'utf8')).toBe(`first line\nadded below\nthe token is ${value}\n`);
  });

  it('A42 vim stays on Ctrl-Z, which it handles itself, and the terminal is still its own', async () => {
    const { terminal, expectSane } = await session(tmux, [vim.path, '-u', 'NONE', '-i', 'NONE', '-N', 'notes.txt'], {
      'notes.txt': 'the token is {}\n',
    });
    await terminal.waitFor(/^the token is \*\*\*\n~$/m);
    terminal.press('C-z');
    terminal.type('osecond');
    terminal.press('Escape');
    await terminal.waitFor(/^the token is \*\*\*\nsecond\n~$/m);
    expect(terminal.screen()).not.toContain('Stopped');
    terminal.type(':q!');
    terminal.press('Enter');
    await expectSane();
  });
});

describeWith(['tmux', 'less'], 'less', ({ tmux, less }) => {
  it('A47 pages, searches, follows the size, shows no value, and gives the terminal back', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index + 1} has ${index % 10 === 4 ? '{}' : 'nothing'} in it`);
    const { terminal, expectSane } = await session(tmux, [less.path, 'long.txt'], { 'long.txt': `${lines.join('\n')}\n` });
    await terminal.waitFor(/^line 1 has nothing in it$[^]*^line 29 has nothing in it$/m);
    expect(terminal.screen()).toMatch(/^line 15 has \*\*\* in it$/m);
    terminal.press('Space');
    await terminal.waitFor(/^line 58 has nothing in it$/m);
    terminal.type('/line 150 ');
    terminal.press('Enter');
    await terminal.waitFor(/^line 150 has nothing in it$[^]*^line 155 has \*\*\* in it$/m);
    terminal.resize(80, 12);
    await expect.poll(() => terminal.screen().match(/^line \d+ /gm)?.length).toBe(11);
    terminal.press('G');
    await terminal.waitFor(/^line 200 has nothing in it\n\(END\)/m);
    terminal.press('q');
    await expectSane();
  });
});

describeWith(['tmux', 'htop'], 'htop', ({ tmux, htop }) => {
  it('A47 draws, reacts to keys, follows the size, shows no value, and gives the terminal back', async () => {
    // The value is the name of a program beside it, so htop finds it in the list of processes.
    const script = 'exec -a "name-$TOKEN" sleep 600 & trap "kill %1" EXIT; "$0" -d 5 -p $!,$$';
    const { terminal, expectSane } = await session(tmux, ['bash', '-c', script, htop.path]);
    await terminal.waitFor(/name-\*\*\*/);
    expect(lastLine(terminal.screen())).toMatch(/F1.*F10/);
    terminal.press('h');
    await terminal.waitFor(/htop .* Hisham/i);
    terminal.press('q');
    await terminal.waitFor(/name-\*\*\*/);
    terminal.resize(90, 20);
    await expect.poll(() => terminal.screen().trimEnd().split('\n').length).toBe(20);
    await expect.poll(() => lastLine(terminal.screen())).toMatch(/F1.*F10/);
    terminal.press('q');
    await expectSane();
  });
});

describeWith('tmux', 'questions of @inquirer/prompts', (tmux) => {
  it('A47 are answered by arrow keys and by typing, at any size, with no value shown', async () => {
    const { terminal, expectSane } = await session(tmux, [process.execPath, child('ask.mjs')]);
    await terminal.waitFor(/Where does \*\*\* belong/);
    await terminal.waitFor(/❯ attic\n +basement\n +cellar\n +shelf \*\*\*/);
    terminal.press('Down', 'Down');
    await terminal.waitFor(/❯ cellar/);
    terminal.resize(70, 20);
    terminal.press('Up');
    await terminal.waitFor(/❯ basement/);
    terminal.press('Enter');
    await terminal.waitFor(/Its password/);
    terminal.type('abcd');
    await terminal.waitFor(/Its password ####$/m);
    terminal.press('BSpace', 'Enter');
    await terminal.waitFor(/^place=basement typed=abc$/m);
    await expectSane();
  });

  it('A15 are left by Ctrl-C with the terminal as it was', async () => {
    const { terminal, value } = await session(tmux, [process.execPath, child('ask.mjs')]);
    await terminal.waitFor(/❯ attic/);
    terminal.press('C-c');
    await terminal.waitFor(/^status=[1-9]\d*$/m);
    await terminal.waitFor(PROMPT.trim());
    expect(terminal.everything()).not.toContain(value);
    expect(await terminal.state()).toMatchObject({ alternateScreen: false, cursorShown: true });
  });
});
