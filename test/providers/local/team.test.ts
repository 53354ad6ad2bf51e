import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity } from '../../../src/providers/local/age.ts';
import { recipientOf } from '../../../src/providers/local/age-read.ts';
import { ownRecipient } from '../../../src/providers/local/custody.ts';
import { reencrypt } from '../../../src/providers/local/reencrypt.ts';
import type { TestHost, TestHostOverrides } from '../../support/host.ts';
import { canary, faultOf, get, hasAge, home, hostWith, indexOf, open, op, put, ref, runGit, strays, useTempHome } from './harness.ts';

useTempHome();

/** A person: a home folder of their own, whose own store holds their key. */
interface Person {
  readonly recipient: string;
  host(overrides?: TestHostOverrides): TestHost;
}

async function person(name: string): Promise<Person> {
  const dir = path.join(home.dir, name);
  const host = (overrides: TestHostOverrides = {}): TestHost =>
    hostWith({ folders: { config: path.join(dir, 'config'), data: path.join(dir, 'data'), state: undefined }, ...overrides });
  return { host, recipient: (await ownRecipient(team(), host(), { create: true })) ?? '' };
}

/** Options of a team store in the repository. */
const team = (...people: readonly Person[]) => ({ path: './.secrets.d', recipients: people.map(({ recipient }) => recipient) });
const folder = (): string => path.join(home.dir, '.secrets.d');

let [ana, ben, eve]: Person[] = [];
beforeEach(async () => {
  [ana, ben, eve] = [await person('ana'), await person('ben'), await person('eve')];
});
const people = (): readonly [Person, Person, Person] => {
  if (ana === undefined || ben === undefined || eve === undefined) throw new Error('not made');
  return [ana, ben, eve];
};

describe('a team store', () => {
  it('is written without a key and read by each recipient with their own, and by nobody else', async () => {
    const [first, second, third] = people();
    const options = team(first, second);
    const value = canary();
    const keyless = hostWith({ folders: { config: undefined, data: undefined, state: undefined } });
    await put(await open(keyless, options), 'a', value);
    expect(await get(await open(first.host(), options), 'a')).toBe(value);
    expect(await get(await open(second.host(), options), 'a')).toBe(value);
    expect(await faultOf(get(await open(third.host(), options), 'a'))).toMatchObject({ kind: 'denied', code: 'DENIED' });
    expect(await faultOf(get(await open(keyless, options), 'a'))).toMatchObject({
      code: 'STORE_LOCKED',
      detail: { hint: expect.stringContaining('whoami') as string },
    });
    expect(indexOf(folder())).toMatchObject({ recipients: [first.recipient, second.recipient].sort() });
    expect(indexOf(folder()).custody).toBeUndefined();
  });

  it('is read with SECRETS_IDENTITY_FILE on a machine that has no store', async () => {
    const machine = await generateIdentity();
    const recipient = recipientOf(machine) ?? '';
    const options = { path: './.secrets.d', recipients: [recipient] };
    const file = path.join(home.dir, 'machine.txt');
    writeFileSync(file, `${machine.reveal().toString()}\n`, { mode: 0o600 });
    const host = hostWith({ env: { SECRETS_IDENTITY_FILE: file }, folders: { config: undefined, data: undefined, state: undefined } });
    await put(await open(host, options), 'a', 'canary');
    expect(await get(await open(host, options), 'a')).toBe('canary');
    expect(await ownRecipient(options, host, { create: false })).toBe(recipient);
    rmSync(file);
    expect((await faultOf(get(await open(host, options), 'a'))).code).toBe('STORE_LOCKED');
  });

  it.runIf(process.platform !== 'win32')('may have the modes of a checkout, and still no links', async () => {
    const [first] = people();
    await put(await open(first.host(), team(first)), 'a', 'canary');
    execFileSync('chmod', ['-R', 'a+rX,g+w', folder()]);
    expect(await get(await open(first.host(), team(first)), 'a')).toBe('canary');
    execFileSync('mv', [folder(), path.join(home.dir, 'moved')]);
    execFileSync('ln', ['-s', 'moved', folder()]);
    expect((await faultOf(get(await open(first.host(), team(first)), 'a'))).kind).toBe('denied');
  });

  it('and a personal store are not mixed up', async () => {
    const [first] = people();
    await put(await open(first.host(), { path: './mine' }), 'a', 'canary');
    expect(await faultOf(get(await open(first.host(), { ...team(first), path: './mine' }), 'a'))).toMatchObject({ kind: 'options' });
    await put(await open(first.host(), team(first)), 'a', 'canary');
    expect(await faultOf(get(await open(first.host(), { path: './.secrets.d' }), 'a'))).toMatchObject({ kind: 'options' });
  });

  it('refuses a recipient with a typing mistake before anything is written', async () => {
    const [first] = people();
    const wrong = first.recipient.slice(0, -1) + (first.recipient.endsWith('q') ? 'p' : 'q');
    expect(await faultOf(put(await open(first.host(), { path: './.secrets.d', recipients: [wrong] }), 'a', 'x'))).toMatchObject({
      kind: 'options',
    });
    expect(existsSync(folder())).toBe(false);
  });

  it.skipIf(!hasAge)('opens with the age tool for every recipient (skipped where it is not installed)', async () => {
    const [first, second] = people();
    await put(await open(first.host(), team(first, second)), 'a', 'canary');
    const file = path.join(folder(), indexOf(folder()).versions[0]?.file ?? '');
    for (const { host, recipient } of [first, second]) {
      const identity = path.join(host().folders.config ?? '', 'identities', `${recipient}.txt`);
      expect(execFileSync('age', ['-d', '-i', identity, file], { encoding: 'utf8' })).toContain('canary');
    }
  });
});

