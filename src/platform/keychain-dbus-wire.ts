/** The little of the D-Bus wire format that asking a service two questions takes. */

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** All arguments are strings. */
  readonly args: readonly string[];
}

export interface Reply {
  readonly type: 'return' | 'error';
  readonly serial: number;
  readonly error: string | undefined;
  /** The first value of the body, if it is a string, object path or boolean, also inside a variant. */
  readonly value: string | boolean | undefined;
}

const FIELD = { path: 1, interface: 2, member: 3, error: 4, replySerial: 5, destination: 6, signature: 8 } as const;
/** More than any answer to our questions. */
const MAX_MESSAGE = 65_536;

/** One method call as bytes, little-endian. */
export function encodeCall(call: MethodCall, serial: number): Buffer {
  const body = new Writer();
  for (const arg of call.args) body.string(arg);
  const fields = new Writer();
  fields.field(FIELD.path, 'o', call.path);
  fields.field(FIELD.interface, 's', call.interface);
  fields.field(FIELD.member, 's', call.member);
  fields.field(FIELD.destination, 's', call.destination);
  if (call.args.length > 0) fields.field(FIELD.signature, 'g', 's'.repeat(call.args.length));
  const message = new Writer();
  message.bytes(Buffer.from(['l'.charCodeAt(0), 1, 0, 1]));
  message.uint32(body.length);
  message.uint32(serial);
  message.uint32(fields.length);
  message.bytes(fields.take());
  message.align(8);
  message.bytes(body.take());
  return message.take();
}

/** Size of the first message of a buffer, undefined while its beginning is incomplete. Throws RangeError if it is none. */
export function messageSize(buffer: Buffer): number | undefined {
  if (buffer.length < 16) return undefined;
  const reader = new Reader(buffer);
  const size = 16 + pad(reader.uint32At(12), 8) + reader.uint32At(4);
  if (size > MAX_MESSAGE) throw new RangeError('message too big');
  return size;
}

/** A whole message, if it answers a call; signals and calls to us are undefined. Throws RangeError if it is none. */
export function decodeReply(message: Buffer): Reply | undefined {
  const type = message[1] === 2 ? 'return' : message[1] === 3 ? 'error' : undefined;
  if (type === undefined) return undefined;
  const reader = new Reader(message);
  const bodyStart = message.length - reader.uint32At(4);
  const fieldsEnd = 16 + reader.uint32At(12);
  let serial = 0;
  let error: string | undefined;
  let signature = '';
  reader.offset = 16;
  while (reader.offset < fieldsEnd) {
    reader.align(8);
    const code = reader.byte();
    const value = reader.value(reader.signature());
    if (code === FIELD.replySerial && typeof value === 'number') serial = value;
    if (code === FIELD.error && typeof value === 'string') error = value;
    if (code === FIELD.signature && typeof value === 'string') signature = value;
  }
  reader.offset = bodyStart;
  const first = /^[sobv]/.exec(signature)?.[0];
  const value = first === undefined ? undefined : reader.value(first === 'v' ? reader.signature() : first);
  return { type, serial, error, value: typeof value === 'number' ? undefined : value };
}

const pad = (offset: number, size: number): number => Math.ceil(offset / size) * size;

class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  bytes(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  align(size: number): void {
    this.bytes(Buffer.alloc(pad(this.length, size) - this.length));
  }

  uint32(value: number): void {
    this.align(4);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.bytes(bytes);
  }

  string(text: string): void {
    this.uint32(Buffer.byteLength(text));
    this.bytes(Buffer.from(`${text}\0`));
  }

  signature(text: string): void {
    this.bytes(Buffer.from([text.length]));
    this.bytes(Buffer.from(`${text}\0`));
  }

  field(code: number, type: 'o' | 's' | 'g', text: string): void {
    this.align(8);
    this.bytes(Buffer.from([code]));
    this.signature(type);
    if (type === 'g') this.signature(text);
    else this.string(text);
  }

  take(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class Reader {
  readonly #buffer: Buffer;
  readonly #little: boolean;
  offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#little = buffer[0] === 'l'.charCodeAt(0);
  }

  uint32At(offset: number): number {
    return this.#little ? this.#buffer.readUInt32LE(offset) : this.#buffer.readUInt32BE(offset);
  }

  align(size: number): void {
    this.offset = pad(this.offset, size);
  }

  byte(): number {
    return this.#buffer.readUInt8(this.offset++);
  }

  uint32(): number {
    this.align(4);
    this.offset += 4;
    return this.uint32At(this.offset - 4);
  }

  signature(): string {
    return this.#text(this.byte());
  }

  value(type: string): string | number | boolean | undefined {
    if (type === 's' || type === 'o') return this.#text(this.uint32());
    if (type === 'g') return this.signature();
    if (type === 'u') return this.uint32();
    if (type === 'b') return this.uint32() === 1;
    throw new RangeError('unexpected type');
  }

  #text(length: number): string {
    if (this.offset + length >= this.#buffer.length) throw new RangeError('text past the end');
    const text = this.#buffer.toString('utf8', this.offset, this.offset + length);
    this.offset += length + 1;
    return text;
  }
}
