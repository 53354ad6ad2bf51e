import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/core/fault.ts';
import local from '../../../src/providers/local/index.ts';
import { ownIdentityFile } from '../../../src/providers/local/holders.ts';
import { bytesOf, canary, faultOf, get, hasAge, home, hostWith, indexOf, op, open, put, ref, useTempHome } from './harness.ts';

useTempHome();

describe('the local store', () => {
  it('keeps every kind of value byte for byte, and tells empty from absent', async () => {
    const session = await open();
    const values: Record<string, Uint8Array> = {
      empty: Buffer.alloc(0),
      lines: Buffer.from('-----BEGIN X-----\r\na\nb\n-----END X-----\n'),
      unicode: Buffer.from('ü€𝄞\u2028"\\\u0000'),
      big: randomBytes(65_536),
      largest: Buffer.alloc(1_048_576, 1),
      binary: Buffer.from([0xff, 0xfe, 0x00, 0x80]),
    };
    for (const [name, value] of Object.entries(values)) expect(await put(session, name, value)).toBe('1');
    const fresh = await open();
    for (const [name, value] of Object.entries(values)) expect((await bytesOf(fresh, name)).equals(value)).toBe(true);
    expect(await faultOf(get(fresh, 'none'))).toMatchObject({
      kind: 'not-found',
      code: 'REF_NOT_FOUND',
      message: expect.stringContaining('no secret none') as string,
    });
  });

  it('refuses more than 1 MiB, and says no length', async () => {
    const fault = await faultOf(put(await open(), 'big', Buffer.alloc(1_048_577)));
    expect(fault.code).toBe('VALUE_INVALID');
    expect(fault.message).not.toMatch(/1048577|1,048,577/);
  });

  it('writes nothing that shows a value, or its exact size', async () => {
    const session = await open();
    const value = canary();
    await put(session, 'db/password', value);
    await put(session, 'other', 'x');
    const sizes = indexOf().versions.map(({ file }) => statSync(path.join(home.store, file)).size);
    expect(new Set(sizes).size).toBe(1);
    for (const name of readdirSync(home.dir, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(home.dir, name);
      if (!statSync(file).isFile()) continue;
      for (const form of [value, Buffer.from(value).toString('base64').replaceAll('=', ''), Buffer.from(value).toString('hex')])
        expect(readFileSync(file, 'latin1')).not.toContain(form);
    }
  });

  it.skipIf(process.platform === 'win32')('is for its user alone', async () => {
    await put(await open(), 'a', 'x');
    const modes = [home.store, ...readdirSync(home.store).map((name) => path.join(home.store, name))].map(
      (file) => statSync(file).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });

  it('numbers versions, reads a pinned one, and lists them newest first', async () => {
    const session = await open();
    const values = [canary(), canary(), canary()];
    for (const value of values) await put(session, 'a', value);
    expect(await get(session, 'a')).toBe(values[2]);
    expect(await get(session, 'a?version=1')).toBe(values[0]);
    expect(await faultOf(get(session, 'a?version=9'))).toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining('version 9') as string,
    });
    expect(await session.versions?.(ref('a'), op)).toMatchObject([
      { version: '3', current: true, state: 'enabled' },
      { version: '2', current: false },
      { version: '1', current: false },
    ]);
    expect(await faultOf(session.versions?.(ref('none'), op) ?? Promise.resolve())).toMatchObject({ kind: 'not-found' });
  });

  it('writes only on the expected version', async () => {
    const session = await open();
    expect(await put(session, 'a', 'one', 'absent')).toBe('1');
    expect(await faultOf(put(session, 'a', 'two', 'absent'))).toMatchObject({ kind: 'conflict', code: 'CONFLICT' });
    expect(await put(session, 'a', 'two', '1')).toBe('2');
    expect(await faultOf(put(session, 'a', 'three', '1'))).toMatchObject({ kind: 'conflict' });
    expect(await faultOf(put(session, 'b', 'x', '1'))).toMatchObject({ kind: 'conflict' });
    expect(await get(session, 'a')).toBe('two');
    expect(indexOf().versions).toHaveLength(2);
  });

  it('removes a secret and its files without a trace, and only that one', async () => {
    const session = await open();
    await put(session, 'a', 'one');
    await put(session, 'a', 'two');
    await put(session, 'ab', 'kept');
    await session.remove?.(ref('a'), op);
    expect(readdirSync(home.store).filter((name) => name.startsWith('a-'))).toEqual([]);
    expect(JSON.stringify(indexOf())).not.toContain('"a"');
    expect(await get(session, 'ab')).toBe('kept');
    expect(await faultOf(get(session, 'a'))).toMatchObject({ kind: 'not-found' });
    expect(await faultOf(session.remove?.(ref('a'), op) ?? Promise.resolve())).toMatchObject({ kind: 'not-found' });
    expect(await faultOf(session.remove?.(ref('ab?version=1'), op) ?? Promise.resolve())).toMatchObject({ kind: 'unsupported' });
  });

  it('writes and removes one field of a JSON value, keeps its neighbours, and dates each field', async () => {
    const session = await open();
    await put(session, 'db#user', 'ana');
    await put(session, 'db#password', canary());
    await put(session, 'db#/password', 'new');
    expect(JSON.parse(await get(session, 'db'))).toEqual({ user: 'ana', password: 'new' });
    const [described] = (await session.describe?.([ref('db#password')], op)) ?? [];
    expect(described).toMatchObject({
      ok: true,
      value: { presence: 'unknown', version: '3', rotatedAt: { user: new Date('2026-01-02T03:04:05Z') } },
    });
    await session.remove?.(ref('db#user'), op);
    expect(JSON.parse(await get(session, 'db'))).toEqual({ password: 'new' });
    await put(session, 'db', 'no longer JSON');
    expect(indexOf().versions.at(-1)?.rotated).toBeUndefined();
    expect(await faultOf(put(session, 'db#user', 'x'))).toMatchObject({ kind: 'no-field', code: 'VALUE_INVALID' });
  });

  it('describes and lists without the key', async () => {
    const now = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
    await put(await open(hostWith({ now: () => now[0] ?? new Date() })), 'a/b', 'x');
    await put(await open(hostWith({ now: () => now[1] ?? new Date() })), 'a/b', 'y');
    await put(await open(), 'c', 'z');
    const keyless = await open(hostWith({ folders: { config: undefined, data: path.join(home.dir, 'data'), state: undefined } }));
    expect(await keyless.describe?.([ref('a/b'), ref('none'), ref('a/b?version=1'), ref('a/b?version=7')], op)).toEqual([
      { ok: true, value: { presence: 'present', version: '2', createdAt: now[0], updatedAt: now[1], versionCount: 2 } },
      { ok: true, value: { presence: 'absent' } },
      { ok: true, value: { presence: 'present', version: '1', createdAt: now[0], updatedAt: now[0], versionCount: 2 } },
      { ok: true, value: { presence: 'absent' } },
    ]);
    expect((await keyless.list?.('', op))?.map(({ key }) => key)).toEqual(['a/b', 'c']);
    expect(await keyless.list?.('a/', op)).toMatchObject([{ key: 'a/b', version: '2', createdAt: now[0], updatedAt: now[1] }]);
    expect(await put(keyless, 'c', 'set without the key')).toBe('2');
    expect(await faultOf(get(keyless, 'c'))).toMatchObject({ code: 'STORE_LOCKED' });
  });

  it('keeps names apart that differ only in case, and projects apart', async () => {
    const session = await open();
    await put(session, 'KEY', 'upper');
    await put(session, 'key', 'lower');
    const other = await open(hostWith({ project: 'web' }));
    expect(await faultOf(get(other, 'key'))).toMatchObject({ kind: 'not-found', message: expect.stringContaining('web') as string });
    await put(other, 'key', 'of web');
    expect([await get(session, 'KEY'), await get(session, 'key'), await get(other, 'key')]).toEqual(['upper', 'lower', 'of web']);
    const files = readdirSync(home.store).map((name) => name.toLowerCase());
    expect(new Set(files).size).toBe(files.length);
    expect(await other.list?.('', op)).toHaveLength(1);
  });

  it('reports a batch in its order, each failure for itself', async () => {
    const session = await open();
    await put(session, 'a', 'one');
    await put(session, 'b', 'two');
    const outcomes = await session.resolve([ref('b'), ref('none'), ref('a')], op);
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value.bytes.reveal().toString() : outcome.fault.kind))).toEqual([
      'two',
      'not-found',
      'one',
    ]);
    expect(outcomes[0]).toMatchObject({ value: { version: '1', createdAt: expect.any(Date) as Date } });
  });

  it.skipIf(!hasAge)('opens with the age tool (skipped where it is not installed)', async () => {
    const session = await open();
    const value = canary();
    await put(session, 'db/password', value);
    const [{ file } = { file: '' }] = indexOf().versions;
    const identity = ownIdentityFile(hostWith(), indexOf().recipients[0] ?? '') ?? '';
    const plain = execFileSync('age', ['-d', '-i', identity, path.join(home.store, file)], { encoding: 'utf8' });
    expect(JSON.parse(plain)).toEqual({ project: 'api', name: 'db/password', version: 1, utf8: value });
    const keygen = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' });
    expect(keygen.trim()).toBe(indexOf().recipients[0]);
  });
});

