/** Stage 7: starts the child with exact arguments, no shell, and our own standard streams. */
import { spawn, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { findCommand, type Lookup } from '../platform/command.ts';
import { withCores, type CoreFilter } from '../platform/core-files.ts';
import { closeInherited, descriptorsToKeep, stdioFor, type KeepRule, type StdioEntry } from '../platform/descriptors.ts';
import { silenceNodeDebug } from '../platform/node-debug.ts';
import { findSetsid } from '../platform/pty.ts';
import { hasTerminal } from '../platform/terminal.ts';
import { batchArguments, findWindowsCommand, isBatchFile } from '../platform/windows.ts';
import type { Environment } from './compose.ts';

/** A program that was found, before anything is fetched for it. */
export interface Command {
  /** Absolute path. */
  readonly file: string;
  readonly argv: readonly [string, ...string[]];
}

/** @returns the program, or how to end: 127 not found, 126 not executable */
export function lookUp(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Command | Extract<Lookup, { ok: false }> {
  if (process.platform === 'win32') {
    const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true;
    const file = findWindowsCommand({ command: argv[0], cwd, path: env['PATH'] ?? env['Path'], pathExt: env['PATHEXT'], isFile });
    return file === undefined ? { ok: false, exit: 127, message: 'it is not in PATH' } : { file, argv };
  }
  const found = findCommand(argv[0], env['PATH'], cwd);
  return found.ok ? { file: found.file, argv } : found;
}

export interface LaunchOptions {
  readonly env: Environment;
  /** Our own environment, where make's job server is announced. */
  readonly parent: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly keepFds: KeepRule;
  /** The child's first three streams; default: ours. */
  readonly streams?: ChildStreams | undefined;
  /** Secrets that the child gets as open files, by the number that they have there. */
  readonly descriptors?: ReadonlyMap<number, StdioEntry> | undefined;
  /** A program and its options to be put in front, which then becomes the child. */
  readonly wrapper?: readonly string[] | undefined;
  /** The child's setting for core files; default: ours. */
  readonly cores?: CoreFilter;
}

/** Streams of the child that are not ours. */
interface ChildStreams {
  readonly stdio: readonly [StdioEntry, StdioEntry, StdioEntry];
  /** Our own descriptors that have to stay open, such as the ends of pipes. */
  readonly fds: readonly number[];
  /** Further descriptors of the child, by number. */
  readonly fillers: ReadonlyMap<number, number>;
  /** Whether the child gets a session of its own, with its stdin as the controlling terminal. */
  readonly ownSession: boolean;
}

export type Launched =
  | {
      readonly ok: true;
      readonly child: ChildProcess;
      /** Whether the child leads a process group, which is its own and its descendants'. */
      readonly ownGroup: boolean;
    }
  | { readonly ok: false; readonly exit: 125 | 126 | 127; readonly message: string };

/**
 * Starts the child. Never throws: the runtime's own errors may quote the environment, so only their code is looked at.
 */
export async function launch(command: Command, options: LaunchOptions): Promise<Launched> {
  const [name, ...args] = command.argv;
  const keep = descriptorsToKeep(args, options.parent, options.keepFds);
  closeInherited([...keep, ...(options.streams?.fds ?? [])]);
  const batch = process.platform === 'win32' && isBatchFile(command.file) ? batchArguments(command.file, args) : undefined;
  if (process.platform === 'win32' && isBatchFile(command.file) && batch === undefined) {
    return { ok: false, exit: 126, message: 'a batch file cannot take an argument with a line break' };
  }
  const setsid = options.streams?.ownSession === true ? findSetsid(options.parent['PATH']) : undefined;
  if (options.streams?.ownSession === true && setsid === undefined) {
    return { ok: false, exit: 125, message: 'masking this terminal needs the program setsid (util-linux), which is not installed' };
  }
  const [file, ...before] = [...(setsid === undefined ? [] : [setsid, '-c']), ...(options.wrapper ?? []), command.file];
  const start = batch === undefined ? { file, args: [...before, ...args] } : { file: options.parent['ComSpec'] ?? 'cmd.exe', args: batch };
  // Where a number is taken by both, the secret covers what must not be seen as well.
  const others = new Map<number, StdioEntry>([...(options.streams?.fillers ?? []), ...(options.descriptors ?? [])]);
  // Without a terminal nobody but us tells the child's descendants of a signal, and its group must not be ours for that.
  const ownGroup = process.platform !== 'win32' && setsid === undefined && !hasTerminal();
  // A caller's process may show what is spawned, with its environment.
  const showAgain = silenceNodeDebug();
  try {
    const child = withCores(options.cores, () =>
      spawn(start.file, start.args, {
        env: options.env,
        cwd: options.cwd,
        stdio: stdioFor(keep, options.streams?.stdio ?? ['inherit', 'inherit', 'inherit'], others),
        detached: ownGroup,
        windowsVerbatimArguments: batch !== undefined,
        ...(start.file === command.file ? { argv0: name } : {}),
      }),
    );
    const code = await new Promise<string | undefined>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    });
    return code === undefined ? { ok: true, child, ownGroup } : refusal(code);
  } catch (error) {
    return refusal((error as NodeJS.ErrnoException).code ?? 'unknown');
  } finally {
    showAgain();
  }
}

function refusal(code: string): Extract<Launched, { ok: false }> {
  switch (code) {
    case 'ENOENT':
      return { ok: false, exit: 127, message: 'it or its interpreter is gone' };
    case 'EACCES':
    case 'EPERM':
      return { ok: false, exit: 126, message: 'the system does not allow to execute it' };
    case 'ENOEXEC':
      return { ok: false, exit: 126, message: 'it is no program that this system can execute' };
    case 'E2BIG':
      return { ok: false, exit: 125, message: 'its arguments and environment are too large for this system' };
    default:
      return { ok: false, exit: 125, message: `the system could not start it (${/^[A-Z0-9_]{1,40}$/.test(code) ? code : 'unknown'})` };
  }
}
