/**
 * `secrets providers rekey local --to keychain|passphrase|identity`: moves the key of the local store to another
 * holder; to `passphrase` also changes the passphrase. The secrets themselves stay as they are. `local` may be any
 * provider of the manifest that uses the local store.
 *
 * --json: `{ provider, custody, place, recipient }`
 */
import { Option, type Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { ProviderConfig } from '../../core/model.ts';
import { shownWord } from '../../core/suggest.ts';
import { Deadline } from '../../provider-kit/deadline.ts';
import { asFault, createOperation, gateFor } from '../../provider-kit/operation.ts';
import type { CustodyKind } from '../../providers/local/custody.ts';
import { createHost } from '../../run/host.ts';
import { loadAdapters } from '../../run/plan.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { prompterFor } from '../prompts.ts';
import { loadFor } from '../session.ts';

const HOLDERS = ['keychain', 'passphrase', 'identity'] as const satisfies readonly CustodyKind[];

/** Adds what belongs under `secrets providers rekey`. */
export const define: CommandModule['define'] = (command, open) => {
  command
    .summary('move the key of the local store to another holder')
    .description('Moves the key of the local store to the OS keychain, behind a passphrase, or into an identity file.')
    .argument('<provider>', 'local, or a provider of the manifest that uses the local store')
    .addOption(new Option('--to <holder>', 'who holds the key from now on').choices(HOLDERS).makeOptionMandatory())
    .action(async (name: string, options: { readonly to: CustodyKind }, self: Command) => rekeyStore(open(self), name, options.to));
};

async function rekeyStore(context: Context, name: string, to: CustodyKind): Promise<void> {
  const { config, project, profile } = await storeNamed(context, name);
  const { adapters, issues } = await loadAdapters([config]);
  const [issue] = issues;
  const configured = adapters.get(config.name);
  if (issue !== undefined || configured === undefined)
    throw new SecretsError(issue ?? { code: 'PROVIDER_UNKNOWN', message: 'it has no adapter' });
  const deadline = new Deadline(context.limits.totalMs);
  const surroundings = { env: context.env, prompter: prompterFor(context), notice: (message: string) => context.output.notice(message) };
  const reported = { credentials: new Set<string>(), sensitive: [] };
  const host = createHost({ ...surroundings, project, profile, runId: 'rekey', deadline, reported }, config, 'operator');
  try {
    const { rekey } = await import('../../providers/local/custody.ts');
    const operation = createOperation({ deadline, requestMs: context.limits.requestMs, gate: gateFor(1) });
    // The adapter's own schema made these options.
    const status = await rekey(configured.options as Parameters<typeof rekey>[0], host, to, operation);
    if (context.output.json)
      context.output.resultJson({ provider: name, custody: status.kind, place: status.place, recipient: status.recipient });
    else context.output.result(`${name}: the key is in ${status.place}\n`);
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const { code, detail } = asFault(error);
    throw new SecretsError({ code, message: detail.message, hint: detail.hint, provider: name });
  } finally {
    deadline.close();
  }
}

interface Store {
  readonly config: ProviderConfig;
  readonly project: string | undefined;
  readonly profile: string | undefined;
}

/** The provider's entry; the user's own store where there is no manifest. */
async function storeNamed(context: Context, name: string): Promise<Store> {
  const { manifest } = await loadFor(context).catch((error: unknown) => {
    const alone = error instanceof SecretsError && error.code === 'MANIFEST_NOT_FOUND' && context.manifest === undefined;
    if (!alone) throw error;
    return loadFor({ ...context, profile: undefined }, { refs: [{ name: 'NOTHING', reference: 'env://NOTHING' }] });
  });
  const config = manifest.providers.get(name);
  if (config === undefined) {
    throw new SecretsError({
      code: 'PROVIDER_UNKNOWN',
      message: `no provider is called ${shownWord(name) ?? 'so'}`,
      hint: 'secrets providers rekey local --to HOLDER',
    });
  }
  if (config.use === 'local') return { config, project: manifest.project, profile: manifest.profile };
  throw new SecretsError({
    code: 'CAPABILITY_UNSUPPORTED',
    provider: name,
    message: 'only a local store has a key of its own',
    hint: 'secrets providers rekey local --to HOLDER',
  });
}
