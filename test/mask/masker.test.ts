import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Masker, MaskPlan } from '../../src/mask/masker.ts';
import { needlesFor, type Masked } from '../../src/mask/needles.ts';

/** A plan with exactly these needles, no derived forms. */
const exactly = (...needles: string[]): MaskPlan =>
  new MaskPlan({
    names: needles.map((_, index) => `N${index}`),
    needles: needles.map((needle, owner) => ({ bytes: Buffer.from(needle, 'latin1'), owner, wraps: false })),
    unmasked: [],
  });

const planFor = (...values: (string | Buffer)[]): MaskPlan =>
  new MaskPlan(
    needlesFor(
      values.map((value, index): Masked => ({ name: `S${index}`, bytes: Buffer.from(value as string) })),
      { minLength: 6 },
    ),
  );

function mask(plan: MaskPlan, pieces: readonly Buffer[]): string {
  const masker = new Masker(plan);
  return Buffer.concat([...pieces.flatMap((piece) => masker.push(piece)), ...masker.end()]).toString('latin1');
}
const whole = (plan: MaskPlan, text: string | Buffer): string => mask(plan, [Buffer.from(text as string, 'latin1')]);
const byteByByte = (plan: MaskPlan, text: string | Buffer): string =>
  mask(
    plan,
    Array.from(Buffer.from(text as string, 'latin1'), (byte) => Buffer.of(byte)),
  );

/** All matches of all needles, overlapping ones together, the slow and obvious way. */
function naive(needles: readonly string[], text: string): string {
  const ranges = needles
    .filter((needle) => needle !== '')
    .flatMap((needle) =>
      Array.from({ length: text.length }, (_, at) => at)
        .filter((at) => text.startsWith(needle, at))
        .map((at) => ({ start: at, end: at + needle.length })),
    )
    .sort((a, b) => a.start - b.start || b.end - a.end);
  let out = '';
  let at = 0;
  for (const range of ranges) {
    if (range.end <= at) continue;
    out += range.start >= at ? `${text.slice(at, range.start)}***` : '';
    at = range.end;
  }
  return out + text.slice(at);
}

