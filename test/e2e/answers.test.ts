/** What the program says and answers where something is not as expected: hints to type, codes, lines on stderr. */
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { cli } from './support/cli.ts';
import { project } from './support/project.ts';
import { vaultEntry, vaultServer } from './support/vault-server.ts';

describe('hints', () => {
  const manifest = 'version: 1\nproject: hints\nsecrets: { API_KEY: "local://api-key" }\nprofiles: { prod: {} }\n';

  it('A55 repeat the manifest and the profile of the call', async () => {
    const one = await project({ files: { 'ops/secrets.yaml': manifest } });
    const options = ['-m', 'ops/secrets.yaml', '-p', 'prod'];
    const typed = 'secrets set --manifest ops/secrets.yaml --profile prod API_KEY';
    for (const args of [
      ['run', ...options, '--', 'true'],
      [...options, 'get', 'API_KEY', '--reveal'],
      [...options, 'run', 'true'],
    ]) {
      expect((await one.run(args)).stderr).toContain(typed);
    }
    expect(JSON.parse((await one.run(['run', '--json', ...options, '--', 'true'])).stderr)).toMatchObject({ error: { hint: typed } });
    expect((await one.run(['check', ...options])).stdout).toContain(typed);
    const { stderr } = await one.run(['run', ...options, '--', 'true'], { env: { SECRETS_TRUST: undefined } });
    expect(stderr).toContain('hint: secrets trust --manifest ops/secrets.yaml;');
  });

  it('A55 name the reference where only the command line knows the name', async () => {
    const one = await project({ manifest });
    await one.set('API_KEY', JSON.stringify({ a: 1 }));
    for (const reference of ['local://other', 'local://api-key#b']) {
      const { code, stderr } = await one.run(['run', '--ref', `TOKEN=${reference}`, '--only', 'TOKEN', '--', 'true']);
      expect(code).toBe(125);
      expect(stderr).toContain(`hint: secrets set '${reference}'`);
    }
  });

  it('A8 warn of --inherit with a misspelled word, and of nothing else', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets: {}\n' });
    const saying = async (what: string, env = {}): Promise<string> =>
      (await one.run(['run', '--inherit', what, '--', 'true'], { env })).stderr;
    expect(await saying('nonee')).toContain('hint: did you mean --inherit none?');
    expect(await saying('al')).toBe('');
    expect(await saying('alll')).toContain('hint: did you mean --inherit all?');
    for (const what of ['none', 'all', 'PATH', 'PATH,HOME', 'A*']) expect(await saying(what)).toBe('');
    expect(await saying('nonee', { nonee: 'x' })).toBe('');
  });
});

describe('whoami', () => {
  it('A42 tells a server that is down from a sign-in that is refused, and shows the address of the environment', async () => {
    const server = await vaultServer();
    const one = await project({ manifest: 'version: 1\nsecrets: { A: "vault://secret/a#value" }\n' });
    const env = { VAULT_ADDR: server.url, VAULT_TOKEN: canary() };
    const up = await one.run(['whoami'], { env });
    expect(up).toMatchObject({ code: 0 });
    expect(up.stdout).toContain(server.url);
    await server.close();
    const down = await one.run(['whoami', '--timeout', '1s'], { env });
    expect(down).toMatchObject({ code: 69 });
    expect(down.stdout).toContain(server.url);
    expect(down.stderr).toContain('error[PROVIDER_UNAVAILABLE]');
  });
});

