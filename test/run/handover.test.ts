import { spawn } from 'node:child_process';
import { existsSync, fstatSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { stdioFor } from '../../src/platform/descriptors.ts';
import { deliveryProblem, Handover, type FileSecret, type System } from '../../src/run/handover.ts';

const LINUX: System = { platform: 'linux', roots: ['/dev/shm'] };
const BYTES = Buffer.from([0, 255, 10, 13, 0x80, 0]);

const secretsFor = (handover: Handover, ...secrets: readonly (readonly [string, FileSecret['as'], Buffer])[]): readonly FileSecret[] =>
  secrets.map(([name, as, bytes]) => ({ name, as, path: handover.pathOf({ name, as }), value: SecretValue.fromBytes(bytes) }));

describe('deliveryProblem', () => {
  it('follows what each system can do', () => {
    const works = (as: FileSecret['as'], system: System): boolean => deliveryProblem(as, system) === undefined;
    expect(works('file', { platform: 'darwin', roots: [] })).toBe(false);
    expect(works('fd', { platform: 'darwin', roots: [] })).toBe(true);
    for (const as of ['file', 'fd'] as const) {
      expect(works(as, { platform: 'win32', roots: [] })).toBe(false);
      expect(works(as, { platform: 'linux', roots: ['/proc'] })).toBe(false);
      expect(deliveryProblem(as, { platform: 'linux', roots: ['/proc'] })).toMatchObject({ code: 'CAPABILITY_UNSUPPORTED' });
    }
  });
});

describe('paths', () => {
  it('are fixed before anything is made, with numbers that nobody else has', () => {
    const handover = new Handover([21, 3], LINUX);
    expect(['A', 'B', 'A', 'C'].map((name) => handover.pathOf({ name, as: 'fd' }))).toEqual([
      '/dev/fd/20',
      '/dev/fd/22',
      '/dev/fd/20',
      '/dev/fd/23',
    ]);
    expect(handover.folder).toBeUndefined();
  });
});

describe.runIf(process.platform === 'linux')('make', () => {
  it('writes exact bytes where only this user can read them, and removes them', () => {
    const handover = new Handover([], LINUX);
    const file = handover.pathOf({ name: 'KEY', as: 'file' });
    expect(existsSync(dirname(file))).toBe(false);
    handover.make(secretsFor(handover, ['KEY', 'file', BYTES], ['OTHER', 'file', Buffer.alloc(0)]));
    expect(readFileSync(file)).toEqual(BYTES);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    expect(handover.folder).toBe(dirname(file));
    handover.remove();
    expect(existsSync(dirname(file))).toBe(false);
    handover.remove();
  });

  it('opens files without a name for descriptors, to be read only', () => {
    const handover = new Handover([], LINUX);
    const before = readdirSync('/dev/shm').filter((name) => name.startsWith(`secrets-run-${process.pid}-`));
    handover.make(secretsFor(handover, ['KEY', 'fd', BYTES]));
    const fd = handover.descriptors.get(20);
    expect(fd).toBeTypeOf('number');
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(`secrets-run-${process.pid}-`))).toEqual(before);
    expect(fstatSync(Number(fd))).toMatchObject({ nlink: 0, size: BYTES.length });
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^pos:\t0\nflags:\t0\d*0$/m);
    // Read twice, each from the start.
    for (const _ of [1, 2]) expect(readFileSync(`/dev/fd/${fd}`)).toEqual(BYTES);
  });

  it('leaves nothing behind when it fails', () => {
    const handover = new Handover([], LINUX);
    const [first, second] = secretsFor(handover, ['KEY', 'file', BYTES], ['NEXT', 'file', BYTES]);
    if (first === undefined || second === undefined) throw new Error('two were asked for');
    const inNoFolder = { ...second, path: join(dirname(second.path), 'none', 'NEXT') };
    const failing = (): void => handover.make([first, inNoFolder]);
    expect(failing).toThrow(SecretsError);
    expect(existsSync(dirname(first.path))).toBe(false);
  });

  it('takes no folder that is there already', () => {
    const handover = new Handover([], LINUX);
    const secrets = secretsFor(handover, ['KEY', 'file', BYTES]);
    const folder = dirname(secrets[0]?.path ?? '');
    mkdirSync(folder);
    expect(() => handover.make(secrets)).toThrow(SecretsError);
    expect(readdirSync(folder)).toEqual([]);
    handover.remove();
    expect(existsSync(folder)).toBe(true);
  });
});

describe.runIf(process.platform !== 'win32')('where files always have a name', () => {
  it('writes to the child through a pipe, whole', async () => {
    const handover = new Handover([], { platform: 'darwin', roots: [] });
    const bytes = Buffer.concat([BYTES, Buffer.alloc(300_000, 7)]);
    handover.make(secretsFor(handover, ['KEY', 'fd', bytes]));
    const script = `
      import { createReadStream } from 'node:fs';
      let size = 0;
      for await (const chunk of createReadStream('', { fd: 20 })) size += chunk.length;
      process.stdout.write(String(size));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: stdioFor([], ['ignore', 'pipe', 'inherit'], handover.descriptors),
    });
    handover.started(child);
    let shown = '';
    child.stdout?.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    expect(shown).toBe(String(bytes.length));
  });
});