describe('Masker', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*'), minLength: 1, maxLength: 6 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*', 'x', '\n'), maxLength: 60 });

  it('A5 A7 equals a naive search on any input, in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 5 }),
        text,
        fc.array(fc.nat(60), { maxLength: 6 }),
        (needles, input, cuts) => {
          const plan = exactly(...needles);
          const expected = naive(needles, input);
          const points = [0, ...cuts.map((cut) => Math.min(cut, input.length)).sort((a, b) => a - b), input.length];
          const pieces = points.slice(1).map((to, index) => Buffer.from(input.slice(points[index], to), 'latin1'));
          expect(mask(plan, pieces)).toBe(expected);
          expect(byteByByte(plan, input)).toBe(expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('A7 leaves no fragment of overlapping, nested, adjacent and self-overlapping values', () => {
    expect(whole(exactly('abcdef', 'defghi'), 'xabcdefghiy')).toBe('x***y');
    expect(whole(exactly('cdefg', 'defghijk'), 'abcdefghijk')).toBe('ab***');
    expect(whole(exactly('aab'), 'aaab')).toBe('a***');
    expect(whole(exactly('abcabd'), 'abcabcabd')).toBe('abc***');
    expect(whole(exactly('abc', 'abcdef'), 'abcdef abc')).toBe('*** ***');
    expect(whole(exactly('***'), 'a***b')).toBe('a***b');
    expect(byteByByte(exactly('ab'), 'abab')).toBe(whole(exactly('ab'), 'abab'));
  });

  it('A8 holds back a partial match as long as it may become one, and nothing else', () => {
    const masker = new Masker(exactly('hunter2hunter2'));
    expect(Buffer.concat(masker.push(Buffer.from('Password: '))).toString()).toBe('Password: ');
    expect(Buffer.concat(masker.push(Buffer.from('xhunter2'))).toString()).toBe('x');
    expect(Buffer.concat(masker.push(Buffer.from('hunter'))).toString()).toBe('');
    expect(Buffer.concat(masker.push(Buffer.from('2!'))).toString()).toBe('***!');
    expect(Buffer.concat([...masker.push(Buffer.from('hunter')), ...masker.end()]).toString()).toBe('hunter');
    expect(masker.counts).toEqual(new Map([['N0', 1]]));
  });

  it('A8 holds back nothing behind a whole value, so that a moved cursor is seen at once', () => {
    const masker = new Masker(exactly('hunter2hunter2', 'hunter2hunter2 and more', 'opensesame'));
    expect(Buffer.concat(masker.push(Buffer.from('it is opensesame\u001b[K\u001b[1;1H'))).toString()).toBe('it is ***\u001b[K\u001b[1;1H');
    expect(Buffer.concat(masker.push(Buffer.from('hunter2hunter2\u001b[K'))).toString()).toBe('');
    expect(Buffer.concat(masker.push(Buffer.from('!'))).toString()).toBe('***\u001b[K!');
  });

  it('A9 passes bytes that are no match on as they are', () => {
    const bytes = randomBytes(300_000);
    const plan = planFor('canary-0123456789abcdef', 'another value, longer');
    const pieces = Array.from({ length: 100 }, (_, index) => bytes.subarray(index * 3_000, (index + 1) * 3_000));
    expect(Buffer.from(mask(plan, pieces), 'latin1').equals(bytes)).toBe(true);
  });

  it('masks across escape sequences inside a value, which programs print for colour', () => {
    const plan = planFor('canary-0123456789abcdef');
    expect(whole(plan, 'a canary-\u001b[31m0123456789\u001b[0mabcdef b')).toBe('a *** b');
    expect(byteByByte(plan, 'a canary-\u001b]8;;http://x\u001b\\0123456789abcdef b')).toBe('a *** b');
    expect(whole(plan, 'canary-\u001b[31mother')).toBe('canary-\u001b[31mother');
    expect(whole(plan, 'canary-\u001b\u0001 canary-0123456789abcdef')).toBe('canary-\u001b\u0001 ***');
  });

  const VALUE = 'canary-0123456789abcdef';

  it('masks in the title of a window and other strings of a terminal, whatever stands in front of them', () => {
    const plan = planFor(VALUE);
    for (const before of ['', 'c', 'canary-', 'canary-0123456789abcde']) {
      for (const text of [`${before}\u001b]0;a ${VALUE} b\u0007c`, `${before}\u001bP${VALUE}\u001b\\`, `${before}\u001b]2;${VALUE}`]) {
        expect(whole(plan, text)).toBe(text.replace(VALUE, '***'));
        expect(byteByByte(plan, text)).toBe(text.replace(VALUE, '***'));
      }
    }
  });

  it('masks in what only begins like a string of a terminal', () => {
    const plan = planFor(VALUE);
    const long = 'x'.repeat(70_000);
    expect(whole(plan, `c\u001b]${long}${VALUE}${long}`)).toBe(`c\u001b]${long}***${long}`);
    expect(whole(plan, `c\u001b]${long.slice(0, 65_530)}${VALUE}`)).toBe(`c\u001b]${long.slice(0, 65_530)}***`);
    expect(byteByByte(plan, `canary-\u001b[3${VALUE}`)).toBe('canary-\u001b[3***');
  });

  it('masks around a string of a terminal that holds one too', () => {
    const plan = planFor(VALUE);
    expect(whole(plan, `a canary-\u001b]0;${VALUE}\u00070123456789abcdef b`)).toBe('a *** b');
    expect(whole(plan, `a canary-\u001b]0;${VALUE}\u0007other`)).toBe('a canary-\u001b]0;***\u0007other');
  });

  it('A5 lets no whole value through, whatever escape sequences and beginnings of it stand around it', () => {
    const plan = planFor(VALUE);
    const escapes = ['\u001b[', '\u001b[0m', '\u001b]0;', '\u001b]', '\u0007', '\u001b', '\u001b\\', '\u001b(', ';3', ' ', '\n', 'x'];
    const part = fc.oneof(
      fc.constant(VALUE),
      fc.nat(VALUE.length).map((length) => VALUE.slice(0, length)),
      fc.nat(VALUE.length).map((from) => VALUE.slice(from)),
      fc.constantFrom(...escapes),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        for (const output of [whole(plan, text), byteByByte(plan, text)]) expect(output).not.toContain(VALUE);
      }),
      { numRuns: 2_000 },
    );
  });

  it('A29 masks a key however its lines are broken', () => {
    const body = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'BKcwggSjAgEAAoIBAQC7canaryCanary', 'abcdefghijklmnop=='];
    const pem = ['-----BEGIN PRIVATE KEY-----', ...body, '-----END PRIVATE KEY-----', ''].join('\n');
    const plan = planFor(pem);
    for (const join of ['\n', '\r\n', '\r\r\n', ' ', '\n    ', '\t\n\n\t']) {
      const shown = pem.trimEnd().split('\n').join(join);
      expect(whole(plan, `before ${shown} after`)).toBe('before *** after');
      expect(byteByByte(plan, `before ${shown} after`)).toBe('before *** after');
    }
    expect(whole(plan, `one line: ${body[1] ?? ''}.`)).toBe('one line: ***.');
    expect(whole(plan, '-----BEGIN PRIVATE KEY-----\nother')).toContain('BEGIN PRIVATE KEY');
  });

  it('does not hold back or swallow text after a run of white space that is too long to be part of a value', () => {
    const plan = exactly('one two');
    const masker = new Masker(plan);
    let passed = 0;
    for (const piece of ['xone', ...Array.from({ length: 40 }, () => ' '.repeat(4_096)), 'two'])
      for (const part of masker.push(Buffer.from(piece))) passed += part.length;
    for (const part of masker.end()) passed += part.length;
    expect(passed).toBe('xone'.length + 40 * 4_096 + 'two'.length);
  });

  it('keeps the memory of the automaton near the size of the values', () => {
    const { automaton } = planFor(randomBytes(6_000).toString('base64').replaceAll(/.{64}/g, '$&\n'));
    const bytes = Object.values(automaton).reduce((sum, part) => sum + (typeof part === 'number' ? 0 : part.byteLength), 0);
    expect(bytes).toBeLessThan(32 * 1024 * 1024);
  });
});
