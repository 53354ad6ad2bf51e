import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTerms, commandWords, isFor } from '../../src/sealed/terms.ts';
import type { Bundle } from '../../src/sealed/bundle.ts';

describe('commandWords', () => {
  it.each([
    ['backup.sh', ['backup.sh']],
    [' backup.sh  --all ', ['backup.sh', '--all']],
    [`sh -c 'echo "a b"'`, ['sh', '-c', 'echo "a b"']],
    [`x a"b c"d''`, ['x', 'ab cd']],
  ])('%s', (text, words) => {
    expect(commandWords(text)).toEqual(words);
  });
  it.each(['', '  ', `sh 'open`, `"`, `''`])('refuses %j', (text) => {
    expect(commandWords(text)).toBeUndefined();
  });
  it('takes back words in single quotes', () => {
    const word = fc.string({ minLength: 1 }).filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        expect(commandWords(words.map((one) => `'${one}'`).join(' '))).toEqual(words);
      }),
    );
  });
});

describe('isFor', () => {
  it.each([
    [['sh'], ['sh', '-c', 'x'], '/bin/sh', true],
    [['sh'], ['/tmp/sh', '-c', 'x'], '/tmp/sh', true],
    [['/bin/sh'], ['sh'], '/bin/sh', true],
    [['/bin/sh'], ['/tmp/sh'], '/tmp/sh', false],
    [['sh'], ['bash'], '/bin/bash', false],
    [['sh', '-c'], ['sh', '-c'], '/bin/sh', true],
    [['sh', '-c'], ['sh', '-c', 'x'], '/bin/sh', false],
    [['sh', '-c'], ['sh'], '/bin/sh', false],
    [['sh', '-c', 'x'], ['sh', '-c', 'y'], '/bin/sh', false],
  ])('%j of %j (%s) is %s', (words, argv, file, expected) => {
    expect(isFor(words, argv, file)).toBe(expected);
  });
});

describe('checkTerms', () => {
  const at = (text: string): Date => new Date(`2026-01-02T${text}Z`);
  const bundle = { createdAt: at('03:00:00'), expiresAt: at('07:00:00'), command: ['backup.sh'] } as unknown as Bundle;
  const check = (now: Date, file = '/x/backup.sh'): void => checkTerms(bundle, { argv: [file], file, now });

  it.each(['02:55:00', '03:00:00', '06:59:59.999'])('lets it be used at %s', (time) => {
    expect(() => check(at(time))).not.toThrow();
  });
  it.each([
    ['07:00:00', 'expired'],
    ['02:54:59', 'clock'],
  ])('refuses it at %s', (time, why) => {
    expect(() => check(at(time))).toThrow(why);
  });
  it('refuses another command', () => {
    expect(() => check(at('04:00:00'), '/x/other')).toThrow('for another command: backup.sh');
  });
});
