import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReference, parseReference, schemeOf } from '../../src/core/reference.ts';

const read = (text: string) => {
  const result = parseReference(text);
  if (!result.ok) throw new Error(result.message);
  return result.reference;
};

describe('parseReference', () => {
  it.each([
    ['vault://secret/api#key', { provider: 'vault', path: 'secret/api', field: 'key' }],
    ['aws://prod/db#/password', { provider: 'aws', path: 'prod/db', field: '/password' }],
    ['ssm:///prod/db', { provider: 'ssm', path: '/prod/db' }],
    ['azure://team-kv/tls-key?version=abc', { provider: 'azure', path: 'team-kv/tls-key', options: { version: 'abc' } }],
    ['aws://a?stage=AWSPREVIOUS&version=1#x', { provider: 'aws', path: 'a', options: { stage: 'AWSPREVIOUS', version: '1' }, field: 'x' }],
    ['aws://arn:aws:secretsmanager:eu-west-1:1:secret:x', { provider: 'aws', path: 'arn:aws:secretsmanager:eu-west-1:1:secret:x' }],
    ['local://a%3Fb%23c%25d', { provider: 'local', path: 'a?b#c%d' }],
    ['local://a b', { provider: 'local', path: 'a b' }],
    ['local://a..b', { provider: 'local', path: 'a..b' }],
    ['local://ключ', { provider: 'local', path: 'ключ' }],
    ['local://a#b#c', { provider: 'local', path: 'a', field: 'b#c' }],
    ['local://a#b?c=d', { provider: 'local', path: 'a', field: 'b?c=d' }],
  ])('%s', (text, expected) => {
    const { options, ...rest } = read(text);
    expect({ ...rest, options: { ...options } }).toEqual({ options: {}, text, ...expected });
  });

  it.each([
    ['plain text', 'this is not a reference'],
    ['', 'this is not a reference'],
    ['local:a', 'this is not a reference'],
    ['1ocal://a', 'this is not a reference'],
    ['Local://a', 'the provider in front of :// must be in lower case'],
    ['local://', 'the reference has no path after ://'],
    ['local://?version=1', 'the reference has no path after ://'],
    ['local://a#', 'the reference ends with an empty #field'],
    ['local://../a', "'.' and '..' segments are refused in a path"],
    ['local://a/./b', "'.' and '..' segments are refused in a path"],
    ['local://a/%2e%2e/b', "'.' and '..' segments are refused in a path"],
    ['local://a\nb', 'the reference holds a control character'],
    ['local://a\u2028b', 'the reference holds a control character'],
    ['local://a%0ab', 'the reference holds an encoded control character'],
    ['local://a#%00', 'the reference holds an encoded control character'],
    ['local://a%', 'a % must be followed by two hexadecimal digits of UTF-8'],
    ['local://a%ff', 'a % must be followed by two hexadecimal digits of UTF-8'],
    ['local://a?version', 'options are written ?name=value&name=value'],
    ['local://a?=1', 'options are written ?name=value&name=value'],
    ['local://a?version=', 'the option version has no usable value'],
    ['local://a?version=1&version=2', 'the option version stands twice'],
  ])('refuses %j', (text, message) => {
    expect(parseReference(text)).toMatchObject({ ok: false, message });
  });

  it('never quotes what it refuses', () => {
    const canary = 'canary-7d1f0c9b2a3e4d5f';
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const result = parseReference(`${before}${canary}${after}`);
        expect(result.ok ? '' : JSON.stringify(result)).not.toContain('7d1f0c9b2a3e4d5f');
      }),
    );
  });
});

describe('formatReference', () => {
  const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => !/[\p{Cc}\u2028\u2029]/u.test(text));
  const path = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const reference = fc.record(
    {
      provider: fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/),
      path: path.filter((text) => !text.split('/').some((part) => part === '.' || part === '..')),
      options: fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z0-9-]{0,8}$/), word, { maxKeys: 3 }),
      field: word,
    },
    { requiredKeys: ['provider', 'path', 'options'] },
  );

  it('is read back as the same reference', () => {
    fc.assert(
      fc.property(reference, (parts) => {
        const text = formatReference(parts);
        const again = read(text);
        expect({ ...again, options: { ...again.options } }).toEqual({ ...parts, options: { ...parts.options }, text });
        expect(formatReference(again)).toBe(text);
      }),
    );
  });
});

describe('schemeOf', () => {
  it.each([
    ['vault://x', 'vault'],
    ['VAULT://x', 'VAULT'],
    ['ref+vault://x', 'ref+vault'],
    ['vault:x', undefined],
    ['://x', undefined],
  ])('%s is %s', (text, scheme) => {
    expect(schemeOf(text)).toBe(scheme);
  });
});
