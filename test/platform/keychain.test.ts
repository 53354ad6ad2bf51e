import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { busAddresses, secretServiceState } from '../../src/platform/keychain-dbus.ts';
import { decodeReply, encodeCall, messageSize } from '../../src/platform/keychain-dbus-wire.ts';
import { isOpen, missingPrograms, runOn, startSession, until, type Session } from './keychain-session.ts';

vi.setConfig({ testTimeout: 30_000 });

const canary = (): string => `canary-${randomBytes(8).toString('hex')} ü€\nline`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const sessions: Session[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const session of sessions.splice(0).reverse()) session.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function session(options: Parameters<typeof startSession>[0] = {}): Promise<Session> {
  const started = await startSession(options);
  sessions.push(started);
  return started;
}

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'kc-'));
  folders.push(made);
  return made;
}

describe.skipIf(missingPrograms !== undefined)(`the keychain on a real session bus (needs ${missingPrograms ?? 'nothing more'})`, () => {
  it('keeps text with Unicode and line ends, tells absent from present, deletes', async () => {
    const open = await session({ unlock: 'right' });
    await until(() => isOpen(open));
    const value = canary();
    const { results, code } = await runOn(
      open.env,
      ['probe'],
      ['get', 'app', 'db'],
      ['set', 'app', 'db', base64(value)],
      ['get', 'app', 'db'],
      ['delete', 'app', 'db'],
      ['delete', 'app', 'db'],
      ['get', 'app', 'db'],
    );
    expect(results).toEqual([
      { state: 'open' },
      { state: 'absent' },
      {},
      { state: 'present', base64: base64(value) },
      { deleted: true },
      { deleted: false },
      { state: 'absent' },
    ]);
    expect(code).toBe(3);
  });

  it('refuses what keytar would change or cut off, and does not quote it', async () => {
    const open = await session({ unlock: 'right' });
    await until(() => isOpen(open));
    const bytes = Buffer.concat([Buffer.from('canary'), Buffer.from([0xff, 0xfe])]);
    const { results } = await runOn(
      open.env,
      ['set', 'app', 'db', bytes.toString('base64')],
      ['set', 'app', 'db', base64('canary\0tail')],
      ['set', 'app', 'db', ''],
      ['get', 'app', 'db'],
    );
    expect(results.slice(0, 3)).toEqual(Array(3).fill(expect.objectContaining({ fault: 'unsupported', code: 'VALUE_INVALID' })));
    expect(results[3]).toEqual({ state: 'absent' });
    expect(JSON.stringify(results)).not.toContain('canary');
  });

  it('says no keyring, not absent, before the first keyring is made', async () => {
    const empty = await session();
    const { results } = await runOn(empty.env, ['probe'], ['get', 'app', 'db'], ['set', 'app', 'db', base64('x')], ['delete', 'app', 'db']);
    expect(results[0]).toMatchObject({ state: 'no-keyring', hint: expect.stringContaining('gnome-keyring-daemon') as string });
    expect(results.slice(1)).toEqual(Array(3).fill(expect.objectContaining({ fault: 'locked', message: results[0]?.message })));
  });

  it.each([
    ['locked', undefined],
    ['unlocked with a wrong password', 'wrong'],
  ])('says locked, not absent, for an item of a keyring that is %s', async (_, unlock) => {
    const dataDir = folder();
    const value = canary();
    const first = await session({ unlock: 'right', dataDir });
    await until(() => isOpen(first));
    await runOn(first.env, ['set', 'app', 'db', base64(value)]);
    first.close();
    const later = await session({ dataDir, ...(unlock === undefined ? {} : { unlock }) });
    const { results } = await runOn(later.env, ['probe'], ['get', 'app', 'db'], ['set', 'app', 'db', base64('x')], ['delete', 'app', 'db']);
    expect(results[0]).toMatchObject({ state: 'locked' });
    expect(results.slice(1)).toEqual(Array(3).fill(expect.objectContaining({ fault: 'locked', code: 'STORE_LOCKED' })));
    later.close();
    const again = await session({ unlock: 'right', dataDir });
    await until(() => isOpen(again));
    expect((await runOn(again.env, ['get', 'app', 'db'])).results).toEqual([{ state: 'present', base64: base64(value) }]);
  });

  it('says no service on a bus without one', async () => {
    const bus = await session();
    // Without the system's data folders the bus knows no program that it could start for the name.
    const lonely = await startSessionWithoutServices(bus);
    expect(await secretServiceState(lonely, 2_000)).toBe('no-service');
  });
});

async function startSessionWithoutServices(near: Session): Promise<Record<string, string>> {
  const home = near.env.HOME ?? '';
  const config = path.join(home, 'lonely.conf');
  const socket = path.join(home, 'lonely');
  writeFileSync(
    config,
    `<busconfig><type>session</type><listen>unix:path=${socket}</listen><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>`,
  );
  const bus = spawn('dbus-daemon', ['--nofork', '--nopidfile', '--nosyslog', `--config-file=${config}`], { stdio: 'ignore' });
  sessions.push({ ...near, close: () => void bus.kill('SIGKILL') });
  await until(() => existsSync(socket));
  return { DBUS_SESSION_BUS_ADDRESS: `unix:path=${socket}` };
}

