import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { compose, type ComposeInput } from '../../src/run/compose.ts';
import { rules, valid } from '../support/model.ts';

const input = (more: Partial<ComposeInput>): ComposeInput => ({
  parent: {},
  rules: rules(),
  secrets: [],
  credentialsUsed: [],
  runId: 'run-id',
  argv: ['true'],
  maxExecBytes: 2_000_000,
  ...more,
});

function problems(more: Partial<ComposeInput>): readonly string[] {
  try {
    compose(input(more));
  } catch (error) {
    if (error instanceof SecretsError) return error.issues.map((issue) => `${issue.code} ${issue.name ?? ''}`.trim());
    throw error;
  }
  return [];
}

describe('compose', () => {
  it('hands over exactly the declared values, the inherited ones, and SECRETS_RUN', () => {
    const name = fc.stringMatching(/^X_[A-Z0-9_]{1,8}$/);
    const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0') && text.isWellFormed());
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.dictionary(name, value), (parent, secrets) => {
        const { env } = compose(input({ parent, secrets: Object.entries(secrets).map(([key, text]) => valid(key, text)) }));
        expect(env).toEqual({ ...parent, ...secrets, SECRETS_RUN: 'run-id' });
      }),
    );
  });

  it('lets a plain value and a default yield to the parent, and a secret win over it', () => {
    const parent = { A: 'parent', B: 'parent', C: 'parent' };
    const composed = compose(
      input({ parent, secrets: [valid('A', 'x', 'value'), valid('B', 'x', 'default'), valid('C', 'x'), valid('D', 'x', 'value')] }),
    );
    expect(composed.env).toEqual({ A: 'parent', B: 'parent', C: 'x', D: 'x', SECRETS_RUN: 'run-id' });
    expect(composed.kept).toEqual(['A', 'B']);
    expect(composed.overridden).toEqual(['C']);
  });

  it('keeps the parent for the names in keep', () => {
    const composed = compose(
      input({ parent: { A: 'parent' }, rules: rules({ keep: ['A', 'B'] }), secrets: [valid('A', 'x'), valid('B', 'x')] }),
    );
    expect(composed.env).toEqual({ A: 'parent', B: 'x', SECRETS_RUN: 'run-id' });
  });

  it('inherits by names and globs, or nothing', () => {
    const parent = { LC_ALL: '1', LC_TIME: '2', LCX: '3', HOME: '4', PATH: '5' };
    expect(compose(input({ parent, rules: rules({ inherit: ['LC_*', 'HOME'] }) })).env).toEqual({
      LC_ALL: '1',
      LC_TIME: '2',
      HOME: '4',
      SECRETS_RUN: 'run-id',
    });
    expect(compose(input({ parent, rules: rules({ inherit: false }) })).env).toEqual({ SECRETS_RUN: 'run-id' });
  });

  it('A13 removes the credentials that were used, the AWS ones as a set, and no others', () => {
    const parent = {
      AWS_ACCESS_KEY_ID: '1',
      AWS_SECRET_ACCESS_KEY: '2',
      AWS_SESSION_TOKEN: '3',
      AWS_REGION: '4',
      VAULT_TOKEN: '5',
      AZURE_CLIENT_SECRET: '6',
    };
    const composed = compose(
      input({ parent, credentialsUsed: ['AWS_ACCESS_KEY_ID', 'VAULT_TOKEN'], rules: rules({ pass: ['VAULT_TOKEN'] }) }),
    );
    expect(composed.env).toEqual({ AWS_REGION: '4', VAULT_TOKEN: '5', AZURE_CLIENT_SECRET: '6', SECRETS_RUN: 'run-id' });
    expect(composed.scrubbed).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']);
  });

  it('never hands over the key of the local store, also when asked to', () => {
    const names = { SECRETS_PASSPHRASE: '1', SECRETS_IDENTITY_FILE: '2' };
    expect(compose(input({ parent: names, rules: rules({ pass: Object.keys(names) }) })).env).toEqual({ SECRETS_RUN: 'run-id' });
  });

  it('A26 refuses names that make programs run other code, unless they are allowed by name', () => {
    const names = [
      'LD_PRELOAD',
      'NODE_OPTIONS',
      'PATH',
      'BASH_ENV',
      'GIT_SSH_COMMAND',
      'ENV',
      'PYTHONSTARTUP',
      'PERL5OPT',
      'RUBYOPT',
      'JAVA_TOOL_OPTIONS',
      'DYLD_X',
      'npm_config_script_shell',
    ];
    expect(problems({ secrets: names.map((name) => valid(name, 'x')) })).toEqual(names.map((name) => `ENV_INVALID ${name}`));
    expect(
      problems({ secrets: [valid('LD_PRELOAD', 'x'), valid('NODE_OPTIONS', 'x')], rules: rules({ allowDangerous: ['NODE_OPTIONS'] }) }),
    ).toEqual(['ENV_INVALID LD_PRELOAD']);
  });

  it('A27 refuses NUL, invalid UTF-8, 128 KiB and bad names, all at once and without quoting', () => {
    const secrets = [
      valid('A', 'canary-\0x'),
      valid('B', Uint8Array.of(0xff, 0xfe)),
      valid('C', 'c'.repeat(131_072)),
      valid('1D', 'x'),
      valid('OK', 'c'.repeat(131_068)),
    ];
    expect(problems({ secrets })).toEqual(['VALUE_INVALID A', 'VALUE_INVALID B', 'VALUE_INVALID C', 'ENV_INVALID 1D']);
  });

  it('A27 refuses a total that the system would not start', () => {
    const secrets = [valid('A', 'x'.repeat(60_000)), valid('B', 'x'.repeat(60_000))];
    expect(problems({ secrets, maxExecBytes: 100_000 })).toEqual(['ENV_INVALID']);
    expect(problems({ secrets, maxExecBytes: 130_000 })).toEqual([]);
  });

  it('treats names that differ in case as one where the system does', () => {
    const composed = compose(input({ parent: { Path: 'C:\\', Token: 'parent' }, secrets: [valid('TOKEN', 'x')], foldCase: true }));
    expect(composed.env).toEqual({ Path: 'C:\\', TOKEN: 'x', SECRETS_RUN: 'run-id' });
  });
});

