/** What the child gets: exactly what is declared, byte for byte, or a clear refusal. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { environmentOf } from './support/cli.ts';
import { project } from './support/project.ts';

const NASTY: Readonly<Record<string, string>> = {
  QUOTES: `canary-'single' "double" \`back\` \\`,
  DOLLAR: 'canary-$HOME $(id) ${PATH} %PATH% !!',
  EQUALS: '=canary=a=b=',
  UNICODE: 'canary-żółć 密碼 🔑 \u202e',
  LINES: 'canary-first\nsecond\r\nthird\ttab',
  TRAILING: 'canary-ends with newlines\n\n',
  SPACES: '  canary  ',
  DASH: '--canary',
  HASH: 'canary # no comment',
  EMPTY: '',
  LONG: `canary-${'0123456789'.repeat(10_000)}`,
};

/** Long values by their hash, so that a failure stays readable. */
const short = (value: string): string => (value.length > 1_000 ? createHash('sha256').update(value).digest('hex') : value);
const expectedOf = (entries: readonly (readonly [string, string])[]): Map<string, string> =>
  new Map(entries.map(([name, value]) => [name, short(value)]));

describe('the environment of the child', () => {
  it('A1 holds the declared values byte for byte, and nothing undeclared but SECRETS_RUN', async () => {
    const references = Object.keys(NASTY).map((name) => `  ${name}: env://SRC_${name}\n`);
    const manifest = (env: string): string => `version: 1\nenv: ${env}\nsecrets:\n${references.join('')}`;
    const { environment, home, write } = await project({ manifest: manifest('{ inherit: false }') });
    const sources = Object.fromEntries(Object.entries(NASTY).map(([name, value]) => [`SRC_${name}`, value]));
    const expected = Object.entries(NASTY);

    const bare = await environment([], { env: sources });
    expect([bare.code, bare.stderr]).toEqual([0, '']);
    expect(bare.env?.get('SECRETS_RUN')?.toString()).toMatch(/^[0-9a-f-]{36}(?:\.|$)/);
    expect(asText(bare.env)).toEqual(expectedOf(expected));

    write('.secretsrc', manifest('{ inherit: true }'));
    const whole = await environment([], { env: sources });
    const { SECRETS_IDENTITY_FILE: key, ...parent } = environmentOf(home, sources);
    expect(key).toBeDefined();
    expect(asText(whole.env)).toEqual(expectedOf([...Object.entries(parent), ...expected]));
  });

  it('A1 the same from the local store', async () => {
    const stored = Object.entries(NASTY).filter(([name]) => ['QUOTES', 'LINES', 'TRAILING', 'LONG'].includes(name));
    const references = stored.map(([name]) => `  ${name}: local://${name.toLowerCase()}\n`);
    const made = await project({ manifest: `version: 1\nproject: a1\nenv: { inherit: false }\nsecrets:\n${references.join('')}` });
    // One newline at the end of standard input is not the value's.
    for (const [name, value] of stored) await made.set(name, `${value}\n`);
    const { code, env, stderr } = await made.environment();
    expect([code, stderr]).toEqual([0, '']);
    expect(asText(env)).toEqual(expectedOf(stored));
  });

  it.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'PATH',
    'BASH_ENV',
    'ENV',
    'PYTHONSTARTUP',
    'PERL5OPT',
    'RUBYOPT',
    'JAVA_TOOL_OPTIONS',
    'GIT_SSH_COMMAND',
  ])('A26 is not given %s, unless that name is allowed', async (name) => {
    const value = canary();
    const manifest = (env: string): string => `version: 1\nenv: ${env}\nsecrets:\n  ${name}: env://SRC\n  OTHER: env://SRC\n`;
    const { run, environment, write } = await project({ manifest: manifest('{ inherit: false, allowDangerous: [GIT_PAGER] }') });
    const refused = await environment([], { env: { SRC: value } });
    expect(refused).toMatchObject({ code: 125, env: undefined, stdout: '' });
    expect(refused.stderr).toContain(`error[ENV_INVALID]: ${name}: `);
    expect(refused.stderr).toContain('allowDangerous');
    expect(refused.stderr).not.toContain(value);
    expect(refused.stderr).not.toContain('OTHER');

    write('.secretsrc', manifest(`{ inherit: false, allowDangerous: [${name}] }`));
    // printenv, since a value such as this one in NODE_OPTIONS stops Node.
    const allowed = await run(['run', '--mask', 'never', '--', '/usr/bin/printenv', name], { env: { SRC: value } });
    expect(allowed).toMatchObject({ code: 0, stdout: `${value}\n` });
  });
});

