import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { addSecret, newManifest, removeSecret, setReference } from '../../src/manifest/index.ts';
import { load } from './folder.ts';

const TEXT = `# head
version: 1   # one
project:   "p"

secrets:
  # about A
  A: env://A   # behind A
  B:
    ref: "aws://prod/b#/x"  # why
    owner: ana
    tags:
      - one # first
  # about C
  C: { value: info, owner: x } # c
  D:
    template: |
      text

  # end of secrets

profiles:
  dev:
    # nothing yet
  prod: { secrets: { A: null } }
# tail
`;

const code = (run: () => unknown): string => {
  try {
    run();
    return 'no error';
  } catch (error) {
    return error instanceof SecretsError ? error.code : 'another error';
  }
};

describe('addSecret', () => {
  it('adds a line behind the last entry', () => {
    expect(addSecret(TEXT, 'NEW', { reference: 'local://new' })).toBe(TEXT.replace('      text\n', '      text\n  NEW: local://new\n'));
  });

  it('adds details and a comment', () => {
    const entry = {
      reference: 'local://new',
      comment: 'first\nsecond',
      details: { owner: 'ana', tags: ['a', 'b'], rotate: { using: 'generate', length: 20 } },
    };
    expect(addSecret('secrets:\n  A: env://A', 'NEW', entry)).toBe(
      [
        'secrets:',
        '  A: env://A',
        '  # first',
        '  # second',
        '  NEW:',
        '    ref: local://new',
        '    owner: ana',
        '    tags: [a, b]',
        '    rotate:',
        '      using: generate',
        '      length: 20',
        '',
      ].join('\n'),
    );
  });

  it.each<[string, string, string]>([
    ['an empty section', 'secrets:\n', 'secrets:\n  NEW: env://N\n'],
    ['an empty section at the end', 'secrets:', 'secrets:\n  NEW: env://N\n'],
    ['braces', 'secrets: {} # c\nversion: 1\n', 'secrets: # c\n  NEW: env://N\nversion: 1\n'],
    ['null', 'secrets: null\n', 'secrets:\n  NEW: env://N\n'],
    [
      'comments of the section',
      'secrets: # all\n  # A: env://A\n\nversion: 1\n',
      'secrets: # all\n  # A: env://A\n  NEW: env://N\n\nversion: 1\n',
    ],
    ['no section', 'version: 1\n', 'version: 1\nsecrets:\n  NEW: env://N\n'],
    ['no section and no line break', 'version: 1', 'version: 1\nsecrets:\n  NEW: env://N\n'],
    ['CRLF', 'secrets:\r\n  A: env://A\r\nversion: 1\r\n', 'secrets:\r\n  A: env://A\r\n  NEW: env://N\r\nversion: 1\r\n'],
    ['four spaces', 'secrets:\n    A: env://A\n', 'secrets:\n    A: env://A\n    NEW: env://N\n'],
    ['no trailing line break', 'secrets:\n  A: env://A', 'secrets:\n  A: env://A\n  NEW: env://N\n'],
    [
      'nested last entry',
      'secrets:\n  A:\n    tags:\n      - x\n    # c\nversion: 1\n',
      'secrets:\n  A:\n    tags:\n      - x\n  NEW: env://N\n    # c\nversion: 1\n',
    ],
    ['one line', 'secrets: { A: env://A }\n', 'secrets: { A: env://A, NEW: env://N }\n'],
    ['a trailing comma', 'secrets: { A: env://A, }\n', 'secrets: { A: env://A, NEW: env://N }\n'],
    ['several lines', 'secrets: {\n  A: env://A\n}\n', 'secrets: {\n  A: env://A,\n  NEW: env://N\n}\n'],
    [
      'several lines with comments',
      'secrets: {\n  A: env://A, # a\n  B: env://B # b\n}\n',
      'secrets: {\n  A: env://A, # a\n  B: env://B, # b\n  NEW: env://N\n}\n',
    ],
    ['a comma in a comment', 'secrets: {\n  A: env://A # a, b\n}\n', 'secrets: {\n  A: env://A, # a, b\n  NEW: env://N\n}\n'],
    ['JSON', '{\n\t"secrets": {\n    "A": "env://A"\n  }\n}\n', '{\n\t"secrets": {\n    "A": "env://A",\n    "NEW": "env://N"\n  }\n}\n'],
    ['JSON on one line', '{"secrets":{"A":"env://A"}}', '{"secrets":{"A":"env://A", "NEW": "env://N"}}'],
    ['JSON without entries', '{ "secrets": {} }', '{ "secrets": { "NEW": "env://N" } }'],
    ['JSON without section', '{ "version": 1 }', '{ "version": 1, "secrets": { "NEW": "env://N" } }'],
    ['a byte order mark', '\ufeffsecrets:\n  A: env://A\n', '\ufeffsecrets:\n  A: env://A\n  NEW: env://N\n'],
  ])('%s', (_, before, after) => {
    expect(addSecret(before, 'NEW', { reference: 'env://N' })).toBe(after);
  });

  it.each<[string, string, string]>([
    ['an empty profile', TEXT, TEXT.replace('    # nothing yet\n', '    # nothing yet\n    secrets:\n      NEW: env://N\n')],
    ['a new profile', 'version: 1\n', 'version: 1\nprofiles:\n  dev:\n    secrets:\n      NEW: env://N\n'],
    ['a profile in braces', 'profiles: { dev: {} }\n', 'profiles: { dev: { secrets: { NEW: env://N } } }\n'],
  ])('%s', (_, before, after) => {
    expect(addSecret(before, 'NEW', { reference: 'env://N' }, { profile: 'dev' })).toBe(after);
  });

  it.each([
    'a: b',
    '',
    '010',
    'true',
    'null',
    'inherit',
    'x #y',
    '{',
    '*a',
    '- a',
    "it's",
    'a\nb',
    'ключ',
    '=',
    'a:',
    '~',
    '"',
    '\\',
    '\u2028',
  ])('writes the value %j so that it is read back', async (value) => {
    for (const before of ['secrets:\n  A: env://A\n', 'secrets: { A: env://A }\n', '{"secrets":{"A":"env://A"}}']) {
      const { manifest } = await load(addSecret(before, 'NEW', { value }));
      expect(manifest.secrets.get('NEW')?.source).toMatchObject({ kind: 'value', value });
    }
  });

  it.each<[string, () => unknown, string]>([
    ['a name that is there', () => addSecret(TEXT, 'A', { value: 'x' }), 'USAGE'],
    ['a name that is none', () => addSecret(TEXT, 'a b', { value: 'x' }), 'USAGE'],
    ['a broken text', () => addSecret('secrets: [', 'A', { value: 'x' }), 'MANIFEST_INVALID'],
    ['an empty text', () => addSecret('', 'A', { value: 'x' }), 'MANIFEST_INVALID'],
    ['a section of another type', () => addSecret('secrets: [A]\n', 'A', { value: 'x' }), 'MANIFEST_INVALID'],
    ['an alias as section', () => addSecret('x: &x { A: env://A }\nsecrets: *x\n', 'B', { value: 'x' }), 'MANIFEST_INVALID'],
    ['a section that others share', () => addSecret('secrets: &x\n  A: env://A\ny: *x\n', 'B', { value: 'x' }), 'MANIFEST_INVALID'],
  ])('refuses %s', (_, run, expected) => {
    expect(code(run)).toBe(expected);
  });
});

