/** The gate where nobody can be asked; the questions are in the end-to-end tests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { Output } from '../../src/cli/output.ts';
import { ensureTrusted, keepTrust, keepingFor, trustFindings } from '../../src/cli/trust-gate.ts';
import { load, type Loaded, type LoadOptions } from '../../src/run/load.ts';
import { addRecord, readRecords } from '../../src/trust/record.ts';
import { hashOf } from '../../src/trust/trust-set.ts';
import { emptyFolder, write } from './folders.ts';

const TEXT = 'project: api\nproviders: { vault: { address: https://v.example.com } }\nsecrets: { A: vault://secret/a#b }\n';

class Recorder extends Output {
  readonly warnings: string[] = [];

  override warn({ message, hint = '' }: { readonly message: string; readonly hint?: string | undefined }): void {
    this.warnings.push(`${message}: ${hint}`);
  }
}

interface Subject {
  readonly dir: string;
  readonly context: Context;
  readonly output: Recorder;
  readonly file: string;
  loaded(more?: Partial<LoadOptions>): Promise<Loaded>;
  recorded(): Promise<readonly (readonly string[])[]>;
}

function subject(files: Readonly<Record<string, string>> = { '.secretsrc': TEXT }, env: Context['env'] = {}): Subject {
  const dir = emptyFolder({ '.git/HEAD': '', ...files });
  const output = new Recorder({
    json: false,
    quiet: false,
    verbose: false,
    debug: false,
    cwd: dir,
    color: { stdout: false, stderr: false },
    columns: undefined,
  });
  const home = emptyFolder();
  const context: Context = {
    env: { SECRETS_CONFIG_DIR: home, SECRETS_STATE_DIR: home, ...env },
    cwd: dir,
    output,
    limits: { totalMs: 1_000, requestMs: 1_000 },
    manifest: undefined,
    profile: undefined,
    interactive: false,
  };
  const file = join(dir, '.secretsrc');
  return {
    dir,
    context,
    output,
    file,
    loaded: (more) => load({ cwd: dir, env: context.env, ...more }),
    recorded: async () => (await readRecords(keepingFor(context, file))).sets.map(({ lines }) => lines),
  };
}

describe('ensureTrusted', () => {
  it('says what to type, for the manifest that was named', async () => {
    const { context, loaded } = subject();
    await expect(ensureTrusted(context, await loaded())).rejects.toMatchObject({
      code: 'MANIFEST_UNTRUSTED',
      primary: {
        message:
          'this manifest is not trusted yet: provider vault: address https://v.example.com; reads all under vault://secret/; project api',
        hint: expect.stringMatching(/^secrets trust; in CI, SECRETS_TRUST=sha256:[0-9a-f]{64} /) as string,
      },
    });
    await expect(ensureTrusted({ ...context, manifest: '.secretsrc' }, await loaded())).rejects.toMatchObject({
      primary: { hint: expect.stringContaining('secrets trust --manifest .secretsrc;') as string },
    });
  });

  it('has nothing to say without a manifest, nor about what the command line names', async () => {
    const { context, loaded, recorded } = subject({ '.env': 'B=vault://other/b#c\n' });
    const refs = [{ name: 'A', reference: 'vault://secret/a#b' }];
    expect(await ensureTrusted(context, await loaded({ refs }))).toBeUndefined();
    writeFileSync(join(context.cwd, '.secretsrc'), 'secrets: { L: { value: x } }\n');
    expect(await ensureTrusted(context, await loaded({ refs, envFiles: ['.env'] }), { envFiles: ['.env'] })).toBe('recorded');
    expect(await recorded()).toEqual([]);
  });

  it('tells how the manifest is trusted', async () => {
    const { context, loaded, file } = subject();
    const withSetting = (SECRETS_TRUST: string): Context => ({ ...context, env: { ...context.env, SECRETS_TRUST } });
    expect(await ensureTrusted(context, await loaded(), { once: true })).toBe('unpinned');
    expect(await ensureTrusted(withSetting('1'), await loaded())).toBe('unpinned');
    const lines = ['prefix vault://secret/', 'project api', 'provider vault vault {"address":"https://v.example.com"}'];
    expect(await ensureTrusted(withSetting(hashOf(lines)), await loaded())).toBe('pinned');
    await addRecord(keepingFor(context, file), lines, new Date());
    expect(await ensureTrusted(context, await loaded())).toBe('recorded');
  });
});

describe('keepTrust', () => {
  const rewrite = async (made: Subject, text: string): Promise<void> => {
    await keepTrust(made.context, () => Promise.resolve(write(made.dir, '.secretsrc', text)));
  };

  it('records a manifest that is made', async () => {
    const made = subject({});
    await rewrite(made, TEXT);
    expect(await ensureTrusted(made.context, await made.loaded())).toBe('recorded');
  });

  it('records no manifest that is made under a personal file which was there first', async () => {
    const made = subject({ '.secretsrc.local': 'providers: { vault: { address: https://evil.example.com } }\n' });
    await rewrite(made, TEXT);
    expect(await made.recorded()).toEqual([]);
  });

  it('records the change of one that is trusted, and of that alone', async () => {
    const made = subject();
    await rewrite(made, `${TEXT}mask: { mode: never }\n`);
    expect(await made.recorded()).toEqual([]);
    await addRecord(keepingFor(made.context, made.file), ['prefix vault://secret/', 'project api'], new Date());
    await rewrite(made, `${TEXT}mask: { mode: never }\nenv: { pass: [X] }\n`);
    expect((await made.recorded())[0]).toEqual(['env.pass X', 'prefix vault://secret/', 'project api']);
    await expect(ensureTrusted(made.context, await made.loaded())).rejects.toMatchObject({ code: 'MANIFEST_UNTRUSTED' });
  });

  it('records nothing where the manifest was broken before', async () => {
    const made = subject();
    await addRecord(keepingFor(made.context, made.file), ['project api'], new Date());
    write(made.dir, '.secretsrc', 'a: [\n');
    await rewrite(made, TEXT);
    expect(await made.recorded()).toEqual([['project api']]);
  });

  it('records nothing where nothing was written, and passes the error on', async () => {
    const made = subject();
    await expect(keepTrust(made.context, () => Promise.reject(new Error('full')))).rejects.toThrow('full');
    expect(await made.recorded()).toEqual([]);
  });

  it('does not fail where nothing can be kept', async () => {
    const made = subject({}, { SECRETS_STATE_DIR: '/dev/null/state' });
    await rewrite(made, TEXT);
    await expect(ensureTrusted(made.context, await made.loaded())).rejects.toMatchObject({ code: 'MANIFEST_UNTRUSTED' });
  });

  it('says that a pin is of the manifest as it was', async () => {
    const made = subject({}, { SECRETS_TRUST: `sha256:${'0'.repeat(64)}` });
    await rewrite(made, TEXT);
    expect(made.output.warnings).toEqual([expect.stringMatching(/^SECRETS_TRUST pins what .*: set it to sha256:/)]);
  });
});

describe('trustFindings', () => {
  const found = async (made: Subject): Promise<readonly string[]> =>
    (await trustFindings(made.context, await made.loaded())).map(({ status, message }) => `${status} ${message.slice(0, 34)}`);

  it('fails for a manifest that is not trusted, and is content with one that is', async () => {
    const made = subject();
    expect(await found(made)).toEqual(['fail this manifest is not trusted yet: ']);
    await addRecord(
      keepingFor(made.context, made.file),
      ['prefix vault://secret/', 'project api', 'provider vault vault {"address":"https://v.example.com"}'],
      new Date(),
    );
    expect(await found(made)).toEqual(['ok you have trusted this manifest']);
  });

  it.each([
    [undefined, ['warn SECRETS_TRUST=1 trusts every manif']],
    ['false', ['warn SECRETS_TRUST=1 trusts every manif']],
    ['true', ['ok SECRETS_TRUST=1 trusts every manif']],
  ])('warns of SECRETS_TRUST=1 with CI=%s', async (CI, expected) => {
    expect(await found(subject(undefined, { SECRETS_TRUST: '1', CI }))).toEqual(expected);
  });

  it('fails for a pin of something else and for a setting that says nothing', async () => {
    expect(await found(subject(undefined, { SECRETS_TRUST: `sha256:${'0'.repeat(64)}` }))).toEqual([
      'fail SECRETS_TRUST pins another set tha',
    ]);
    expect(await found(subject(undefined, { SECRETS_TRUST: 'yes' }))).toEqual(['fail SECRETS_TRUST is neither sha256: w']);
  });
});
