/**
 * The mounts that earlier runs were told about. Documents are asked for where they would be while the server is asked
 * for their mounts, so that a run takes a round trip less; what was read counts only if the server says the same.
 */
import type { Outcome } from '../../core/fault.ts';
import type { Document, Host, Operation } from '../../provider-kit/contract.ts';
import { covering, type Mount } from './paths.ts';
import type { Settings } from './settings.ts';

/** Mounts of one server that are remembered, the last ones that were met. */
const MAX_MOUNTS = 16;

export class Guesses {
  readonly #host: Host;
  readonly #key: string;
  #mounts: Promise<Map<string, Mount>> | undefined;

  constructor({ http, namespace = '' }: Settings, host: Host) {
    this.#host = host;
    this.#key = JSON.stringify(['mounts', http.baseUrl, namespace]);
  }

  /** Where these documents were said to be, in their order. Never throws. */
  async of(keys: readonly string[]): Promise<readonly (Mount | undefined)[]> {
    const mounts = await this.#load();
    return keys.map((key) => covering(mounts, key));
  }

  /**
   * Remembers what the server has said now, in place of what contradicts it. Never throws.
   * @param hidden documents whose mounts the server did not tell
   */
  async correct(known: ReadonlyMap<string, Mount>, hidden: readonly string[]): Promise<void> {
    const before = await this.#load();
    const kept = [...before.values()].filter(
      ({ path }) => !hidden.some((key) => key.startsWith(path)) && ![...known.keys()].some((one) => isInside(one, path)),
    );
    // Other engines are not read by a guess: that may make a credential.
    const kv = [...known.values()].filter(({ engine }) => engine !== 'other');
    const now = [...kept, ...kv].slice(-MAX_MOUNTS);
    const isNew = now.length !== before.size || now.some(({ path, engine }) => before.get(path)?.engine !== engine);
    if (!isNew) return;
    this.#mounts = Promise.resolve(byPath(now));
    await this.#host.remember(this.#key, JSON.stringify(now.map(({ path, engine }) => [path, engine])));
  }

  #load(): Promise<Map<string, Mount>> {
    this.#mounts ??= this.#host.recall(this.#key).then((text) => byPath(text === undefined ? [] : mountsIn(text)));
    return this.#mounts;
  }
}

/** Sends each request once: what failed on the way is asked for again when the mount is known. */
export const onlyOnce = (op: Operation): Operation => ({
  get signal() {
    return op.signal;
  },
  call: (options, send) => op.call({ ...options, kind: 'write' }, send),
});

/** What is being read at the place where a document was said to be. */
export interface Early {
  readonly guess: Mount;
  readonly outcome: Promise<Outcome<Document>>;
}

/** What was read early, if it is the answer, now that the server has told where the document is. */
export async function answerOf({ guess, outcome }: Early, told: Mount): Promise<Outcome<Document> | undefined> {
  if (guess.path !== told.path || (guess.engine === 'kv2') !== (told.engine === 'kv2')) return undefined;
  const read = await outcome;
  // Engines without versions are asked in the same way; another than KV may have made a credential, and no second one is made.
  if (read.ok) return read;
  return guess.engine === told.engine && !read.fault.retryable ? read : undefined;
}

const byPath = (mounts: readonly Mount[]): Map<string, Mount> => new Map(mounts.map((mount) => [mount.path, mount]));

/** Mounts are never inside one another. */
const isInside = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one);

function mountsIn(text: string): readonly Mount[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(entries)) return [];
  return entries.slice(-MAX_MOUNTS).flatMap((entry: unknown): readonly Mount[] => {
    const [path, engine] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    return typeof path === 'string' && /^(?:[^/]+\/)+$/.test(path) && (engine === 'kv1' || engine === 'kv2') ? [{ path, engine }] : [];
  });
}
