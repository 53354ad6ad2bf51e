/** What git knows about a file, and the ignore file beside a manifest. */
import path from 'node:path';
import { readOwnFile, replaceFile, writeNewFile } from '../platform/atomic-file.ts';

const SMALL = 1024 * 1024;

/** The ignore file's text with these lines at its end, unless they stand there; undefined if nothing is missing. Pure. */
export function withIgnored(text: string, names: readonly string[]): string | undefined {
  const lines = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
  const missing = names.filter((name) => !lines.has(name));
  if (missing.length === 0) return undefined;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const start = text === '' || text.endsWith('\n') ? text : `${text}${eol}`;
  return start + missing.map((name) => `${name}${eol}`).join('');
}

/**
 * Adds names to the `.gitignore` of a folder, as far as git does not ignore them already.
 * @returns the names that were added; undefined where the file can't be changed
 */
export async function ignoreIn(folder: string, names: readonly string[]): Promise<readonly string[] | undefined> {
  const open: string[] = [];
  for (const name of names) if ((await git(folder, ['check-ignore', '-q', '--', name])) !== 0) open.push(name);
  const file = path.join(folder, '.gitignore');
  const read = await readOwnFile(file, SMALL);
  if (read.state !== 'read' && read.state !== 'absent') return undefined;
  const before = read.state === 'read' ? read.bytes.toString('utf8') : '';
  const text = withIgnored(before, open);
  if (text === undefined) return [];
  try {
    if (read.state === 'absent') await writeNewFile(file, text, 0o644);
    else await replaceFile(file, text, read.mode ?? 0o644);
  } catch {
    return undefined;
  }
  const lines = new Set(before.split(/\r?\n/));
  return open.filter((name) => !lines.has(name));
}

/** Whether git has the file, so that its content is in the history; false where there is no git. */
export async function isTracked(file: string): Promise<boolean> {
  return (await git(path.dirname(file), ['ls-files', '--error-unmatch', '--', path.basename(file)])) === 0;
}

/** Exit code of git, or undefined where it can't be started. Its output is not looked at. */
async function git(cwd: string, args: readonly string[]): Promise<number | undefined> {
  const { execa } = await import('execa');
  const { exitCode } = await execa('git', args, { cwd, reject: false, stdio: 'ignore', timeout: 5_000 });
  return exitCode;
}
