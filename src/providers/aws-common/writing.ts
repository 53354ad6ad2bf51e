/** What writing has in common in both stores. */
import { Fault } from '../../core/fault.ts';
import type { Outcome } from '../../core/fault.ts';
import type { DocumentKey, Host } from '../../provider-kit/contract.ts';
import { outcomeOf } from './outcomes.ts';

/** Throws Fault 'unsupported' for a key that pins a version or label. */
export function refusePinned({ version, stage }: DocumentKey): void {
  if (version === undefined && stage === undefined) return;
  throw new Fault('unsupported', {
    message: 'a reference with a version, stage or label is only for reading',
    hint: 'write to it without ?version=, ?stage= and ?label=',
  });
}

/** The value of an outcome, or its Fault thrown. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw outcome.fault;
  return outcome.value;
}

/** Changes to the tags that record ages. The value is written by then, so what fails here is said once and no more. */
export class AgeTags {
  readonly #host: Host;
  #noticed = false;

  constructor(host: Host) {
    this.#host = host;
  }

  async change(name: string, run: () => Promise<unknown>): Promise<void> {
    const outcome = await outcomeOf(run);
    if (outcome.ok || this.#noticed) return;
    this.#noticed = true;
    this.#host.notice(`the age of ${name} could not be recorded in its tags: ${outcome.fault.message}`);
  }
}
