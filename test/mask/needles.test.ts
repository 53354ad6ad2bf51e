import { describe, expect, it } from 'vitest';
import { Masker, MaskPlan } from '../../src/mask/masker.ts';
import { needlesFor } from '../../src/mask/needles.ts';

const values = [
  'canary-0123456789abcdef',
  `p@ss/w"o'r d&<é\\$%\nL2-canary-9`,
  'ключ-канарейка',
  '{"user":"app","password":"canary-in-a-leaf"}',
  `a'b"c\`d$e!f\\g#h`,
];

function masks(value: string, printed: string | Buffer): boolean {
  const masker = new Masker(new MaskPlan(needlesFor([{ name: 'S', bytes: Buffer.from(value) }], { minLength: 6 })));
  const out = Buffer.concat([
    ...masker.push(Buffer.concat([Buffer.from('<<'), Buffer.from(printed as string), Buffer.from('>>')])),
    ...masker.end(),
  ]);
  return out.toString() === '<<***>>';
}

/** The encodings as the tools themselves print them. */
const encoders: Readonly<Record<string, (value: string) => string | Buffer>> = {
  raw: (value) => value,
  hex: (value) => Buffer.from(value).toString('hex'),
  'upper hex': (value) => Buffer.from(value).toString('hex').toUpperCase(),
  encodeURIComponent: (value) => encodeURIComponent(value),
  encodeURI: (value) => encodeURI(value),
  'form data': (value) => new URLSearchParams({ v: value }).toString().slice(2),
  'RFC 3986': (value) =>
    encodeURIComponent(value).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
  'lower percent': (value) => encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  'percent path': (value) =>
    encodeURIComponent(value)
      .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/'),
  JSON: (value) => JSON.stringify(value).slice(1, -1),
  'JSON in ASCII': (value) =>
    JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'JSON with \\/': (value) => JSON.stringify(value).slice(1, -1).replaceAll('/', '\\/'),
  "single quotes '\\''": (value) => value.replaceAll("'", `'\\''`),
  'shlex.quote': (value) => value.replaceAll("'", `'"'"'`),
  "$'…'": (value) => value.replaceAll(/[\\']/g, '\\$&').replaceAll('\n', '\\n'),
  XML: (value) =>
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  'html.escape': (value) =>
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#x27;'),
  'UTF-16LE': (value) => Buffer.from(value, 'utf16le'),
  'UTF-16BE': (value) => Buffer.from(value, 'utf16le').swap16(),
  CRLF: (value) => value.replaceAll('\n', '\r\n'),
};

describe('needlesFor', () => {
  for (const [name, encode] of Object.entries(encoders)) {
    it(`A6 finds a value printed as ${name}`, () => {
      for (const value of values) expect([value, masks(value, encode(value))]).toEqual([value, true]);
    });
  }

  it('A6 finds base64 and base64url with any neighbours', () => {
    for (const encoding of ['base64', 'base64url'] as const) {
      for (let before = 0; before <= 6; before++) {
        for (let after = 0; after <= 6; after++) {
          const encoded = Buffer.from('p'.repeat(before) + values[0] + 's'.repeat(after)).toString(encoding);
          const masker = new Masker(new MaskPlan(needlesFor([{ name: 'S', bytes: Buffer.from(values[0] ?? '') }], { minLength: 6 })));
          const out = Buffer.concat([...masker.push(Buffer.from(encoded)), ...masker.end()]).toString();
          expect([before, after, out.includes('***')]).toEqual([before, after, true]);
          // Nothing but the two characters that the value shares with its neighbours may be left of it.
          expect(out.replace('***', '').length).toBeLessThanOrEqual(Math.ceil((before * 4) / 3) + Math.ceil((after * 4) / 3) + 6);
        }
      }
    }
  });

  it('A6 finds base64 that was broken into lines', () => {
    const value = 'canary-'.repeat(20);
    expect(
      masks(
        value,
        (
          Buffer.from(value)
            .toString('base64')
            .match(/.{1,76}/g) ?? []
        ).join('\n'),
      ),
    ).toBe(true);
  });

  it('A30 masks a leaf of a JSON or YAML value, and neither braces nor keys', () => {
    const json = '{\n  "user": "app-user-1",\n  "password": "canary-in-a-leaf",\n  "pin": 12345678901234567890\n}';
    expect(masks(json, 'canary-in-a-leaf')).toBe(true);
    expect(masks(json, '12345678901234567890')).toBe(true);
    expect(masks('user: app-user-1\npassword: "canary-in-a-leaf"\n', 'canary-in-a-leaf')).toBe(true);
    for (const printed of ['{', '}', '"password": ', 'password']) expect(masks(json, printed)).toBe(false);
  });

  it('masks the password inside a URL where it stands alone, as written and as meant', () => {
    const url = 'postgres://app:canary%2Fp%40ss@db.example.com:5432/orders';
    expect(masks(url, 'canary%2Fp%40ss')).toBe(true);
    expect(masks(url, 'canary/p@ss')).toBe(true);
    for (const printed of ['postgres://app:', 'db.example.com', 'https://example.com/a:b@c']) expect(masks(url, printed)).toBe(false);
  });

  it('A31 names what is too short or too common to be masked', () => {
    const found = needlesFor(
      [
        { name: 'PIN', bytes: Buffer.from('12345') },
        { name: 'SPACE', bytes: Buffer.from('          ') },
        { name: 'STAGE', bytes: Buffer.from('production') },
        { name: 'OK', bytes: Buffer.from('123abc') },
        { name: 'SAME', bytes: Buffer.from('123abc') },
      ],
      { minLength: 6 },
    );
    expect(found.unmasked).toEqual(['PIN', 'SPACE', 'STAGE']);
  });
});
