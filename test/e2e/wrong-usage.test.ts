/** What the program answers to a command line that it cannot take: no word of it that may be a value is repeated. */
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { cli } from './support/cli.ts';

const answer = async (...args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> => {
  const { code, stderr } = await cli(args);
  return { code, stderr };
};

describe('a wrong command line', () => {
  it('repeats none of the words that are too many', async () => {
    const value = canary();
    const { code, stderr } = await answer('get', 'API_KEY', value);
    expect({ code, hasValue: stderr.includes(value) }).toEqual({ code: 64, hasValue: false });
    expect(stderr).toContain('too many arguments: secrets get takes one argument\n');
  });

  it.each([
    [['run', '--msk', 'always', '--', 'true'], 125, 'did you mean --mask?'],
    [['get', '--revel', 'API_KEY'], 64, 'did you mean --reveal?'],
    [['run', '--mask', 'alwys', '--', 'true'], 125, '--mask takes one of auto, always, never\n'],
    [['completion', 'tcsh'], 64, 'shell is one of bash, zsh, fish, powershell\n'],
    [['run', '--env', 'prod', '--', 'true'], 125, '--profile NAME chooses a profile'],
    [['run', '--only', '', '--', 'true'], 125, '--only names nothing\n'],
    [['help', 'nope'], 64, 'there is no command nope\n'],
  ] as const)('%j ends with %d', async (args, expected, text) => {
    const { code, stderr } = await answer(...args);
    expect(code).toBe(expected);
    expect(stderr).toContain(text);
  });

  it('answers `help COMMAND` as `COMMAND --help`', async () => {
    const [one, other] = await Promise.all([cli(['help', 'get']), cli(['get', '--help'])]);
    expect(one.stdout).toBe(other.stdout);
    expect(one.stdout).toContain('--reveal');
  });
});
