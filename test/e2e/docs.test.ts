/** README.md says what is: its commands run, its examples load, its tables are the program's. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/cli/commands.ts';
import { loadManifest } from '../../src/manifest/index.ts';
import { manifestShape } from '../../src/manifest/shape.ts';
import { blocksOf, readReadme, writtenPart, type Block } from '../docs/readme.ts';
import { commandText, exitCodesText, optionsOf, readHelp, type Help } from '../docs/reference.ts';
import { freshShell, preparedShell, type Shell } from '../docs/shell.ts';
import { cli } from './support/cli.ts';
import { tempDir } from './support/home.ts';

const readme = readReadme();
const blocks = blocksOf(readme);
const of = (...languages: readonly string[]): readonly Block[] => blocks.filter(({ language }) => languages.includes(language));

async function help(...args: readonly string[]): Promise<Help> {
  const { code, stdout } = await cli([...args, '--help']);
  expect(code).toBe(0);
  return readHelp(stdout);
}

/** Every command and what is below it, in the order of the help. */
const reference = (async () => {
  const texts = await Promise.all(
    Object.keys(COMMANDS).map(async (name) => {
      const own = await help(name);
      const below = own.rows('Commands').map(([term]) => term.split(' ')[0] ?? '');
      return [[name, own] as const, ...(await Promise.all(below.map(async (sub) => [`${name} ${sub}`, await help(name, sub)] as const)))];
    }),
  );
  return new Map(texts.flat());
})();

