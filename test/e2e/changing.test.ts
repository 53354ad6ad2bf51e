/** The commands that change something: what they store, write, refuse, and never show. */
import { existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../bed/use.ts';
import { canary } from './support/canary.ts';
import type { CliResult } from './support/cli.ts';
import { faultServer } from './support/fault-server.ts';
import { project, type Project } from './support/project.ts';
import { CTRL_C } from './support/pty.ts';

const MANIFEST = `version: 1
project: shop
# what the shop needs
secrets:
  API_KEY: local://api-key   # of the payments service
  PORT: { value: "3000" }
  URL: { template: "https://x/\${API_KEY|url}" }
`;

const manifestOf = ({ dir }: Project): string => readFileSync(join(dir, '.secretsrc'), 'utf8');
const valueOf = async (one: Project, name: string, ...more: readonly string[]): Promise<string> =>
  (await one.run(['get', name, '--reveal', ...more])).stdout;

/** Fails if a value is anywhere where people or programs could read it. */
function expectHidden({ stdout, stderr }: CliResult, ...values: readonly string[]): void {
  for (const value of values) expect(stdout + stderr).not.toContain(value);
}

describe('set', () => {
  it('A55 refuses a value on the command line and names three safe ways', async () => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    for (const args of [
      ['API_KEY', value],
      [`API_KEY=${value}`],
      ['API_KEY', '--', value],
      ['API_KEY', `--value=${value}`],
      [`--${value}`, 'API_KEY'],
      ['API_KEY', '--generate', value],
    ]) {
      const result = await one.run(['set', ...args]);
      expect(result.code).toBe(64);
      expectHidden(result, value);
      expect(result.stderr).toContain('history');
      for (const way of ['asks for it', 'reads stdin', '--from-file FILE']) expect(result.stderr).toContain(way);
    }
    expect((await one.run(['get', 'API_KEY', '--reveal'])).code).toBe(66);
  });

  it('stores what is piped, less one newline, and says so', async () => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    const stored = await one.run(['set', 'API_KEY'], { input: `${value}\n` });
    expect(stored).toMatchObject({ code: 0, stdout: 'stored API_KEY at local://api-key, version 1\n' });
    expect(stored.stderr).toContain('--exact');
    expectHidden(stored, value);
    expect(await valueOf(one, 'API_KEY')).toBe(value);
    await one.run(['set', 'API_KEY'], { input: `${value}\r\n\r\n` });
    expect(await valueOf(one, 'API_KEY')).toBe(`${value}\r\n`);
    await one.run(['set', 'API_KEY', '--exact'], { input: `${value}\n` });
    expect(await valueOf(one, 'API_KEY')).toBe(`${value}\n`);
  });

  it('stores the exact bytes of a file', async () => {
    const one = await project({ manifest: MANIFEST });
    const bytes = Buffer.from([0, 255, 10, 13, 10]);
    one.write('key.bin', bytes);
    const stored = await one.run(['set', 'API_KEY', '--from-file', 'key.bin']);
    expect(stored.code).toBe(0);
    expect(stored.stderr).toContain('cannot be an environment variable');
    expect((await one.run(['get', 'API_KEY', '--reveal'])).stdoutBytes).toEqual(bytes);
    expect(await one.run(['set', 'API_KEY', '--from-file', 'none'])).toMatchObject({ code: 74 });
    expect(await one.run(['set', 'API_KEY', '--from-file', '.'])).toMatchObject({ code: 74 });
    await one.run(['set', 'API_KEY', '--from-file', '-'], { input: 'exact\n' });
    expect(await valueOf(one, 'API_KEY')).toBe('exact\n');
  });

  it('takes no value for a mistake, unless an empty one is meant', async () => {
    const one = await project({ manifest: MANIFEST });
    for (const more of [{}, { input: '' }, { input: '\n' }]) expect(await one.run(['set', 'API_KEY'], more)).toMatchObject({ code: 64 });
    expect(await one.run(['set', 'API_KEY', '--allow-empty'], { input: '' })).toMatchObject({ code: 0 });
    expect(await valueOf(one, 'API_KEY')).toBe('');
  });

  it('makes values from random numbers', async () => {
    const one = await project({ manifest: MANIFEST });
    const made = await one.run(['set', 'API_KEY', '--generate', '--length', '64', '--alphabet', 'hex', '--json']);
    expect(JSON.parse(made.stdout)).toEqual({
      name: 'API_KEY',
      reference: 'local://api-key',
      provider: 'local',
      version: '1',
      added: false,
      generated: true,
    });
    const value = await valueOf(one, 'API_KEY');
    expect(value).toMatch(/^[0-9a-f]{64}$/);
    expectHidden(made, value);
    for (const wrong of [
      ['--length', '40'],
      ['--generate', '--length', '3'],
      ['--generate', '--alphabet', 'greek'],
      ['--generate', '--from-file', 'x'],
    ]) {
      expect(await one.run(['set', 'API_KEY', ...wrong])).toMatchObject({ code: 64 });
    }
  });

  it('adds a new name only when that is said, the value first', async () => {
    const one = await project({ manifest: MANIFEST });
    const refused = await one.run(['set', 'API_KEYS'], { input: canary() });
    expect(refused).toMatchObject({ code: 64 });
    expect(refused.stderr).toContain('did you mean API_KEY?');
    expect(manifestOf(one)).toBe(MANIFEST);
    expect(await one.run(['set', 'NEW_ONE', '--add'], { input: 'canary-new' })).toMatchObject({ code: 0 });
    expect(await one.run(['set', 'OTHER', '--ref', 'local://deep/other'], { input: 'canary-other' })).toMatchObject({ code: 0 });
    expect(manifestOf(one)).toBe(`${MANIFEST}  NEW_ONE: local://new-one\n  OTHER: local://deep/other\n`);
    expect(await valueOf(one, 'OTHER')).toBe('canary-other');
    const taken = await one.run(['set', 'AGAIN', '--ref', 'local://deep/other'], { input: 'canary-again' });
    expect(taken).toMatchObject({ code: 75 });
    expect(await valueOf(one, 'OTHER')).toBe('canary-other');
    expect(manifestOf(one)).not.toContain('AGAIN');
  });

  it('refuses what has no value of its own', async () => {
    const one = await project({ manifest: `${MANIFEST}  HOME_DIR: env://HOME\n` });
    for (const name of ['PORT', 'URL', 'HOME_DIR', 'env://HOME'])
      expect(await one.run(['set', name], { input: 'canary' })).toMatchObject({ code: 69 });
    expect(await one.run(['set', 'local://api-key?version=1'], { input: 'canary' })).toMatchObject({ code: 64 });
    expect(await one.run(['set', 'PORT', '--ref', 'local://port'], { input: '4000' })).toMatchObject({ code: 0 });
    expect(await valueOf(one, 'PORT')).toBe('4000');
  });

  it('depends on a version where that is asked for', async () => {
    const one = await project({ manifest: MANIFEST });
    expect(await one.run(['set', 'API_KEY', '--expect', 'absent'], { input: 'canary-1' })).toMatchObject({ code: 0 });
    expect(await one.run(['set', 'API_KEY', '--expect', 'absent'], { input: 'canary-2' })).toMatchObject({ code: 75 });
    expect(await one.run(['set', 'API_KEY', '--expect', '1'], { input: 'canary-2' })).toMatchObject({ code: 0 });
    expect(await valueOf(one, 'API_KEY')).toBe('canary-2');
  });

  it('keeps the neighbours of a field', async () => {
    const one = await project({ manifest: MANIFEST });
    await one.run(['set', 'local://doc'], { input: '{"a": 1, "b": "canary-b"}' });
    expect(await one.run(['set', 'local://doc#c'], { input: 'canary-c' })).toMatchObject({
      code: 0,
      stdout: 'stored local://doc#c, version 2\n',
    });
    expect(await valueOf(one, 'local://doc')).toBe('{"a": 1, "b": "canary-b", "c": "canary-c"}');
  });

  it('asks twice at a terminal and shows nothing of it', async () => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    const terminal = one.pty(['set', 'NEW_ONE']);
    await terminal.waitFor('Add it as local://new-one?');
    terminal.write('\r');
    await terminal.waitFor('Value of NEW_ONE');
    terminal.write(`${value}\r`);
    await terminal.waitFor('The same again');
    terminal.write('something else\r');
    await terminal.waitFor('They differ');
    await terminal.waitFor('Value of NEW_ONE');
    terminal.write(`${value}\r`);
    await terminal.waitFor('The same again');
    terminal.write(`${value}\r`);
    expect(await terminal.exit).toEqual({ code: 0, signal: 0 });
    expect(terminal.raw()).not.toContain(value);
    expect(await valueOf(one, 'NEW_ONE')).toBe(value);
  });

  it('stores nothing when the question is ended with Ctrl-C', async () => {
    const one = await project({ manifest: MANIFEST });
    const terminal = one.pty(['set', 'API_KEY']);
    await terminal.waitFor('Value of API_KEY');
    terminal.write(`half${CTRL_C}`);
    expect((await terminal.exit).code).toBe(130);
    expect(await one.run(['get', 'API_KEY', '--reveal'])).toMatchObject({ code: 66 });
  });

  it('ends at once on SIGINT while a manager hangs', async () => {
    const server = await faultServer([{ instead: 'hang' }]);
    const one = await project({
      manifest: `version: 1\nproviders: { vault: { address: "${server.url}" } }\nsecrets: { A: "vault://secret/a#b" }\n`,
    });
    const running = one.start(['set', 'A'], { input: 'canary', env: { VAULT_TOKEN: 'canary-token' } });
    await server.seen(1);
    const began = performance.now();
    running.child.kill('SIGINT');
    expect((await running.result).code).toBe(130);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('move', () => {
  it('takes the value and its reference along, and keeps the old value', async () => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    await one.set('API_KEY', value);
    const moved = await one.run(['move', 'API_KEY', '--to', 'local://payments/key']);
    expect(moved).toMatchObject({ code: 0, stdout: 'moved API_KEY from local://api-key to local://payments/key, version 1\n' });
    expect(moved.stderr).toContain('secrets remove local://api-key');
    expectHidden(moved, value);
    expect(manifestOf(one)).toBe(MANIFEST.replace('local://api-key', 'local://payments/key'));
    expect([await valueOf(one, 'API_KEY'), await valueOf(one, 'local://api-key')]).toEqual([value, value]);
  });

  it('removes the old value only when that is asked for and nobody else uses it', async () => {
    const one = await project({ manifest: `${MANIFEST}  SAME: local://api-key\n` });
    await one.set('API_KEY', 'canary-1');
    expect(await one.run(['move', 'API_KEY', '--to', 'local://new', '--delete-source'])).toMatchObject({ code: 64 });
    writeFileSync(join(one.dir, '.secretsrc'), MANIFEST);
    expect(await one.run(['move', 'API_KEY', '--to', 'local://new', '--delete-source'])).toMatchObject({ code: 0 });
    expect(await one.run(['get', 'local://api-key', '--reveal'])).toMatchObject({ code: 66 });
    expect(await valueOf(one, 'API_KEY')).toBe('canary-1');
  });

  it('goes on where an earlier move ended, and never over another value', async () => {
    const one = await project({ manifest: MANIFEST });
    await one.set('API_KEY', 'canary-1');
    await one.set('local://there', 'canary-1');
    await one.set('local://taken', 'canary-other');
    expect(await one.run(['move', 'API_KEY', '--to', 'local://taken'])).toMatchObject({ code: 75 });
    expect(manifestOf(one)).toBe(MANIFEST);
    expect(await one.run(['move', 'API_KEY', '--to', 'local://there'])).toMatchObject({ code: 0 });
    expect(await one.run(['move', 'API_KEY', '--to', 'local://taken', '--overwrite'])).toMatchObject({ code: 0 });
    expect(await valueOf(one, 'API_KEY')).toBe('canary-1');
  });

  it('changes the section that the profile takes its reference from', async () => {
    const manifest = 'version: 1\nproject: shop\nsecrets:\n  A: local://a\n  B: local://${profile}/b\nprofiles:\n  dev: {}\n  prod: {}\n';
    const one = await project({ manifest });
    for (const name of ['A', 'B']) await one.run(['set', name, '-p', 'dev'], { input: 'canary-dev' });
    expect(await one.run(['move', 'A', '--to', 'local://moved', '-p', 'dev'])).toMatchObject({ code: 0 });
    expect(await one.run(['move', 'B', '--to', 'local://moved-b', '-p', 'dev'])).toMatchObject({ code: 0 });
    expect(manifestOf(one)).toBe(manifest.replace('dev: {}', 'dev:\n    secrets:\n      A: local://moved\n      B: local://moved-b'));
  });

  it('refuses what cannot move, before anything is read or written', async () => {
    const one = await project({ manifest: `${MANIFEST}  TWO: { ref: ["local://a", "local://b"] }\n` });
    for (const [name, to] of [
      ['URL', 'local://x'],
      ['PORT', 'local://x'],
      ['TWO', 'local://x'],
      ['API_KEY', 'local://api-key'],
      ['local://api-key', 'local://x'],
      ['NOPE', 'local://x'],
    ] as const) {
      expect(await one.run(['move', name, '--to', to])).toMatchObject({ code: 64 });
    }
    expect(await one.run(['move', 'API_KEY', '--to', 'env://X'])).toMatchObject({ code: 69 });
    expect(await one.run(['move', 'API_KEY', '--to', 'local://../x'])).toMatchObject({ code: 65 });
    expect(await one.run(['move', 'API_KEY', '--to', 'nope://x'])).toMatchObject({ code: 78 });
    expect(await one.run(['move', 'API_KEY', '--to', 'local://x'])).toMatchObject({ code: 66 });
  });
});

describe('remove', () => {
  const SIMPLE = 'version: 1\nproject: shop\nsecrets:\n  # the key\n  API_KEY: local://api-key\n  OTHER: local://other\n';

  it('wants a person or --yes', async () => {
    const one = await project({ manifest: SIMPLE });
    await one.set('API_KEY', 'canary-1');
    const refused = await one.run(['remove', 'API_KEY']);
    expect(refused).toMatchObject({ code: 64 });
    expect(refused.stderr).toContain('--yes');
    expect(await valueOf(one, 'API_KEY')).toBe('canary-1');
    const terminal = one.pty(['rm', 'API_KEY']);
    await terminal.waitFor('all its versions are deleted for good');
    terminal.write('n\r');
    expect((await terminal.exit).code).toBe(1);
    expect(await valueOf(one, 'API_KEY')).toBe('canary-1');
  });

  it('removes value and entry, or one of them', async () => {
    const one = await project({ manifest: SIMPLE });
    await one.set('API_KEY', 'canary-1');
    await one.set('OTHER', 'canary-2');
    expect(await one.run(['remove', 'API_KEY', '--yes', '--keep-entry'])).toMatchObject({
      code: 0,
      stdout: 'removed the value at local://api-key\n',
    });
    expect(manifestOf(one)).toBe(SIMPLE);
    // The value is gone already, and the entry goes too.
    expect(await one.run(['remove', 'API_KEY', '--yes'])).toMatchObject({ code: 0, stdout: 'removed API_KEY from the manifest\n' });
    expect(await one.run(['remove', 'OTHER', '--yes', '--keep-value'])).toMatchObject({
      code: 0,
      stdout: 'removed OTHER from the manifest\n',
    });
    expect(manifestOf(one)).not.toMatch(/API_KEY|OTHER/);
    expect(await valueOf(one, 'local://other')).toBe('canary-2');
    expect(await one.run(['remove', 'local://other', '--yes', '--json'])).toMatchObject({ code: 0 });
    expect(await one.run(['remove', 'local://other', '--yes'])).toMatchObject({ code: 66 });
  });

  it('keeps what a template or nothing but a list is made of', async () => {
    const one = await project({ manifest: `${MANIFEST}  TWO: { ref: ["local://a", "local://b"] }\n` });
    await one.set('API_KEY', 'canary-1');
    const needed = await one.run(['remove', 'API_KEY', '--yes']);
    expect(needed).toMatchObject({ code: 64 });
    expect(needed.stderr).toContain('URL is built from it');
    expect(await one.run(['remove', 'TWO', '--yes'])).toMatchObject({ code: 64 });
    expect(await valueOf(one, 'API_KEY')).toBe('canary-1');
  });
});

describe('setup', () => {
  const NEEDS = `version: 1
project: shop
secrets:
  API_KEY: { ref: "local://api-key", description: payments, owner: ana, contact: "#pay", runbook: "https://wiki.example.com/x" }
  SESSION: { ref: "local://session", generate: true }
  MAYBE: { ref: "local://maybe", required: false }
  WITH_DEFAULT: { ref: "local://d", default: x }
  FROM_PARENT: env://FROM_PARENT
`;

  it('lists what is missing, and what to type', async () => {
    const one = await project({ manifest: NEEDS });
    const listed = await one.run(['setup']);
    expect(listed.code).toBe(1);
    expect(listed.stdout).toBe(
      `3 required values are missing:
  secrets set API_KEY   # payments; ask ana (#pay); https://wiki.example.com/x
  secrets set SESSION --generate
  export FROM_PARENT=...
`,
    );
    expect(existsSync(join(one.home.dir, '.local'))).toBe(false);
  });

  it('makes what it may with --yes, and is content when all is there', async () => {
    const one = await project({ manifest: NEEDS });
    const made = await one.run(['setup', '--yes', '--json']);
    expect(made.code).toBe(1);
    const report = JSON.parse(made.stdout) as { stored: { name: string }[]; missing: { name: string; command: string }[] };
    expect(report.stored.map(({ name }) => name)).toEqual(['SESSION']);
    expect(report.missing.map(({ command }) => command)).toEqual(['secrets set API_KEY', 'export FROM_PARENT=...']);
    expect(await valueOf(one, 'SESSION')).toMatch(/^[\w-]{40}$/);
    await one.set('API_KEY', 'canary-1');
    expect(await one.run(['setup'], { env: { FROM_PARENT: 'x' } })).toMatchObject({ code: 0, stdout: 'every required value is there\n' });
  });

  it('asks for each at a terminal, with what is known about it', async () => {
    const one = await project({ manifest: NEEDS });
    const value = canary();
    const terminal = one.pty(['setup'], { env: { FROM_PARENT: 'x' } });
    for (const about of ['payments', 'local://api-key', 'ana (#pay)', 'https://wiki.example.com/x', 'Value of API_KEY'])
      await terminal.waitFor(about);
    terminal.write(`${value}\r`);
    await terminal.waitFor('The same again');
    terminal.write(`${value}\r`);
    await terminal.waitFor('made and stored SESSION');
    expect((await terminal.exit).code).toBe(0);
    expect(terminal.raw()).not.toContain(value);
    expect(await valueOf(one, 'API_KEY')).toBe(value);
  });

  it('tells unreachable from missing', async () => {
    const one = await project({
      manifest: `version: 1\nproviders: { vault: { address: "http://127.0.0.1:1" } }\nsecrets: { A: "vault://secret/a#b" }\n`,
    });
    const result = await one.run(['setup', '--timeout', '2s'], { env: { VAULT_TOKEN: 'canary-token' } });
    expect(result).toMatchObject({ code: 69, stdout: '' });
    expectHidden(result, 'canary-token');
  });
});

describe('init', () => {
  it('writes a manifest that loads, has git ignore what is personal, and never writes over one', async () => {
    const one = await project({ files: { '.gitignore': 'node_modules' } });
    const made = await one.run(['init', '--project', 'shop', '--json']);
    expect(JSON.parse(made.stdout)).toMatchObject({
      manifest: '.secretsrc',
      project: 'shop',
      provider: 'local',
      ignored: ['.secretsrc.local', '.env'],
    });
    expect(readFileSync(join(one.dir, '.gitignore'), 'utf8')).toBe('node_modules\n.secretsrc.local\n.env\n');
    expect(await one.run(['explain'])).toMatchObject({ code: 0 });
    const text = manifestOf(one);
    expect(await one.run(['init'])).toMatchObject({ code: 64 });
    expect(manifestOf(one)).toBe(text);
  });

  it('proposes a name of its own for every project', async () => {
    const one = await project();
    await one.run(['init']);
    expect(manifestOf(one)).toMatch(/^project: secrets-project-[\w-]+-[0-9a-f]{4}$/m);
  });

  it('writes the entry of another provider, checked by its adapter', async () => {
    const one = await project();
    expect(await one.run(['init', '--provider', 'vault', '--option', 'adress=https://vault.example.com'])).toMatchObject({ code: 78 });
    expect(await one.run(['init', '--provider', 'nope'])).toMatchObject({ code: 78 });
    expect(await one.run(['init', '--project', '../x'])).toMatchObject({ code: 64 });
    expect(existsSync(join(one.dir, '.secretsrc'))).toBe(false);
    expect(await one.run(['init', '--provider', 'vault', '--option', 'address=https://vault.example.com'])).toMatchObject({ code: 0 });
    expect(manifestOf(one)).toContain('address: https://vault.example.com');
    expect(await one.run(['explain'])).toMatchObject({ code: 0 });
  });

  it('asks at a terminal, and takes a .env along', async () => {
    const one = await project({ files: { '.env': 'PORT=3000\nAPI_KEY=canary-env\n' } });
    const terminal = one.pty(['init']);
    for (const question of ['Project', 'Where do new secrets go?', 'Move the secrets of .env', 'Which are secrets?']) {
      await terminal.waitFor(question);
      terminal.write('\r');
    }
    await terminal.waitFor('Remove .env');
    terminal.write('y\r');
    await terminal.waitFor('secrets run -- npm start');
    expect((await terminal.exit).code).toBe(0);
    expect(terminal.raw()).not.toContain('canary-env');
    expect(existsSync(join(one.dir, '.env'))).toBe(false);
    expect([await valueOf(one, 'API_KEY'), await valueOf(one, 'PORT')]).toEqual(['canary-env', '3000']);
  });
});

describe('import', () => {
  const env = (values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');

  it('moves secrets into the store, settings and references into the manifest, and keeps comments', async () => {
    const [key, password, old] = [canary(), canary(), canary()];
    const file = `# where it listens\nPORT=3000\n# ask ana\nSTRIPE_KEY=${key}\n# OLD_KEY=${old}\nDATABASE_URL="postgres://app:${password}@db/x"\nVAULTED=vault://secret/a#b\n`;
    const one = await project({ files: { '.env': file } });
    expect(await one.run(['import', '.env'])).toMatchObject({ code: 64 });
    expect(existsSync(join(one.dir, '.secretsrc'))).toBe(false);
    const shown = await one.run(['import', '.env', '--dry-run', '--json']);
    expect(
      (JSON.parse(shown.stdout) as { entries: { name: string; kind: string }[] }).entries.map(({ name, kind }) => `${name} ${kind}`),
    ).toEqual(['PORT plain', 'STRIPE_KEY secret', 'DATABASE_URL secret', 'VAULTED reference']);
    expect(existsSync(join(one.dir, '.secretsrc'))).toBe(false);
    const imported = await one.run(['import', '.env', '--yes']);
    expect(imported.code).toBe(0);
    for (const result of [shown, imported]) expectHidden(result, key, password, old);
    const text = manifestOf(one);
    for (const value of [key, password, old]) expect(text).not.toContain(value);
    expect(text).toMatch(/# where it listens\n {2}PORT:/);
    expect(text).toMatch(/# ask ana\n {2}STRIPE_KEY: local:\/\/stripe-key\n/);
    expect(await valueOf(one, 'DATABASE_URL')).toBe(`postgres://app:${password}@db/x`);
    expect(readFileSync(join(one.dir, '.env'), 'utf8')).toBe(file);
  });

  it('removes the file only when a run gets every value of it', async () => {
    const one = await project({
      manifest: 'version: 1\nproject: shop\nsecrets: {}\n',
      files: { '.env': env({ A_KEY: 'canary-1', PORT: '1', FOREIGN: 'op://a/b/c' }) },
    });
    const kept = await one.run(['import', '.env', '--yes', '--remove-source']);
    expect(kept).toMatchObject({ code: 64 });
    expect(kept.stderr).toContain('FOREIGN');
    expect(await valueOf(one, 'A_KEY')).toBe('canary-1');
    // Another value in the store than in the file.
    one.write('.env', env({ A_KEY: 'canary-changed', PORT: '1' }));
    expect(await one.run(['import', '.env', '--yes', '--remove-source'])).toMatchObject({ code: 75 });
    expect(existsSync(join(one.dir, '.env'))).toBe(true);
    // A run that would fail for another reason.
    one.write('.env', env({ A_KEY: 'canary-1', PORT: '1' }));
    writeFileSync(join(one.dir, '.secretsrc'), `${manifestOf(one)}  MISSING: local://missing\n`);
    expect(await one.run(['import', '.env', '--yes', '--remove-source'])).toMatchObject({ code: 66 });
    expect(existsSync(join(one.dir, '.env'))).toBe(true);
    await one.set('MISSING', 'canary-2');
    expect(await one.run(['import', '.env', '--yes', '--remove-source'])).toMatchObject({ code: 0 });
    expect(existsSync(join(one.dir, '.env'))).toBe(false);
  });

  it('stores nothing of a file with a line that cannot be read', async () => {
    const one = await project({ files: { '.env': 'A_KEY=canary-1\ncanary-loose\nB="canary-open\n' } });
    const result = await one.run(['import', '.env', '--yes']);
    expect(result).toMatchObject({ code: 65 });
    expect(result.stderr).toMatch(/\.env:2:1[\s\S]*\.env:3:3/);
    expectHidden(result, 'canary-loose', 'canary-open', 'canary-1');
    expect(readdirSync(one.dir).filter((name) => name.startsWith('.secretsrc'))).toEqual([]);
  });

  it('keeps another value that is stored already, unless it is told otherwise', async () => {
    const one = await project({
      manifest: 'version: 1\nproject: shop\nsecrets: {}\n',
      files: { '.env': env({ A_KEY: 'canary-file', B_KEY: 'canary-b' }) },
    });
    await one.set('local://a-key', 'canary-theirs');
    const refused = await one.run(['import', '.env', '--yes']);
    expect(refused).toMatchObject({ code: 75 });
    expect(refused.stderr).toContain('.env:1:1');
    expect(manifestOf(one)).toBe('version: 1\nproject: shop\nsecrets: {}\n');
    expect(await valueOf(one, 'local://a-key')).toBe('canary-theirs');
    expect(await one.run(['import', '.env', '--yes', '--overwrite'])).toMatchObject({ code: 0 });
    expect([await valueOf(one, 'A_KEY'), await valueOf(one, 'B_KEY')]).toEqual(['canary-file', 'canary-b']);
  });

  it('goes on after it was killed', async () => {
    const values = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`N${index}_KEY`, `canary-${index}`]));
    const one = await project({ manifest: 'version: 1\nproject: shop\nsecrets: {}\n', files: { '.env': env(values) } });
    const running = one.start(['import', '.env', '--yes']);
    await running.waitFor('made a local store', 'stderr');
    running.child.kill('SIGKILL');
    await running.result;
    expect(manifestOf(one)).toBe('version: 1\nproject: shop\nsecrets: {}\n');
    expect(await one.run(['import', '.env', '--yes', '--remove-source'])).toMatchObject({ code: 0 });
    const { env: got } = await one.environment();
    expect(Object.fromEntries(Object.keys(values).map((name) => [name, got?.get(name)?.toString()]))).toEqual(values);
  });

  it('writes to a profile of its own', async () => {
    const one = await project({
      manifest: 'version: 1\nproject: shop\nsecrets:\n  A_KEY: local://a-key\nprofiles:\n  prod: {}\n',
      files: { '.env.prod': env({ A_KEY: 'canary-prod', LOG_LEVEL: 'warn' }) },
    });
    await one.set('A_KEY', 'canary-base');
    expect(await one.run(['import', '.env.prod', '--yes', '-p', 'prod'])).toMatchObject({ code: 0 });
    expect([await valueOf(one, 'A_KEY'), await valueOf(one, 'A_KEY', '-p', 'prod')]).toEqual(['canary-base', 'canary-prod']);
    expect(await one.run(['import', '.env.prod', '--yes', '-p', 'prod', '--remove-source'])).toMatchObject({ code: 0 });
  });

  it('names who else reads the file, and wraps scripts without touching the rest', async () => {
    const packageJson =
      '{\n\t"scripts": {"start": "node --env-file=.env x.js",  "build": "a && b"},\n\t"dependencies": {"dotenv": "^16"}\n}';
    const one = await project({
      files: { '.env': env({ A_KEY: 'canary-1' }), 'package.json': packageJson, 'compose.yaml': 'services: { a: { env_file: .env } }\n' },
    });
    const imported = await one.run(['import', '.env', '--yes', '--wrap-scripts', '--json']);
    const report = JSON.parse(imported.stdout) as { wrapped: string[]; readers: { what: string; verdict: string }[] };
    expect(report.wrapped).toEqual(['start']);
    expect(report.readers.map(({ what, verdict }) => `${what}: ${verdict}`)).toEqual([
      'dotenv: goes-on',
      '--env-file: change',
      'docker compose, env_file: change',
    ]);
    expect(readFileSync(join(one.dir, 'package.json'), 'utf8')).toBe(
      packageJson.replace('node --env-file=.env x.js', 'secrets run -- node x.js'),
    );
  });

  it('writes no value anywhere in the clear', async () => {
    const value = canary();
    const one = await project({ files: { '.env': env({ A_KEY: value }) } });
    await one.run(['import', '.env', '--yes']);
    unlinkSync(join(one.dir, '.env'));
    for (const root of [one.dir, one.home.dir]) {
      for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
        const file = join(root, name);
        expect(statSync(file).isFile() && readFileSync(file).includes(value)).toBe(false);
      }
    }
  });
});

