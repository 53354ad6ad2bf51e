/**
 * The contract between `secrets` and an adapter, version 1.
 *
 * An adapter is one {@link defineProvider} call. It knows its backend and nothing else: retry, time limits,
 * coalescing, concurrency and field extraction belong to the kit. It throws only {@link Fault}, and keeps absent,
 * denied and unreachable apart.
 */
import type { ErrorCode } from '../core/errors.ts';
import type { Fault, Outcome } from '../core/fault.ts';
import type { Reference } from '../core/reference.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { HttpClient, HttpClientOptions } from './http.ts';
import type { Keychain } from './keychain.ts';
import type { StandardSchema } from './standard-schema.ts';

/** A document of the backend: what one read returns. Two references with equal keys are fetched once. */
export interface DocumentKey {
  /** The adapter's own canonical name of the document. */
  readonly key: string;
  /** A pinned version; undefined is the current one. */
  readonly version?: string;
  /** A named pointer to a version: an AWS staging label, a Parameter Store label. */
  readonly stage?: string;
}

/** A reference as its adapter understands it. */
export interface ParsedRef extends DocumentKey {
  /** A key or JSON pointer inside the document. The kit extracts it; undefined is the whole document. */
  readonly field?: string;
}

export interface Lease {
  readonly id: string;
  readonly durationMs: number;
  readonly renewable: boolean;
}

/** What a read returned. */
export interface Document {
  readonly bytes: SecretValue;
  readonly version?: string;
  readonly createdAt?: Date;
  /** When the backend says the value ends; a value past it is refused. */
  readonly expiresAt?: Date;
  readonly lease?: Lease;
  /** The backend's id of the request, for its log. */
  readonly requestId?: string;
}

/** What can be known without reading a value. Everything that the backend can't say so stays undefined. */
export interface Metadata {
  readonly presence: 'present' | 'absent' | 'unknown';
  readonly version?: string;
  /** When the secret, not the version, was made. */
  readonly createdAt?: Date;
  /** When the current version was made. */
  readonly updatedAt?: Date;
  /** When each field was last written, from `rotated.<field>` in the backend's metadata or tags. */
  readonly rotatedAt?: Readonly<Record<string, Date>>;
  /** Names of the fields, where they can be listed without their values. */
  readonly fields?: readonly string[];
  readonly expiresAt?: Date;
  readonly nextRotationAt?: Date;
  readonly lastUsedAt?: Date;
  readonly enabled?: boolean;
  readonly versionCount?: number;
}

export interface ListEntry {
  readonly key: string;
  readonly version?: string;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
}

export interface VersionInfo {
  readonly version: string;
  readonly createdAt?: Date;
  readonly current: boolean;
  /** `pending` is the made but not yet promoted value of a rotation. */
  readonly state: 'enabled' | 'disabled' | 'deleted' | 'destroyed' | 'pending';
  readonly stages?: readonly string[];
  readonly createdBy?: string;
  readonly expiresAt?: Date;
}

/** One write: the whole document, or one field whose neighbours stay. */
export interface Patch {
  readonly value: SecretValue;
  readonly field?: string;
  /** When this value was made; recorded as `rotated.<field>` where the backend has room for it. */
  readonly rotatedAt: Date;
}

/** What the current version must be for a write to happen; undefined writes over whatever is there. */
export interface Expectation {
  readonly expect?: string | undefined;
}

export interface PutResult {
  /** The version that the write made. */
  readonly version?: string;
}

export interface Check {
  readonly title: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** Our own words. */
  readonly message: string;
  readonly hint?: string;
  /** Of a check that failed because of an error: that error's. */
  readonly code?: ErrorCode;
}

export interface DoctorReport {
  /** Where requests go, where the options alone do not say it. Holds no credential. */
  readonly address?: string;
  /** Who the backend says we are, as far as it says. */
  readonly identity?: string;
  readonly checks: readonly Check[];
}

export interface AccessRights {
  readonly read: boolean | 'unknown';
  readonly write: boolean | 'unknown';
}

export interface CallOptions {
  /** Names the request in a message, such as `read secret/api`. Safe to print. */
  readonly what: string;
  /** Writes are sent once and never blindly repeated. Default: `read`. */
  readonly kind?: 'read' | 'write';
}

