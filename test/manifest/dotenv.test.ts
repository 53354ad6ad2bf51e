import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDotenv, publicComment } from '../../src/manifest/dotenv.ts';

const values = (text: string): Record<string, string> => {
  const { entries, issues } = parseDotenv(text, '.env');
  expect(issues).toEqual([]);
  return Object.fromEntries(entries.map(({ name, value }) => [name, value]));
};

describe('parseDotenv', () => {
  it.each<[string, Record<string, string>]>([
    ['A=1', { A: '1' }],
    ['A=1\nB=2\n', { A: '1', B: '2' }],
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['A=1\rB=2', { A: '1', B: '2' }],
    ['\ufeffA=1', { A: '1' }],
    ['export A=1', { A: '1' }],
    ['  export   A = 1  ', { A: '1' }],
    ['A: 1', { A: '1' }],
    ['export=1', { export: '1' }],
    ['A=', { A: '' }],
    ['A=""', { A: '' }],
    ['A=\nB=2', { A: '', B: '2' }],
    ['# comment\n\n   # more\nA=1', { A: '1' }],
    ['A=1 # comment', { A: '1' }],
    ['A=1#2', { A: '1#2' }],
    ['A=vault://secret/api#key', { A: 'vault://secret/api#key' }],
    ['A=#x', { A: '' }],
    ['A=a b  c', { A: 'a b  c' }],
    ['A=a=b==', { A: 'a=b==' }],
    ['A=$B ${C} $(d)', { A: '$B ${C} $(d)' }],
    ["A='a # b'", { A: 'a # b' }],
    ["A='a\\nb' # c", { A: 'a\\nb' }],
    ['A="a\\nb\\tc\\"d\\\\e\\$f"', { A: 'a\nb\tc"d\\e$f' }],
    ['A="C:\\data\\x"', { A: 'C:\\data\\x' }],
    ['A="one\ntwo\n"\nB=2', { A: 'one\ntwo\n', B: '2' }],
    ['A="one\r\ntwo"', { A: 'one\ntwo' }],
    ["A='-----BEGIN-----\nabc\n-----END-----'", { A: '-----BEGIN-----\nabc\n-----END-----' }],
    ['A=`it\'s "x"`', { A: 'it\'s "x"' }],
    ['A="$B"', { A: '$B' }],
    ['A={"a":"b"}', { A: '{"a":"b"}' }],
    ["A=it's", { A: "it's" }],
    ['A=ключ', { A: 'ключ' }],
  ])('%j', (text, expected) => {
    expect(values(text)).toEqual(expected);
  });

  it('knows the places', () => {
    const { entries } = parseDotenv('# c\n\n  export  AB =  "x\ny"\nC=d', 'f');
    expect(entries.map(({ at, valueAt }) => [at, valueAt])).toEqual([
      [
        { file: 'f', line: 3, column: 11 },
        { file: 'f', line: 3, column: 17 },
      ],
      [
        { file: 'f', line: 5, column: 1 },
        { file: 'f', line: 5, column: 3 },
      ],
    ]);
  });

  it.each([
    ['A', 1, 1, 'this line is no NAME=value'],
    ['\n  =x', 2, 3, 'this line is no NAME=value'],
    ['A B=1', 1, 1, 'this line is no NAME=value'],
    ['my-name=1', 1, 1, 'the name is no environment name: letters, digits and _, not a digit first'],
    ['export 1A=1', 1, 8, 'the name is no environment name: letters, digits and _, not a digit first'],
    ['A="x', 1, 3, 'the quote is not closed'],
    ['A="x" y', 1, 3, 'something stands behind the closing quote'],
    ['A=x\0', 1, 3, 'the value holds a NUL character'],
  ])('%j is a mistake', (text, line, column, message) => {
    expect(parseDotenv(text, 'f').issues).toMatchObject([{ code: 'MANIFEST_INVALID', message, at: { file: 'f', line, column } }]);
  });

  it('goes on after a mistake', () => {
    const { entries, issues } = parseDotenv('A="x\nB=2\noops\nC=3\n', 'f');
    expect(entries.map(({ name }) => name)).toEqual(['B', 'C']);
    expect(issues.map(({ at }) => at?.line)).toEqual([1, 3]);
  });

  it('keeps comments that say something about an entry', () => {
    const { entries } = parseDotenv('# far away\n\n# one\n#two\nA=1 # three\nB=2\n# OLD=x\nC=3', 'f');
    expect(entries.map(({ comment }) => comment)).toEqual(['one\ntwo\nthree', undefined, undefined]);
  });

  it('reads back whatever is quoted', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !/[\0\r]/.test(text)),
        (value) => {
          const quoted = `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
          expect(values(`A=${quoted} # comment\nB=2`)).toEqual({ A: value, B: '2' });
        },
      ),
    );
  });

  it('never throws and never quotes', () => {
    const canary = '4be1a7709fd2c356';
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', '=', '"', "A='", 'A=', '\n', ' '), fc.string(), (before, between, after) => {
        const { issues } = parseDotenv(`${before}${between}canary-${canary}${after}`, 'f');
        expect(JSON.stringify(issues)).not.toContain(canary);
      }),
    );
  });
});

describe('publicComment', () => {
  it.each(['the port of the api', 'see https://wiki.example.com/page', 'required in production only'])('lets %j through', (text) => {
    expect(publicComment(` ${text} `)).toBe(text);
  });
  it.each(['', 'OLD=value', 'password: x', 'postgres://u:p@h/d', 'was canary-4be1a7709fd2c356', 'API_KEY: x', 'red \u001b[31m'])(
    'keeps %j back',
    (text) => {
      expect(publicComment(text)).toBeUndefined();
    },
  );
});
