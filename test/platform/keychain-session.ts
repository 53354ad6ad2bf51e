/** Private session buses with a GNOME keyring in each of its states, and programs run on them. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { secretServiceState } from '../../src/platform/keychain-dbus.ts';

const PROGRAMS = ['dbus-daemon', 'gnome-keyring-daemon'];

/** Why these tests can't run here, if so. */
export const missingPrograms: string | undefined =
  process.platform === 'linux' ? PROGRAMS.find((name) => !onPath(name)) : 'a Secret Service is for Linux';

function onPath(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, name)));
}

export interface Session {
  readonly env: Readonly<Record<string, string>>;
  /** The folder of its keyrings, to be used by a later session. */
  readonly dataDir: string;
  close(): void;
}

/**
 * Starts a bus of its own. With `unlock`, a keyring daemon that is unlocked with that password; without, the bus
 * starts one when it is asked.
 */
export async function startSession(options: { readonly unlock?: string; readonly dataDir?: string } = {}): Promise<Session> {
  // A socket's path must be short.
  const folder = mkdtempSync(path.join(tmpdir(), 'ks-'));
  const dataDir = options.dataDir ?? path.join(folder, 'data');
  const address = `unix:path=${path.join(folder, 'bus')}`;
  mkdirSync(dataDir, { recursive: true });
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_DATA_HOME: dataDir,
    DBUS_SESSION_BUS_ADDRESS: address,
  };
  const children: ChildProcess[] = [];
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--nosyslog', `--address=${address}`], {
    env,
    stdio: 'ignore',
  });
  children.push(bus);
  await until(() => existsSync(path.join(folder, 'bus')));
  if (options.unlock !== undefined) {
    const keyring = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    children.push(keyring);
    keyring.stdin?.end(options.unlock);
    await until(() => existsSync(path.join(folder, 'keyring', 'control')) && owned(env));
  }
  return {
    env,
    dataDir,
    close: () => {
      for (const child of children.reverse()) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a keyring daemon is on the bus; asking it directly would make the bus start a second one. */
function owned(env: Readonly<Record<string, string>>): boolean {
  const args = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner'];
  return execFileSync('dbus-send', [...args, 'string:org.freedesktop.secrets'], { env, encoding: 'utf8' }).includes('boolean true');
}

/** Waits for a condition; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

export const isOpen = async (session: Session): Promise<boolean> => (await secretServiceState(session.env, 2_000)) === 'open';

/** Runs keychain calls in a process of their own, since libsecret keeps its connection. Each answers with a line. */
export async function runOn(env: Readonly<Record<string, string>>, ...calls: readonly (readonly string[])[]): Promise<Ran> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('keychain-child.ts', import.meta.url)), JSON.stringify(calls)], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    code,
    errors,
    results: out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

export interface Ran {
  readonly code: number | null;
  readonly errors: string;
  readonly results: readonly Record<string, unknown>[];
}
