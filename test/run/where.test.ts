import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { factsOf, matches, mayMatch, needsState, parseWhere, WHERE_FIELDS, type Facts } from '../../src/run/where.ts';
import { specOf } from '../../src/run/inspect.ts';

const facts: Facts = { name: ['DB_PASSWORD'], owner: ['ana'], tag: ['db', 'orders'], state: ['overdue'], provider: ['aws'], contact: [] };
const match = (...texts: readonly string[]): boolean => matches(parseWhere(texts), facts);

describe('parseWhere', () => {
  it.each([
    ['', '--where asks for nothing'],
    [' , ', '--where asks for nothing'],
    ['ana', '--where takes FIELD=VALUE or FIELD!=VALUE'],
    ['owner', '--where takes FIELD=VALUE or FIELD!=VALUE'],
    ['ownr=ana', '--where knows no field ownr'],
    ['sk_live_51H8x9=1', '--where takes FIELD=VALUE or FIELD!=VALUE'],
    ['state=old', /^--where state= takes one of current, due/],
    ['lacks=runbok', /^--where lacks= takes one of owner/],
  ])('refuses %j', (text, message) => {
    expect(() => parseWhere([text])).toThrow(SecretsError);
    expect(() => parseWhere([text])).toThrow(message);
  });

  it('suggests what was probably meant', () => {
    const hint = (text: string): string | undefined => {
      try {
        parseWhere([text]);
      } catch (error) {
        if (error instanceof SecretsError) return error.primary.hint;
      }
      return undefined;
    };
    expect([hint('ownr=ana'), hint('state=overdeu')]).toEqual(['did you mean owner?', 'did you mean overdue?']);
  });

  it('means everything where nobody asked', () => {
    expect(parseWhere(undefined)).toBeUndefined();
    expect(matches(undefined, facts)).toBe(true);
  });
});

describe('matches', () => {
  it.each([
    ['owner=ana', true],
    ['owner=ben', false],
    ['owner=an', false],
    ['owner=Ana', false],
    ['owner=ana,provider=aws', true],
    ['owner=ana,provider=vault', false],
    ['owner=ben,owner=ana', true],
    ['owner!=ben', true],
    ['owner!=ben,owner!=ana', false],
    ['owner=a*,owner!=ana', false],
    ['name=DB_*', true],
    ['name=*WORD', true],
    ['name=D.*', false],
    ['tag=orders', true],
    ['tag=web', false],
    ['tag!=db', false],
    ['contact=', true],
    ['owner=', false],
    ['owner!=', true],
    ['consumer=', true],
    ['state=over*', true],
    ['state!=current', true],
    ['owner=x\\,y', false],
  ])('%s: %s', (text, is) => {
    expect(match(text)).toBe(is);
  });

  it('takes a comma that is escaped for part of the value', () => {
    expect(matches(parseWhere(['owner=x\\,y']), { owner: ['x,y'] })).toBe(true);
  });

  it('is the same for one option with commas and for several', () => {
    const pair = fc
      .tuple(fc.constantFrom('name', 'owner', 'tag'), fc.constantFrom('=', '!='), fc.constantFrom('', 'ana', 'a*', '*', 'db', 'DB_*'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 6 }), (pairs) => {
        expect(match(pairs.join(','))).toBe(match(...pairs));
      }),
    );
  });

  it('keeps exactly what its opposite leaves out', () => {
    const value = fc.string({ maxLength: 5 }).filter((text) => !/[\\,]/.test(text));
    fc.assert(
      fc.property(value, fc.array(value, { maxLength: 3 }), (asked, tags) => {
        const is = (operator: string): boolean => matches(parseWhere([`tag${operator}${asked}`]), { tag: tags });
        expect(is('=')).toBe(!is('!='));
      }),
    );
  });

  it('judges without its manager what can be judged so', () => {
    const where = parseWhere(['state=current,owner=ana']);
    expect([needsState(where), needsState(parseWhere(['owner=ana'])), mayMatch(where, facts), matches(where, facts)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('factsOf', () => {
  it('gives every field of an entry that does not come from outside', () => {
    const at = { file: 'f', line: 1, column: 1 };
    const reference = { provider: 'vault', path: 'a', options: {}, text: 'vault://a' };
    const spec = { ...specOf('A', { placed: { reference, at } }), owner: 'ana', tags: ['db'], consumers: ['api'] };
    expect(factsOf(spec, reference, { state: ['due'] })).toEqual({
      name: ['A'],
      provider: ['vault'],
      reference: ['vault://a'],
      owner: ['ana'],
      contact: [],
      tag: ['db'],
      consumer: ['api'],
      rotate: [],
      lacks: ['contact', 'runbook', 'description', 'maxAge', 'rotate'],
      state: ['due'],
    });
    expect(Object.keys(factsOf(spec)).every((field) => WHERE_FIELDS.some((known) => known === field))).toBe(true);
  });
});
