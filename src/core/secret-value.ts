/**
 * The only place where a secret's bytes live. Whatever prints or serialises it by accident gets `[secret]`;
 * `reveal()` is the one way out.
 */
import { timingSafeEqual } from 'node:crypto';

const SHOWN = '[secret]';

export class SecretValue {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Copies the bytes, so that a caller may wipe its own. */
  static fromBytes(bytes: Uint8Array): SecretValue {
    return new SecretValue(Buffer.from(bytes));
  }

  static fromText(text: string): SecretValue {
    return new SecretValue(Buffer.from(text, 'utf8'));
  }

  /** The bytes themselves, not a copy. */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** Size in bytes. For limits only: a length is never printed or logged. */
  get size(): number {
    return this.#bytes.length;
  }

  equals(other: SecretValue): boolean {
    return this.#bytes.length === other.#bytes.length && timingSafeEqual(this.#bytes, other.#bytes);
  }

  /** Overwrites the bytes. Copies that JavaScript made as strings can't be reached. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN;
  }
}
