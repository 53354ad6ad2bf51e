/**
 * The state of the Secret Service (GNOME Keyring, KeePassXC, KWallet), asked over the session bus without a helper
 * program: libsecret answers "nothing" for a locked keyring as well as for a missing item.
 */
import type { Socket } from 'node:net';
import { decodeReply, encodeCall, messageSize, type MethodCall, type Reply } from './keychain-dbus-wire.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * `no-bus`: no session bus is named, or nobody listens there; `silent`: it takes the connection and does not answer in
 * time; `no-service`: no Secret Service on the bus; `no-keyring`: one without a default keyring.
 */
export type SecretServiceState = 'open' | 'locked' | 'no-keyring' | 'no-service' | 'no-bus' | 'silent';

const SERVICE = 'org.freedesktop.secrets';

/** Asks the service, which the bus starts if it can. Prompts nobody. @param timeoutMs for the whole of it */
export async function secretServiceState(env: Env, timeoutMs: number): Promise<SecretServiceState> {
  const until = performance.now() + timeoutMs;
  let state: SecretServiceState = 'no-bus';
  for (const address of busAddresses(env)) {
    state = await askAt(address, Math.max(1, until - performance.now()));
    if (state !== 'no-bus') return state;
  }
  return state;
}

/**
 * Sockets of the session bus, as Node names them: `DBUS_SESSION_BUS_ADDRESS`, which may be a list, else the one in
 * `XDG_RUNTIME_DIR`. Transports other than local sockets are left out.
 */
export function busAddresses(env: Env): readonly string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const runtimeBus = runtime === undefined || runtime === '' ? [] : [`${runtime}/bus`];
  const list = env.DBUS_SESSION_BUS_ADDRESS;
  if (list === undefined || list === '') return runtimeBus;
  return list.split(';').flatMap((address) => {
    if (!address.startsWith('unix:')) return [];
    const keys = new Map(
      address
        .slice('unix:'.length)
        .split(',')
        .map((pair) => {
          const at = pair.indexOf('=');
          return [pair.slice(0, at), unescape(pair.slice(at + 1))] as const;
        }),
    );
    const path = keys.get('path');
    const abstract = keys.get('abstract');
    if (path !== undefined) return [path];
    if (abstract !== undefined) return [`\0${abstract}`];
    return keys.get('runtime') === 'yes' ? runtimeBus : [];
  });
}

const unescape = (text: string): string => text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

async function askAt(address: string, timeoutMs: number): Promise<SecretServiceState> {
  const { connect } = await import('node:net');
  const socket = connect(address);
  const { promise: late, resolve } = Promise.withResolvers<'silent'>();
  const timer = setTimeout(() => resolve('silent'), timeoutMs);
  try {
    return await Promise.race([ask(socket), late]);
  } catch {
    return 'no-bus';
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function ask(socket: Socket): Promise<SecretServiceState> {
  const bus = new Bus(socket);
  await bus.signIn();
  const alias = await bus.call({
    destination: SERVICE,
    path: '/org/freedesktop/secrets',
    interface: 'org.freedesktop.Secret.Service',
    member: 'ReadAlias',
    args: ['default'],
  });
  if (alias.type === 'error') return 'no-service';
  const collection = typeof alias.value === 'string' && alias.value !== '/' ? alias.value : undefined;
  if (collection === undefined) return 'no-keyring';
  const locked = await bus.call({
    destination: SERVICE,
    path: collection,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    args: ['org.freedesktop.Secret.Collection', 'Locked'],
  });
  if (locked.type === 'error') return 'no-keyring';
  return locked.value === false ? 'open' : 'locked';
}

/** One connection to the bus. What fails, or is not the protocol, throws. */
class Bus {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  #serial = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async signIn(): Promise<void> {
    const user = Buffer.from(String(process.getuid?.() ?? '')).toString('hex');
    this.#socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    while (!this.#buffer.includes('\r\n')) await this.#more();
    if (!this.#buffer.toString('latin1').startsWith('OK ')) throw new Error('refused');
    this.#buffer = this.#buffer.subarray(this.#buffer.indexOf('\r\n') + 2);
    this.#socket.write('BEGIN\r\n');
    const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
    await this.call({ ...bus, member: 'Hello', args: [] });
  }

  async call(call: MethodCall): Promise<Reply> {
    const serial = ++this.#serial;
    this.#socket.write(encodeCall(call, serial));
    for (;;) {
      const reply = decodeReply(await this.#message());
      if (reply?.serial === serial) return reply;
    }
  }

  async #message(): Promise<Buffer> {
    for (;;) {
      const size = messageSize(this.#buffer);
      if (size !== undefined && this.#buffer.length >= size) {
        const message = this.#buffer.subarray(0, size);
        this.#buffer = this.#buffer.subarray(size);
        return message;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new Error('closed');
    this.#buffer = Buffer.concat([this.#buffer, next.value]);
  }
}
