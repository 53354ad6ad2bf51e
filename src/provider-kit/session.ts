/**
 * A provider in use: options checked, one session per identity, reads coalesced and retried. What every stage and
 * command talks to; adapters are never called from anywhere else.
 */
import type { Issue } from '../core/errors.ts';
import { Fault, failed, type Outcome } from '../core/fault.ts';
import type { ProviderConfig } from '../core/model.ts';
import type { Trace } from '../core/stopwatch.ts';
import type { LimitFunction } from 'p-limit';
import type {
  AnySession,
  Capability,
  CapabilityMethods,
  Document,
  DocumentKey,
  DoctorReport,
  Host,
  Operation,
  Provider,
} from './contract.ts';
import type { Deadline } from './deadline.ts';
import { asFault, createOperation, gateFor, mayTryAgain, withRetries, type OperationLimits } from './operation.ts';

/** A provider entry whose adapter is loaded and whose options are checked. Offline. */
export interface ConfiguredProvider {
  readonly config: ProviderConfig;
  readonly provider: Provider;
  /** What the adapter's schema made of the options. */
  readonly options: unknown;
}

/** Checks an entry's options by its adapter's schema. */
export async function configure(config: ProviderConfig, provider: Provider): Promise<ConfiguredProvider | readonly Issue[]> {
  const result = await provider.options['~standard'].validate(config.options);
  if (result.issues === undefined) return { config, provider, options: result.value };
  return result.issues.map((issue): Issue => {
    const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
    return {
      code: 'PROVIDER_OPTIONS',
      message: path.length === 0 ? issue.message : `${path.map(String).join('.')}: ${issue.message}`,
      hint: `secrets providers ${config.use}`,
      provider: config.name,
      at: config.positionOf(path) ?? config.at,
    };
  });
}

/**
 * Milliseconds that an adapter has after an abort to answer by itself: what it knows of the other documents of a batch
 * is then not lost.
 */
const SETTLE_MS = 50;

export const documentId = (key: DocumentKey): string => JSON.stringify([key.key, key.version ?? null, key.stage ?? null]);

/** A value that was read, written or removed, or that could not be: the stages note it for the audit log. */
export interface Access {
  readonly event: 'read' | 'write' | 'remove';
  /** Of the manifest; undefined for a reference of the command line. */
  readonly name?: string | undefined;
  /** As it is written. */
  readonly reference: string;
  /** Name of the provider entry. */
  readonly provider: string;
  readonly version?: string | undefined;
  readonly requestId?: string | undefined;
  /** Why it failed. */
  readonly fault?: Fault | undefined;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** The sessions of one run: providers that sign in as the same principal share one. */
export class Sessions {
  readonly #deadline: Deadline;
  readonly #requestMs: number;
  readonly #hostFor: (config: ProviderConfig, role: Host['role']) => Host;
  readonly #trace: Trace | undefined;
  readonly #open = new Map<string, ProviderSession>();
  /** Identities by role: a manifest of many references asks for the same few again and again. */
  readonly #identities = new WeakMap<ConfiguredProvider, Map<Host['role'], string>>();
  readonly #ready: () => Promise<void>;
  readonly #names = new Map<string, string>();
  #accesses: Access[] = [];

  /**
   * @param requestMs time limit of one request in milliseconds
   * @param trace told of each request
   * @param ready called before each access of values; throws where there must be none
   */
  constructor(
    deadline: Deadline,
    requestMs: number,
    hostFor: (config: ProviderConfig, role: Host['role']) => Host,
    trace?: Trace,
    ready: () => Promise<void> = async () => undefined,
  ) {
    this.#deadline = deadline;
    this.#requestMs = requestMs;
    this.#hostFor = hostFor;
    this.#trace = trace;
    this.#ready = ready;
  }

  /** To be awaited before values are read, written or removed. @throws SecretsError where none may be: they could not be recorded */
  ready(): Promise<void> {
    return this.#ready();
  }

  /** Gives the name of a reference that the manifest does not have, or not yet. */
  call(reference: string, name: string): void {
    this.#names.set(reference, name);
  }

  note(access: Access): void {
    this.#accesses.push({ ...access, name: access.name ?? this.#names.get(access.reference) });
  }

