/** What a command gets: the settings of this call and the ways to talk to the person. */
import type { TimeLimits } from '../run/prepare.ts';
import type { Output } from './output.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly manifest?: string;
  readonly profile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
  /** false after --no-color */
  readonly color?: boolean;
  /** false after --no-input */
  readonly input?: boolean;
  readonly timeout?: string;
}

export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly output: Output;
  readonly limits: TimeLimits;
  /** --manifest, else SECRETS_MANIFEST. */
  readonly manifest: string | undefined;
  /** --profile, else SECRETS_PROFILE. */
  readonly profile: string | undefined;
  /** Why this is done, for the audit log: --reason, else SECRETS_REASON. */
  readonly reason?: string | undefined;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
}
