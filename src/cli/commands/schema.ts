/** `secrets schema`: the JSON Schema of `.secretsrc` on stdout, for editors. The same with `--json`. */
import type { Command } from 'commander';
import { manifestSchema } from '../../manifest/index.ts';
import type { CommandModule } from '../commands.ts';

export const define: CommandModule['define'] = (command, open) => {
  command.action(async (_options: unknown, self: Command) => open(self).output.resultJson(await manifestSchema()));
};
