import { describe, expect, it } from 'vitest';
import { define } from '../../src/cli/commands/providers.ts';
import { define as schema } from '../../src/cli/commands/schema.ts';
import { optionsOf } from '../../src/cli/option-list.ts';
import { GUIDES } from '../../src/cli/provider-guide.ts';
import { BUILT_IN } from '../../src/core/builtin.ts';
import { parseReference } from '../../src/core/reference.ts';
import { loadAdapter } from '../../src/run/plan.ts';
import { LOADERS } from '../../src/providers/built-in.ts';
import { folder } from '../manifest/folder.ts';
import { rowsOf, runCommand } from './recorder.ts';

const adapters = Object.keys(LOADERS);

describe('the guide', () => {
  it('is there for every adapter, and for no other', () => {
    expect(Object.keys(GUIDES).sort()).toEqual(adapters.toSorted());
  });

  it.each(Object.entries(GUIDES).flatMap(([id, { references }]) => references.map((one) => [id, one.form, one] as const)))(
    '%s: %s has an example that the adapter reads',
    async (id, _form, { example, where }) => {
      const parsed = parseReference(example);
      if (!parsed.ok) throw new Error(parsed.message);
      expect(BUILT_IN[parsed.reference.provider]).toBe(id);
      const provider = await loadAdapter(id);
      const options = where === undefined ? {} : { vaultUrl: 'https://team.vault.azure.net' };
      const checked = await provider?.options['~standard'].validate(options);
      if (checked?.issues !== undefined) throw new Error('the options are wrong');
      expect(provider?.parseRef(parsed.reference, checked?.value).key).toBeTruthy();
    },
  );
});

describe('optionsOf', () => {
  it.each(adapters)('says the options of %s, and not those that are there to be refused', async (id) => {
    const provider = await loadAdapter(id);
    if (provider === undefined) throw new Error('it is not there');
    const names = (await optionsOf(provider)).map(({ name }) => name);
    for (const name of names) {
      const result = await provider.options['~standard'].validate({ [name]: undefined });
      expect(result.issues).toBeUndefined();
    }
    expect(names).not.toEqual(expect.arrayContaining([expect.stringMatching(/secret(?!s)|password|credential|accessKey/i)]));
  });

  it('says the ways to sign in one by one, and once', async () => {
    const provider = await loadAdapter('vault');
    if (provider === undefined) throw new Error('it is not there');
    const types = new Map((await optionsOf(provider)).map((option) => [option.name, option.types]));
    expect(types.get('auth')).toContain('  { method: kubernetes, role, mount?, tokenFile? }');
    expect(types.get('operatorAuth')).toEqual(['as auth']);
    expect(types.get('insecureHttp')).toEqual(['true | false']);
  });
});

describe('providers', () => {
  const manifest = 'version: 1\nproviders: { corp: { use: vault, address: "https://v.example.com" } }\n';
  const run = (args: readonly string[], files: Record<string, string> = { '.secretsrc': manifest }, json = false) =>
    runCommand({ define }, args, { cwd: folder(files), json });

  it('lists every adapter, with a manifest or without, also a broken one', async () => {
    for (const files of [{}, { '.secretsrc': manifest }, { '.secretsrc': 'x: [' }]) {
      const { stdout, exitCode } = await run([], files);
      expect(
        rowsOf(stdout)
          .slice(1)
          .map(([id]) => id),
      ).toEqual(adapters);
      expect(exitCode).toBe(0);
    }
  });

  it('knows an adapter by its id, its short name, and a name of the manifest', async () => {
    expect((await run(['corp'])).stdout).toMatch(/adapter +vault\n/);
    expect((await run(['ssm'])).stdout).toMatch(/adapter +aws-parameter-store\n/);
    expect((await run(['azure-key-vault'])).stdout).toMatch(/names +azure, azure-key-vault\n/);
    expect((await run(['vualt'])).error?.issues).toMatchObject([{ code: 'PROVIDER_UNKNOWN', hint: 'did you mean vault?' }]);
  });

  it('has a stable JSON form', async () => {
    const all = JSON.parse((await run([], undefined, true)).stdout) as { providers: Record<string, unknown>[] };
    expect(all.providers.find(({ adapter }) => adapter === 'vault')).toMatchObject({
      names: ['vault'],
      network: true,
      configured: ['corp'],
    });
    const one = JSON.parse((await run(['vault'], undefined, true)).stdout) as Record<string, unknown>;
    expect(one).toMatchObject({ adapter: 'vault', options: { type: 'object', properties: { address: { type: 'string' } } } });
    expect(Object.keys(one)).toEqual([
      'adapter',
      'names',
      'title',
      'capabilities',
      'network',
      'configured',
      'options',
      'references',
      'signIn',
    ]);
  });
});

describe('schema', () => {
  it('is a JSON Schema', async () => {
    const { stdout } = await runCommand({ define: schema }, [], { cwd: folder({}) });
    expect(JSON.parse(stdout)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' });
  });
});
