/** Builds what an adapter gets from outside, and remembers what it reported. */
import type { Audit } from '../audit/event.ts';
import type { ProviderConfig } from '../core/model.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { Trace } from '../core/stopwatch.ts';
import { VERSION } from '../core/version.ts';
import { userFolders } from '../platform/folders.ts';
import type { Host, PromptRequest } from '../provider-kit/contract.ts';
import type { Deadline } from '../provider-kit/deadline.ts';
import type { HttpClient, HttpClientOptions } from '../provider-kit/http.ts';

/** Asks a person. */
export interface Prompter {
  readonly interactive: boolean;
  password(request: Extract<PromptRequest, { kind: 'password' }>): Promise<SecretValue>;
  confirm(message: string): Promise<boolean>;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly prompter: Prompter;
  /** One line for the person. */
  readonly notice: (message: string) => void;
  /** Told of each stage and each request, by name; never of a value. */
  readonly trace?: Trace | undefined;
  /** Opens the audit log of a run, by the run's id. Without it nothing is recorded. */
  readonly audit?: (run: string) => Audit;
}

/** What the sessions of a run reported. */
export interface Reported {
  /** Names of environment variables that were signed in with. */
  readonly credentials: Set<string>;
  /** Id of the adapter that signed in with each of them. */
  readonly signedIn?: Map<string, string>;
  /** By name of the provider entry: who its backend says we are. */
  readonly principals?: Map<string, string>;
  /** To be masked besides the secrets: tokens from signing in. */
  readonly sensitive: SecretValue[];
}

export interface HostOptions extends Surroundings {
  readonly project: string | undefined;
  readonly profile: string | undefined;
  readonly runId: string;
  readonly deadline: Deadline;
  readonly reported: Reported;
}

export function createHost(options: HostOptions, config: ProviderConfig, role: Host['role']): Host {
  const { env, prompter, deadline, reported } = options;
  const prompt = async (request: PromptRequest): Promise<SecretValue | boolean> =>
    deadline.paused<SecretValue | boolean>(() =>
      request.kind === 'password' ? prompter.password(request) : prompter.confirm(request.message),
    );
  return {
    env,
    provider: config.name,
    project: options.project,
    profile: options.profile,
    role,
    baseDir: config.baseDir,
    folders: userFolders(env),
    userAgent: `secrets/${VERSION} run/${options.runId}`,
    now: () => new Date(),
    prompt: prompt as Host['prompt'],
    interactive: prompter.interactive,
    notice: options.notice,
    credentialsUsed: (names) => {
      for (const name of names) {
        reported.credentials.add(name);
        reported.signedIn?.set(name, config.use);
      }
    },
    signedInAs: (principal) => void reported.principals?.set(config.name, principal),
    sensitive: (value) => {
      reported.sensitive.push(value);
    },
    // An adapter sees only what adapters of its own kind remembered.
    recall: async (key) => (await memory()).recall(env, `${config.use} ${key}`),
    remember: async (key, text) => (await memory()).remember(env, `${config.use} ${key}`, text),
    http: (http) => lazyHttp(http, env),
    keychain: async () => (await import('../platform/keychain.ts')).openKeychain(env),
  };
}

/** Loaded for the adapters that use it: it brings a library for checking along. */
const memory = () => import('../platform/remembered.ts');

/** The transport's modules are slow to load, so the first request loads them. */
function lazyHttp(options: HttpClientOptions, env: HostOptions['env']): HttpClient {
  let client: Promise<HttpClient> | undefined;
  return {
    request: async (request) => {
      client ??= import('../platform/http.ts').then(({ createHttpClient }) => createHttpClient(options, env));
      return (await client).request(request);
    },
    close: () => {
      client?.then((opened) => opened.close()).catch(() => undefined);
    },
  };
}