  /** What was noted since the last call. */
  takeAccesses(): readonly Access[] {
    const taken = this.#accesses;
    this.#accesses = [];
    return taken;
  }

  /** What two providers have in common that talk to the same backend as the same principal. @throws Fault 'options' */
  identity(configured: ConfiguredProvider, role: Host['role'] = 'workload'): string {
    const known = this.#identities.get(configured)?.get(role);
    if (known !== undefined) return known;
    const host = this.#hostFor(configured.config, role);
    const identity = JSON.stringify([configured.provider.scheme, role, configured.provider.identity(configured.options, host)]);
    const identities = this.#identities.get(configured) ?? new Map<Host['role'], string>();
    this.#identities.set(configured, identities.set(role, identity));
    return identity;
  }

  /** @throws Fault 'options' when the options don't even name an identity */
  get(configured: ConfiguredProvider, role: Host['role'] = 'workload'): ProviderSession {
    const identity = this.identity(configured, role);
    const known = this.#open.get(identity);
    if (known !== undefined) return known;
    const host = this.#hostFor(configured.config, role);
    const session = new ProviderSession(configured, host, this.#deadline, this.#requestMs, () => this.forgetReads(), this.#trace);
    this.#open.set(identity, session);
    return session;
  }

  /**
   * Lets every document be read again, by the sessions that are signed in already. A write does it, too: what was read
   * before may not be what is there now, in the session of another role either.
   */
  forgetReads(): void {
    for (const session of this.#open.values()) session.forgetReads();
  }

  /** Closes every session; revokes what signing in created. Never throws. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((session) => session.close()));
    this.#open.clear();
  }
}

/** Capabilities that change documents. */
const WRITING: ReadonlySet<Capability> = new Set(['put', 'remove', 'setState', 'pending', 'rotate']);

export interface ReadOptions {
  /** Makes nothing by asking: see {@link Operation.existingOnly}. */
  readonly existingOnly?: boolean | undefined;
}

export class ProviderSession {
  readonly name: string;
  readonly provider: Provider;
  readonly #configured: ConfiguredProvider;
  readonly #host: Host;
  readonly #limits: OperationLimits;
  readonly #operation: Operation;
  readonly #onWrite: () => void;
  readonly #reads = new Map<string, Promise<Outcome<Document>>>();
  #session: Promise<AnySession> | undefined;

  /**
   * @param onWrite called when a capability that changes documents was used, whether it succeeded or not
   * @param trace told of each request
   */
  constructor(
    configured: ConfiguredProvider,
    host: Host,
    deadline: Deadline,
    requestMs: number,
    onWrite: () => void,
    trace: Trace | undefined,
  ) {
    const gate: LimitFunction = gateFor(configured.provider.limits.concurrency);
    this.name = configured.config.name;
    this.provider = configured.provider;
    this.#configured = configured;
    this.#host = host;
    this.#onWrite = onWrite;
    const { name } = configured.config;
    this.#limits = { deadline, requestMs, gate, ...(trace === undefined ? {} : { trace: (text) => trace(`${name}: ${text}`) }) };
    this.#operation = createOperation(this.#limits);
  }

  /** Whether the adapter declares a capability. */
  can(capability: Capability): boolean {
    return this.provider.capabilities.includes(capability);
  }

  /**
   * Reads documents; equal keys, also of earlier and of running calls, are fetched once, until something is written.
   * Never throws: what fails is an outcome.
   */
  async resolve(keys: readonly DocumentKey[], { existingOnly = false }: ReadOptions = {}): Promise<readonly Outcome<Document>[]> {
    const fresh = new Map<string, DocumentKey>();
    for (const key of keys) if (!this.#reads.has(documentId(key))) fresh.set(documentId(key), key);
    if (fresh.size > 0) {
      const list = [...fresh.values()];
      const all = this.#fetch(list, existingOnly);
      list.forEach((key, index) =>
        this.#reads.set(
          documentId(key),
          all.then((outcomes) => outcomes[index] ?? failed(brokenContract)),
        ),
      );
    }
    return Promise.all(keys.map((key) => this.#reads.get(documentId(key)) ?? Promise.resolve(failed(brokenContract))));
  }

  /** Reads one document anew, whatever was read before. @throws Fault */
  async read(key: DocumentKey): Promise<Document> {
    const [outcome = failed(brokenContract)] = await this.#fetch([key], false);
    if (!outcome.ok) throw outcome.fault;
    return outcome.value;
  }

  async doctor(): Promise<DoctorReport> {
    return this.#guard(async () => (await this.#opened()).doctor(this.#operation));
  }

  /**
   * Calls a method of a capability.
   * @throws Fault 'unsupported' when the adapter does not declare it
   */
  async use<C extends Capability, T>(capability: C, call: (session: CapabilityMethods[C], op: Operation) => Promise<T>): Promise<T> {
    if (!this.can(capability)) {
      throw new Fault('unsupported', { message: `${this.provider.title} has no '${capability}'`, hint: 'secrets providers' });
    }
    try {
      return await this.#guard(async () => call((await this.#opened()) as unknown as CapabilityMethods[C], this.#operation));
    } finally {
      if (WRITING.has(capability)) this.#onWrite();
    }
  }

  /** The next read of a document asks the backend again. */
  forgetReads(): void {
    this.#reads.clear();
  }

  async close(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    await session.then((opened) => opened.close()).catch(() => undefined);
  }

  #opened(): Promise<AnySession> {
    this.#session ??= this.#configured.provider.open(this.#configured.options, this.#host);
    return this.#session;
  }

  /** One call for all; then those that failed in a way that may pass, again, until they are given up. */
  async #fetch(keys: readonly DocumentKey[], existingOnly: boolean): Promise<readonly Outcome<Document>[]> {
    const operation = existingOnly ? createOperation({ ...this.#limits, existingOnly }) : this.#operation;
    const outcomes = new Map<DocumentKey, Outcome<Document>>();
    let open = keys;
    const round = async (): Promise<void> => {
      const got = await this.#resolveOnce(open, operation);
      open.forEach((key, index) => outcomes.set(key, got[index] ?? failed(brokenContract)));
      open = open.filter((key) => {
        const outcome = outcomes.get(key);
        return outcome?.ok === false && mayTryAgain(outcome.fault);
      });
      const first = open.map((key) => outcomes.get(key)).find((outcome) => outcome?.ok === false);
      if (first?.ok === false) throw longestWait(open, outcomes) ?? first.fault;
    };
    await withRetries(this.#limits, { what: 'read' }, round).catch((error: unknown) => {
      for (const key of open) outcomes.set(key, failed(asFault(error)));
    });
    return keys.map((key) => outcomes.get(key) ?? failed(brokenContract));
  }

  async #resolveOnce(keys: readonly DocumentKey[], operation: Operation): Promise<readonly Outcome<Document>[]> {
    try {
      const outcomes = await this.#guard(async () => (await this.#opened()).resolve(keys, operation));
      return outcomes.length === keys.length ? outcomes : keys.map(() => failed(brokenContract));
    } catch (error) {
      const fault = asFault(error);
      return keys.map(() => failed(fault));
    }
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    const over = this.#limits.deadline.fault(this.name);
    if (over !== undefined) throw over;
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const { signal } = this.#limits.deadline;
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      timer = setTimeout(() => reject(this.#limits.deadline.fault(this.name)), SETTLE_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([call(), ended]);
    } catch (error) {
      throw asFault(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      ended.catch(() => undefined);
    }
  }
}

const brokenContract = new Fault('protocol', {
  code: 'PROVIDER_BUG',
  message: 'the adapter did not answer for every document it was asked for',
  retryable: false,
});

/** Of several failures the one with the longest wait, so that the next round asks nobody too early. */
function longestWait(keys: readonly DocumentKey[], outcomes: ReadonlyMap<DocumentKey, Outcome<Document>>): Fault | undefined {
  const faults = keys.flatMap((key) => {
    const outcome = outcomes.get(key);
    return outcome?.ok === false && outcome.fault.detail.retryAfterMs !== undefined ? [outcome.fault] : [];
  });
  return faults.sort((a, b) => (b.detail.retryAfterMs ?? 0) - (a.detail.retryAfterMs ?? 0))[0];
}
