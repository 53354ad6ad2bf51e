/** Whatever is wrong with what it is given: a clear error with its place, the right code, nothing started, nothing lost. */
import { execFileSync } from 'node:child_process';
import { generateIdentity } from 'age-encryption';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import type { CliOptions } from './support/cli.ts';
import { project, type ChildEnvironment, type Project } from './support/project.ts';
import { vaultEntry, vaultServer } from './support/vault-server.ts';

interface Wrong {
  readonly code: string;
  /** Where it says the mistake is; undefined for none. */
  readonly at?: string;
  readonly words: string;
}

/** Fails unless the run said that, with a hint, and started nothing. */
function expectRefused({ code, stdout, stderr, env }: ChildEnvironment, wrong: Wrong): void {
  expect(stderr).toContain(`error[${wrong.code}]`);
  expect(stderr).toContain(wrong.words);
  if (wrong.at !== undefined) expect(stderr).toContain(`\n  at ${wrong.at}\n`);
  expect(stderr).toMatch(/\n {2}hint: ./);
  expect(stderr).toContain('nothing was ');
  expect([code, stdout, env]).toEqual([125, '', undefined]);
}

/** A manifest with a value in every place where somebody may have put one: no message may show it. */
const PASTED = canary();

const deep = (open: string, close: string): string => `version: 1\nsecrets: ${open.repeat(1_000)}${close.repeat(1_000)}\n`;
const bomb = `version: 1\nsecrets:\n  X0: &x0 { ref: "local://a", tags: [${'t, '.repeat(9)}t] }\n${[...Array(12).keys()]
  .map((n) => `  X${n + 1}: &x${n + 1} { ${[...Array(9).keys()].map((key) => `k${key}: *x${n}`).join(', ')} }\n`)
  .join('')}`;

