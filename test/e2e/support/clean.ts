/** Looks for values in text, in the forms in which a program could have written them down. */
import { expect } from 'vitest';

/** The value itself (its URL, JSON and shell forms hold it, for canaries), hex, the cores of base64 at the three offsets. */
export function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const cores = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return encoded.slice(shift === 0 ? 0 : 4, Math.floor(((shift + bytes.length) * 4) / 3) - 1);
  });
  return [value, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...cores];
}

export function expectClean(text: string, ...values: readonly string[]): void {
  // Only what is around a hit is shown, so that a failure can be understood.
  const hits = values.flatMap((value) => formsOf(value)).filter((form) => text.includes(form));
  expect(hits.map((form) => text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form) + 80))).toEqual([]);
}