describe('setReference', () => {
  it.each<[string, string, string, string]>([
    ['short form', 'A', '  A: env://A   # behind A\n', '  A: vault://x/y#z   # behind A\n'],
    ['long form, quoted', 'B', '"aws://prod/b#/x"  # why', '"vault://x/y#z"  # why'],
    ['value', 'C', '{ value: info, owner: x } # c', '{ ref: vault://x/y#z, owner: x } # c'],
    ['block text', 'D', '    template: |\n      text\n', '    ref: vault://x/y#z\n'],
  ])('%s', (_, name, before, after) => {
    expect(setReference(TEXT, name, 'vault://x/y#z')).toBe(TEXT.replace(before, after));
  });

  it.each<[string, string, string]>([
    ['a list', 'secrets: { A: { ref: [env://A, env://B], as: none } }\n', 'secrets: { A: { ref: env://N, as: none } }\n'],
    [
      'a list on lines',
      'secrets:\n  A:\n    ref:\n      - env://A\n      - env://B # b\n    as: none\n',
      'secrets:\n  A:\n    ref:\n      env://N # b\n    as: none\n',
    ],
    ['inherit', 'secrets: { A: inherit }\n', 'secrets: { A: env://N }\n'],
    ['nothing', 'secrets:\n  A:\n  B: env://B\n', 'secrets:\n  A: env://N\n  B: env://B\n'],
    ['JSON', '{"secrets":{"A":"env://A"}}', '{"secrets":{"A":"env://N"}}'],
    ['JSON with a value', '{"secrets":{"A":{"value":"x"}}}', '{"secrets":{"A":{"ref": "env://N"}}}'],
    ['an entry without source', 'secrets:\n  A:\n    owner: x # o\n', 'secrets:\n  A:\n    owner: x # o\n    ref: env://N\n'],
    ['a reference that needs quotes', 'secrets: { A: "env://${profile}" }\n', 'secrets: { A: "env://N" }\n'],
  ])('%s', (_, before, after) => {
    expect(setReference(before, 'A', 'env://N')).toBe(after);
  });

  it('in a profile', () => {
    expect(setReference(TEXT, 'A', 'env://N', { profile: 'prod' })).toBe(TEXT.replace('{ A: null }', '{ A: env://N }'));
    expect(setReference(TEXT, 'B', 'env://N', { profile: 'prod' })).toBe(TEXT.replace('{ A: null }', '{ A: null, B: env://N }'));
  });

  it('refuses what other entries share, and unknown names', () => {
    expect(code(() => setReference('secrets: { A: &a env://A, B: *a }\n', 'A', 'env://N'))).toBe('MANIFEST_INVALID');
    expect(code(() => setReference('secrets: { A: &a env://A, B: *a }\n', 'B', 'env://N'))).toBe('MANIFEST_INVALID');
    expect(code(() => setReference(TEXT, 'Z', 'env://N'))).toBe('USAGE');
  });
});

