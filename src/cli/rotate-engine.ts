/** The rotation engine of a command: journal, progress on stderr, and what the steps wait for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Audit } from '../audit/event.ts';
import { SecretsError } from '../core/errors.ts';
import { userFolders } from '../platform/folders.ts';
import { asFault } from '../provider-kit/operation.ts';
import { Engine } from '../rotation/engine.ts';
import { Journal, rotationsFolder } from '../rotation/journal.ts';
import type { Context } from './context.ts';
import type { Place } from './rotate-places.ts';

/** Milliseconds for a command before or after a rotation. */
const HOOK_MS = 300_000;
/** Looks at a target or a backend, and the longest gap between two of them in milliseconds. */
const LOOKS = { target: { most: 6, gap: 4_000 }, backend: { most: 40, gap: 5_000 } } as const;
const FIRST_GAP_MS = 250;

/** The journal in the state folder; without such a folder nothing is kept, which is said once. */
export function journalFor({ env, output }: Context): Journal {
  const { state } = userFolders(env);
  if (state === undefined) {
    output.notice('there is no state folder, so no journal is kept and former values are not ended later: SECRETS_STATE_DIR names one');
    return new Journal(undefined);
  }
  return new Journal(rotationsFolder(state));
}

/** Makes the journal's folder, before anything is changed. @throws SecretsError IO */
export function openJournal(journal: Journal): void {
  try {
    journal.prepare();
  } catch (error) {
    const { code, detail } = asFault(error);
    throw new SecretsError({ code, message: detail.message, hint: detail.hint });
  }
}

export function engineFor({ context, run }: Place, journal: Journal, audit: Audit): Engine {
  const { output, env } = context;
  const shown = output.json ? output.detail.bind(output) : output.notice.bind(output);
  return new Engine({
    sessions: run.sessions,
    audit,
    journal,
    env,
    credentials: run.reported.credentials,
    now: () => new Date(),
    patience: async (tries, what) => {
      const { most, gap } = LOOKS[what];
      if (tries >= most) return false;
      await sleep(Math.min(FIRST_GAP_MS * 2 ** (tries - 1), gap) * (0.75 + Math.random() / 2), undefined, { signal: run.signal }).catch(
        () => undefined,
      );
      return !run.signal.aborted;
    },
    signal: run.signal,
    progress: ({ label }, step) => shown(`${label}: ${step}`),
    say: ({ label }, line) => output.notice(`${label}: program: ${line}`),
    hookLimitMs: HOOK_MS,
    journalLost: () =>
      output.warn({
        message: 'the journal of rotations could not be written, so the former value will not be ended later',
        hint: 'secrets doctor',
      }),
  });
}
