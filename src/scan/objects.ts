/** Reads objects out of git's database in one stream, whatever their number and size. */
import { pipeline } from 'node:stream/promises';
import { SecretsError } from '../core/errors.ts';
import { gitFailed, startGit, type Git } from './git.ts';

export interface Wanted<T> {
  readonly id: string;
  /** Whatever the caller knows about it. */
  readonly about: T;
}

type ObjectKind = 'blob' | 'tree' | 'commit' | 'tag';

/** Takes the content of one object. */
interface Sink {
  push(piece: Buffer): void;
  end(): void;
}

/**
 * @param open called for each object in order; undefined leaves its content out
 * @returns how many objects are not in the database
 * @throws SecretsError when git fails, or what `wanted` throws
 */
export async function readObjects<T>(
  git: Git,
  wanted: AsyncIterable<Wanted<T>>,
  open: (about: T, kind: ObjectKind) => Sink | undefined,
): Promise<number> {
  const { child, ended } = startGit(git, ['cat-file', '--batch', '--buffer']);
  // As long as what was asked for and not yet answered, which the pipes between us bound.
  const asked: T[] = [];
  async function* requests(): AsyncGenerator<string> {
    for await (const { id, about } of wanted) {
      asked.push(about);
      yield `${id}\n`;
    }
  }
  const answers = new Answers((kind) => {
    const about = asked.shift();
    return about === undefined || kind === undefined ? undefined : open(about, kind);
  });
  const read = async (): Promise<void> => {
    for await (const piece of child.stdout) answers.push(piece as Buffer);
  };
  try {
    const [asking, reading] = await Promise.allSettled([pipeline(requests(), child.stdin), read()]);
    for (const part of [asking, reading]) if (part.status === 'rejected' && part.reason instanceof SecretsError) throw part.reason;
    const isWhole = asking.status === 'fulfilled' && reading.status === 'fulfilled';
    if ((await ended) !== 0 || !isWhole || asked.length > 0 || !answers.isComplete) throw gitFailed('cat-file');
    return answers.missing;
  } finally {
    child.kill();
  }
}

const LINE_FEED = 0x0a;

/** The form of `cat-file --batch`: a line that says what follows, so many bytes, a line feed. */
class Answers {
  readonly #open: (kind: ObjectKind | undefined) => Sink | undefined;
  #head = '';
  #sink: Sink | undefined;
  /** Bytes of the content that are still to come; undefined between two objects. */
  #left: number | undefined;
  missing = 0;

  /** @param open is given undefined for an object that is not there */
  constructor(open: (kind: ObjectKind | undefined) => Sink | undefined) {
    this.#open = open;
  }

  get isComplete(): boolean {
    return this.#left === undefined && this.#head === '';
  }

  push(piece: Buffer): void {
    for (let at = 0; at < piece.length;)
      at = this.#left === undefined ? this.#readHead(piece, at) : this.#readContent(piece, at, this.#left);
  }

  #readHead(piece: Buffer, from: number): number {
    const end = piece.indexOf(LINE_FEED, from);
    this.#head += piece.toString('latin1', from, end < 0 ? piece.length : end);
    if (end < 0) return piece.length;
    const [, kind, size] = this.#head.split(' ');
    this.#head = '';
    if (kind === 'blob' || kind === 'tree' || kind === 'commit' || kind === 'tag') {
      this.#left = Number(size);
      this.#sink = this.#open(kind);
    } else {
      this.missing++;
      this.#open(undefined);
    }
    return end + 1;
  }

  #readContent(piece: Buffer, from: number, left: number): number {
    const end = Math.min(piece.length, from + left);
    if (end > from) this.#sink?.push(piece.subarray(from, end));
    this.#left = left - (end - from);
    // The line feed behind the content may come with the next piece.
    if (this.#left > 0 || end === piece.length) return end;
    this.#sink?.end();
    this.#sink = undefined;
    this.#left = undefined;
    return end + 1;
  }
}