const manifests: Readonly<Record<string, Wrong & { readonly text: string | Uint8Array; readonly exit: number }>> = {
  empty: { text: '', code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: 'is empty', exit: 65 },
  'nothing but a comment': { text: '# later\n', code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: 'is empty', exit: 65 },
  'not YAML': {
    text: `version: 1\nsecrets: { A: [${PASTED}\n`,
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:3:1',
    words: 'bracket',
    exit: 65,
  },
  'a list': { text: `- ${PASTED}\n`, code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: 'mapping', exit: 65 },
  'invalid UTF-8': {
    text: Buffer.from('version: 1\nproject: \xff\n', 'latin1'),
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:1:1',
    words: 'UTF-8',
    exit: 65,
  },
  'UTF-16': {
    text: Buffer.from('\ufeffversion: 1\n', 'utf16le'),
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:1:1',
    words: 'UTF-8',
    exit: 65,
  },
  'a NUL byte': {
    text: 'version: 1\nproject: a\0b\n',
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:11',
    words: 'control character',
    exit: 65,
  },
  '10 MB': { text: `# ${'x'.repeat(10_000_000)}\nversion: 1\n`, code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: '1 MiB', exit: 65 },
  'an alias bomb': { text: bomb, code: 'MANIFEST_INVALID', words: 'aliases add up', exit: 65 },
  '1,000 lists deep': { text: deep('[', ']'), code: 'MANIFEST_INVALID', at: '.secretsrc:2:75', words: 'nested too deeply', exit: 65 },
  '1,000 mappings deep': {
    text: deep('{a: ', '}'),
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:267',
    words: 'nested too deeply',
    exit: 65,
  },
  'a key twice': {
    text: `version: 1\nsecrets:\n  A: { value: "${PASTED}" }\n  A: { value: x }\n`,
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:4:3',
    words: 'the key A stands twice',
    exit: 65,
  },
  'an unknown key': {
    text: `version: 1\nsecretz: { A: "${PASTED}" }\n`,
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:1',
    words: 'did you mean secrets?',
    exit: 65,
  },
  'an unknown key of a secret': {
    text: `version: 1\nsecrets: { A: { ref: "env://A", ownr: "${PASTED}" } }\n`,
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:33',
    words: 'did you mean owner?',
    exit: 65,
  },
  'another version': { text: 'version: 2\n', code: 'MANIFEST_INVALID', at: '.secretsrc:1:10', words: 'version must be 1', exit: 65 },
  'wrong types': {
    text: `version: 1\nsecrets: ["${PASTED}"]\nmask: 3\n`,
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:10',
    words: '2 problems',
    exit: 65,
  },
  'a list for a value': {
    text: 'version: 1\nsecrets: { PORT: { value: [x] } }\n',
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:27',
    words: 'PORT',
    exit: 65,
  },
  'a pasted value for a reference': {
    text: `version: 1\nsecrets: { A: "${PASTED}" }\n`,
    code: 'REF_INVALID',
    at: '.secretsrc:2:15',
    words: 'A: this is no reference',
    exit: 65,
  },
  'an unknown provider': {
    text: 'version: 1\nsecrets: { A: "vualt://secret/a#b" }\n',
    code: 'PROVIDER_UNKNOWN',
    at: '.secretsrc:2:15',
    words: 'did you mean vault?',
    exit: 78,
  },
  'an unknown adapter': {
    text: 'version: 1\nproviders: { q: { use: valut } }\nsecrets: { A: "q://a" }\n',
    code: 'PROVIDER_UNKNOWN',
    at: '.secretsrc:2:24',
    words: 'adapter',
    exit: 78,
  },
  'an unknown option of a provider': {
    text: 'version: 1\nproviders: { vault: { adress: "https://x" } }\nsecrets: { A: "vault://secret/a#b" }\n',
    code: 'PROVIDER_OPTIONS',
    at: '.secretsrc:2:14',
    words: 'there is no option adress',
    exit: 78,
  },
  'a token in an option': {
    text: `version: 1\nproviders: { vault: { address: "https://x", token: "${PASTED}" } }\nsecrets: { A: "vault://secret/a#b" }\n`,
    code: 'PROVIDER_OPTIONS',
    words: 'must not stand in a manifest',
    exit: 78,
  },
  'an unknown option of a reference': {
    text: 'version: 1\nproject: p\nsecrets: { A: "local://a?vers=1" }\n',
    code: 'REF_INVALID',
    at: '.secretsrc:3:15',
    words: 'version',
    exit: 65,
  },
  '.. in a reference': {
    text: 'version: 1\nsecrets: { A: "vault://secret/../sys#x" }\n',
    code: 'REF_INVALID',
    at: '.secretsrc:2:15',
    words: "'..'",
    exit: 65,
  },
  '.. in a reference, encoded': {
    text: 'version: 1\nsecrets: { A: "vault://secret/%2e%2e/sys#x" }\n',
    code: 'REF_INVALID',
    at: '.secretsrc:2:15',
    words: "'..'",
    exit: 65,
  },
  'a control character in a reference': {
    text: 'version: 1\nsecrets: { A: "vault://secret/a\\u0007#x" }\n',
    code: 'REF_INVALID',
    at: '.secretsrc:2:15',
    words: 'control character',
    exit: 65,
  },
  'an encoded control character in a reference': {
    text: 'version: 1\nsecrets: { A: "vault://secret/a%0a#x" }\n',
    code: 'REF_INVALID',
    at: '.secretsrc:2:15',
    words: 'control character',
    exit: 65,
  },
  'a name that is no environment name': {
    text: 'version: 1\nsecrets: { "A-B": "env://A" }\n',
    code: 'MANIFEST_INVALID',
    at: '.secretsrc:2:12',
    words: 'no environment name',
    exit: 65,
  },
};

