/**
 * The OS keychain through keytar: Keychain on macOS, Credential Manager on Windows, the Secret Service on Linux.
 *
 * On Linux keytar says "nothing" for a locked keyring, and its `findCredentials` brings the process down there; so the
 * state is asked over D-Bus first, and that function is never called. keytar's library takes the bus from the
 * process's own environment, which must therefore be the one given here.
 */
import { isUtf8 } from 'node:buffer';
import { accessSync, constants } from 'node:fs';
import type * as KeytarModule from '@github/keytar';
import { Fault } from '../core/fault.ts';
import { SecretValue } from '../core/secret-value.ts';
import type { Keychain } from '../provider-kit/keychain.ts';
import type { SecretServiceState } from './keychain-dbus.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Probe = Awaited<ReturnType<Keychain['probe']>>;
type Closed = Exclude<Probe, { state: 'open' }>;
type Keytar = Pick<typeof KeytarModule, 'getPassword' | 'setPassword' | 'deletePassword'>;

const STATE_MS = 2_000;
/** The system may ask a person whether we may read an item, except on Linux, where we only call an open keyring. */
const CALL_MS = process.platform === 'linux' ? 5_000 : 60_000;

/** The keychain of this user. Nothing is loaded or asked before the first call. @param callMs time limit of a call in milliseconds */
export async function openKeychain(env: Env, callMs: number = CALL_MS): Promise<Keychain> {
  const call = async <T>(what: string, send: (keytar: Keytar) => Promise<T>): Promise<T> => {
    const state = await stateOf(env);
    if (state.state !== 'open') throw closedFault(state);
    const keytar = await loadKeytar();
    return bounded(what, callMs, () => send(keytar));
  };
  return {
    get: async (service, account) => {
      const text = await call('read an item', (keytar) => keytar.getPassword(service, account));
      return text === null ? { state: 'absent' } : { state: 'present', value: SecretValue.fromText(text) };
    },
    set: async (service, account, value) => {
      const text = textOf(value);
      await call('store an item', (keytar) => keytar.setPassword(service, account, text));
    },
    delete: (service, account) => call('delete an item', (keytar) => keytar.deletePassword(service, account)),
    probe: () => stateOf(env),
  };
}

async function stateOf(env: Env): Promise<Probe> {
  try {
    await loadKeytar();
  } catch {
    return {
      state: 'no-library',
      message: 'the keychain library does not load',
      hint:
        process.platform === 'linux'
          ? 'npm install @github/keytar, and libsecret-1-0 from your distribution'
          : 'npm install @github/keytar',
    };
  }
  if (process.platform !== 'linux') return { state: 'open' };
  const { secretServiceState } = await import('./keychain-dbus.ts');
  const state = await secretServiceState(env, STATE_MS);
  return state === 'open' ? { state } : CLOSED[state];
}

const CLOSED: Readonly<Record<Exclude<SecretServiceState, 'open'>, Closed>> = {
  'no-bus': {
    state: 'no-service',
    message: 'there is no session bus, so no keychain can be reached',
    hint: 'sign in to a desktop session, or run under dbus-run-session with gnome-keyring-daemon --unlock',
  },
  silent: {
    state: 'no-service',
    message: `the keychain service did not answer within ${STATE_MS / 1000} s`,
    hint: 'restart the keychain service, for example by signing out and in again',
  },
  'no-service': {
    state: 'no-service',
    message: 'no keychain service answers on the session bus',
    hint: 'install and start gnome-keyring, KeePassXC or KWallet',
  },
  'no-keyring': {
    state: 'no-keyring',
    message: 'the keychain service has no default keyring yet',
    hint: 'make one in your keyring program, or with gnome-keyring-daemon --unlock',
  },
  locked: {
    state: 'locked',
    message: 'the keyring is locked',
    hint: 'unlock it in your keyring program, or with gnome-keyring-daemon --unlock',
  },
};

function closedFault({ state, message, hint }: Closed): Fault {
  if (state === 'no-library') return new Fault('unsupported', { message, hint, code: 'DEPENDENCY_MISSING' });
  if (state === 'no-service') return new Fault('unavailable', { message, hint, retryable: false });
  return new Fault('locked', { message, hint });
}

let loaded: Promise<Keytar> | undefined;

function loadKeytar(): Promise<Keytar> {
  loaded ??= import('@github/keytar').then((module: Keytar & { readonly default?: Keytar }) => module.default ?? module);
  return loaded;
}

/** keytar takes text and ends it at a NUL. */
function textOf(value: SecretValue): string {
  const bytes = value.reveal();
  if (bytes.length === 0) throw unfit('the keychain cannot hold an empty value');
  if (!isUtf8(bytes)) throw unfit('the keychain holds text only, and the value is not UTF-8');
  if (bytes.includes(0)) throw unfit('the keychain holds text only, and the value has a NUL byte');
  return bytes.toString('utf8');
}

const unfit = (message: string): Fault =>
  new Fault('unsupported', { message, hint: 'keep it in another provider, such as local', code: 'VALUE_INVALID' });

/** Calls that keytar has not answered. They can't be cancelled. */
let pending = 0;

async function bounded<T>(what: string, callMs: number, send: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new Fault('unavailable', {
        message: `the keychain did not ${what} within ${callMs / 1000} s`,
        hint: 'look for a question of the system, or restart the keychain service',
        retryable: false,
      }),
    );
  }, callMs);
  letExit();
  pending++;
  try {
    return await Promise.race([send().finally(() => pending--), late]);
  } catch (error) {
    if (error instanceof Fault) throw error;
    // Its text is the system's and may hold anything.
    throw new Fault('denied', {
      message: `the keychain refused to ${what}`,
      hint: 'allow it in the question of the system, or secrets doctor',
    });
  } finally {
    clearTimeout(timer);
  }
}

let exitIsSafe = false;

/** Node's exit waits for its worker threads, so one that is stuck in keytar would hold it: replacing the program does not wait. */
function letExit(): void {
  if (exitIsSafe) return;
  exitIsSafe = true;
  process.on('exit', (code) => {
    if (pending === 0) return;
    try {
      accessSync('/bin/sh', constants.X_OK);
      process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
    } catch {
      // Without a shell, as on Windows, the exit status is lost and the process ends all the same.
    }
    process.kill(process.pid, 'SIGKILL');
  });
}
