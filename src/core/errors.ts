/**
 * The one table of error codes, and the error that carries them.
 *
 * Everything that can go wrong for a user is an {@link Issue}: plain data with a code of this table, a message
 * that never holds a secret value or a backend's own text, and where it happened.
 */

/** What a code means: its exit status (sysexits), a title for documents, the hint shown when an issue has none of its own. */
interface CodeEntry {
  readonly exit: number;
  readonly title: string;
  readonly hint: string;
  /** Whether running the same command again, unchanged, may succeed. */
  readonly retryable: boolean;
}

export const CODES = {
  USAGE: { exit: 64, title: 'The command line is wrong', hint: 'secrets --help', retryable: false },
  MANIFEST_INVALID: { exit: 65, title: 'The manifest has mistakes', hint: 'secrets explain', retryable: false },
  REF_INVALID: { exit: 65, title: 'A reference cannot be read', hint: 'secrets providers', retryable: false },
  VALUE_INVALID: { exit: 65, title: 'A value cannot be used as it is', hint: 'secrets describe NAME', retryable: false },
  ENV_INVALID: { exit: 65, title: 'The environment for the program cannot be built', hint: 'secrets explain', retryable: false },
  STORE_CORRUPT: { exit: 65, title: 'The local store is damaged', hint: 'secrets doctor', retryable: false },
  MANIFEST_NOT_FOUND: { exit: 66, title: 'There is no manifest', hint: 'secrets init', retryable: false },
  REF_NOT_FOUND: { exit: 66, title: 'The manager has no such secret', hint: 'secrets list', retryable: false },
  FIELD_NOT_FOUND: { exit: 66, title: 'The secret has no such field', hint: 'secrets describe NAME', retryable: false },
  REQUIRED_MISSING: { exit: 66, title: 'A required value is missing', hint: 'secrets setup', retryable: false },
  PROVIDER_UNAVAILABLE: { exit: 69, title: 'The manager cannot be reached', hint: 'secrets doctor', retryable: true },
  CAPABILITY_UNSUPPORTED: { exit: 69, title: 'The manager cannot do that', hint: 'secrets providers', retryable: false },
  DEPENDENCY_MISSING: { exit: 69, title: 'Something that this needs is not installed', hint: 'secrets doctor', retryable: false },
  INTERNAL: { exit: 70, title: 'A mistake in secrets itself', hint: 'run it again with --debug and report the code', retryable: false },
  PROVIDER_BUG: {
    exit: 70,
    title: 'An adapter broke its contract',
    hint: 'run it again with --debug and report it to the adapter',
    retryable: false,
  },
  STORE_CREATE_FAILED: { exit: 73, title: 'The local store cannot be made', hint: 'secrets doctor', retryable: false },
  AUDIT_WRITE_FAILED: { exit: 74, title: 'The audit log cannot be written', hint: 'secrets doctor', retryable: false },
  IO: { exit: 74, title: 'A file or stream cannot be read or written', hint: 'check the path and its permissions', retryable: false },
  PROVIDER_THROTTLED: { exit: 75, title: 'The manager asks for fewer requests', hint: 'wait, then run it again', retryable: true },
  PROVIDER_TIMEOUT: {
    exit: 75,
    title: 'The manager did not answer in time',
    hint: 'secrets doctor, or a longer --timeout',
    retryable: true,
  },
  CONFLICT: { exit: 75, title: 'Somebody else changed it meanwhile', hint: 'secrets history NAME, then run it again', retryable: true },
  STORE_BUSY: { exit: 75, title: 'The local store is in use', hint: 'run it again', retryable: true },
  PROVIDER_PROTOCOL: { exit: 76, title: 'The manager answered something unexpected', hint: 'secrets doctor', retryable: false },
  UNAUTHENTICATED: { exit: 77, title: 'Not signed in', hint: 'secrets doctor', retryable: false },
  DENIED: { exit: 77, title: 'The manager refused', hint: 'secrets doctor', retryable: false },
  STORE_LOCKED: { exit: 77, title: 'The local store cannot be unlocked', hint: 'secrets doctor', retryable: false },
  PROVIDER_UNKNOWN: { exit: 78, title: 'No such provider', hint: 'secrets providers', retryable: false },
  PROVIDER_OPTIONS: { exit: 78, title: "A provider's options are wrong", hint: 'secrets providers', retryable: false },
  MANIFEST_UNTRUSTED: { exit: 78, title: 'The manifest is not trusted', hint: 'secrets trust', retryable: false },
  INTERRUPTED: { exit: 130, title: 'Interrupted', hint: 'run it again', retryable: false },
} as const satisfies Readonly<Record<string, CodeEntry>>;

export type ErrorCode = keyof typeof CODES;

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Who to ask about a secret, as the manifest says. */
export interface Ownership {
  readonly owner?: string | undefined;
  readonly contact?: string | undefined;
  readonly runbook?: string | undefined;
}

/** One thing that is wrong. `message` and `hint` are our own words and safe to print. */
export interface Issue extends Ownership {
  readonly code: ErrorCode;
  /** What happened, without the code and without the name in front. */
  readonly message: string;
  /** The next command to type, or what to change. */
  readonly hint?: string | undefined;
  readonly at?: Position | undefined;
  /** Name of the secret concerned. */
  readonly name?: string | undefined;
  readonly reference?: string | undefined;
  readonly provider?: string | undefined;
}

/** The error that crosses every boundary of the program: one issue or several, never a cause. */
export class SecretsError extends Error {
  override readonly name = 'SecretsError';
  readonly issues: readonly Issue[];
  /** What the exit code and the first line are taken from: the first issue that is not retryable, else the first. */
  readonly primary: Issue;

  constructor(issues: Issue | readonly [Issue, ...Issue[]]) {
    const all = (Array.isArray(issues) ? issues : [issues]) as readonly [Issue, ...Issue[]];
    const primary = all.find((issue) => !CODES[issue.code].retryable) ?? all[0];
    super(primary.message);
    this.issues = all;
    this.primary = primary;
  }

  get code(): ErrorCode {
    return this.primary.code;
  }

  get exit(): number {
    return CODES[this.primary.code].exit;
  }
}

/** Throws all issues at once when there are any. */
export function throwIssues(issues: readonly Issue[]): void {
  const [first, ...rest] = issues;
  if (first !== undefined) throw new SecretsError([first, ...rest]);
}