describe('A27 what no environment can carry', () => {
  const refusedBecause = async (
    manifest: string,
    env: Record<string, string>,
    ...stored: [string, string | Uint8Array][]
  ): Promise<string> => {
    const made = await project({ manifest });
    for (const [name, value] of stored) await made.set(name, value);
    const { code, env: child, stdout, stderr } = await made.environment([], { env });
    expect({ code, child, stdout }).toEqual({ code: 125, child: undefined, stdout: '' });
    expect(stderr).not.toContain('canary-');
    expect(stderr).toContain('hint: ');
    return stderr;
  };

  it('a NUL byte', async () => {
    const manifest = 'version: 1\nproject: a27\nsecrets:\n  KEY: local://key\n';
    expect(await refusedBecause(manifest, {}, ['KEY', Buffer.from(`${canary()}\0after`)])).toMatch(/error\[VALUE_INVALID\]: KEY: .*NUL/);
  });

  it('a value that is not UTF-8', async () => {
    const manifest = 'version: 1\nproject: a27\nsecrets:\n  KEY: local://key\n';
    expect(await refusedBecause(manifest, {}, ['KEY', Buffer.from([...Buffer.from('canary-'), 0xff, 0xfe])])).toMatch(
      /error\[VALUE_INVALID\]: KEY: .*UTF-8/,
    );
  });

  it('a variable of more than 128 KiB; one byte less is given', async () => {
    const made = await project({ manifest: 'version: 1\nproject: a27\nenv: { inherit: false }\nsecrets:\n  KEY: local://key\n' });
    // With its name, `=` and the ending NUL the limit is 131072 bytes.
    const longest = `canary-${'x'.repeat(131_072 - 'KEY='.length - 1 - 'canary-'.length)}`;
    await made.set('KEY', longest);
    expect((await made.environment()).env?.get('KEY')?.equals(Buffer.from(longest))).toBe(true);
    await made.set('KEY', `${longest}x`);
    const { code, env, stderr } = await made.environment();
    expect([code, env]).toEqual([125, undefined]);
    expect(stderr).toMatch(/error\[VALUE_INVALID\]: KEY: .*128 KiB/);
    expect(stderr).not.toContain('canary-');
  });

  it('more in total than the system gives to a program', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `KEY_${index}`);
    const templates = names.map((name) => `  ${name}: { template: "\${ONE}" }\n`);
    const manifest = `version: 1\nenv: { inherit: [PATH] }\nsecrets:\n  ONE: env://SRC\n${templates.join('')}`;
    expect(await refusedBecause(manifest, { SRC: `canary-${'x'.repeat(120_000)}` })).toMatch(/error\[ENV_INVALID\].*KiB/);
  });

  it.each(['1KEY', 'KEY-A', 'KEY A', 'KEY.A', 'KLÜCH'])('the name %s', async (name) => {
    const made = await project({ manifest: `version: 1\nsecrets:\n  ${JSON.stringify(name)}: env://SRC\n` });
    const { code, env, stderr } = await made.environment([], { env: { SRC: canary() } });
    expect([code, env]).toEqual([125, undefined]);
    expect(stderr).toMatch(/error\[(ENV|MANIFEST)_INVALID\]/);
    expect(stderr).not.toContain('canary-');
  });
});

function asText(env: ReadonlyMap<string, Buffer> | undefined): Map<string, string> {
  return new Map([...(env ?? [])].filter(([name]) => name !== 'SECRETS_RUN').map(([name, value]) => [name, short(value.toString('utf8'))]));
}