describe('the commands of the README', () => {
  const runnable = of('sh', 'console').filter(({ info }) => !info.startsWith('no-run'));
  const sections = [...new Set(runnable.map(({ section }) => section))];

  it.for(sections)('run: %s', async (section, { skip }) => {
    let shell: Shell | undefined;
    for (const block of runnable.filter((each) => each.section === section)) {
      const tool = /needs:(\w+)/.exec(block.info)?.[1];
      const isFresh = block.info.includes('fresh');
      if (isFresh || shell === undefined) shell = await (isFresh ? freshShell() : preparedShell());
      if (tool !== undefined && (await shell.sh(`command -v ${tool}`)).code !== 0) skip(`${tool} is not installed`);
      await (block.language === 'console' ? transcript : script)(block, shell);
    }
  });

  it('carry the controls that a table says they do', async () => {
    const section = /^## Controls\n[^]*?(?=^## )/m.exec(readme)?.[0] ?? '';
    const commands = [...section.matchAll(/`(secrets [^`]+)`/g)].map(([, command = '']) => command);
    expect(commands.length).toBeGreaterThan(25);
    const shell = await preparedShell();
    for (const command of commands) {
      const { code, output } = await shell.sh(command);
      // 1: asked, and the answer is no.
      expect([0, 1], `${command}: ${code}\n${output}`).toContain(code);
    }
  });

  it('run with the commands and options that there are', async () => {
    const known = await reference;
    const globals = flagsOf(await help('list'), 'Global options');
    const wrong: string[] = [];
    const typed = [...blocks.filter(({ language }) => language !== 'console').map(({ text, line }) => ({ text, line })), ...inlineCode()];
    for (const { text, line } of typed) {
      for (const [, args = ''] of text.matchAll(/(?:^|[|;&+`$'"] ?|- (?:run: )?|\t)secrets ((?:[\w.=:/@,-]+(?: |$))*)/gm)) {
        const words = (args.split(' -- ')[0] ?? '').split(' ').filter((word) => word !== '');
        const [name = ''] = words;
        const command = known.get(words.slice(0, 2).join(' ')) ?? known.get(COMMAND_OF.get(name) ?? name);
        if (command === undefined) {
          if (/^[a-z]/.test(name) && name !== 'help') wrong.push(`line ${line}: secrets ${name}`);
          continue;
        }
        const flags = new Set([...globals, ...flagsOf(command)]);
        for (const word of words) if (/^--?\w/.test(word) && !flags.has(word)) wrong.push(`line ${line}: secrets ${name} ${word}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keep a reason for each that is not run', () => {
    for (const { info } of of('sh')) expect(info).toMatch(/^(?:no-run: \w.*|fresh|needs:\w+|)$/);
  });

  it('are make rules and hooks that work', async ({ skip }) => {
    const shell = await preparedShell();
    if ((await shell.sh('command -v make')).code !== 0) skip('make is not installed');
    const [rules] = of('make');
    shell.project.write('Makefile', rules?.text ?? '');
    expect(await shell.sh('make -j2 all')).toMatchObject({
      code: 0,
      output: expect.not.stringContaining('warning'),
    });
  });

  it('let a hook find what is staged', async ({ skip }) => {
    const shell = await preparedShell();
    if ((await shell.sh('command -v git')).code !== 0) skip('git is not installed');
    const hook = of('sh').find(({ text }) => text.includes('pre-commit'));
    const copy = 'secrets get API_KEY --reveal > copy.txt; git add copy.txt; .git/hooks/pre-commit || test $? -eq 1 && echo refused';
    const { output } = await shell.sh(`${hook?.text ?? ''}${copy}`);
    expect(output).toContain('copy.txt:1');
    expect(output).toContain('refused');
  });

  it('let the debugger reach the program', async () => {
    const shell = await preparedShell();
    const block = blocks.find(({ info }) => info.endsWith('launch.json'));
    const { configurations } = JSON.parse(block?.text ?? '') as {
      readonly configurations: readonly [
        { readonly runtimeExecutable: string; readonly runtimeArgs: readonly string[]; readonly program: string },
      ];
    };
    const [{ runtimeExecutable, runtimeArgs, program }] = configurations;
    shell.project.write('note.cjs', "require('node:fs').appendFileSync('seen', `${process.argv[1]}\\n`);\n");
    const line = [runtimeExecutable, ...runtimeArgs, program.replace('${workspaceFolder}', shell.dir)].join(' ');
    const { code, output } = await shell.sh(`NODE_OPTIONS="--require ./note.cjs" ${line}`);
    expect({ code, output }).toEqual({ code: 0, output: '' });
    expect(readFileSync(join(shell.dir, 'seen'), 'utf8').split('\n')).toContain(join(shell.dir, 'server.js'));
  });
});

describe('the tables of the README', () => {
  it('have every command and option of --help, and no other', async () => {
    const current = [...(await reference).values()].map(commandText).join('');
    expect(writtenPart('commands', `\n${current}`)).toBe(`\n${current}`);
  });

  it('have the global options', async () => {
    const { rows } = await help('list');
    const section = /### Global options\n([^]*?)\n#/.exec(readme)?.[1] ?? '';
    const shown = [...section.matchAll(/^\| `(.+?)` \|/gm)].map(([, term]) => term);
    expect(shown).toEqual(rows('Global options').map(([term]) => term));
  });

  it('have the exit codes of the program', () => {
    expect(writtenPart('exit codes', exitCodesText())).toBe(exitCodesText());
  });

  it('have every key of the manifest', () => {
    const section = /## The manifest\n([^]*?)\n### References/.exec(readme)?.[1] ?? '';
    const terms = [...section.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w.]+)`/g)].map(([, term]) => term),
    );
    const named = new Set(terms.flatMap((term = '') => [term, term.split('.')[0] ?? '']));
    const missing = keysOf(manifestShape.keys).filter((key) => !named.has(key));
    expect(missing).toEqual([]);
  });

  it('call nothing missing that is there', async () => {
    const section = /## Not yet\n([^]*?)\n## /.exec(readme)?.[1] ?? '';
    const words = [...section.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
    const options = flagsOf(await help('run'));
    expect(words.filter((word) => Object.hasOwn(COMMANDS, word) || options.includes(word))).toEqual([]);
    const shell = await preparedShell();
    for (const as of ['file', 'fd']) {
      shell.project.write('.secretsrc', `project: api\nsecrets:\n  API_KEY: { ref: "local://api-key", as: ${as} }\n`);
      const { output } = await shell.sh('secrets run -- node server.js || true');
      expect({ as, refused: output.includes('not available yet') }).toEqual({ as, refused: words.includes(`as: ${as}`) });
    }
  });

  it('know every shell block, so that no example is left out', () => {
    expect(of('sh').length).toBeGreaterThan(10);
    expect(of('yaml').length).toBeGreaterThan(5);
  });

  it('link to headings that are there', () => {
    const headings = new Set([...readme.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => slug(title)));
    const links = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !headings.has(target))).toEqual([]);
  });
});