describe('redact and scan', () => {
  it('A59 go on without values that are nowhere, and name them', async () => {
    const one = await project({ manifest: 'version: 1\nproject: both\nsecrets: { A: "local://a", B: "local://b" }\n' });
    const value = canary();
    await one.set('A', value);
    const redacted = await one.run(['redact'], { input: `${value}\n` });
    expect(redacted).toMatchObject({ code: 0, stdout: '***\n' });
    expect(redacted.stderr).toContain('B has no value yet, so none is masked');
    const scanned = await one.run(['scan', '--ignored']);
    expect(scanned).toMatchObject({ code: 0 });
    expect(scanned.stderr).toContain('B has no value yet, so none is searched for');
  });

  it('A59 redact passes nothing on while a value that may be there cannot be had; --except leaves it out', async () => {
    const server = await vaultServer((asked) => (asked === 'GET secret/data/b' ? { status: 403, body: { errors: [] } } : undefined));
    const one = await project({
      manifest: `version: 1\nproject: both\nproviders:\n  ${vaultEntry(server)}\nsecrets: { A: "local://a", B: "vault://secret/b#value" }\n`,
    });
    await one.set('A', canary());
    const env = { VAULT_TOKEN: canary() };
    const refused = await one.run(['redact'], { env, input: 'text\n' });
    expect(refused).toMatchObject({ code: 77, stdout: '' });
    expect(refused.stderr).toContain('secrets redact --except B');
    expect(await one.run(['redact', '--except', 'B'], { env, input: 'text\n' })).toMatchObject({ code: 0, stdout: 'text\n' });
  });

  it('A59 make no credential by reading', async () => {
    const server = await vaultServer((asked) =>
      asked.startsWith('GET sys/internal/ui/mounts/database') ? { body: { data: { path: 'database/', type: 'database' } } } : undefined,
    );
    const one = await project({
      manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets: { A: "vault://secret/a#value", B: "vault://database/creds/b#password" }\n`,
    });
    const env = { VAULT_TOKEN: canary() };
    const scanned = await one.run(['scan', '--ignored', '--json'], { env });
    expect(scanned.stderr).toContain('B: reading makes a new credential');
    expect(JSON.parse(scanned.stdout)).toMatchObject({ ok: true, names: ['A'], notSearched: ['B'], failed: [] });
    const redacted = await one.run(['redact'], { env, input: 'text of GET secret/data/a\n' });
    expect(redacted).toMatchObject({ code: 0, stdout: 'text ***\n' });
    expect(redacted.stderr).toContain('B: reading makes a new credential');
    expect(server.asked().filter((asked) => asked.startsWith('GET database/'))).toEqual([]);
  });
});

describe('an installation of which a part is gone', () => {
  it.each(['http', 'vault'])('A12 is not called a mistake of an adapter: %s', async (gone) => {
    const one = await project({ manifest: 'version: 1\nsecrets: { API_KEY: "vault://secret/api#key" }\n' });
    const copy = join(one.dir, 'copy');
    const root = join(import.meta.dirname, '..', '..');
    for (const part of ['bin', 'dist', 'package.json']) cpSync(join(root, part), join(copy, part), { recursive: true });
    const parts = join(copy, 'dist', 'program');
    for (const part of readdirSync(parts)) if (part.startsWith(`${gone}-`)) rmSync(join(parts, part));
    const { stderr } = await cli([], {
      home: one.home,
      cwd: one.dir,
      env: { VAULT_ADDR: 'http://127.0.0.1:9', VAULT_TOKEN: canary() },
      wrapper: ['sh', '-c', 'exec "$0" "$1" run -- true', process.execPath, join(copy, 'bin', 'secrets.js')],
    });
    expect(stderr).toContain('error[INTERNAL]: ');
    expect(stderr).toContain('a part of secrets is missing where it is installed');
    expect(stderr).toContain('npm install -g secretsrc');
  });
});

describe('--debug', () => {
  it('A10 says versions, settings, folders, stages and requests with their tries, and no value', async () => {
    const token = canary();
    let refusals = 0;
    const server = await vaultServer((asked) => (asked === 'GET secret/data/a' && refusals++ === 0 ? { status: 503 } : undefined));
    const one = await project({ manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets: { A: "vault://secret/a#value" }\n` });
    const env = { VAULT_TOKEN: token, SECRETS_TIMEOUT: '20s' };
    const { code, stderr } = await one.run(['run', '--debug', '--', 'true'], { env });
    expect(code).toBe(0);
    const said = stderr.replaceAll(/[\d.]+ ms/g, 'N ms');
    for (const line of [
      `, Node ${process.versions.node}, `,
      'timeout N ms, N ms a request: from SECRETS_TIMEOUT',
      'profile: the default of the manifest',
      `folders: config ${one.home.dir}/.config/secrets, `,
      'profile none, 1 secrets, ',
      'select, 1 to inject and 0 besides: N ms',
      'vault: read secret/a, try 1, unavailable: N ms',
      'vault: read secret/a, try 2, ok: N ms',
      'resolve: N ms',
      'compose: N ms',
    ]) {
      expect(said).toContain(line);
    }
    expect(stderr).not.toContain(token);
    expect(stderr).not.toContain('of GET secret');
    expect((await one.run(['run', '-v', '--', 'true'], { env })).stderr).not.toContain('resolve: ');
  });
});

describe('a file that was named and cannot be read', () => {
  it('A57 is IO, whoever named it, and a manifest that is not there is MANIFEST_NOT_FOUND', async () => {
    const one = await project({ manifest: 'version: 1\nproject: files\nsecrets: { A: "local://a" }\n', files: { 'folder/file': '' } });
    await one.set('A', canary());
    for (const file of ['absent', 'folder']) {
      for (const args of [
        ['import', file],
        ['set', 'A', '--from-file', file],
        ['explain', '-m', file],
      ]) {
        const { code, stderr } = await one.run(args);
        const expected = args[0] === 'explain' && file === 'absent' ? [66, 'MANIFEST_NOT_FOUND'] : [74, 'IO'];
        expect([code, /error\[(\w+)\]/.exec(stderr)?.[1]]).toEqual(expected);
      }
      expect((await one.run(['run', '--dotenv', file, '--', 'true'])).stderr).toContain('error[IO]');
    }
    expect(await one.run(['scan', '--ignored', 'absent'])).toMatchObject({ code: 74 });
  });
});
