/** The user's own age recipient: what others add to a team store so that this user can read it. */
import { SecretsError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { ownStore, withStore } from './local-store.ts';

/** `age1…`, made if there is none. @throws SecretsError where no store can be made or read */
export async function ownRecipient(context: Context): Promise<string> {
  const recipient = await withStore(context, ownStore(context), 'workload', async (options, host) => {
    const store = await import('../providers/local/custody.ts');
    return store.ownRecipient(options, host, { create: true });
  });
  if (recipient !== undefined) return recipient;
  throw new SecretsError({
    code: 'STORE_CREATE_FAILED',
    message: 'there is no key of your own',
    hint: 'secrets doctor',
    provider: 'local',
  });
}
