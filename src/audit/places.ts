/** Where the records go: what the manifest and the user's own configuration say, and SECRETS_AUDIT for this machine. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import type { AuditRules } from '../core/model.ts';
import type { KeyCustody } from './key.ts';
import { logIn } from './parts.ts';
import { SinkFault, type Sink } from './sinks/sink.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Surroundings {
  readonly env: Env;
  readonly cwd: string;
  /** The user's state folder; undefined where there is none. */
  readonly stateFolder: string | undefined;
}

/** What `audit` of the manifest says, and the folder that relative paths in it start from. */
export interface Rules extends AuditRules {
  readonly dir: string;
}

/** The log of this machine. */
export interface LogPlace {
  readonly file: string;
  readonly custody: KeyCustody;
}

export interface Places {
  readonly required: boolean;
  /** Undefined where none is kept. */
  readonly log: LogPlace | undefined;
  /** Why there is no log, where one is asked for. */
  readonly noLog: string | undefined;
  /** Opened when the first record is sent. */
  readonly others: readonly (() => Promise<Sink>)[];
  /** Whether SECRETS_AUDIT=off was not followed, since the log is required. */
  readonly offRefused: boolean;
}

type Setting =
  | { readonly kind: 'off' }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'stream'; readonly fd: number };

/**
 * SECRETS_AUDIT takes the place of `file` and `stderr`: what stays on this machine is this machine's affair. What is
 * sent elsewhere stays as it is, and `off` is not followed where the log is required.
 * @throws SecretsError USAGE for a SECRETS_AUDIT that says nothing
 */
export function placesFor(rules: Rules, surroundings: Surroundings): Places {
  const { env, cwd, stateFolder } = surroundings;
  const setting = settingOf(env['SECRETS_AUDIT'], cwd);
  const offRefused = setting?.kind === 'off' && rules.required;
  const asked = setting === undefined || offRefused ? undefined : setting;
  const specs = rules.sinks.map((sink) => ({ ...specOf(sink), isPersonal: isAmong(rules.personal ?? [], sink) }));
  const file = specs.find(({ use }) => use === 'file');
  const remote = specs.filter(({ use }) => use !== 'file' && use !== 'stderr');
  const stderr = asked === undefined ? specs.some(({ use }) => use === 'stderr') : false;
  const log =
    asked === undefined
      ? file === undefined || stateFolder === undefined
        ? undefined
        : { file: logIn(stateFolder), custody: custodyOf(file) }
      : asked.kind === 'file'
        ? { file: asked.file, custody: custodyOf(file) }
        : undefined;
  const fds = [...(stderr ? [2] : []), ...(asked?.kind === 'stream' ? [asked.fd] : [])];
  return {
    required: rules.required,
    log,
    noLog: asked === undefined && file !== undefined && log === undefined ? 'there is no home folder for the audit log' : undefined,
    others: [
      ...fds.map((fd) => async () => (await import('./sinks/stream.ts')).streamSink(fd, fd === 2 ? 'stderr' : `the descriptor ${fd}`)),
      ...remote.map((spec) => () => openSink(spec, { ...surroundings, dir: rules.dir })),
    ],
    offRefused,
  };
}

/** The log of this user, wherever SECRETS_AUDIT puts it; undefined where there is none. @throws SecretsError USAGE */
export function logOf({ env, cwd, stateFolder }: Surroundings): string | undefined {
  const setting = settingOf(env['SECRETS_AUDIT'], cwd);
  if (setting?.kind === 'file') return setting.file;
  return stateFolder === undefined ? undefined : logIn(stateFolder);
}

function settingOf(text: string | undefined, cwd: string): Setting | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'off') return { kind: 'off' };
  if (text === 'stderr') return { kind: 'stream', fd: 2 };
  const file = /^file:(.+)$/.exec(text)?.[1];
  if (file !== undefined) return { kind: 'file', file: path.resolve(cwd, file) };
  const fd = Number(/^fd:(\d{1,4})$/.exec(text)?.[1] ?? Number.NaN);
  // 0 and 1 belong to the program and to what it prints.
  if (fd >= 2) return { kind: 'stream', fd };
  throw new SecretsError({
    code: 'USAGE',
    message: 'SECRETS_AUDIT says no place for the audit log',
    hint: 'set it to file:PATH, stderr, fd:N with N from 2 on, or off',
  });
}

interface Spec {
  readonly use: string;
  readonly options: Readonly<Record<string, unknown>>;
}

function specOf(sink: unknown): Spec {
  if (typeof sink === 'string') return { use: sink, options: {} };
  const options = (sink ?? {}) as Readonly<Record<string, unknown>>;
  return { use: typeof options['use'] === 'string' ? options['use'] : '', options };
}

const custodyOf = (file: Spec | undefined): KeyCustody => (file?.options['key'] === 'keychain' ? 'keychain' : 'file');

const isAmong = (all: readonly unknown[], one: unknown): boolean => all.some((other) => JSON.stringify(other) === JSON.stringify(one));

/** The manifest's shape was checked; what is missing is said here. @throws SinkFault */
async function openSink(
  { use, options, isPersonal }: Spec & { readonly isPersonal: boolean },
  { env, dir }: Surroundings & { readonly dir: string },
): Promise<Sink> {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const needed = (name: string): string => {
    const value = text(name);
    if (value !== undefined) return value;
    throw new SinkFault(`the sink ${use} has no ${name}`, `write audit: { sinks: [{ use: ${use}, ${name}: … }] }`);
  };
  const caFile = text('caFile');
  const common = { dir, env, ...(caFile === undefined ? {} : { caFile }) };
  if (use === 'syslog') {
    const address = text('address') ?? 'unix:/dev/log';
    if (/^(?:tls|tcp):\/\/[^/\s@]+\/?$|^unix:\/\S+$/.test(address))
      return (await import('./sinks/syslog.ts')).syslogSink({ ...common, address });
    throw new SinkFault('the address of the sink syslog is none', 'write tls://HOST:PORT, tcp://HOST:PORT or unix:/dev/log');
  }
  if (use === 'otlp') {
    const insecureHttp = options['insecureHttp'] === true;
    return (await import('./sinks/otlp.ts')).otlpSink({ ...common, endpoint: needed('endpoint'), insecureHttp });
  }
  if (use === 'exec') {
    const list = Array.isArray(options['command']) ? options['command'].map(String) : [];
    const [program, ...args] = list;
    if (program === undefined)
      throw new SinkFault('the sink exec has no command', 'write audit: { sinks: [{ use: exec, command: [./ship-audit] }] }');
    // The user's own configuration is about every folder: one may not say which program it starts.
    if (isPersonal && program.startsWith('.'))
      throw new SinkFault('the sink exec in config.yaml has a relative path', 'write it from / on');
    return (await import('./sinks/exec.ts')).execSink({ command: [program, ...args], dir, env });
  }
  throw new SinkFault('a sink of audit.sinks is not known', 'file, stderr, syslog, otlp and exec are');
}
