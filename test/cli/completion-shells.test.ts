import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCRIPTS } from '../../src/cli/completion-scripts.ts';
import { folder } from '../manifest/folder.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'src', 'cli', 'program.ts');

/** Words of a line, and what the program says to them: by line, so that a wrong word gets no answer. */
type Answers = Readonly<Record<string, string>>;

const ANSWERS: Answers = {
  'secrets chec': 'check\ta gate: for CI\n',
  'secrets get DB': 'DB_PASSWORD\tof the orders: database\nDB_URL\t\n',
  'secrets -p ': 'dev\t\nprod\t\n',
  'secrets run --only=API_KEY,DB_U': '--only=API_KEY,DB_URL\t\n',
  'secrets -m file': ':files\n',
  'secrets run -- cat fil': ':program\t3\n',
  'secrets run --only API_KEY cat fil': ':program\t4\n',
};

/** A folder with a program called secrets in its bin/. */
function project(program: string): { readonly cwd: string; readonly env: Record<string, string> } {
  const cwd = folder({ 'bin/.keep': '', 'file name.txt': '', '.secretsrc': 'version: 1\nsecrets: { DB_PASSWORD: env://A }\n' });
  writeFileSync(join(cwd, 'bin', 'secrets'), `#!/bin/sh\n${program}\n`);
  chmodSync(join(cwd, 'bin', 'secrets'), 0o755);
  return { cwd, env: { PATH: `${join(cwd, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: cwd } };
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Answers as the table says, if the words arrive exactly as they are. */
function answering(): string {
  const cases = Object.entries(ANSWERS).map(([line, answer]) => {
    const words = line.split(' ').map((word) => `=${word}`);
    return `${quoted(['completion', '--words', ...words].join('|'))}) printf %s ${quoted(answer)} ;;`;
  });
  return `IFS='|'\ncase "$*" in\n${cases.join('\n')}\nesac`;
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** What each line of the table is completed to. */
function completions(shell: string, args: readonly string[], script: string): Readonly<Record<string, readonly string[]>> {
  const lines = Object.keys(ANSWERS);
  const output = execFileSync(shell, [...args, '-c', script, shell, ...lines], { ...project(answering()), encoding: 'utf8' });
  const parts = output.split('---\n').slice(1);
  return Object.fromEntries(lines.map((line, index) => [line, (parts[index] ?? '').split('\n').filter((text) => text !== '')]));
}

describe.skipIf(!has('bash'))('bash', () => {
  const DRIVER = `
    ${SCRIPTS.bash}
    COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    for line in "$@"; do
      COMP_LINE=$line; COMP_POINT=\${#line}; COMP_WORDS=($line); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _secrets_completion
      echo ---; printf '%s\\n' "\${COMPREPLY[@]}"
    done`;

  it('completes commands, names, lists behind =, files, and the files of a program', () => {
    expect(completions('bash', ['--norc'], DRIVER)).toEqual({
      'secrets chec': ['check'],
      'secrets get DB': ['DB_PASSWORD', 'DB_URL'],
      'secrets -p ': ['dev', 'prod'],
      'secrets run --only=API_KEY,DB_U': ['API_KEY,DB_URL'],
      'secrets -m file': ['file name.txt'],
      'secrets run -- cat fil': ['file name.txt'],
      'secrets run --only API_KEY cat fil': ['file name.txt'],
    });
  });

  it('works with the program itself, which says nothing where there is no manifest', () => {
    const load = `import(${JSON.stringify(PROGRAM)}).then(({ runProgram }) => runProgram(process.argv.slice(1)))`;
    const { cwd, env } = project(`exec "${process.execPath}" --no-warnings -e ${quoted(load)} -- "$@"`);
    const script = `${SCRIPTS.bash}\nCOMP_LINE='secrets get '; COMP_POINT=12; _secrets_completion; echo "\${COMPREPLY[*]}"`;
    const run = (where: string) => spawnSync('bash', ['--norc', '-c', script], { cwd: where, env, encoding: 'utf8' });
    expect(run(cwd)).toMatchObject({ stdout: 'DB_PASSWORD\n', stderr: '' });
    expect(run(folder({}))).toMatchObject({ stdout: '\n', stderr: '' });
  });
});

describe.skipIf(!has('zsh'))('zsh', () => {
  // Instead of zsh's own functions, which want a terminal.
  const DRIVER = `
    compdef() { }
    _describe() { print -l -- "\${(@P)4}" }
    _files() { print -l files }
    _normal() { print -l "at $CURRENT of \${words[*]}" }
    ${SCRIPTS.zsh}
    for line in "$@"; do
      words=("\${(@s: :)line}"); CURRENT=$#words
      print -- ---
      _secrets
    done`;

  it('completes with descriptions, and leaves files and programs to zsh', () => {
    expect(completions('zsh', ['-f'], DRIVER)).toEqual({
      'secrets chec': ['check:a gate: for CI'],
      'secrets get DB': ['DB_PASSWORD:of the orders: database', 'DB_URL'],
      'secrets -p ': ['dev', 'prod'],
      'secrets run --only=API_KEY,DB_U': ['--only=API_KEY,DB_URL'],
      'secrets -m file': ['files'],
      'secrets run -- cat fil': ['at 2 of cat fil'],
      'secrets run --only API_KEY cat fil': ['at 2 of cat fil'],
    });
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  const DRIVER = `
    ${SCRIPTS.fish}
    for line in $argv[2..-1]
      echo ---
      complete -C $line
    end`;

  it('completes with descriptions, files, and the files of a program', () => {
    expect(completions('fish', ['--no-config'], DRIVER)).toEqual({
      'secrets chec': ['check\ta gate: for CI'],
      'secrets get DB': ['DB_PASSWORD\tof the orders: database', 'DB_URL'],
      'secrets -p ': ['dev', 'prod'],
      'secrets run --only=API_KEY,DB_U': ['--only=API_KEY,DB_URL'],
      'secrets -m file': ['file name.txt'],
      'secrets run -- cat fil': ['file name.txt'],
      'secrets run --only API_KEY cat fil': ['file name.txt'],
    });
  });
});
