import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TemplateFilter } from '../../src/core/model.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { fillTemplate } from '../../src/run/template.ts';

const fill = (value: string, ...filters: TemplateFilter[]): string => {
  const filled = fillTemplate([{ text: '<' }, { name: 'A', filters }, { text: '>' }], () => SecretValue.fromText(value));
  return 'value' in filled ? filled.value.reveal().toString() : '';
};
const inner = (text: string): string => text.slice(1, -1);

describe('fillTemplate', () => {
  it('filters so that the reader of each form gets the value back', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        (value) => {
          expect(inner(fill(value))).toBe(value);
          expect(decodeURIComponent(inner(fill(value, 'url')))).toBe(value);
          expect(Buffer.from(inner(fill(value, 'base64')), 'base64').toString()).toBe(value);
          expect(JSON.parse(`"${inner(fill(value, 'json'))}"`)).toBe(value);
        },
      ),
    );
  });

  it('escapes what a URL and a shell would act on', () => {
    expect(fill(`p@ss/w:o?r#d é'`, 'url')).toBe('<p%40ss%2Fw%3Ao%3Fr%23d%20%C3%A9%27>');
    expect(fill(`it's $HOME`, 'shell')).toBe(`<'it'\\''s $HOME'>`);
    expect(fill('a b', 'url', 'base64')).toBe(`<${Buffer.from('a%20b').toString('base64')}>`);
  });

  it('keeps bytes that are no text', () => {
    const bytes = Buffer.from([0xff, 0x27, 0x00, 0xfe]);
    const filled = fillTemplate([{ name: 'A', filters: [] }], () => SecretValue.fromBytes(bytes));
    expect('value' in filled && filled.value.reveal().equals(bytes)).toBe(true);
  });

  it('names every value that is not there', () => {
    expect(
      fillTemplate(
        [
          { name: 'A', filters: [] },
          { name: 'B', filters: [] },
        ],
        () => undefined,
      ),
    ).toEqual({ missing: ['A', 'B'] });
  });
});