describe.skipIf(process.platform !== 'linux')('a bus that is not there or does not behave', () => {
  it('is no service, at once, without a bus', async () => {
    const { results } = await runOn({ XDG_RUNTIME_DIR: folder() }, ['probe'], ['get', 'app', 'db']);
    expect(results[0]).toMatchObject({ state: 'no-service', message: expect.stringContaining('session bus') as string });
    expect(results[1]).toMatchObject({ fault: 'unavailable', code: 'PROVIDER_UNAVAILABLE' });
    expect(await secretServiceState({}, 2_000)).toBe('no-bus');
  });

  it('is silent when it takes the connection and never answers, within the time limit', async () => {
    const address = await fakeBus(() => undefined);
    const started = performance.now();
    expect(await secretServiceState({ DBUS_SESSION_BUS_ADDRESS: address }, 200)).toBe('silent');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it.each(['REJECTED EXTERNAL\r\n', `OK x\r\n${'\xff'.repeat(64)}`])('is no bus when it answers %j', async (answer) => {
    const address = await fakeBus((socket) => socket.write(answer, 'latin1'));
    expect(await secretServiceState({ DBUS_SESSION_BUS_ADDRESS: address }, 1_000)).toBe('no-bus');
  });

  it('stops waiting when keytar hangs, and the process can end with its own status', async () => {
    // Answers our own questions like an open keyring, and nothing that libsecret asks.
    const address = await fakeBus(likeAnOpenKeyring);
    const { results, code } = await runOn({ DBUS_SESSION_BUS_ADDRESS: address, CALL_MS: '500' }, ['get', 'app', 'db']);
    expect(results).toEqual([expect.objectContaining({ fault: 'unavailable' })]);
    expect(code).toBe(3);
  });
});

async function fakeBus(onData: (socket: Socket, data: Buffer) => void): Promise<string> {
  const socketPath = path.join(folder(), 'bus');
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('data', (data) => onData(socket, data));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  sessions.push({
    env: {},
    dataDir: '',
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  });
  return `unix:path=${socketPath}`;
}

function likeAnOpenKeyring(socket: Socket, data: Buffer): void {
  const text = data.toString('latin1');
  if (text.includes('AUTH EXTERNAL')) socket.write('OK 0123\r\n');
  const names = ['Hello', 'ReadAlias', 'Locked'];
  const asked = names.findIndex((name) => text.includes(name));
  if (asked === 0) socket.write(answer(1, 's', ':1.1'));
  if (asked === 1) socket.write(answer(2, 'o', '/org/freedesktop/secrets/collection/login'));
  if (asked === 2) socket.write(answer(3, 'v', false));
}

/** A method return, hand-made: fields replySerial and signature. */
function answer(serial: number, signature: string, value: string | boolean): Buffer {
  const uint32 = (number: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    return bytes;
  };
  const body =
    typeof value === 'string'
      ? Buffer.concat([uint32(value.length), Buffer.from(`${value}\0`)])
      : Buffer.concat([Buffer.from([1, 'b'.charCodeAt(0), 0, 0]), uint32(value ? 1 : 0)]);
  const fields = Buffer.concat([
    Buffer.from([5, 1, 'u'.charCodeAt(0), 0]),
    uint32(serial),
    Buffer.from([8, 1, 'g'.charCodeAt(0), 0, 1, signature.charCodeAt(0), 0]),
  ]);
  const head = Buffer.concat([
    Buffer.from(['l'.charCodeAt(0), 2, 0, 1]),
    uint32(body.length),
    uint32(9),
    uint32(fields.length),
    fields,
    Buffer.alloc((8 - (fields.length % 8)) % 8),
  ]);
  return Buffer.concat([head, body]);
}

describe('addresses of the session bus', () => {
  it.each([
    [{ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/7/bus,guid=ab12' }, ['/run/user/7/bus']],
    [{ DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=/tmp/dbus-x,guid=1;unix:path=/tmp/a%20b' }, ['\0/tmp/dbus-x', '/tmp/a b']],
    [{ DBUS_SESSION_BUS_ADDRESS: 'tcp:host=localhost,port=1;autolaunch:' }, []],
    [{ DBUS_SESSION_BUS_ADDRESS: 'unix:runtime=yes', XDG_RUNTIME_DIR: '/run/user/7' }, ['/run/user/7/bus']],
    [{ DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '/run/user/7' }, ['/run/user/7/bus']],
    [{ XDG_RUNTIME_DIR: '' }, []],
  ])('of %j are %j', (env, expected) => {
    expect(busAddresses(env)).toEqual(expected);
  });
});

describe('D-Bus messages', () => {
  it('are padded as the protocol says, whatever the lengths', () => {
    const word = fc.stringMatching(/^[a-zA-Z./]{1,40}$/);
    fc.assert(
      fc.property(word, word, fc.array(fc.string({ maxLength: 30 }), { maxLength: 3 }), (path, member, args) => {
        const message = encodeCall({ destination: 'a.b', path, interface: 'c.d', member, args }, 7);
        expect(messageSize(Buffer.concat([message, Buffer.from('rest of the next one')]))).toBe(message.length);
        expect((message.length - message.readUInt32LE(4)) % 8).toBe(0);
        expect(decodeReply(message)).toBeUndefined();
      }),
    );
  });

  it('that are damaged end in a RangeError or a wrong answer, never in a hang or another error', () => {
    const good = answer(2, 'o', '/org/freedesktop/secrets/collection/login');
    expect(decodeReply(good)).toMatchObject({ type: 'return', serial: 2, value: '/org/freedesktop/secrets/collection/login' });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bad = Buffer.from(good);
        bad[at] = byte;
        let caught: unknown;
        try {
          decodeReply(bad);
        } catch (error) {
          caught = error;
        }
        expect(caught === undefined || caught instanceof RangeError).toBe(true);
      }),
    );
  });
});
