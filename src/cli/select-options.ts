/** The options that choose among the manifest's secrets. */
import { Option, type Command } from 'commander';
import type { SelectOptions } from '../run/select.ts';
import { someOf } from './options.ts';

/** As commander gives them. */
export interface SelectArguments {
  readonly only?: readonly string[];
  readonly except?: readonly string[];
  readonly tag?: readonly string[];
}

export const addSelectOptions = (command: Command): Command =>
  command
    .addOption(new Option('--only <names>', 'only these secrets').argParser(someOf('--only')))
    .addOption(new Option('--except <names>', 'all but these').argParser(someOf('--except')))
    .addOption(new Option('--tag <tags>', 'only secrets with one of these tags').argParser(someOf('--tag')));

export const selectOptionsOf = ({ only, except, tag }: SelectArguments): SelectOptions => ({
  ...(only === undefined ? {} : { only }),
  ...(except === undefined ? {} : { except }),
  ...(tag === undefined ? {} : { tags: tag }),
});
