/**
 * Env files as people write them. `$` stays a dollar sign: nothing is expanded, so a value is what the file says.
 *
 * One NAME=value a line, `export` in front allowed. A value without quotes ends before ` #`; in single quotes and
 * backticks it is literal; in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are escapes. In quotes it may go over
 * several lines.
 */
import type { Issue, Position } from '../core/errors.ts';

export interface DotenvEntry {
  readonly name: string;
  readonly value: string;
  /** Place of the name. */
  readonly at: Position;
  /** Place of the value, quotes included. */
  readonly valueAt: Position;
  /** The comment lines directly above and the one behind, as far as {@link publicComment} lets them through. */
  readonly comment?: string;
}

export interface DotenvResult {
  readonly entries: readonly DotenvEntry[];
  readonly issues: readonly Issue[];
}

const ASSIGNMENT = /^(\s*(?:export\s+)?)([^\s=#:'"`][^\s=#:]*)(?:\s*=[^\S\n]*|:[^\S\n]+)/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };
const HINT = 'write NAME=value, with quotes around a value that holds # or line breaks';

/**
 * @param file as shown in positions
 * @returns every line that can be read, in order (a later entry of the same name overrides), and an issue for each
 *   that can't; messages never quote a line
 */
export function parseDotenv(text: string, file: string): DotenvResult {
  const lines = (text.startsWith('\uFEFF') ? text.slice(1) : text).split(/\r\n|\n|\r/);
  const entries: DotenvEntry[] = [];
  const issues: Issue[] = [];
  let comments: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const at = (column: number): Position => ({ file, line: index + 1, column: column + 1 });
    const fail = (column: number, message: string): void => {
      issues.push({ code: 'MANIFEST_INVALID', message, hint: HINT, at: at(column) });
      comments = [];
    };
    if (/^\s*$/.test(line)) {
      comments = [];
      continue;
    }
    const remark = /^\s*#(.*)$/.exec(line);
    if (remark !== null) {
      comments.push(remark[1] ?? '');
      continue;
    }
    const match = ASSIGNMENT.exec(line);
    if (match === null) {
      fail(line.search(/\S/), 'this line is no NAME=value');
      continue;
    }
    const [start, indent = '', name = ''] = match;
    const nameAt = at(indent.length);
    const valueAt = at(start.length);
    if (!NAME.test(name)) {
      fail(indent.length, 'the name is no environment name: letters, digits and _, not a digit first');
      continue;
    }
    const read = readValue(lines, index, start.length);
    if (typeof read === 'string') {
      fail(start.length, read);
      continue;
    }
    if (read.value.includes('\0')) {
      fail(start.length, 'the value holds a NUL character');
      continue;
    }
    const comment = [...comments, ...(read.comment === undefined ? [] : [read.comment])]
      .map((remarkLine) => publicComment(remarkLine))
      .filter((remarkLine) => remarkLine !== undefined)
      .join('\n');
    entries.push({ name, value: read.value, at: nameAt, valueAt, ...(comment === '' ? {} : { comment }) });
    comments = [];
    index = read.lastLine;
  }
  return { entries, issues };
}

interface ReadValue {
  readonly value: string;
  readonly comment?: string;
  readonly lastLine: number;
}

function readValue(lines: readonly string[], first: number, column: number): ReadValue | string {
  const rest = (lines[first] ?? '').slice(column);
  const quote = rest[0];
  if (quote !== '"' && quote !== "'" && quote !== '`') {
    const hash = /(?:^|\s)#/.exec(rest);
    const value = (hash === null ? rest : rest.slice(0, hash.index)).trim();
    return { value, lastLine: first, ...(hash === null ? {} : { comment: rest.slice(hash.index).replace(/^\s*#/, '') }) };
  }
  let value = '';
  for (let index = first; index < lines.length; index += 1) {
    const line = index === first ? rest.slice(1) : (lines[index] ?? '');
    for (let place = 0; place < line.length; place += 1) {
      const character = line[place] ?? '';
      const escaped = character === '\\' && quote === '"' ? ESCAPES[line[place + 1] ?? ''] : undefined;
      if (escaped !== undefined) {
        value += escaped;
        place += 1;
      } else if (character === quote) {
        const tail = /^\s*(?:#(.*))?$/.exec(line.slice(place + 1));
        if (tail === null) return 'something stands behind the closing quote';
        return { value, lastLine: index, ...(tail[1] === undefined ? {} : { comment: tail[1] }) };
      } else value += character;
    }
    value += '\n';
  }
  return 'the quote is not closed';
}

/**
 * A comment of an env file if it may go into a committed file, else undefined: people keep old values in comments.
 * Left out is what holds control characters, or looks like an assignment, a sign-in inside an address, or a long word of
 * mixed characters.
 */
export function publicComment(line: string): string | undefined {
  const text = line.trim();
  if (text === '' || /\p{Cc}/u.test(text) || /=|:\/\/[^\s/]*@|(?:pass\w*|secret|token|key|pwd)\s*:/i.test(text)) return undefined;
  const suspicious = text
    .split(/\s+/)
    .some((word) => word.length >= 16 && /\d/.test(word) && /[A-Za-z]/.test(word) && !word.includes('://'));
  return suspicious ? undefined : text;
}
