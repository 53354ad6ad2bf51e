/** What comes first when something of ours fails that should not have: a program that runs must not be left alone. */
import type { SecretsError } from '../core/errors.ts';

/** Reports the failure, ends what runs, and then this process. */
type Rescue = (error: SecretsError) => void;

let current: Rescue | undefined;

/** To be called as soon as there is something to be ended. */
export function onEmergency(rescue: Rescue): void {
  current = rescue;
}

/** Undefined as long as nothing runs. */
export const rescueInPlace = (): Rescue | undefined => current;
