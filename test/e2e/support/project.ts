/** A project with a manifest and a local store that needs no person: what most end-to-end tests start from. */
import { generateIdentity } from 'age-encryption';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cli, startCli } from './cli.ts';
import type { CliOptions, CliResult, RunningCli } from './cli.ts';
import { tempDir, tempHome } from './home.ts';
import type { Home } from './home.ts';
import { openPty } from './pty.ts';
import type { Pty, PtyOptions } from './pty.ts';

export interface ProjectOptions {
  /** Text of `.secretsrc`; none when absent. */
  readonly manifest?: string;
  /** More files, by their path from the project's folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A home that several projects share. */
  readonly home?: Home;
}

export interface ChildEnvironment extends CliResult {
  readonly env: ReadonlyMap<string, Buffer> | undefined;
}

export interface Project {
  readonly dir: string;
  /** Its environment also says where the store's identity is. */
  readonly home: Home;
  write(path: string, content: string | Uint8Array): string;
  /** Runs the program in the project's folder. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  start(args: readonly string[], options?: CliOptions): RunningCli;
  /** The same in a terminal. */
  pty(args: readonly string[], options?: PtyOptions): Pty;
  /**
   * Lets the program run a child that notes its environment; gives the exact bytes of each variable, none where the
   * child was not started. The note is a file, since what a child prints is masked.
   */
  environment(runOptions?: readonly string[], options?: CliOptions): Promise<ChildEnvironment>;
  /** Stores a value by `secrets set`, from standard input; fails unless that succeeds. */
  set(name: string, value: string | Uint8Array): Promise<void>;
}

/** Path of one of the small programs that tests let `secrets` start. */
export const child = (name: string): string => join(import.meta.dirname, '..', 'children', name);

export async function project(options: ProjectOptions = {}): Promise<Project> {
  const dir = tempDir('project');
  const home = options.home ?? (await homeWithIdentity());
  const write = (path: string, content: string | Uint8Array): string => {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  write('.git/HEAD', 'ref: refs/heads/main\n');
  if (options.manifest !== undefined) write('.secretsrc', options.manifest);
  for (const [path, content] of Object.entries(options.files ?? {})) write(path, content);

  const inside = (more: CliOptions): CliOptions => ({ home, cwd: dir, ...more });
  const run: Project['run'] = (args, more = {}) => cli(args, inside(more));
  return {
    dir,
    home,
    write,
    run,
    start: (args, more = {}) => startCli(args, inside(more)),
    pty: (args, more = {}) => openPty(args, { home, cwd: dir, ...more }),
    environment: async (runOptions = [], more = {}) => {
      const file = join(tempDir('note'), 'environment.json');
      const result = await run(['run', ...runOptions, '--', process.execPath, child('dump-env.mjs'), file], more);
      if (!existsSync(file)) return { ...result, env: undefined };
      const noted = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>;
      const env = new Map(Object.entries(noted).map(([name, value]) => [name, Buffer.from(value, 'base64')]));
      return { ...result, env };
    },
    set: async (name, value) => {
      const { code, stderr } = await run(['set', name], { input: value });
      if (code !== 0) throw new Error(`secrets set ${name} ended with ${code}: ${stderr}`);
    },
  };
}

/** A home whose local store is opened by an age identity file outside of it. */
async function homeWithIdentity(): Promise<Home> {
  const home = tempHome();
  const file = join(home.dir, '..', 'identity.txt');
  writeFileSync(file, `${await generateIdentity()}\n`, { mode: 0o600 });
  return { ...home, env: { ...home.env, SECRETS_IDENTITY_FILE: join(dirname(home.dir), 'identity.txt') } };
}