describe('a manifest', () => {
  it.each(Object.entries(manifests))('that is or holds %s', async (_, { text, exit, ...wrong }) => {
    const one = await project({ files: { '.secretsrc': text } });
    const refused = await one.environment();
    expectRefused(refused, wrong);
    const other = await one.run(['list']);
    expect(other).toMatchObject({ code: exit, stdout: '' });
    const json = await one.run(['list', '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: wrong.code } });
    // Commands that would store something don't, and the file stays as it is.
    expect((await one.run(['set', 'A'], { input: canary() })).code).toBe(exit);
    expect(readFileSync(join(one.dir, '.secretsrc'))).toEqual(Buffer.from(text));
    expect(existsSync(join(one.home.dir, '.local'))).toBe(false);
    for (const said of [refused, other, json]) expect(said.stderr + said.stdout).not.toContain(PASTED);
  });

  it('that is not there', async () => {
    const one = await project();
    expectRefused(await one.environment(), { code: 'MANIFEST_NOT_FOUND', words: 'there is no .secretsrc' });
    expect(await one.run(['list'])).toMatchObject({ code: 66 });
    expect(await one.run(['list', '-m', 'none.yaml'])).toMatchObject({ code: 66 });
  });

  it('that is a folder, a device without end, a pipe that nobody writes to', async () => {
    const one = await project();
    const manifest = join(one.dir, '.secretsrc');
    mkdirSync(manifest);
    expectRefused(await one.environment(), { code: 'IO', at: '.secretsrc:1:1', words: 'a folder' });
    rmSync(manifest, { recursive: true });
    symlinkSync('/dev/zero', manifest);
    expectRefused(await one.environment(), { code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: '1 MiB' });
    rmSync(manifest);
    execFileSync('mkfifo', [manifest]);
    expectRefused(await one.environment(), { code: 'MANIFEST_INVALID', at: '.secretsrc:1:1', words: 'is empty' });
  });

  it('that comes through a pipe is read, however slowly', async () => {
    const one = await project();
    const script = `"$@" -m <(printf 'version: 1\\nsecrets: '; read -r -t 0.3 < <(tail -f /dev/null); echo '{ A: { value: piped } }') run -- sh -c 'echo $A'`;
    const result = await one.run([], { wrapper: ['bash', '-c', script, 'bash'] });
    expect(result).toMatchObject({ code: 0, stdout: 'piped\n' });
  });

  it.skipIf(process.getuid?.() === 0)('that may not be read', async () => {
    const one = await project({ manifest: 'version: 1\n' });
    chmodSync(join(one.dir, '.secretsrc'), 0);
    expectRefused(await one.environment(), { code: 'IO', at: '.secretsrc:1:1', words: 'may not be read' });
  });
});

describe('the command line', () => {
  const cases: readonly (readonly [string, readonly string[], string, string])[] = [
    ['an unknown profile', ['-p', 'nope'], 'USAGE', 'no profile'],
    ['an unknown name', ['--only', 'NOPE'], 'USAGE', 'NOPE'],
    ['an unknown option', ['--nope'], 'USAGE', '--nope'],
    ['a reference that is none', ['--ref', 'X=nothing'], 'REF_INVALID', 'X'],
    ['a reference of no provider', ['--ref', 'X=nothing://a'], 'PROVIDER_UNKNOWN', 'nothing'],
    ['a name that is none', ['--ref', 'A-B=env://A'], 'MANIFEST_INVALID', 'no environment name'],
    ['a duration that is none', ['--timeout', 'soon'], 'USAGE', '--timeout'],
    ['a descriptor that is none', ['--keep-fd', 'x'], 'USAGE', '--keep-fd'],
  ];
  it.each(cases)('%s', async (_, args, code, words) => {
    const one = await project({ manifest: 'version: 1\nproject: p\nsecrets: { PLAIN: { value: x } }\n' });
    expectRefused(await one.environment(args), { code, words });
  });
});

describe('a value', () => {
  const manifest = `version: 1
project: values
secrets:
  BAD: { ref: local://bad, owner: ana }
  GOOD: local://good
`;
  const withValue = async (value: string | Uint8Array): Promise<Project> => {
    const one = await project({ manifest });
    one.write('value.bin', value);
    expect(await one.run(['set', 'BAD', '--from-file', 'value.bin'])).toMatchObject({ code: 0 });
    await one.set('GOOD', canary());
    return one;
  };

  it.each([
    ['with a NUL byte', (value: string) => `${value}\0x`, 'VALUE_INVALID', 'NUL byte'],
    ['that is no text', (value: string) => Buffer.concat([Buffer.from(value), Buffer.from([0xff])]), 'VALUE_INVALID', 'not UTF-8'],
    ['over 128 KiB', (value: string) => value.repeat(5_000), 'VALUE_INVALID', '128 KiB'],
  ] as const)('%s', async (_, make, code, words) => {
    const value = canary();
    const one = await withValue(make(value));
    const result = await one.environment();
    expectRefused(result, { code, at: '.secretsrc:4:15', words });
    expect(result.stderr).toContain('BAD: ');
    expect(result.stderr).toContain('owner: ana');
    expect(result.stderr).not.toContain(value);
    // It is only no environment variable: what is stored is still there.
    expect((await one.run(['get', 'BAD', '--reveal'])).stdoutBytes).toEqual(Buffer.from(make(value)));
    expect((await one.environment(['--only', 'GOOD'])).code).toBe(0);
  });

  it('that is nearly too big and repeats itself starts the program as soon as any other', async () => {
    const one = await withValue(canary().repeat(4_000));
    expect((await one.environment([], { limitMs: 15_000 })).code).toBe(0);
  });

  it('too big in total', async () => {
    const one = await withValue('x'.repeat(100_000));
    const names = [...Array(60).keys()].map((n) => `  N${n}: local://bad\n`).join('');
    one.write('.secretsrc', manifest + names);
    expectRefused(await one.environment(), { code: 'ENV_INVALID', words: 'arguments and environment together' });
  });

  it('without the field that is asked for', async () => {
    const value = canary();
    const one = await withValue(JSON.stringify({ user: value }));
    one.write('.secretsrc', manifest.replace('local://bad', '"local://bad#password"'));
    const result = await one.environment();
    expectRefused(result, { code: 'FIELD_NOT_FOUND', at: '.secretsrc:4:15', words: 'BAD: ' });
    expect(result.stderr).not.toContain(value);
    expect(await one.run(['get', 'BAD', '--reveal'])).toMatchObject({ code: 66, stdout: '' });
  });
});

describe('required values that cannot be had', () => {
  it('absent, denied and unreachable, in one report with the owner of each', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const server = await vaultServer((asked) => (asked === 'GET secret/data/denied' ? { status: 403, body: { errors: [] } } : undefined));
    const manifest = `version: 1
project: absent
providers:
  ${vaultEntry(server)}
  gone: { use: vault, address: "http://127.0.0.1:${port}", auth: { method: token } }
secrets:
  ABSENT: { ref: local://absent, owner: ana }
  DENIED: { ref: vault://secret/denied#value, owner: ben }
  GONE: { ref: gone://secret/x#value, owner: eve }
  NO_ENV: { ref: env://NOT_SET, owner: flo }
  WHOLE: { template: "x-\${ABSENT}", owner: gil }
`;
    const one = await project({ manifest });
    const result = await one.environment(['--timeout', '3s'], { env: { VAULT_TOKEN: canary() } });
    expectRefused(result, { code: 'REF_NOT_FOUND', at: '.secretsrc:7:18', words: '4 problems; nothing was started' });
    for (const [name, code, owner] of [
      ['ABSENT', 'REF_NOT_FOUND', 'ana'],
      ['DENIED', 'DENIED', 'ben'],
      ['GONE', 'PROVIDER_UNAVAILABLE', 'eve'],
      ['NO_ENV', 'REF_NOT_FOUND', 'flo'],
    ]) {
      expect(result.stderr).toMatch(new RegExp(`error\\[${code}\\]: ${name}: .*\\n {2}at .*\\n {2}hint: .*\\n {2}owner: ${owner}\\n`));
    }
  });
});

describe('the local store', () => {
  const value = canary();
  const manifest = 'version: 1\nproject: store\nsecrets: { A: "local://a", B: "local://b" }\n';
  const storeOf = ({ home }: Project): string => join(home.dir, '.local', 'share', 'secrets', 'local');
  const withStore = async (more: CliOptions = {}): Promise<Project> => {
    const one = await project({ manifest });
    for (const name of ['A', 'B']) expect(await one.run(['set', name], { input: value, ...more })).toMatchObject({ code: 0 });
    return one;
  };
  const versionsOf = (one: Project): readonly string[] => readdirSync(storeOf(one)).filter((name) => name.endsWith('.age'));
  const firstVersion = (one: Project): string => join(storeOf(one), versionsOf(one)[0] ?? '');
  const flip = (file: string): void => {
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 20) ^ 1, bytes.length - 20);
    writeFileSync(file, bytes);
  };
  const swap = (one: Project): void => {
    const [first = '', second = ''] = versionsOf(one).map((name) => join(storeOf(one), name));
    renameSync(first, `${first}.x`);
    renameSync(second, first);
    renameSync(`${first}.x`, second);
  };

  it.each<readonly [string, (one: Project) => unknown, string, string]>([
    ['with a truncated index', (one) => truncateSync(join(storeOf(one), 'index.json'), 40), 'STORE_CORRUPT', 'index.json'],
    ['with no index', (one) => rmSync(join(storeOf(one), 'index.json')), 'STORE_CORRUPT', 'no index.json'],
    ['with a truncated version', (one) => truncateSync(firstVersion(one), 120), 'STORE_CORRUPT', 'damaged'],
    ['with a flipped bit', (one) => flip(firstVersion(one)), 'STORE_CORRUPT', 'damaged'],
    ['with a missing version', (one) => rmSync(firstVersion(one)), 'STORE_CORRUPT', 'missing'],
    ['with versions swapped', swap, 'STORE_CORRUPT', 'swapped'],
    ['open to others', (one) => chmodSync(join(storeOf(one), 'index.json'), 0o644), 'DENIED', 'chmod 600'],
    [
      'that is a symbolic link',
      (one) => {
        renameSync(storeOf(one), `${storeOf(one)}-real`);
        symlinkSync(`${storeOf(one)}-real`, storeOf(one));
      },
      'DENIED',
      'symbolic link',
    ],
    [
      'whose index is a symbolic link',
      (one) => {
        renameSync(join(storeOf(one), 'index.json'), join(one.dir, 'index.json'));
        symlinkSync(join(one.dir, 'index.json'), join(storeOf(one), 'index.json'));
      },
      'DENIED',
      'symbolic link',
    ],
  ])('%s', async (_, damage, code, words) => {
    const one = await withStore();
    damage(one);
    const before = snapshot(storeOf(one));
    const result = await one.environment();
    expectRefused(result, { code, words });
    expect(result.stderr).not.toContain(value);
    await one.run(['get', 'A', '--reveal']);
    await one.run(['doctor']);
    expect(snapshot(storeOf(one))).toEqual(before);
  });

  it('that is not there', async () => {
    const one = await project({ manifest });
    expectRefused(await one.environment(), { code: 'REF_NOT_FOUND', at: '.secretsrc:3:15', words: 'secrets set A' });
    expect(existsSync(storeOf(one))).toBe(false);
  });

  it('with another key', async () => {
    const one = await withStore();
    writeFileSync(one.home.env['SECRETS_IDENTITY_FILE'] ?? '', `${await generateIdentity()}\n`);
    const before = snapshot(storeOf(one));
    expectRefused(await one.environment(), { code: 'STORE_LOCKED', words: 'A, B: ' });
    expect((await one.run(['get', 'A', '--reveal'])).code).toBe(77);
    expect(snapshot(storeOf(one))).toEqual(before);
  });

  it('whose key is gone', async () => {
    const one = await withStore();
    rmSync(one.home.env['SECRETS_IDENTITY_FILE'] ?? '');
    expectRefused(await one.environment(), { code: 'STORE_LOCKED', words: 'A, B: ' });
    // Never a second key: nothing new is written under another one either.
    expect((await one.run(['set', 'A'], { input: canary() })).code).not.toBe(70);
    expect(existsSync(one.home.env['SECRETS_IDENTITY_FILE'] ?? '')).toBe(false);
  });

  it('whose passphrase is missing or wrong', async () => {
    const env = { SECRETS_IDENTITY_FILE: undefined, SECRETS_PASSPHRASE: canary() };
    const one = await withStore({ env });
    expect((await one.environment([], { env })).code).toBe(0);
    for (const SECRETS_PASSPHRASE of [undefined, canary()]) {
      const result = await one.environment([], { env: { ...env, SECRETS_PASSPHRASE } });
      expectRefused(result, { code: 'STORE_LOCKED', words: 'A, B: ' });
      expect(await one.run(['get', 'A', '--reveal'], { env: { ...env, SECRETS_PASSPHRASE } })).toMatchObject({ code: 77, stdout: '' });
    }
  });

  it('A53 with 20 writers at once, one of them killed, loses nothing and keeps nobody waiting', async () => {
    const names = [...Array(20).keys()].map((n) => `N${n}`);
    const one = await project({
      manifest: `version: 1\nproject: store\nsecrets:\n${names.map((name) => `  ${name}: local://${name}\n`).join('')}`,
    });
    const [victim = '', ...others] = names;
    const killed = one.start(['set', victim], { input: value });
    const running = others.map((name) => one.start(['set', name], { input: `${value}-${name}`, limitMs: 45_000 }));
    // Killed as soon as the first of the others is done: in the middle of what it does, or just behind it.
    await Promise.race(running.map(({ result }) => result));
    killed.child.kill('SIGKILL');
    const { signal, code } = await killed.result;
    expect(signal === 'SIGKILL' || code === 0).toBe(true);
    for (const { result } of running) expect(await result).toMatchObject({ code: 0 });
    const { env } = await one.environment(['--only', others.join(',')]);
    for (const name of others) expect(env?.get(name)?.toString()).toBe(`${value}-${name}`);
    // The one that was killed is there as a whole or not at all, and can be set now.
    const seen = await one.run(['get', victim, '--reveal']);
    expect(['', value]).toContain(seen.stdout);
    await one.set(victim, value);
    expect((await one.run(['get', victim, '--reveal'])).stdout).toBe(value);
    expect(readFileSync(join(storeOf(one), 'index.json'), 'utf8')).not.toContain(value);
  });
});

