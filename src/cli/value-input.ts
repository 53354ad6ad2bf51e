/**
 * Where the value of `set` comes from: a hidden question, stdin, a file, or random numbers. Never the command line,
 * which the shell's history keeps and every user of the machine can read.
 */
import { isUtf8 } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import { SecretsError, type ErrorCode } from '../core/errors.ts';
import type { GenerateSpec } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';
import { errorCode } from '../platform/atomic-file.ts';
import { MAX_VARIABLE_BYTES } from '../platform/limits.ts';
import { generateValue } from '../run/generate.ts';
import type { Context } from './context.ts';
import { askSecret } from './prompts.ts';

/** The safe ways to give a value, for hints. */
export const safeWays = (name: string): string =>
  `secrets set ${name} asks for it; COMMAND | secrets set ${name} reads stdin; secrets set ${name} --from-file FILE reads a file`;

export interface ValueRequest {
  /** The secret's name or reference, for questions and hints. */
  readonly label: string;
  /** A file, `-` for stdin. */
  readonly fromFile?: string | undefined;
  readonly generate?: GenerateSpec | undefined;
  /** Keeps a newline at the end of what stdin says. */
  readonly exact?: boolean | undefined;
  readonly allowEmpty?: boolean | undefined;
}

/** Far beyond what any manager stores. */
const MOST_BYTES = 16 * 1024 * 1024;

/** @throws SecretsError USAGE where there is no value, IO and VALUE_INVALID for a file or stdin that can't be taken */
export async function readValue(context: Context, request: ValueRequest): Promise<SecretValue> {
  const value = await fromSource(context, request);
  if (value.size === 0 && request.allowEmpty !== true) {
    throw new SecretsError({ code: 'USAGE', message: 'the value is empty', hint: 'if an empty value is meant, add --allow-empty' });
  }
  warnUnfit(context, request.label, value);
  return value;
}

async function fromSource(context: Context, request: ValueRequest): Promise<SecretValue> {
  const { label, fromFile, generate } = request;
  if (generate !== undefined) return generateValue(generate);
  if (fromFile !== undefined && fromFile !== '-') return fromFileOf(context, fromFile);
  if (fromFile === undefined && process.stdin.isTTY) {
    if (!context.interactive) throw nobody(label);
    return askNewValue(label);
  }
  const bytes = await readAll(process.stdin, brokenStdin);
  if (bytes.length === 0 && request.allowEmpty !== true) throw emptyStdin(label);
  return fromStdin(context, bytes, request.exact === true || fromFile === '-');
}

/**
 * Asks for a value twice, until both are the same.
 * @param ending what an empty one does, for the question: `empty to skip`; such a one is not asked for again
 */
export async function askNewValue(label: string, ending?: string): Promise<SecretValue> {
  const question = `Value of ${label} (not shown${ending === undefined ? '' : `, ${ending}`})`;
  for (;;) {
    const value = await askSecret(question);
    if (value.size === 0) return value;
    const again = await askSecret('The same again');
    if (again.equals(value)) return value;
    process.stderr.write('They differ. Once more.\n');
  }
}

/** `echo value | secrets set NAME` means the value without the newline that echo adds. */
function fromStdin(context: Context, bytes: Buffer, exact: boolean): SecretValue {
  const end = exact ? bytes.length : bytes.length - finalNewline(bytes);
  if (end < bytes.length) context.output.notice('the newline at the end of stdin is left out (--exact keeps it)');
  const value = SecretValue.fromBytes(bytes.subarray(0, end));
  bytes.fill(0);
  return value;
}

async function fromFileOf(context: Context, file: string): Promise<SecretValue> {
  const bytes = await readFileBytes(file);
  const newline = finalNewline(bytes);
  if (newline > 0 && !bytes.subarray(0, bytes.length - newline).includes(0x0a)) {
    context.output.notice(`the file's newline at the end is part of the value (secrets set NAME < FILE leaves it out)`);
  }
  const value = SecretValue.fromBytes(bytes);
  bytes.fill(0);
  return value;
}

/** Bytes of the line break that ends a text: 0, 1 or 2. */
function finalNewline(bytes: Uint8Array): 0 | 1 | 2 {
  if (bytes.at(-1) !== 0x0a || !isUtf8(bytes)) return 0;
  return bytes.at(-2) === 0x0d ? 2 : 1;
}

async function readAll(stream: AsyncIterable<Buffer>, failed: (code: string) => SecretsError): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of stream) {
      size += part.length;
      if (size > MOST_BYTES) throw tooBig('stdin');
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw failed(errorCode(error));
  }
  const all = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  return all;
}

/** A file's bytes; a pipe such as `<(…)` will do. */
async function readFileBytes(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    if ((await handle.stat()).isDirectory()) throw unreadable('EISDIR');
    return await readAll(handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>, unreadable);
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw unreadable(errorCode(error));
  } finally {
    await handle?.close();
  }
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

const unreadable = (code: string): SecretsError =>
  failure('IO', `the file of --from-file cannot be read: ${FILE_FAULTS[code] ?? code}`, 'check the path and its permissions');

const brokenStdin = (code: string): SecretsError => failure('IO', `stdin cannot be read (${code})`, 'check where it comes from');

const tooBig = (what: string): SecretsError => failure('VALUE_INVALID', `${what} holds more than 16 MiB`, 'store a shorter value');

const emptyStdin = (label: string): SecretsError =>
  failure('USAGE', 'stdin is closed or empty, so there is no value', `${safeWays(label)}; an empty value needs --allow-empty`);

const nobody = (label: string): SecretsError => failure('USAGE', 'no value was given, and nobody can be asked here', safeWays(label));

const failure = (code: ErrorCode, message: string, hint: string): SecretsError => new SecretsError({ code, message, hint });

/** Says early what `run` would refuse later; a value may be meant for something else than a variable. */
function warnUnfit(context: Context, name: string, value: SecretValue): void {
  const bytes = value.reveal();
  const why = bytes.includes(0)
    ? 'it holds a NUL byte'
    : !isUtf8(bytes)
      ? 'it is not UTF-8 text'
      : bytes.length > MAX_VARIABLE_BYTES - 256
        ? 'it is too long'
        : undefined;
  if (why !== undefined) context.output.warn({ name, message: `the value cannot be an environment variable as it is: ${why}` });
}
