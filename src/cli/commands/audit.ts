/** `secrets audit`: what was done with values on this machine, and whether that record is whole. */
import { SecretsError } from '../../core/errors.ts';
import type { CommandModule } from '../commands.ts';
import { define as defineExport } from './audit-export.ts';
import { define as defineHead } from './audit-head.ts';
import { define as defineShow } from './audit-show.ts';
import { define as defineVerify } from './audit-verify.ts';
import { define as defineWho } from './audit-who.ts';

export const define: CommandModule['define'] = (command, open) => {
  const below = [
    ['show', defineShow],
    ['who', defineWho],
    ['verify', defineVerify],
    ['head', defineHead],
    ['export', defineExport],
  ] as const;
  for (const [name, defineOne] of below) {
    const subcommand = command.command(name);
    defineOne(subcommand, open);
    // What every command takes belongs behind these too.
    for (const option of command.parent?.options ?? []) if (option.attributeName() !== 'version') subcommand.addOption(option);
  }
  command.action(() => {
    throw new SecretsError({ code: 'USAGE', message: 'what to do with the audit log is missing', hint: 'secrets audit show' });
  });
};
