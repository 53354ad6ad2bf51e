/**
 * Records as syslog messages (RFC 5424), over TLS or TCP with the octet counting of RFC 5425 and RFC 6587, or to the
 * local socket. That takes datagrams, which Node cannot send, so the `logger` of util-linux does it.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseRecord, type ChainedRecord } from '../record.ts';
import { SinkFault, withinLimit, type Sink } from './sink.ts';

export interface SyslogSinkOptions {
  /** `tls://HOST:PORT`, `tcp://HOST:PORT` or `unix:/PATH`. */
  readonly address: string;
  /** PEM file with the authorities for `tls`, instead of the system's. */
  readonly caFile?: string;
  /** Folder that a relative path starts from. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `auth`, for security messages. */
const FACILITY = 4;
const [WARNING, NOTICE] = [4, 5];

export function syslogSink(options: SyslogSinkOptions): Sink {
  const { address } = options;
  const what = `syslog at ${address}`;
  const local = /^unix:(\/.*)$/.exec(address)?.[1];
  return {
    what,
    send: (lines) =>
      withinLimit(what, (signal) => {
        const messages = lines.flatMap((line) => {
          const record = parseRecord(line);
          return record === undefined ? [] : [message(record, line)];
        });
        return local === undefined ? overStream(options, what, messages, signal) : throughLogger(local, what, lines, options, signal);
      }),
  };
}

/** One message of RFC 5424, its text the record itself. */
export function message(record: ChainedRecord, line: string, host = os.hostname(), pid = process.pid): string {
  const priority = FACILITY * 8 + (record.result === 'ok' ? NOTICE : WARNING);
  return `<${priority}>1 ${record.ts} ${word(host, 255)} secrets ${pid} ${word(record.event, 32)} - ${line}`;
}

const word = (text: string, most: number): string => text.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, most) || '-';

async function overStream(
  { address, caFile, dir }: SyslogSinkOptions,
  what: string,
  messages: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'tls:';
  const port = Number(url.port || (isTls ? 6514 : 601));
  const bytes = Buffer.concat(messages.map((text) => Buffer.from(`${Buffer.byteLength(text)} ${text}`)));
  const ca = caFile === undefined ? undefined : readCa(path.resolve(dir, caFile), what);
  const socket = isTls
    ? process
        .getBuiltinModule('node:tls')
        .connect({ host, port, servername: host, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) })
    : process.getBuiltinModule('node:net').connect({ host, port });
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => reject(new SinkFault(`${what} cannot be reached (${codeOf(error)})`)));
      socket.once(isTls ? 'secureConnect' : 'connect', () => socket.end(bytes));
      socket.once('finish', resolve);
      socket.once('close', () => reject(new SinkFault(`${what} closed the connection`)));
      // The other side's half of the closing.
      socket.resume();
    });
  } finally {
    socket.destroySoon();
  }
}

const codeOf = ({ code }: NodeJS.ErrnoException): string => (code !== undefined && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'no code');

function readCa(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new SinkFault(`${what}: caFile cannot be read: ${file}`, 'check the path in audit.sinks');
  }
}

async function throughLogger(
  socket: string,
  what: string,
  lines: readonly string[],
  { env }: SyslogSinkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { spawn } = await import('node:child_process');
  const args = ['--socket', socket, '--socket-errors=on', '--rfc5424', '--priority', 'auth.notice', '--tag', 'secrets', '--size', '64KiB'];
  const child = spawn('logger', args, { env: { PATH: env['PATH'] }, stdio: ['pipe', 'ignore', 'ignore'], signal, killSignal: 'SIGKILL' });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', () =>
      reject(new SinkFault(`${what} needs the program logger of util-linux`, 'install it, or use tcp:// or tls://')),
    );
    child.once('close', resolve);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  if ((await ended) !== 0) throw new SinkFault(`${what} does not take messages`, 'check that the syslog service runs');
}
