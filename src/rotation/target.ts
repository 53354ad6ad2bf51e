/** What a rotator knows: the system that a value opens, and how a new value gets there. */
import type { SecretValue } from '../core/secret-value.ts';
import type { ParsedRef } from '../provider-kit/contract.ts';

/** The system that a value opens, for the time of one rotation. Throws Fault; the words of the other side never leave. */
export interface Target {
  /** Makes the next value. Nothing has changed anywhere. */
  next(): Promise<SecretValue>;
  /**
   * Makes the target accept a value; done already is done. Also for putting an older value back.
   * Fault 'denied': the target refuses it, finally. 'unavailable' and 'timeout': not known whether it was done.
   */
  apply(value: SecretValue): Promise<void>;
  /** Whether the target accepts a value. Throws where that can't be found out. */
  accepts(value: SecretValue): Promise<boolean>;
  /** After the new value is current. */
  finish(value: SecretValue): Promise<void>;
  /** Ends what the former value still opens. `nothing`: it opens nothing any more. */
  retire(): Promise<'ended' | 'nothing'>;
  /** Never throws. */
  close(): Promise<void>;
}

export interface TargetContext {
  /** The secret's name, else the reference. */
  readonly label: string;
  readonly reference: string;
  /** The field that is rotated, of the reference as it was written. */
  readonly field: string | undefined;
  /** The options of the rotator. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Folder that relative paths in the options start from. */
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly rotation: string;
  /** The current value of what is rotated, and the document around it. Both are read only when they are needed. */
  current(): Promise<SecretValue>;
  document(): Promise<SecretValue>;
  /** The administrator's credential; undefined where none is named. */
  admin(): Promise<SecretValue | undefined>;
  /** A line of a program of the user's, already masked. */
  say(line: string): void;
  readonly signal: AbortSignal;
}

/** A way to rotate that has a target. */
export interface Rotator {
  /** What is replaced: the value of the reference, or the document around it. */
  unit(ref: ParsedRef, options: TargetContext['options']): ParsedRef;
  open(context: TargetContext): Promise<Target>;
}