describe('where there is no store', () => {
  it('reads say so, and listings are empty', async () => {
    const session = await open();
    expect(await faultOf(get(session, 'a'))).toMatchObject({ kind: 'not-found', message: `there is no store yet at ${home.store}` });
    expect(await session.describe?.([ref('a')], op)).toEqual([{ ok: true, value: { presence: 'absent' } }]);
    expect(await session.list?.('', op)).toEqual([]);
    expect(await faultOf(session.remove?.(ref('a'), op) ?? Promise.resolve())).toMatchObject({ kind: 'not-found' });
    expect(readdirSync(home.dir)).toEqual([]);
  });

  it('and can be none, reads say why and writes are STORE_CREATE_FAILED', async () => {
    const host = hostWith({ folders: { config: undefined, data: undefined, state: undefined } });
    const session = await open(host);
    const fault = await faultOf(get(session, 'a'));
    expect(fault.kind).toBe('not-found');
    expect(fault.message).toContain('SECRETS_STORE');
    expect(await session.describe?.([ref('a')], op)).toEqual([{ ok: true, value: { presence: 'absent' } }]);
    expect(await faultOf(put(session, 'a', 'x'))).toMatchObject({ code: 'STORE_CREATE_FAILED' });
    expect(await session.doctor(op)).toMatchObject({ checks: [{ status: 'fail' }] });
  });

  it('SECRETS_STORE says where it is made, and a path of the options wins over it', async () => {
    const env = { SECRETS_STORE: path.join(home.dir, 'elsewhere') };
    await put(await open(hostWith({ env })), 'a', 'x');
    expect(readdirSync(home.dir)).toContain('elsewhere');
    await put(await open(hostWith({ env }), { path: './mine' }), 'a', 'y');
    expect(indexOf(path.join(home.dir, 'mine')).versions).toHaveLength(1);
  });

  it('a manifest without a project is a mistake in the options', () => {
    for (const project of [undefined, '']) {
      expect(() => local.identity({}, hostWith({ project }))).toThrow(expect.objectContaining({ kind: 'options' }) as Error);
    }
  });
});

describe('local references', () => {
  it.each(['a', 'db/password', 'A.b_c-9', '_x', 'a?version=12', 'x'.repeat(200)])('take %s', (text) => {
    const parsed = ref(text);
    expect(local.formatRef?.(parsed)).toEqual({
      path: parsed.key,
      options: parsed.version === undefined ? {} : { version: parsed.version },
    });
  });

  it.each(['-a', '.hidden', 'a//b', '/a', 'a/', 'a b', 'ü', 'a?version=0', 'a?version=x', 'a?stage=b', 'a#/~2', 'x'.repeat(201)])(
    'refuse %s',
    (text) => {
      expect(() => ref(text)).toThrow(Fault);
    },
  );
});

describe('local options', () => {
  it.each([
    { path: '' },
    { recipients: ['age1x'], path: 'x' },
    { recipients: [], path: 'x' },
    { paht: 'x' },
    { recipients: [`age1${'q'.repeat(58)}`] },
  ])('refuse %j', async (options) => {
    expect(await local.options['~standard'].validate(options)).toHaveProperty('issues');
  });
});
