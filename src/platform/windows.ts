/**
 * Windows: finding a program by PATHEXT, and quoting for batch files, which only cmd.exe can run. Pure functions, so
 * that they are tested everywhere. The quoting rules are those of CommandLineToArgvW and of cmd.exe itself.
 */
import path from 'node:path';

export interface WindowsSearch {
  readonly command: string;
  readonly cwd: string;
  readonly path: string | undefined;
  readonly pathExt: string | undefined;
  readonly isFile: (file: string) => boolean;
}

/** The file that a command means. Unlike cmd.exe, a bare name is never looked for in the working directory. */
export function findWindowsCommand(search: WindowsSearch): string | undefined {
  const { command, cwd, isFile } = search;
  const extensions = (search.pathExt ?? '.COM;.EXE;.BAT;.CMD').split(';').filter((extension) => extension !== '');
  const hasExtension = extensions.some((extension) => command.toLowerCase().endsWith(extension.toLowerCase()));
  const candidates = hasExtension ? [command] : extensions.map((extension) => command + extension.toLowerCase());
  const folders = /[\\/]/.test(command) ? [cwd] : (search.path ?? '').split(';').filter((folder) => folder !== '');
  for (const folder of folders) {
    for (const candidate of candidates) {
      const file = path.win32.resolve(cwd, folder.replace(/^"(.*)"$/, '$1'), candidate);
      if (isFile(file)) return file;
    }
  }
  return undefined;
}

export const isBatchFile = (file: string): boolean => /\.(?:bat|cmd)$/i.test(file);

/** One argument as CommandLineToArgvW reads it back. */
export function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  // Backslashes count only in front of a quote, and the closing quote is one.
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

/** Characters that cmd.exe acts on, each disarmed by a caret. */
const escapeMeta = (text: string): string => text.replace(/[()\][%!^"`<>&|;, *?]/g, '^$&');

/**
 * The arguments for cmd.exe that run a batch file. Everything is escaped twice, because a batch file's `%*` is read by
 * cmd.exe once more. A line break can't be escaped at all: undefined.
 */
export function batchArguments(file: string, args: readonly string[]): readonly string[] | undefined {
  if ([file, ...args].some((text) => /[\r\n\0]/.test(text))) return undefined;
  const quoted = args.map((argument) => escapeMeta(escapeMeta(quoteArgument(argument))));
  return ['/d', '/s', '/c', `"${[escapeMeta(path.win32.normalize(file)), ...quoted].join(' ')}"`];
}
