/**
 * Ways to install a component, each from a package registry and at a pinned version.
 *
 * An installed component is a folder whose name holds a hash of its pins; a file in it, written last, says that it is
 * whole. So a second install is instant, a killed one is done again, and checkouts with other pins don't disturb it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';

/** Why a component can't be installed on this machine, in words for the person who reads the test results. */
export class Unavailable extends Error {}

export interface InstallContext {
  /** Folder of everything that is installed. */
  readonly home: string;
  readonly signal: AbortSignal;
  /** One line of progress. */
  readonly say: (line: string) => void;
}

/** A way to install one component; gives its folder. Throws {@link Unavailable}. */
export type Installer = (name: string, context: InstallContext) => Promise<string>;

export interface SystemPackages {
  /** Programs that must be there. */
  readonly programs: readonly string[];
  /** Where a program is; in PATH where this is absent. */
  readonly find?: (program: string) => string | undefined;
  /** Packages of Debian and its relatives that bring them. */
  readonly debian: readonly string[];
}

/** Path of a program in PATH. */
export function which(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter((part) => part !== '')) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function programOf(name: string, why: string): string {
  const path = which(name);
  if (path === undefined) throw new Unavailable(`${name} is not installed; it is needed to install ${why}`);
  return path;
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' / ').slice(-400);
}

/** Runs a command to its end, its output in `log`. A failure is {@link Unavailable} with the end of that log. */
async function run(
  command: readonly [string, ...string[]],
  log: string,
  context: InstallContext,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const output = openSync(log, 'a', 0o600);
  const [program, ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
    signal: context.signal,
  });
  closeSync(output);
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`));
  });
  context.signal.throwIfAborted();
  if (how !== undefined) throw new Unavailable(`${program.split('/').at(-1)} ${args[0] ?? ''} ${how}: ${lastLines(log)}`);
}

/** Makes the folder of a component with these pins, unless it is whole already. */
async function once(
  name: string,
  pins: string,
  context: InstallContext,
  make: (dir: string, log: string) => Promise<void>,
): Promise<string> {
  const dir = join(context.home, `${name}-${createHash('sha256').update(pins).digest('hex').slice(0, 12)}`);
  const whole = join(dir, '.whole');
  if (existsSync(whole)) return dir;
  const log = join(context.home, 'log', `${name}.log`);
  mkdirSync(join(context.home, 'log'), { recursive: true });
  writeFileSync(log, '', { mode: 0o600 });
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const began = performance.now();
  await make(dir, log);
  writeFileSync(whole, '');
  context.say(`installed ${name} in ${Math.round((performance.now() - began) / 1000)} s`);
  return dir;
}

/** A virtual environment of its own, from a lock file with hashes; no source is built. */
export function python(lockFile: string): Installer {
  return async (name, context) => {
    const program = programOf('python3', name);
    const version = versionOf(program);
    if (!version.startsWith('True')) throw new Unavailable(`python3 is older than 3.11, which is needed to install ${name}`);
    return once(name, version + readFileSync(lockFile, 'utf8'), context, async (dir, log) => {
      const inner = join(dir, 'bin', 'python3');
      // The outer pip can install into it, which saves unpacking another pip.
      const outerPip = hasPip(program);
      await run([program, '-m', 'venv', ...(outerPip ? ['--without-pip'] : []), dir], log, context);
      const pip: readonly [string, ...string[]] = outerPip ? [program, '-m', 'pip', '--python', inner] : [inner, '-m', 'pip'];
      await run([...pip, ...PIP, '-r', lockFile], log, context);
    });
  };
}

/** Whether it is new enough, its version and its place. */
function versionOf(python3: string): string {
  const script = 'import sys; print(sys.version_info >= (3, 11), sys.version, sys.prefix)';
  try {
    return execFileSync(python3, ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    throw new Unavailable(`${python3} does not run`);
  }
}

function hasPip(python3: string): boolean {
  try {
    execFileSync(python3, ['-m', 'pip', '--python', python3, '--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const PIP =
  'install --quiet --disable-pip-version-check --no-input --root-user-action=ignore --no-deps --only-binary :all: --require-hashes'.split(
    ' ',
  );

/** Packages of a folder with `package.json` and lock file, without their scripts. Their programs are in `node_modules/.bin`. */
export function npm(folder: string): Installer {
  return (name, context) => {
    const [manifest, lock] = [join(folder, 'package.json'), join(folder, 'package-lock.json')];
    return once(name, readFileSync(lock, 'utf8'), context, async (dir, log) => {
      for (const file of [manifest, lock]) copyFileSync(file, join(dir, basename(file)));
      await run([programOf('npm', name), 'ci', '--prefix', dir, '--ignore-scripts', '--no-audit', '--no-fund'], log, context);
    });
  };
}

/** A program built from a module, which Go's checksum database vouches for. It lies in the folder itself. */
export function goModule(module: string, version: string): Installer {
  return (name, context) =>
    once(name, `${module}@${version}`, context, (dir, log) =>
      run([programOf('go', name), 'install', '-ldflags', '-s -w', `${module}@${version}`], log, context, {
        GOBIN: dir,
        GOFLAGS: '-trimpath',
        CGO_ENABLED: '0',
        GOTOOLCHAIN: 'local',
      }),
    );
}

/** Installs the system packages that are missing, all in one call; as root only, elsewhere it says what to type. */
export async function systemPackages(wanted: readonly SystemPackages[], context: InstallContext): Promise<void> {
  const debian = [...new Set(wanted.filter((one) => missingOf(one) !== undefined).flatMap((one) => one.debian))];
  if (debian.length === 0 || which('apt-get') === undefined || process.getuid?.() !== 0) return;
  const log = join(context.home, 'log', 'apt.log');
  mkdirSync(join(context.home, 'log'), { recursive: true });
  writeFileSync(log, '', { mode: 0o600 });
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const apt = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0'];
  const began = performance.now();
  await run(['apt-get', 'update', ...apt], log, context, env);
  await run(['apt-get', 'install', '-y', '--no-install-recommends', ...apt, ...debian], log, context, env);
  context.say(`installed ${debian.join(' ')} in ${Math.round((performance.now() - began) / 1000)} s`);
}

/** Why a component's system packages are not enough; undefined when all is there. */
export function missingOf(packages: SystemPackages): string | undefined {
  const programs = packages.programs.filter((program) => (packages.find ?? which)(program) === undefined);
  const libraries = which('dpkg-query') === undefined ? [] : packages.debian.filter((name) => name.startsWith('lib') && !isInstalled(name));
  const missing = [...programs, ...libraries];
  if (missing.length === 0) return undefined;
  const hint = which('apt-get') === undefined ? '' : `; type: apt-get install --no-install-recommends ${packages.debian.join(' ')}`;
  return `${missing.join(', ')} not installed${hint}`;
}

function isInstalled(debianPackage: string): boolean {
  try {
    const state = execFileSync('dpkg-query', ['-W', '-f=${db:Status-Status}', debianPackage], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return state === 'installed';
  } catch {
    return false;
  }
}