describe('removeSecret', () => {
  it.each<[string, string, string]>([
    ['A', '  A: env://A   # behind A\n', ''],
    ['C', '  C: { value: info, owner: x } # c\n', ''],
    ['D', '  D:\n    template: |\n      text\n', ''],
    ['B', '  B:\n    ref: "aws://prod/b#/x"  # why\n    owner: ana\n    tags:\n      - one # first\n', ''],
  ])('%s', (name, before, after) => {
    expect(removeSecret(TEXT, name)).toBe(TEXT.replace(before, after).replace(name === 'A' ? '{ A: null }' : '\0', '{  }'));
  });

  it.each<[string, string, string]>([
    ['the only one', 'secrets:\n  A: env://A\n  # c\n', 'secrets: {}\n  # c\n'],
    ['the only one, with a comment', 'secrets: # c\n  A: env://A\n', 'secrets: {} # c\n'],
    ['the first of a line', 'secrets: { A: env://A, B: env://B }\n', 'secrets: { B: env://B }\n'],
    ['the last of a line', 'secrets: { B: env://B, A: env://A }\n', 'secrets: { B: env://B }\n'],
    ['one line of several', 'secrets: {\n  A: env://A, # a\n  B: env://B\n}\n', 'secrets: {\n  B: env://B\n}\n'],
    [
      'the last line of JSON',
      '{\n  "secrets": {\n    "B": "env://B",\n    "A": "env://A"\n  }\n}\n',
      '{\n  "secrets": {\n    "B": "env://B"\n  }\n}\n',
    ],
    ['a comment between', 'secrets: { A: env://A, # a\n  B: env://B }\n', 'secrets: {  # a\n  B: env://B }\n'],
    [
      'everywhere',
      'secrets:\n  A: env://A\n  B: env://B\nprofiles:\n  dev: { secrets: { A: env://D, B: env://D } }\n',
      'secrets:\n  B: env://B\nprofiles:\n  dev: { secrets: { B: env://D } }\n',
    ],
    ['no line break at the end', 'secrets:\n  B: env://B\n  A: env://A', 'secrets:\n  B: env://B\n'],
  ])('%s', (_, before, after) => {
    expect(removeSecret(before, 'A')).toBe(after);
  });

  it('from one profile only', () => {
    expect(removeSecret(TEXT, 'A', { profile: 'prod' })).toBe(TEXT.replace('{ A: null }', '{  }'));
    expect(code(() => removeSecret(TEXT, 'B', { profile: 'prod' }))).toBe('USAGE');
  });
});