/** Names and contents of all files below a folder, links not followed. */
function snapshot(folder: string): ReadonlyMap<string, string> {
  const copy = `${folder}-snapshot`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true, dereference: true });
  const files = readdirSync(copy, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const found = new Map(files.map((file) => [join(file.parentPath, file.name), readFileSync(join(file.parentPath, file.name), 'base64')]));
  rmSync(copy, { recursive: true });
  return found;
}

describe('standard streams', () => {
  const closed = (redirection: string): CliOptions => ({ wrapper: ['sh', '-c', `exec "$@" ${redirection}`, 'sh'] });

  it('stdin closed: run starts the program, set stores nothing', async () => {
    const one = await project({ manifest: 'version: 1\nproject: streams\nsecrets: { A: "local://a" }\n' });
    const set = await one.run(['set', 'A'], closed('<&-'));
    expect(set).toMatchObject({ code: 64, stdout: '' });
    expect(set.stderr).toContain('error[USAGE]');
    expect((await one.run(['get', 'A', '--reveal'])).code).toBe(66);
    await one.set('A', 'canary-stdin');
    expect((await one.environment([], closed('<&-'))).env?.get('A')?.toString()).toBe('canary-stdin');
  });

  it('stdout full: a clear error for a result, and run starts the program', async () => {
    const one = await project({ manifest: 'version: 1\nproject: streams\nsecrets: { A: "local://a" }\n' });
    await one.set('A', 'canary-stdout');
    const got = await one.run(['get', 'A', '--reveal'], closed('>/dev/full'));
    expect(got).toMatchObject({ code: 74 });
    expect(got.stderr).toContain('error[IO]: stdout cannot be written');
    expect((await one.environment([], closed('>/dev/full'))).env?.get('A')?.toString()).toBe('canary-stdout');
  });

  it('stdout closed: it is as if it were /dev/null', async () => {
    const one = await project({ manifest: 'version: 1\nproject: streams\nsecrets: { A: "local://a" }\n' });
    await one.set('A', 'canary-stdout');
    for (const args of [['list'], ['get', 'A', '--reveal'], ['explain']]) {
      expect(await one.run(args, closed('>&-')), args.join(' ')).toMatchObject({ code: 0, stderr: '' });
    }
    const { env, code } = await one.environment([], closed('>&-'));
    expect([env?.get('A')?.toString(), code]).toEqual(['canary-stdout', 0]);
  });

  it('stderr closed: the exit code still tells', async () => {
    const one = await project();
    expect(await one.run(['list'], closed('2>&-'))).toMatchObject({ code: 66, stdout: '', stderr: '' });
  });

  it('a reader that has gone: no trace, and the status of SIGPIPE', async () => {
    const one = await project({ manifest: 'version: 1\nproject: streams\n' });
    const result = await one.run([], { wrapper: ['bash', '-c', `set -o pipefail; "$@" schema | true; echo "\${PIPESTATUS[0]}"`, 'bash'] });
    expect(['0\n', '141\n']).toContain(result.stdout);
    expect(result.stderr).toBe('');
  });
});