describe('providers rekey', () => {
  it('moves the key of the store and nothing else', async () => {
    const one = await project({ manifest: MANIFEST });
    await one.set('API_KEY', 'canary-1');
    expect(await one.run(['providers', 'rekey', 'local', '--to', 'identity'])).toMatchObject({ code: 78 });
    const passphrase = { SECRETS_PASSPHRASE: canary() };
    const moved = await one.run(['providers', 'rekey', 'local', '--to', 'passphrase', '--json'], { env: passphrase });
    expect(JSON.parse(moved.stdout)).toMatchObject({ provider: 'local', custody: 'passphrase' });
    expectHidden(moved, passphrase.SECRETS_PASSPHRASE);
    const without = { SECRETS_IDENTITY_FILE: undefined };
    expect(await one.run(['get', 'API_KEY', '--reveal'], { env: without })).toMatchObject({ code: 77 });
    expect(await one.run(['get', 'API_KEY', '--reveal'], { env: { ...without, ...passphrase } })).toMatchObject({ stdout: 'canary-1' });
    expect(await one.run(['providers', 'rekey', 'env', '--to', 'identity'])).toMatchObject({ code: 69 });
  });
});

describeWith('openbao', 'with OpenBao', ({ url, token }) => {
  const withVault = async (
    name: string,
  ): Promise<{ readonly one: Project; readonly path: string; readonly env: Readonly<Record<string, string>> }> => {
    const path = `secret/${name}-${canary()}`;
    const one = await project({
      manifest: `version: 1\nproject: shop\nproviders: { vault: { address: "${url}" } }\nsecrets:\n  API_KEY: local://api-key\n  DB: vault://${path}#db\n`,
    });
    return { one, path, env: { VAULT_TOKEN: token } };
  };

  /** What the server itself has. */
  const documentAt = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/v1/${path.replace('secret/', 'secret/data/')}`, { headers: { 'X-Vault-Token': token } });
    return ((await response.json()) as { data: { data: unknown } }).data.data;
  };

  it('moves a value beside its new neighbours, and back', async () => {
    const { one, path, env } = await withVault('move');
    const value = canary();
    await one.set('API_KEY', value);
    expect(await one.run(['set', 'DB'], { env, input: 'canary-db' })).toMatchObject({ code: 0 });
    const there = await one.run(['move', 'API_KEY', '--to', `vault://${path}#key`, '--delete-source'], { env });
    expect(there).toMatchObject({ code: 0 });
    expectHidden(there, value, token);
    expect(await documentAt(path)).toEqual({ db: 'canary-db', key: value });
    expect(await one.run(['get', 'local://api-key', '--reveal'], { env })).toMatchObject({ code: 66 });
    // A field that is taken, though the document's version is known.
    expect(await one.run(['move', 'API_KEY', '--to', `vault://${path}#db`], { env })).toMatchObject({ code: 75 });
    expect(await one.run(['move', 'API_KEY', '--to', 'local://back', '--delete-source'], { env })).toMatchObject({ code: 0 });
    expect(await documentAt(path)).toEqual({ db: 'canary-db' });
    expect((await one.run(['get', 'API_KEY', '--reveal'], { env })).stdout).toBe(value);
  });

  it('leaves value and manifest alone when the new place refuses', async () => {
    const { one, path } = await withVault('refused');
    await one.set('API_KEY', 'canary-1');
    const before = manifestOf(one);
    const refused = await one.run(['move', 'API_KEY', '--to', `vault://${path}#key`, '--delete-source'], {
      env: { VAULT_TOKEN: 'canary-wrong' },
    });
    expect(refused).toMatchObject({ code: 77 });
    expectHidden(refused, 'canary-wrong', 'canary-1');
    expect(manifestOf(one)).toBe(before);
    expect((await one.run(['get', 'API_KEY', '--reveal'])).stdout).toBe('canary-1');
  });

  it('imports into one document, field by field, and goes on', async () => {
    const { one, path, env } = await withVault('import');
    one.write('.env', 'A_KEY=canary-a\nB_KEY=canary-b\n');
    for (let times = 0; times < 2; times++) {
      expect(await one.run(['import', '.env', '--yes', '--to', `vault://${path}`], { env })).toMatchObject({ code: 0 });
    }
    expect(await documentAt(path)).toEqual({
      A_KEY: 'canary-a',
      B_KEY: 'canary-b',
    });
    expect(manifestOf(one)).toContain(`A_KEY: vault://${path}#A_KEY`);
  });
});