describe('edits of any manifest', () => {
  const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/);
  const reference = fc.stringMatching(/^[a-z]{3,6}$/).map((word) => `env://${word}`);
  const comment = fc.constantFrom('', ' # note', '   # note: with "quotes"');
  const entry = fc.oneof(
    reference.map((text) => (key: string, end: string) => `  ${key}: ${text}${end}\n`),
    reference.map((text) => (key: string, end: string) => `  ${key}:${end}\n    ref: '${text}'${end}\n    tags: [a,\n      b]\n`),
    fc.constant((key: string, end: string) => `  ${key}: { value: 'x', # in\n    owner: y }${end}\n`),
    fc.constant((key: string, end: string) => `  ${key}:${end}\n    template: >-\n      folded\n      text\n\n`),
  );
  const block = fc
    .tuple(
      fc.uniqueArray(name, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(entry, comment, fc.constantFrom('', '\n', '  # above\n')), { minLength: 6, maxLength: 6 }),
    )
    .map(([names, entries]) => ({
      names,
      text: `# head\nsecrets:\n${names.map((key, index) => `${entries[index]?.[2] ?? ''}${entries[index]?.[0](key, entries[index]?.[1] ?? '') ?? ''}`).join('')}# tail\nversion: 1 # end\n`,
    }));
  const lines = (text: string): readonly string[] => text.split('\n');
  const without = (from: readonly string[], taken: readonly string[]): readonly string[] => {
    const left = [...from];
    for (const line of taken) {
      const index = left.indexOf(line);
      expect(index, `the line ${JSON.stringify(line)} is kept`).toBeGreaterThanOrEqual(0);
      left.splice(index, 1);
    }
    return left;
  };

  it('adding keeps every line', () => {
    fc.assert(
      fc.property(block, ({ text }) => {
        expect(without(lines(addSecret(text, 'ADDED', { reference: 'env://x' })), lines(text))).toEqual(['  ADDED: env://x']);
      }),
    );
  });

  it('adding and removing gives the same text', () => {
    fc.assert(
      fc.property(block, ({ text }) => {
        expect(removeSecret(addSecret(text, 'ADDED', { reference: 'env://x', details: { owner: 'z' } }), 'ADDED')).toBe(text);
      }),
    );
  });

  it('removing takes only lines of the entry', () => {
    fc.assert(
      fc.property(block, fc.nat(), ({ text, names }, pick) => {
        const chosen = names[pick % names.length] ?? '';
        fc.pre(names.length > 1);
        const gone = without(lines(text), lines(removeSecret(text, chosen)));
        expect(gone[0]).toMatch(new RegExp(`^  ${chosen}:`));
        for (const line of gone.slice(1)) expect(line).toMatch(/^    |^$/);
      }),
    );
  });

  it('a changed reference changes that alone', async () => {
    await fc.assert(
      fc.asyncProperty(block, fc.nat(), async ({ text, names }, pick) => {
        const chosen = names[pick % names.length] ?? '';
        const result = setReference(text, chosen, 'vault://a/b#c');
        const [before, after] = [(await load(text)).manifest.secrets, (await load(result)).manifest.secrets];
        expect([...after.keys()]).toEqual([...before.keys()]);
        expect(after.get(chosen)?.source).toMatchObject({ references: [{ reference: { text: 'vault://a/b#c' } }] });
        const remarks = (content: string): readonly string[] =>
          lines(content).flatMap((line) => / # note.*$|# (?:head|tail|above|end|in)$/.exec(line)?.[0] ?? []);
        expect(remarks(result)).toEqual(remarks(text));
      }),
      { numRuns: 60 },
    );
  });
});

describe('newManifest', () => {
  it('is a manifest with comments', async () => {
    const text = newManifest({ project: 'api-7f3c' });
    const { manifest } = await load(text);
    expect(manifest).toMatchObject({ project: 'api-7f3c' });
    expect(manifest.secrets.size).toBe(0);
    expect(text).toContain('# API_KEY: local://api-key');
  });

  it('takes a provider and secrets', async () => {
    const text = newManifest({
      project: '12',
      provider: {
        name: 'vault',
        options: { address: 'https://vault.example.com', auth: [{ method: 'token' }] },
        example: 'vault://secret/api#key',
      },
      secrets: [
        { name: 'PORT', entry: { value: '8080', comment: 'where it listens' } },
        { name: 'KEY', entry: { reference: 'vault://secret/api#key' } },
      ],
    });
    const { manifest } = await load(text);
    expect(manifest.project).toBe('12');
    expect(manifest.providers.get('vault')?.options).toEqual({ address: 'https://vault.example.com', auth: [{ method: 'token' }] });
    expect(manifest.secrets.get('PORT')?.source).toMatchObject({ value: '8080' });
    expect(text).toContain('secrets:\n  # where it listens\n  PORT:\n    value: "8080"\n  KEY: vault://secret/api#key\n');
  });

  it('grows by edits', async () => {
    const text = addSecret(newManifest({ project: 'p' }), 'A', { reference: 'local://a' });
    expect((await load(text)).manifest.secrets.has('A')).toBe(true);
    expect(text).toContain('  # API_KEY: local://api-key\n  A: local://a\n');
  });
});

it('the source of edits writes nothing', () => {
  for (const file of ['edit', 'editor', 'edit-map', 'edit-text', 'starter'])
    expect(readFileSync(new URL(`../../src/manifest/${file}.ts`, import.meta.url), 'utf8')).not.toContain('node:fs');
});
