/**
 * `secrets completion SHELL`: the completion script of a shell. `--words`, which only those scripts use, answers what
 * can stand at the end of a command line; it never touches the network and never fails loudly. There is no `--json`
 * form: the result is a program.
 */
import { Argument, Command, Option } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { load } from '../../run/load.ts';
import { COMMANDS, type CommandModule } from '../commands.ts';
import { SCRIPTS, SHELLS, type Shell } from '../completion-scripts.ts';
import { complete, type Candidate, type Chosen, type Completion, type Grammar, type Known } from '../completion-words.ts';
import type { Context } from '../context.ts';

interface CompletionOptions {
  readonly words?: readonly string[];
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .addArgument(new Argument('[shell]', 'the shell').choices(SHELLS))
    .addOption(new Option('--words <words...>').hideHelp())
    .addHelpText('after', HELP)
    .action(async (shell: Shell | undefined, { words }: CompletionOptions, self: Command) => {
      if (words !== undefined) return answer(words, self, open);
      const { output } = open(self);
      if (shell !== undefined) return output.result(SCRIPTS[shell]);
      throw new SecretsError({ code: 'USAGE', message: 'the shell is missing', hint: `secrets completion ${SHELLS.join('|')}` });
    });
};

const HELP = `
Load it:
  bash        source <(secrets completion bash)           in ~/.bashrc
  zsh         source <(secrets completion zsh)            in ~/.zshrc, after compinit
  fish        secrets completion fish > ~/.config/fish/completions/secrets.fish
  powershell  secrets completion powershell | Out-String | Invoke-Expression    in $PROFILE`;

/** Whatever goes wrong, a person who presses Tab gets less, not an error. */
async function answer(marked: readonly string[], self: Command, open: (command: Command) => Context): Promise<void> {
  try {
    const context = open(self);
    const [, ...words] = marked.map((word) => word.slice(1));
    const program = self.parent ?? self;
    const globals = program.options.filter((option) => option.attributeName() !== 'version');
    const found = await complete(words, { program, globals, load: loadCommand }, knownTo(context));
    context.output.result(lines(found, words.length));
  } catch {
    process.exitCode = 0;
  }
}

async function loadCommand(command: Command): ReturnType<Grammar['load']> {
  const loaded = new Command(command.name());
  const module = await COMMANDS[command.name()]?.load();
  module?.define(loaded, () => {
    throw new SecretsError({ code: 'INTERNAL', message: 'a command ran while it was completed' });
  });
  return loaded;
}

/** @param last index of the last word, the program's name being word 0 */
function lines({ candidates, also }: Completion, last: number): string {
  const shown = candidates.map(({ value, description = '' }) => `${oneLine(value)}\t${oneLine(description)}\n`);
  if (also === undefined) return shown.join('');
  return [...shown, also === 'files' ? ':files\n' : `:program\t${last - also.wordsBack}\n`].join('');
}

// oxlint-disable-next-line no-control-regex
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f]+/g, ' ');

function knownTo({ cwd, env, ...context }: Context): Known {
  const from =
    (take: (manifest: Manifest) => readonly Candidate[]) =>
    async (chosen: Chosen): Promise<readonly Candidate[]> => {
      try {
        const { manifest } = await load({ cwd, env, manifest: context.manifest, profile: context.profile, ...chosen });
        return take(manifest);
      } catch {
        return [];
      }
    };
  return {
    names: from(({ secrets }) => [...secrets.values()].map(({ name, description = '' }) => ({ value: name, description }))),
    // Those of all profiles, so the one that is half typed must not be asked for.
    profiles: ({ manifest }) => from(({ profiles }) => profiles.map((value) => ({ value })))(manifest === undefined ? {} : { manifest }),
    providers: from(({ providers }) =>
      [...providers.values()].map(({ name, use }) => ({ value: name, description: name === use ? '' : use })),
    ),
    tags: from(({ secrets }) => [...new Set([...secrets.values()].flatMap(({ tags }) => tags))].map((value) => ({ value }))),
  };
}
