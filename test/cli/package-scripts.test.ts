import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scriptsOf, wrap, wrapScripts } from '../../src/cli/package-scripts.ts';

describe('wrap', () => {
  it.each([
    ['node server.js', 'secrets run -- node server.js'],
    ['next dev -p 3001', 'secrets run -- next dev -p 3001'],
    ['NODE_ENV=production node server.js', 'NODE_ENV=production secrets run -- node server.js'],
    ['A="x y" B=2 node .', 'A="x y" B=2 secrets run -- node .'],
    ['node --env-file=.env server.js', 'secrets run -- node server.js'],
    ['node --env-file .env --watch server.js', 'secrets run -- node --watch server.js'],
    ['node --env-file=.env.test server.js', 'secrets run -- node --env-file=.env.test server.js'],
    [`node -e "console.log('a;b')"`, `secrets run -- node -e "console.log('a;b')"`],
  ])('%s', (command, wrapped) => {
    expect(wrap(command, '.env')).toBe(wrapped);
  });

  it.each([
    'tsc && node .',
    'a; b',
    'a | b',
    'node . > log',
    'node $FILE',
    'node "$FILE"',
    '(cd x && y)',
    'a & b',
    'NODE_ENV=$X node .',
    '',
    'A=1',
  ])('leaves %s to the person', (command) => {
    expect(wrap(command, '.env')).toBeUndefined();
  });
});

describe('scriptsOf', () => {
  it('knows the usual ones, hooks, and what is done already', () => {
    const text = JSON.stringify({
      scripts: {
        start: 'node .',
        'dev:api': 'tsx x.ts',
        prepare: 'husky',
        prelint: 'x',
        preview: 'vite preview',
        lint: 'eslint .',
        go: 'secrets run -- node .',
        both: 'a && b',
      },
    });
    const scripts = scriptsOf(text, '.env') ?? [];
    expect(scripts.map(({ name, usual, why }) => [name, usual, why])).toEqual([
      ['start', true, undefined],
      ['dev:api', true, undefined],
      ['preview', false, undefined],
      ['lint', false, undefined],
      ['go', false, 'wrapped already'],
      ['both', false, 'several commands'],
    ]);
  });

  it.each(['', '{', '[]', 'null', '{}', '{"scripts": 3}'])('finds none in %s', (text) => {
    expect(scriptsOf(text, '.env')).toBeUndefined();
  });
});

describe('wrapScripts', () => {
  it('keeps every other byte', () => {
    const text = '{\r\n\t"name": "x",\r\n\t"scripts": {\r\n\t\t"start" :  "node .", "a/b": "node ~"\r\n\t},\r\n\t"n": 1.50\r\n}\r\n';
    const scripts = scriptsOf(text, '.env') ?? [];
    expect(wrapScripts(text, scripts)).toBe(
      text.replace('"node ."', '"secrets run -- node ."').replace('"node ~"', '"secrets run -- node ~"'),
    );
  });

  it('is done after one time', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z/~:]{1,8}$/), fc.stringMatching(/^[a-z ]{1,12}$/)), (scripts) => {
        const text = JSON.stringify({ scripts }, undefined, 2);
        const once = wrapScripts(text, scriptsOf(text, '.env') ?? []);
        expect(wrapScripts(once, scriptsOf(once, '.env') ?? [])).toBe(once);
      }),
    );
  });
});
