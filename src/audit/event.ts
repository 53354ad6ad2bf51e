/** What the audit log is told. Values, lengths, hashes of values and command lines have no field here. */

export type AuditEventName =
  /** A value was fetched, taken over from an outer run, or could not be had. */
  | 'resolve'
  /** A child is about to be started, with the names and references that it gets. */
  | 'launch'
  /** A value left through `get`, `render` or `export`. */
  | 'reveal'
  /** A value was read to be compared or masked: `scan`, `redact`, a check with `--read`, an admin reference. */
  | 'use'
  | 'write'
  | 'remove'
  /** A manifest was trusted, or refused because it is not. */
  | 'trust'
  /** It is not trusted any more. */
  | 'untrust'
  | 'rotate.planned'
  | 'rotate.created'
  | 'rotate.applied'
  | 'rotate.verified'
  | 'rotate.promoted'
  | 'rotate.retired'
  | 'rotate.aborted'
  | 'rollback'
  | 'revoke'
  | 'seal'
  | 'unseal'
  | 'bootstrap'
  /** A torn last line was found and closed. */
  | 'recovered';

/** One record before the log adds who, when, where, and its place in the chain. */
export interface AuditEntry {
  readonly event: AuditEventName;
  /** The variable or secret of the manifest. */
  readonly name?: string;
  /** The reference as written, without a value. */
  readonly reference?: string;
  readonly version?: string;
  /** The backend's own id of the request. */
  readonly request?: string;
  /** The principal that the backend says we are. */
  readonly identity?: string;
  readonly result: 'ok' | 'denied' | 'absent' | 'failed';
  /** The code of the error, where the result is not `ok`. */
  readonly code?: string;
  readonly source?: 'provider' | 'parent' | 'store' | 'sealed';
  /** How long it took, in milliseconds. */
  readonly ms?: number;
}

/** Where the parts of the product record what they do. */
export interface Audit {
  /**
   * Records the entries in order, complete on return. Throws AUDIT_WRITE_FAILED only where the log is required and no
   * sink has taken them; else a failure is one warning.
   */
  record(entries: readonly AuditEntry[]): Promise<void>;
}