/** One operation of the kit's: its limits, and the only way to send a request. */
export interface Operation {
  /** Aborted when the operation is cancelled or its deadline is over. */
  readonly signal: AbortSignal;
  /** True where nothing may be made by asking, such as a credential: reading one is then 'unsupported'. */
  readonly existingOnly?: boolean;
  /**
   * Sends one request: waits for a free place among the provider's (32), gives it its own time limit through the
   * signal, and repeats a retryable {@link Fault} of a read with full jitter until the deadline.
   */
  call<T>(options: CallOptions, send: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export type PromptRequest =
  | { readonly kind: 'password'; readonly message: string; readonly repeat?: boolean }
  | { readonly kind: 'confirm'; readonly message: string };

/** What an adapter gets from outside. It reaches for nothing else: no process.env, no terminal, no global fetch. */
export interface Host {
  /** The environment that `secrets` was started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the provider entry, for messages. */
  readonly provider: string;
  readonly project: string | undefined;
  readonly profile: string | undefined;
  /** Which credentials to sign in with: `auth`, `operatorAuth` or `rotateAuth` of the options. */
  readonly role: 'workload' | 'operator' | 'rotate';
  /** Folder that relative paths in the options start from. */
  readonly baseDir: string;
  /** The user's folders; undefined where there is no home. They may not exist yet. */
  readonly folders: { readonly config: string | undefined; readonly data: string | undefined; readonly state: string | undefined };
  /** Identifies this run in a backend's log: `secrets/<version> run/<id>`. */
  readonly userAgent: string;
  readonly now: () => Date;
  /**
   * Asks a person; the deadline's clock stands still meanwhile. Fault 'unauthenticated' where nobody can be asked.
   */
  prompt(request: Extract<PromptRequest, { kind: 'password' }>): Promise<SecretValue>;
  prompt(request: Extract<PromptRequest, { kind: 'confirm' }>): Promise<boolean>;
  readonly interactive: boolean;
  /** One line for the person, on stderr. Never a value. */
  notice(message: string): void;
  /** Names of environment variables whose values this session signed in with: the child doesn't get them. */
  credentialsUsed(names: readonly string[]): void;
  /** Who the backend says we are, as signing in told: its own name for us, never a token. For the audit log. */
  signedInAs?(principal: string): void;
  /** Registers what must be masked besides the secrets, such as a token from signing in. */
  sensitive(value: SecretValue): void;
  /**
   * What an earlier run remembered under this key. A guess: it may be old or made up, so it may cost a request at most,
   * and the backend has the last word. Never throws.
   */
  recall(key: string): Promise<string | undefined>;
  /** Keeps a short text for later runs of this user, where there is a private folder. Never a value. Never throws. */
  remember(key: string, text: string): Promise<void>;
  /** HTTP on our terms: redirects by hand, private CA, proxy, no token to another origin. */
  http(options: HttpClientOptions): HttpClient;
  keychain(): Promise<Keychain>;
}

/** What every session can do. All arrays that come back have the length and order of those that went in. */
export interface BaseSession {
  /** Reads documents; batches where the backend can. The keys are distinct. */
  resolve(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Document>[]>;
  /** Health and identity, without reading a secret. */
  doctor(op: Operation): Promise<DoctorReport>;
  /** Frees what the session holds. Never throws. */
  close(): Promise<void>;
}

/** The methods that a capability adds. */
export interface CapabilityMethods {
  /** Metadata without an endpoint that returns values. */
  readonly describe: { describe(refs: readonly ParsedRef[], op: Operation): Promise<readonly Outcome<Metadata>[]> };
  readonly list: { list(prefix: string, op: Operation): Promise<readonly ListEntry[]> };
  /** Newest first. */
  readonly versions: { versions(key: DocumentKey, op: Operation): Promise<readonly VersionInfo[]> };
  readonly put: { put(key: DocumentKey, patch: Patch, expectation: Expectation, op: Operation): Promise<PutResult> };
  readonly setState: {
    setState(key: DocumentKey, version: string, state: 'enabled' | 'disabled' | 'destroyed', op: Operation): Promise<void>;
  };
  /** Removes the document, or only one field of it. Fault 'not-found' when it is not there. */
  readonly remove: { remove(ref: ParsedRef, op: Operation): Promise<void> };
  readonly pending: { readonly pending: PendingStore };
  readonly rotate: { rotate(key: DocumentKey, op: Operation): Promise<PutResult> };
  readonly lease: {
    readonly lease: { renew(lease: Lease, op: Operation): Promise<Lease>; revoke(lease: Lease, op: Operation): Promise<void> };
  };
  readonly access: { access(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<AccessRights>[]> };
  readonly signIn: { signIn(op: Operation): Promise<void>; signOut(op: Operation): Promise<void> };
  /**
   * A stamp for each document that differs when another version is current: the version itself where that is known.
   * undefined: absent. For many documents in few requests; a backend that has only one request a document leaves it
   * to `describe`.
   */
  readonly changes: { changes(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<string | undefined>[]> };
}

/** What is known of a pending value without reading it. */
export interface PendingInfo {
  /**
   * The rotation that made it: the id given to `create`, or the backend's own where it has no room for ours. undefined:
   * another tool made it.
   */
  readonly rotation: string | undefined;
  readonly version?: string;
  readonly createdAt?: Date;
  /** The field whose next value it is; undefined is the whole document. */
  readonly field?: string;
  /** The version that was current when it was made; undefined where the document was absent or has no versions. */
  readonly base?: string;
}

/**
 * The next value of a document, durable in the backend and given to no reader before it is promoted. A document has
 * one at most, so it is also what keeps two rotations apart. Its age, field and rotation are found in the backend, so
 * that another machine can go on with it.
 */
export interface PendingStore {
  /** The pending value of a document, whoever made it; undefined: none. Reads no value. */
  find(ref: ParsedRef, op: Operation): Promise<PendingInfo | undefined>;
  /**
   * Stores the pending value. Fault 'conflict' where the document has one already, whoever made it. Sent once: after
   * a lost answer `find` and `read` tell what happened.
   */
  create(ref: ParsedRef, patch: Patch, rotation: string, op: Operation): Promise<PendingInfo>;
  /**
   * Reads the value that was given to `create`: of the field, not of its document. Fault 'not-found' where there is
   * none, 'conflict' where it is another rotation's.
   */
  read(ref: ParsedRef, rotation: string, op: Operation): Promise<Document>;
  /**
   * Makes the pending value current and keeps the document's other fields; afterwards there is no pending value. Where
   * this rotation has promoted already, only the rest is cleared away. With an expectation, Fault 'conflict' when
   * another version is current by now; nothing has changed then. Faults of `read`.
   */
  promote(ref: ParsedRef, rotation: string, expectation: Expectation, op: Operation): Promise<PutResult>;
  /** Takes the pending value away; done already is done. Fault 'conflict' where it is another rotation's. */
  abandon(ref: ParsedRef, rotation: string, op: Operation): Promise<void>;
}

export type Capability = keyof CapabilityMethods;

type UnionToIntersection<U> = (U extends unknown ? (k: U) => void : never) extends (k: infer I) => void ? I : never;

/** The session type that a list of capabilities asks for: naming one without its method does not compile. */
export type SessionFor<C extends Capability> = BaseSession & ([C] extends [never] ? unknown : UnionToIntersection<CapabilityMethods[C]>);

/** A session seen by the kit: a method is there if its capability is declared. */
export type AnySession = BaseSession & Partial<UnionToIntersection<CapabilityMethods[Capability]>>;

export interface Needs {
  /** Whether it talks to a server; such providers get the TLS and proxy checks. */
  readonly network: boolean;
  /** Optional npm packages that must be installed for it. */
  readonly packages?: readonly string[];
}

export interface Limits {
  /** Requests in flight at once; 32 at most, which is the default. */
  readonly concurrency?: number;
  /** Largest value in bytes that the backend stores. */
  readonly valueBytes?: number;
  /** Whether values that are not UTF-8 can be stored. Default: true. */
  readonly binary?: boolean;
  /** Whether an empty value can be stored. Default: true. */
  readonly emptyValue?: boolean;
}

export interface ProviderDefinition<O, C extends Capability> {
  readonly contract: 1;
  /** The adapter's id and default scheme. */
  readonly scheme: string;
  readonly title: string;
  readonly options: StandardSchema<unknown, O>;
  readonly needs: Needs;
  readonly limits: Limits;
  readonly capabilities: readonly C[];
  /** Reads the path of a reference, offline. Throws Fault 'ref'. */
  parseRef(reference: Reference, options: O): ParsedRef;
  /**
   * The opposite: a reference's path, options and field for a document. Used to suggest references.
   */
  formatRef?(ref: ParsedRef): Pick<Reference, 'path' | 'options'> & { readonly field?: string };
  /** Equal for two entries that sign in as the same principal at the same backend. Holds no credential. */
  identity(options: O, host: Host): string;
  /** Loads the SDK. Does not have to sign in yet. */
  open(options: O, host: Host): Promise<SessionFor<C>>;
}

/** A provider with its types folded away: what the registry holds. */
export interface Provider {
  readonly contract: 1;
  readonly scheme: string;
  readonly title: string;
  readonly options: StandardSchema<unknown, unknown>;
  readonly needs: Needs;
  readonly limits: Limits;
  readonly capabilities: readonly Capability[];
  parseRef(reference: Reference, options: unknown): ParsedRef;
  formatRef?(ref: ParsedRef): Pick<Reference, 'path' | 'options'> & { readonly field?: string };
  identity(options: unknown, host: Host): string;
  open(options: unknown, host: Host): Promise<AnySession>;
}

/** Declares an adapter. The types make capabilities and methods agree. */
export function defineProvider<O, const C extends Capability = never>(definition: ProviderDefinition<O, C>): Provider {
  return definition;
}

export type { Fault, Outcome, Reference };
