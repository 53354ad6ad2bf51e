/** Looks for seeded values in whatever an adapter lets out. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';

/** The forms in which a text would still be recognised: as it is, in base64 at any alignment, in hex, URL-encoded. */
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8');
  // Without the characters at both ends, which depend on the neighbouring bytes.
  const inner = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  return [
    text,
    ...inner,
    ...inner.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    encodeURIComponent(text),
  ];
}

/** Everything that a log could make of something. */
function textsOf(thing: unknown): readonly string[] {
  const texts = [inspect(thing, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null }), String(thing)];
  if (thing instanceof Error) texts.push(thing.message, thing.stack ?? '');
  try {
    texts.push(JSON.stringify(thing) ?? '');
  } catch {
    // Something that JSON can't hold can't be leaked through it.
  }
  return texts;
}

export class LeakDetector {
  readonly #needles: readonly string[];

  constructor(texts: readonly string[]) {
    this.#needles = texts.flatMap(formsOf);
  }

  /** Fails if one of the texts is in it; the failure does not show where. */
  check(what: string, thing: unknown): void {
    const shown = textsOf(thing);
    assert.ok(!this.#needles.some((needle) => shown.some((text) => text.includes(needle))), `${what} shows a value or a credential`);
  }
}

const CONSOLE = ['debug', 'error', 'info', 'log', 'warn'] as const;

/** Records what is written to standard output, standard error and the console while `body` runs. */
export async function recordOutput<T>(
  body: () => Promise<T>,
): Promise<{ readonly result: PromiseSettledResult<T>; readonly output: string }> {
  const chunks: string[] = [];
  const streams = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write;
    stream.write = (chunk: string | Uint8Array, ...rest: []): boolean => {
      chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1'));
      return write.call(stream, chunk, ...rest);
    };
    return () => void (stream.write = write);
  });
  // A test runner may lead the console past the streams. What is printed there is kept back: it may be a value.
  const methods = CONSOLE.map((method) => {
    const print = console[method];
    console[method] = (...things: readonly unknown[]): void => void chunks.push(...things.map((thing) => inspect(thing)));
    return () => void (console[method] = print);
  });
  const [result] = await Promise.allSettled([body()]);
  for (const undo of [...streams, ...methods]) undo();
  return { result, output: chunks.join('') };
}
