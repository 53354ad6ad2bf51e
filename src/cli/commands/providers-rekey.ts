/**
 * `secrets providers rekey local --to keychain|passphrase|identity`: moves the key of the local store to another
 * holder; to `passphrase` also changes the passphrase. The secrets themselves stay as they are. `local` may be any
 * provider of the manifest that uses the local store.
 *
 * --json: `{ provider, custody, place, recipient }`
 */
import { Option, type Command } from 'commander';
import type { CustodyKind } from '../../providers/local/custody.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { storeNamed, withStore } from '../local-store.ts';

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
  const store = await storeNamed(context, name, 'secrets providers rekey local --to HOLDER');
  const { rekey } = await import('../../providers/local/custody.ts');
  const status = await withStore(context, store, 'operator', (options, host, op) => rekey(options, host, to, op));
  if (context.output.json)
    context.output.resultJson({ provider: name, custody: status.kind, place: status.place, recipient: status.recipient });
  else context.output.result(`${name}: the key is in ${status.place}\n`);
}
