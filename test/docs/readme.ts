/** README.md in pieces: its code blocks, and the parts that are written from the program itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../e2e/support/home.ts';

export interface Block {
  /** `sh`, `yaml` and so on. */
  readonly language: string;
  /** What stands behind it: a file name, or how the block is run. */
  readonly info: string;
  readonly text: string;
  /** Line of the README, from 1. */
  readonly line: number;
  /** Title of the section. */
  readonly section: string;
}

const FILE = join(REPOSITORY, 'README.md');

export const readReadme = (): string => readFileSync(FILE, 'utf8');

export function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let section = '';
  let open: { readonly language: string; readonly info: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\w*)\s*(.*)$/.exec(line);
    if (fence === null) {
      if (open !== undefined) open.lines.push(line);
      else section = /^#+ (.+)$/.exec(line)?.[1] ?? section;
    } else if (open === undefined) open = { language: fence[1] ?? '', info: fence[2] ?? '', line: index + 1, lines: [] };
    else {
      const { lines, ...rest } = open;
      blocks.push({ ...rest, text: lines.map((each) => `${each}\n`).join(''), section });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line} has no end`);
  return blocks;
}

/** The lines between the two comments of that name. With UPDATE_README=1 they are replaced by `current` first. */
export function writtenPart(name: string, current: string): string {
  const part = new RegExp(`(<!-- ${name}:[^\n]*-->\n)([^]*?)(<!-- /${name} -->)`);
  if (process.env['UPDATE_README'] === '1')
    writeFileSync(
      FILE,
      readReadme().replace(part, (_, start: string, _old: string, end: string) => `${start}${current}${end}`),
    );
  const found = part.exec(readReadme())?.[2];
  if (found === undefined) throw new Error(`README.md has no part <!-- ${name} -->`);
  return found;
}
