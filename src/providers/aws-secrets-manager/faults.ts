/** What only Secrets Manager's errors mean. */
import { Fault } from '../../core/fault.ts';
import type { Call } from '../aws-common/faults.ts';

/** The Fault for a secret that is scheduled for deletion: to its readers it is gone, but it can be had back. */
export const scheduledForDeletion = (key: string): Fault =>
  new Fault('not-found', {
    message: `the secret ${key} is scheduled for deletion`,
    hint: `aws secretsmanager restore-secret --secret-id ${key}`,
    backendCode: 'InvalidRequestException',
  });

/**
 * An error of a request about one secret; undefined where the shared meaning of its name is right. Of the text only one
 * word is looked at: AWS has the same code for everything that a secret's state does not allow.
 */
export function stateFault(error: unknown, key: string, { what }: Call): Fault | undefined {
  const { name, message } = Object(error) as { name?: unknown; message?: unknown };
  if (name !== 'InvalidRequestException') return undefined;
  if (typeof message === 'string' && /delet/i.test(message)) return scheduledForDeletion(key);
  return new Fault('unsupported', {
    message: `the state of the secret ${key} does not allow to ${what} (InvalidRequestException)`,
    hint: `aws secretsmanager describe-secret --secret-id ${key}`,
    backendCode: 'InvalidRequestException',
  });
}