describe('the examples of the README', () => {
  const manifests = of('yaml').filter(({ info }) => info === '');
  const others = of('yaml').filter(({ info }) => info !== '' && info !== 'config.yaml');

  it.for(manifests.map(({ line }) => line))('are manifests that load: line %i', async (line) => {
    const { text } = manifests.find((block) => block.line === line) ?? { text: '' };
    const dir = tempDir('readme');
    writeFileSync(join(dir, '.secretsrc'), text);
    const profiles = Object.keys((parse(text) as { readonly profiles?: object }).profiles ?? {});
    for (const profile of [undefined, ...profiles]) {
      const { warnings } = await loadManifest({ cwd: dir, profile });
      expect(warnings).toEqual([]);
    }
  });

  it('are a config.yaml that loads', async () => {
    const dir = tempDir('readme');
    const file = join(dir, 'config.yaml');
    writeFileSync(file, blocks.find(({ info }) => info === 'config.yaml')?.text ?? '');
    writeFileSync(join(dir, '.secretsrc'), 'secrets: { API_KEY: "vault://secret/api#key" }\n');
    const { manifest } = await loadManifest({ cwd: dir, userConfigFile: file });
    expect(manifest).toMatchObject({ mask: { mode: 'always' }, env: { inherit: expect.arrayContaining(['LC_*']) } });
  });

  it.for(others.map(({ info }) => info))('are YAML: %s', (info) => {
    expect(parse(others.find((block) => block.info === info)?.text ?? '')).toBeTypeOf('object');
  });

  it.for(of('json').map(({ line }) => line))('are JSON: line %i', (line) => {
    expect(JSON.parse(of('json').find((block) => block.line === line)?.text ?? '')).toBeTypeOf('object');
  });

  it('use the library as it is built', async () => {
    const shell = await preparedShell();
    const [example] = of('js');
    shell.project.write('example.mjs', example?.text ?? '');
    const { code, output } = await shell.sh('node example.mjs');
    expect(output).toMatch(/^worker canary-[0-9a-f]+\n$/);
    expect(code).toBe(0);
    expect(existsSync(join(shell.dir, '.secretsrc'))).toBe(true);
  });
});

const COMMAND_OF = new Map(Object.entries(COMMANDS).flatMap(([name, { aliases = [] }]) => aliases.map((alias) => [alias, name] as const)));

/** `-m` and `--manifest` of `-m, --manifest <file>`. */
const flagsOf = (of_: Help, section = 'Options'): readonly string[] =>
  optionsOf(of_, section).flatMap(([term]) => [...term.matchAll(/--?[\w-]+/g)].map(([flag]) => flag));

function inlineCode(): readonly { readonly text: string; readonly line: number }[] {
  return readme
    .split('\n')
    .flatMap((text, index) => [...text.matchAll(/`(secrets [^`]+)`/g)].map(([, code = '']) => ({ text: code, line: index + 1 })));
}

async function script({ text, line }: Block, shell: Shell): Promise<void> {
  const { code, output } = await shell.sh(text);
  expect({ line, code, output: code === 0 ? '' : output }).toEqual({ line, code: 0, output: '' });
}

/** Each command, and the lines that it shows, in order; `…` stands for anything, and notices may stand between. */
async function transcript({ text, line }: Block, shell: Shell): Promise<void> {
  for (const step of text.split(/^\$ /m).slice(1)) {
    const [command = '', ...expected] = step.trimEnd().split('\n');
    const { code, output: shown } = await shell.sh(command);
    expect({ line, command, code }).toEqual({ line, command, code: 0 });
    // What goes through another program may be overtaken by what we say on stderr.
    const output = command.includes(' | ') ? ownLast(shown) : shown;
    const lines = expected.map((each) => (each === '…' ? '[^]*?' : `${literal(each).replaceAll('…', '.*')}\n`));
    expect(output).toMatch(new RegExp(`(?:^|\n)${lines.join('(?:secrets: .*\n)*')}`));
  }
}

/** The same lines, with those that `secrets` says at the end. */
function ownLast(output: string): string {
  const lines = output.split(/(?<=\n)/);
  const isOwn = (text: string): boolean => text.startsWith('secrets: ');
  return [...lines.filter((text) => !isOwn(text)), ...lines.filter(isOwn)].join('');
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** `env.inherit` and so on; of an entry the key alone. */
function keysOf(keys: typeof manifestShape.keys): readonly string[] {
  return Object.entries(keys).flatMap(([key, shape]): readonly string[] => {
    if (shape.kind === 'map' && ['env', 'mask', 'audit', 'policy'].includes(key))
      return Object.keys(shape.keys).map((below) => `${key}.${below}`);
    if (key === 'secrets' && shape.kind === 'table' && shape.of.kind === 'either')
      return shape.of.options.flatMap((option) => (option.kind === 'map' ? Object.keys(option.keys) : []));
    return [key];
  });
}

/** As GitHub makes anchors of titles. */
const slug = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
