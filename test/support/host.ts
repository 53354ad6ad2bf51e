/** A host without a terminal, a network or a real keychain, which records what an adapter does with it. */
import { Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import type { Host, PromptRequest } from '../../src/provider-kit/contract.ts';
import type { Keychain, KeychainItem } from '../../src/provider-kit/keychain.ts';

/** Items by `service\0account`; kept as text, as the real keychains do. */
export type KeychainItems = Map<string, string>;

export interface TestHost extends Host {
  /** Every line that was noticed, in order. */
  readonly notices: string[];
  /** Every question that was asked, in order. */
  readonly prompts: PromptRequest[];
  /** Names given to `credentialsUsed`, in order. */
  readonly credentials: string[];
  /** Values given to `sensitive`, in order. */
  readonly sensitives: SecretValue[];
  /** What was remembered, by key. */
  readonly memory: Map<string, string>;
  /** What the in-memory keychain holds. */
  readonly keychainItems: KeychainItems;
}

export interface TestHostOverrides extends Partial<Omit<Host, 'prompt'>> {
  /** Answers to prompts, in order; a host with answers is interactive. Without one left, prompts fail as on a CI machine. */
  readonly answers?: readonly (string | boolean)[];
  /** Items shared between hosts, so that a second "run" finds what the first one stored. */
  readonly keychainItems?: KeychainItems;
  /** What is remembered, shared between hosts as `keychainItems` is. */
  readonly memory?: Map<string, string>;
  /** Default: `open`. */
  readonly keychainState?: KeychainState;
}

export type KeychainState = 'open' | 'locked' | 'no-keyring' | 'no-service' | 'no-library';

export function testHost(overrides: TestHostOverrides = {}): TestHost {
  const {
    answers = [],
    keychainItems = new Map<string, string>(),
    memory = new Map<string, string>(),
    keychainState = 'open',
    ...rest
  } = overrides;
  const left = [...answers];
  const prompts: PromptRequest[] = [];
  const notices: string[] = [];
  const credentials: string[] = [];
  const sensitives: SecretValue[] = [];

  function prompt(request: Extract<PromptRequest, { kind: 'password' }>): Promise<SecretValue>;
  function prompt(request: Extract<PromptRequest, { kind: 'confirm' }>): Promise<boolean>;
  function prompt(request: PromptRequest): Promise<SecretValue | boolean> {
    prompts.push(request);
    const answer = left.shift();
    if (answer === undefined) return Promise.reject(new Fault('unauthenticated', 'nobody can be asked here'));
    if (request.kind === 'confirm') return Promise.resolve(answer === true);
    return Promise.resolve(SecretValue.fromText(String(answer)));
  }

  return {
    env: {},
    provider: 'test',
    project: 'test-project',
    profile: undefined,
    role: 'workload',
    baseDir: '/',
    folders: { config: undefined, data: undefined, state: undefined },
    userAgent: 'secrets/0.0.0 run/test',
    now: () => new Date(),
    interactive: answers.length > 0,
    notice: (message) => void notices.push(message),
    credentialsUsed: (names) => void credentials.push(...names),
    sensitive: (value) => void sensitives.push(value),
    recall: (key) => Promise.resolve(memory.get(key)),
    remember: (key, text) => Promise.resolve(void memory.set(key, text)),
    http: () => {
      throw new Fault('unavailable', 'this host has no network');
    },
    keychain: () => Promise.resolve(memoryKeychain(keychainItems, keychainState)),
    ...rest,
    prompt,
    prompts,
    notices,
    credentials,
    sensitives,
    keychainItems,
    memory,
  };
}

/** A keychain in memory, in one of the states a real one can be in. */
export function memoryKeychain(items: KeychainItems, state: KeychainState = 'open'): Keychain {
  const idOf = (service: string, account: string): string => `${service}\0${account}`;
  const whenOpen = async <T>(act: () => T): Promise<T> => {
    if (state === 'locked' || state === 'no-keyring') throw new Fault('locked', `the keychain is not open (${state})`);
    if (state === 'no-service') throw new Fault('unavailable', { message: 'no keychain service answers', retryable: false });
    if (state === 'no-library') throw new Fault('unsupported', { message: 'no keychain library', code: 'DEPENDENCY_MISSING' });
    return act();
  };
  return {
    get: (service, account) =>
      whenOpen((): KeychainItem => {
        const text = items.get(idOf(service, account));
        return text === undefined ? { state: 'absent' } : { state: 'present', value: SecretValue.fromText(text) };
      }),
    set: (service, account, value) => whenOpen(() => void items.set(idOf(service, account), value.reveal().toString('utf8'))),
    delete: (service, account) => whenOpen(() => items.delete(idOf(service, account))),
    probe: () =>
      Promise.resolve(state === 'open' ? { state } : { state, message: `the keychain is not open (${state})`, hint: 'open the keychain' }),
  };
}
