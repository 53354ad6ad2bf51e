/**
 * `secrets providers reencrypt NAME`: encrypts a team store to the recipients that its entry in the manifest lists now.
 *
 * --json: `{ provider, versions, added: [recipient], removed: [recipient] }`
 */
import type { Command } from 'commander';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { storeNamed, withStore } from '../local-store.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .summary('encrypt a team store to the recipients that the manifest lists now')
    .description('Encrypts every version in a team store to the recipients that its entry in the manifest lists now.')
    .argument('<provider>', 'a provider of the manifest with recipients')
    .action(async (name: string, _options: unknown, self: Command) => reencryptStore(open(self), name));
};

async function reencryptStore(context: Context, name: string): Promise<void> {
  const store = await storeNamed(context, name, 'secrets providers reencrypt NAME');
  const { reencrypt } = await import('../../providers/local/reencrypt.ts');
  const { versions, added, removed } = await withStore(context, store, 'operator', reencrypt);
  if (context.output.json) {
    context.output.resultJson({ provider: name, versions, added, removed });
    return;
  }
  context.output.result(
    `${name}: ${versions} ${versions === 1 ? 'version' : 'versions'} encrypted; recipients: ${added.length} added, ${removed.length} removed\n`,
  );
  if (removed.length > 0)
    context.output.notice('who was removed may have kept what it could read: give those secrets new values (secrets set NAME)');
}
