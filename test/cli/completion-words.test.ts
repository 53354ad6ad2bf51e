import { Command, Option } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STATES } from '../../src/run/condition.ts';
import { FAILED_STATES } from '../../src/run/where.ts';
import { complete, type Chosen, type Completion, type Grammar, type Known } from '../../src/cli/completion-words.ts';

const asked: Chosen[] = [];
const answer =
  (...values: readonly string[]) =>
  async (chosen: Chosen) => {
    asked.push(chosen);
    return values.map((value) => ({ value }));
  };
const known: Known = {
  names: answer('API_KEY', 'DB_PASSWORD', 'DB_URL'),
  profiles: answer('dev', 'prod'),
  providers: answer('local', 'vault'),
  tags: answer('db'),
};

const loaded: Readonly<Record<string, (command: Command) => void>> = {
  run: (command) => command.argument('[command...]').option('--only <names>').option('--dry-run'),
  get: (command) => command.argument('<name>').option('--reveal').addOption(new Option('--secret <x>').hideHelp()),
  check: (command) =>
    command
      .argument('[names...]')
      .option('--require <fields>')
      .option('--tag <tags>')
      .option('--from-file <file>')
      .option('--where <pairs>')
      .option('--sort <column>')
      .option('--workspace <dirs...>')
      .option('--provider <name>')
      .option('--project <name>'),
  providers: (command) => {
    command.argument('[provider]');
    command
      .command('rekey')
      .summary('move the key')
      .argument('<provider>')
      .addOption(new Option('--to <place>').choices(['keychain', 'identity']));
  },
};

function grammar(): Grammar {
  const program = new Command('secrets');
  for (const name of Object.keys(loaded)) program.command(name).summary(`does ${name}`);
  program.commands[0]?.alias('exec');
  return {
    program,
    globals: [new Option('-m, --manifest <file>'), new Option('-p, --profile <name>'), new Option('--json')],
    load: async (command) => {
      const own = new Command(command.name());
      loaded[command.name()]?.(own);
      return own;
    },
  };
}

/** What is offered for a line: its last word is what is being typed. */
async function offered(line: string): Promise<Completion & { readonly values: readonly string[] }> {
  asked.length = 0;
  const completion = await complete(line.split(' '), grammar(), known);
  return { ...completion, values: completion.candidates.map(({ value }) => value) };
}

describe('complete', () => {
  it.each([
    ['', ['run', 'get', 'check', 'providers']],
    ['ge', ['get']],
    ['nosuch ', []],
    ['get ', ['API_KEY', 'DB_PASSWORD', 'DB_URL']],
    ['get DB', ['DB_PASSWORD', 'DB_URL']],
    ['get API_KEY ', []],
    ['check API_KEY D', ['DB_PASSWORD', 'DB_URL']],
    ['check -- -', []],
    ['-p ', ['dev', 'prod']],
    ['--profile=p', ['--profile=prod']],
    ['get --profile d', ['dev']],
    ['-p prod g', ['get']],
    ['--json get A', ['API_KEY']],
    ['get --r', ['--reveal']],
    ['get --', ['--reveal', '--manifest', '--profile', '--json', '--help']],
    ['--pro', ['--profile']],
    ['check --require co', ['contact', 'consumers']],
    ['check --require owner,co', ['owner,contact', 'owner,consumers']],
    ['check --require=owner,ma', ['--require=owner,maxAge']],
    ['run --only DB_URL,', ['DB_URL,API_KEY', 'DB_URL,DB_PASSWORD']],
    ['check --tag ', ['db']],
    ['check --provider l', ['local']],
    ['check --project ', []],
    ['check --where st', ['state=', ...[...STATES, ...FAILED_STATES].map((state) => `state=${state}`)]],
    ['check --where owner=ana,name=DB_P', ['owner=ana,name=DB_PASSWORD']],
    ['check --sort ag', ['age']],
    ['providers ', ['rekey', 'local', 'vault']],
    ['providers rekey ', ['local', 'vault']],
    ['providers rekey local --to ', ['keychain', 'identity']],
    ['run --only A npm --', []],
  ])('offers for "%s"', async (line, values) => {
    expect((await offered(line)).values).toEqual(values);
  });

  it.each([
    ['check --from-file ', 'files'],
    ['check --workspace ', 'files'],
    ['--manifest x', 'files'],
    ['run ', { wordsBack: 0 }],
    ['run -- ', { wordsBack: 0 }],
    ['exec npm ', { wordsBack: 1 }],
    ['run --only A -- npm run x', { wordsBack: 2 }],
    ['get ', undefined],
  ])('leaves "%s" to the shell: %j', async (line, also) => {
    expect((await offered(line)).also).toEqual(also);
  });

  it('looks into the manifest and profile that the line names', async () => {
    await offered('-m a.yaml get --profile=prod ');
    expect(asked).toEqual([{ manifest: 'a.yaml', profile: 'prod' }]);
  });

  it('offers only what begins with the last word, for any line', async () => {
    const word = fc.constantFrom(
      '',
      'run',
      'get',
      'check',
      'providers',
      'rekey',
      '--',
      '-',
      '-p',
      '--only',
      '--only=',
      'A,',
      'API',
      '--x',
      'é',
      '=',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 6 }), async (words) => {
        const { candidates } = await complete(words, grammar(), known);
        expect(candidates.filter(({ value }) => !value.startsWith(words.at(-1) ?? ''))).toEqual([]);
      }),
    );
  });
});