describe('recipients that change', () => {
  it('new versions go to the new list at once; the old ones after re-encryption; who left keeps nothing new', async () => {
    const [first, second, third] = people();
    const value = canary();
    await put(await open(first.host(), team(first, second)), 'a', value);
    const after = team(first, third);
    const host = first.host();
    await put(await open(host, after), 'b', 'canary-b');
    expect(host.notices).toEqual([expect.stringContaining('reencrypt')]);
    expect((await faultOf(get(await open(second.host(), after), 'b'))).kind).toBe('denied');
    expect((await faultOf(get(await open(third.host(), after), 'a'))).kind).toBe('denied');
    expect((await (await open(first.host(), after)).doctor(op)).checks).toContainEqual(
      expect.objectContaining({ status: 'warn', message: expect.stringContaining('adds 1 recipient and drops 1') as string }),
    );

    expect(await faultOf(reencrypt(after, third.host()))).toMatchObject({ kind: 'denied' });
    const lines = indexOf(folder()).versions;
    expect(await reencrypt(after, first.host())).toEqual({ versions: 2, added: [third.recipient], removed: [second.recipient] });
    expect(indexOf(folder())).toEqual({ versions: lines, recipients: [...after.recipients].sort() });
    expect(await get(await open(third.host(), after), 'a')).toBe(value);
    expect((await faultOf(get(await open(second.host(), after), 'a'))).kind).toBe('denied');
    expect(strays(folder())).toEqual([]);
    expect((await (await open(third.host(), after)).doctor(op)).checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  });

  it('re-encryption changes nothing if one version cannot be read', async () => {
    const [first, second] = people();
    await put(await open(first.host(), team(first)), 'a', 'x');
    await put(await open(first.host(), team(second)), 'b', 'y');
    const before = readFileSync(path.join(folder(), 'index.json'), 'utf8');
    expect((await faultOf(reencrypt(team(first, second), first.host()))).kind).toBe('denied');
    expect(readFileSync(path.join(folder(), 'index.json'), 'utf8')).toBe(before);
    expect((await faultOf(get(await open(second.host(), team(second)), 'a'))).kind).toBe('denied');
  });

  it('is for team stores only', async () => {
    const [first] = people();
    expect((await faultOf(reencrypt({}, first.host()))).kind).toBe('unsupported');
    expect((await faultOf(reencrypt(team(first), first.host()))).kind).toBe('not-found');
  });
});

describe('a team store in git', () => {
  /** Two clones with one commit each on top of `first`, merged into the first of them. */
  async function merged(
    ours: readonly (readonly [string, string])[],
    theirs: readonly (readonly [string, string])[],
    remove?: string,
  ): Promise<string> {
    const [first] = people();
    const repo = path.join(home.dir, 'repo');
    const clone = path.join(home.dir, 'clone');
    const session = async (dir: string) => open(first.host({ baseDir: dir }), team(first));
    mkdirSync(repo);
    runGit(repo, 'init', '-q', '-b', 'main');
    for (const name of ['a', 'm', 'z']) await put(await session(repo), name, `first ${name}`);
    runGit(repo, 'add', '.');
    runGit(repo, 'commit', '-qm', 'first');
    cpSync(repo, clone, { recursive: true });
    for (const [dir, puts] of [
      [repo, ours],
      [clone, theirs],
    ] as const) {
      for (const [name, value] of puts) await put(await session(dir), name, value);
      if (dir === clone && remove !== undefined) await (await session(dir)).remove?.(ref(remove), op);
      runGit(dir, 'add', '.');
      runGit(dir, 'commit', '-qm', 'more');
    }
    runGit(repo, 'fetch', '-q', clone, 'main');
    runGit(repo, 'merge', '-q', '--no-edit', 'FETCH_HEAD');
    expect(runGit(repo, 'status', '--porcelain')).toBe('');
    return repo;
  }

  const read = async (repo: string, name: string): Promise<string> => {
    const [first] = people();
    return get(await open(first.host({ baseDir: repo }), team(first)), name);
  };

  it('merges new names, neighbours included, and removals', async () => {
    const repo = await merged(
      [
        ['n', 'ours n'],
        ['b', 'ours b'],
      ],
      [
        ['o', 'theirs o'],
        ['c', 'theirs c'],
        ['z', 'theirs z'],
      ],
      'm',
    );
    const values = await Promise.all(['a', 'n', 'b', 'o', 'c', 'z'].map((name) => read(repo, name)));
    expect(values).toEqual(['first a', 'ours n', 'ours b', 'theirs o', 'theirs c', 'theirs z']);
    // The union has brought the line back.
    expect(readFileSync(path.join(repo, '.secrets.d', 'index.json'), 'utf8')).toContain('"name":"m"');
    expect((await faultOf(read(repo, 'm'))).kind).toBe('not-found');
    const [first] = people();
    const session = await open(first.host({ baseDir: repo }), team(first));
    expect((await session.list?.('', op))?.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'n', 'o', 'z']);
    expect((await session.doctor(op)).checks.every(({ status }) => status === 'ok')).toBe(true);
    expect(await put(session, 'm', 'made again')).toBe('1');
    expect(strays(path.join(repo, '.secrets.d'))).toEqual([]);
  });

  it('takes a newest version whose file is gone for damage, not for the older value', async () => {
    const [first] = people();
    const session = await open(first.host(), team(first));
    await put(session, 'a', 'old');
    await put(session, 'a', 'newer');
    await put(session, 'a', 'new');
    rmSync(path.join(folder(), indexOf(folder()).versions[0]?.file ?? ''));
    expect(await get(session, 'a')).toBe('new');
    expect((await session.versions?.(ref('a'), op))?.map(({ version }) => version)).toEqual(['3', '2']);
    rmSync(path.join(folder(), indexOf(folder()).versions.at(-1)?.file ?? ''));
    expect((await faultOf(get(session, 'a'))).code).toBe('STORE_CORRUPT');
    expect((await session.doctor(op)).checks[0]).toMatchObject({ status: 'fail' });
  });

  it('asks for a decision where both wrote the same name, until it is set again', async () => {
    const repo = await merged([['a', 'ours']], [['a', 'theirs']]);
    const fault = await faultOf(read(repo, 'a'));
    expect(fault).toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('two branches') as string,
      detail: { hint: expect.stringContaining('secrets set a') as string },
    });
    expect(await read(repo, 'a?version=1')).toBe('first a');
    const [first] = people();
    const session = await open(first.host({ baseDir: repo }), team(first));
    expect((await session.doctor(op)).checks).toContainEqual(expect.objectContaining({ status: 'fail', message: fault.message }));
    expect((await session.versions?.(ref('a'), op))?.map(({ version, current }) => `${version} ${current}`)).toEqual([
      '2 false',
      '2 false',
      '1 false',
    ]);
    expect(await put(session, 'a', 'decided')).toBe('3');
    expect(await read(repo, 'a')).toBe('decided');
  });
});