describe('files', () => {
  it('stand in the environment as their path, whatever their bytes are', () => {
    const bytes = Buffer.concat([Buffer.from([0, 255]), Buffer.alloc(200_000)]);
    const composed = compose(
      input({
        secrets: [valid('KEY', bytes, 'provider', { as: 'file' }), valid('TOKEN', bytes, 'provider', { as: 'fd' })],
        pathOf: ({ name, as }) => `/${as}/${name}`,
      }),
    );
    expect(composed.env).toEqual({ KEY: '/file/KEY', TOKEN: '/fd/TOKEN', SECRETS_RUN: 'run-id' });
    expect(composed.injected).toEqual(['KEY', 'TOKEN']);
    expect(composed.files.map(({ name, as, path }) => [name, as, path])).toEqual([
      ['KEY', 'file', '/file/KEY'],
      ['TOKEN', 'fd', '/fd/TOKEN'],
    ]);
    expect(composed.files[0]?.value.reveal()).toEqual(bytes);
  });

  it('are made neither where the parent wins nor where their name is refused', () => {
    const pathOf = (): string => '/path';
    const file = { as: 'file' } as const;
    const composed = compose(
      input({ parent: { KEY: 'parent' }, rules: rules({ keep: ['KEY'] }), secrets: [valid('KEY', 'x', 'provider', file)], pathOf }),
    );
    expect([composed.env['KEY'], composed.files]).toEqual(['parent', []]);
    expect(problems({ secrets: [valid('BASH_ENV', 'x', 'provider', file)], pathOf })).toEqual(['ENV_INVALID BASH_ENV']);
  });

  it('are refused where nobody makes them', () => {
    expect(problems({ secrets: [valid('KEY', 'x', 'provider', { as: 'file' })] })).toEqual(['CAPABILITY_UNSUPPORTED KEY']);
  });
});
