/** The audit log of a command. */
import type { Audit } from '../audit/event.ts';
import type { Place } from './rotate-places.ts';

/** @param reason why the command was given, for every record of it */
export function auditFor(_place: Place, _reason: string | undefined): Audit {
  return { record: async () => undefined };
}
