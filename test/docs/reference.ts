/** The command reference and the table of exit codes, as the README shows them. */
import { CODES } from '../../src/core/errors.ts';

/** What `--help` says, its wrapped lines joined. */
export interface Help {
  readonly usage: string;
  readonly description: string;
  /** Rows of a section, such as `Options:`. */
  rows(section: string): readonly (readonly [term: string, text: string])[];
}

export function readHelp(text: string): Help {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  sections.set('', current);
  for (const line of text.split('\n')) {
    const title = /^(\S.*):$/.exec(line)?.[1];
    if (title === undefined) current.push(line);
    else sections.set(title, (current = []));
  }
  const [first = '', ...rest] = (sections.get('') ?? []).join('\n').split('\n\n');
  return {
    usage: joined(first).replace(/^Usage: secrets /, ''),
    description: joined(rest.join(' ')),
    rows: (section) => rowsOf(sections.get(section) ?? []),
  };
}

const joined = (text: string): string => text.replace(/\s+/g, ' ').trim();

function rowsOf(lines: readonly string[]): readonly (readonly [string, string])[] {
  const rows: [string, string][] = [];
  for (const line of lines) {
    const row = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(line);
    const last = rows.at(-1);
    if (row !== null) rows.push([row[1] ?? '', row[2] ?? '']);
    else if (last !== undefined && line.trim() !== '') last[1] = joined(`${last[1]} ${line}`);
  }
  return rows;
}

/** The options of a help text without `--help`, as they are written there. */
export const optionsOf = (help: Help, section = 'Options'): readonly (readonly [string, string])[] =>
  help.rows(section).filter(([term]) => !term.includes('--help') && !term.includes('--version'));

/** One command in the README. */
export function commandText(help: Help): string {
  const [names = '', ...words] = help.usage.split(' ').filter((word) => word !== '[options]');
  const at = words.findIndex((word) => /^[[<A-Z]/.test(word));
  const path = [names, ...words.slice(0, at < 0 ? words.length : at)].join(' ');
  const [name = '', ...aliases] = path.split('|');
  const title = [name, ...(at < 0 ? [] : words.slice(at))].join(' ');
  const lines = [`**\`${title}\`**${aliases.map((alias) => `, alias \`${alias}\``).join('')}: ${lowerFirst(help.description)}`, ''];
  const rows = [
    ...help.rows('Arguments').map(([term, text]) => row(term, text)),
    ...optionsOf(help).map(([term, text]) => row(term, text)),
  ];
  if (rows.length > 0) lines.push('| argument or option | |', '|---|---|', ...rows, '');
  return `${lines.join('\n')}\n`;
}

const lowerFirst = (text: string): string => (/^[A-Z][a-z ]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);
const row = (term: string, text: string): string => `| \`${term}\` | ${text.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`;

/** The table of exit codes. */
export function exitCodesText(): string {
  const rows = Object.entries(CODES).map(
    ([code, { exit, title, retryable }]) => `| ${exit} | \`${code}\` | ${title} | ${retryable ? 'yes' : ''} |`,
  );
  return ['', '| exit | code | means | the same again may succeed |', '|---|---|---|---|', ...rows, '', ''].join('\n');
}
