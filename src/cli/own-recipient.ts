/** The user's own age recipient: what others add to a team store so that this user can read it. */
import { SecretsError } from '../core/errors.ts';
import type { ProviderConfig } from '../core/model.ts';
import { Deadline } from '../provider-kit/deadline.ts';
import { asFault } from '../provider-kit/operation.ts';
import { createHost } from '../run/host.ts';
import type { Context } from './context.ts';
import { prompterFor } from './prompts.ts';

/** `age1…`, made if there is none. @throws SecretsError where no store can be made or read */
export async function ownRecipient(context: Context): Promise<string> {
  const deadline = new Deadline(context.limits.totalMs);
  const config: ProviderConfig = {
    name: 'local',
    use: 'local',
    options: {},
    positionOf: () => undefined,
    personal: true,
    baseDir: context.cwd,
  };
  const host = createHost(
    {
      env: context.env,
      prompter: prompterFor(context),
      notice: (message) => context.output.notice(message),
      project: undefined,
      profile: undefined,
      runId: 'none',
      deadline,
      reported: { credentials: new Set(), sensitive: [] },
    },
    config,
    'workload',
  );
  try {
    const store = await import('../providers/local/custody.ts');
    const recipient = await store.ownRecipient({}, host, { create: true });
    if (recipient !== undefined) return recipient;
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const { code, detail } = asFault(error);
    throw new SecretsError({ code, message: detail.message, hint: detail.hint, provider: 'local' });
  } finally {
    deadline.close();
  }
  throw new SecretsError({
    code: 'STORE_CREATE_FAILED',
    message: 'there is no key of your own',
    hint: 'secrets doctor',
    provider: 'local',
  });
}
