/** Why something is rotated or revoked, and what follows from the reason. */
import { parseDuration } from '../core/duration.ts';
import { SecretsError } from '../core/errors.ts';
import type { Milliseconds } from '../core/model.ts';

/**
 * How long the former value stays: what is asked for; at once where the value is in foreign hands.
 * @throws SecretsError USAGE for what is no duration, and for 0 without a reason
 */
export function graceOf(given: string | undefined, reason: string | undefined): Milliseconds | undefined {
  const grace = given === undefined ? undefined : given === '0' ? 0 : parseDuration(given);
  if (given !== undefined && grace === undefined)
    throw new SecretsError({
      code: 'USAGE',
      message: '--grace is not a duration',
      hint: '--grace 24h, or --grace 0 to end the former value at once',
    });
  if (grace === 0 && reason === undefined)
    throw new SecretsError({
      code: 'USAGE',
      message: '--grace 0 ends the value that programs are using now, and needs a reason for the record',
      hint: 'add --reason compromise, or --reason "in your own words"',
    });
  return grace ?? (isCompromise(reason) ? 0 : undefined);
}

const isCompromise = (reason: string | undefined): boolean =>
  reason !== undefined && /^(?:compromise|compromised|leak|leaked)\b/i.test(reason);
