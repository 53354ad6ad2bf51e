/** The README's recipes for CI and containers, as far as they run without the service that they are for. */
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWith } from '../bed/use.ts';
import { blocksOf, readReadme } from '../docs/readme.ts';
import { preparedShell, type Shell } from '../docs/shell.ts';
import { canary } from './support/canary.ts';
import { faultServer } from './support/fault-server.ts';
import { kv2, signedIn, vaultServer } from './support/vault-server.ts';

const blocks = blocksOf(readReadme());
const recipe = (file: string): string => blocks.find(({ info }) => info === file)?.text ?? '';

interface Workflow {
  readonly on: unknown;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<string, { readonly 'runs-on': string; readonly steps: readonly { readonly uses?: string; readonly run?: string }[] }>
  >;
}

const answers = (value: string): ReturnType<typeof vaultServer> =>
  vaultServer((asked) => {
    if (asked === 'POST auth/jwt/login') return signedIn(canary());
    if (asked.startsWith('GET secret/data/api')) return kv2({ key: value });
    const metadata = { version: 1, created_time: '2026-01-02T03:04:05.678Z', deletion_time: '', destroyed: false };
    if (asked.startsWith('GET secret/subkeys/api')) return { body: { data: { subkeys: { key: null }, metadata } } };
    if (asked.startsWith('GET secret/metadata/api')) return { body: { data: { current_version: 1, versions: { 1: metadata } } } };
    return undefined;
  });

/** A project whose `npm test` and `ci.sh` print the value and note it in a file. */
async function ciProject(manifest: string): Promise<Shell> {
  const shell = await preparedShell();
  shell.project.write('.secretsrc', manifest);
  shell.project.write('package.json', '{ "name": "api", "private": true, "scripts": { "test": "sh ci.sh" } }\n');
  shell.project.write('ci.sh', '#!/bin/sh\necho "it is $API_KEY"; printf %s "$API_KEY" > seen\n');
  expect(await shell.sh('chmod +x ci.sh')).toMatchObject({ code: 0 });
  return shell;
}

async function pinned(shell: Shell): Promise<string> {
  const { output } = await shell.sh('secrets trust --show');
  return output.trim().split('\n').at(-1) ?? '';
}

describe('recipes of the README', () => {
  it('GitHub Actions: the steps sign in by OIDC, check, and run masked', async () => {
    const workflow = parse(recipe('.github/workflows/ci.yml')) as Workflow;
    expect(workflow.on).toBe('push');
    expect(workflow.permissions['id-token']).toBe('write');
    const [job] = Object.values(workflow.jobs);
    expect(job?.['runs-on']).toMatch(/^ubuntu-/);
    for (const step of job?.steps ?? []) expect(Object.keys(step)).toEqual([expect.stringMatching(/^(?:uses|run)$/)]);

    const value = canary();
    const vault = await answers(value);
    const github = await faultServer([{ body: { value: `${canary()}.${canary()}.${canary()}` } }]);
    const manifest = blocks.find(({ language, text }) => language === 'yaml' && text.includes('from: github-actions'))?.text ?? '';
    const shell = await ciProject(manifest.replace('https://vault.example.com', vault.url));
    const requestToken = canary();
    const runner = `export GITHUB_ACTIONS=true CI=true SECRETS_TRUST=${await pinned(shell)} ACTIONS_ID_TOKEN_REQUEST_URL=${github.url} ACTIONS_ID_TOKEN_REQUEST_TOKEN=${requestToken}`;
    const commands = (job?.steps ?? []).flatMap(({ run }) => (run?.startsWith('secrets ') === true ? [run] : []));
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const { code, output } = await shell.sh(`${runner}\n${command}`);
      expect({ command, code, output: code === 0 ? '' : output }).toEqual({ command, code: 0, output: '' });
      // The runner takes these lines off its log.
      const shown = output.replaceAll(/^::add-mask::.*$/gm, '');
      expect(shown).not.toContain(value);
      if (command.includes(' run ')) expect(shown).toContain('it is ***');
    }
    expect(readFileSync(join(shell.dir, 'seen'), 'utf8')).toBe(value);
    expect(github.requests[0]?.headers.authorization).toBe(`Bearer ${requestToken}`);
  });

  it('GitLab: the script signs in by its id token and runs masked', async () => {
    const text = recipe('.gitlab-ci.yml');
    const { test } = parse(text) as {
      readonly test: { readonly id_tokens: Readonly<Record<string, { readonly aud: string }>>; readonly script: readonly string[] };
    };
    const auth = /# auth: (.+)$/m.exec(text)?.[1] ?? '';
    const value = canary();
    const vault = await answers(value);
    const shell = await ciProject(
      `providers:\n  vault: { address: "${vault.url}", auth: ${auth.replace('{ method: jwt,', '{ method: jwt, role: api-ci,')} }\nsecrets:\n  API_KEY: vault://secret/api#key\nprofiles: { ci: {} }\n`,
    );
    const [variable = ''] = Object.keys(test.id_tokens);
    const runner = `export GITLAB_CI=true CI=true SECRETS_TRUST=${await pinned(shell)} ${variable}=${canary()}`;
    const { code, output } = await shell.sh([runner, ...test.script].join('\n'));
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('it is ***\n') });
    expect(output).not.toContain(value);
    expect(readFileSync(join(shell.dir, 'seen'), 'utf8')).toBe(value);
  });

  it('a container: the entrypoint starts the command of the image, and the compose file gives what it needs', async () => {
    const image = blocks.find(({ language }) => language === 'dockerfile')?.text ?? '';
    const wordsOf = (instruction: string): readonly string[] =>
      JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(image)?.[1] ?? '[]') as readonly string[];
    const compose = parse(recipe('compose.yaml')) as {
      readonly services: Readonly<
        Record<
          string,
          { readonly build: string; readonly environment: Readonly<Record<string, string>>; readonly secrets: readonly string[] }
        >
      >;
      readonly secrets: Readonly<Record<string, { readonly file: string }>>;
    };
    const [service] = Object.values(compose.services);
    expect(service?.build).toBe('.');
    expect(Object.keys(compose.secrets)).toEqual(service?.secrets);
    const value = canary();
    const vault = await vaultServer(
      (asked) =>
        (asked === 'POST auth/approle/login' ? signedIn(canary()) : undefined) ??
        (asked === 'GET secret/data/api' ? kv2({ key: value }) : undefined),
    );
    const shell = await preparedShell();
    const auth = /# auth: (.+)$/m.exec(recipe('compose.yaml'))?.[1]?.replace('/run/secrets/', `${shell.dir}/`) ?? '';
    shell.project.write(
      '.secretsrc',
      `providers:\n  vault: { auth: ${auth} }\nsecrets:\n  API_KEY: vault://secret/api#key\nprofiles: { prod: {} }\n`,
    );
    const [file] = service?.secrets ?? [];
    shell.project.write(file ?? '', canary());
    await shell.sh(`chmod 600 ${file}`);
    const variables = Object.keys(service?.environment ?? {});
    expect(variables).toEqual(['VAULT_ADDR', 'VAULT_ROLE_ID']);
    const line = [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')].join(' ');
    const { code, output } = await shell.sh(`export VAULT_ADDR=${vault.url} VAULT_ROLE_ID=api SECRETS_TRUST=1\n${line}`);
    expect({ line, code, output: code === 0 ? '' : output }).toEqual({
      line: 'secrets run -p prod -- node server.js',
      code: 0,
      output: '',
    });
  });
});

describeWith('monorepo', 'turbo and nx, as the README has them', ({ bin }) => {
  const PACKAGES = ['one', 'two'];
  const note = (dir: string): string =>
    `require('node:fs').appendFileSync(${JSON.stringify(join(dir, 'seen'))}, \`\${process.env.API_KEY} \${process.env.OTHER}\\n\`);
console.log('it is', process.env.API_KEY);
`;

  /** A repository of two packages, each with one task that notes two values and prints one. */
  async function repository(): Promise<{
    readonly shell: Shell;
    readonly values: readonly [string, string];
    readonly run: (line: string) => Promise<string>;
  }> {
    const shell = await preparedShell();
    const { write } = shell.project;
    write('.secretsrc', 'secrets:\n  API_KEY: env://FIRST\n  OTHER: env://SECOND\n');
    write('package.json', '{ "name": "all", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"] }\n');
    write('turbo.json', '{ "tasks": { "test": { "passThroughEnv": ["API_KEY"] } } }\n');
    write('nx.json', '{}\n');
    const packages = Object.fromEntries(PACKAGES.map((name) => [`packages/${name}`, { version: '1.0.0' }]));
    const links = Object.fromEntries(PACKAGES.map((name) => [`node_modules/${name}`, { resolved: `packages/${name}`, link: true }]));
    write(
      'package-lock.json',
      JSON.stringify({ name: 'all', lockfileVersion: 3, requires: true, packages: { '': {}, ...links, ...packages } }),
    );
    for (const name of PACKAGES) {
      write(`packages/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', scripts: { test: 'node note.cjs' } }));
      write(`packages/${name}/note.cjs`, note(shell.dir));
    }
    for (const name of ['turbo', 'nx']) symlinkSync(join(bin, '..', name), join(shell.dir, 'node_modules', name));
    const values = [canary(), canary()] as const;
    const settings = `export PATH=${bin}:$PATH SECRETS_TRUST=1 DO_NOT_TRACK=1 NX_DAEMON=false FIRST=${values[0]} SECOND=${values[1]}`;
    const run = async (line: string): Promise<string> => {
      const { code, output } = await shell.sh(`${settings}\n${line}`);
      expect({ line, code, output: code === 0 ? '' : output }).toEqual({ line, code: 0, output: '' });
      expect(output).not.toContain(values[0]);
      return output;
    };
    return { shell, values, run };
  }
  const seen = ({ dir }: Shell): readonly string[] => readFileSync(join(dir, 'seen'), 'utf8').trim().split('\n');

  it('around turbo: the tasks get what is declared, and what they print is masked', async () => {
    const { shell, values, run } = await repository();
    expect(await run('secrets run -- turbo run test')).toContain('it is ***');
    expect(seen(shell)).toEqual(PACKAGES.map(() => `${values[0]} undefined`));
  });

  it('around nx: the tasks get everything, and what they print is masked', async () => {
    const { shell, values, run } = await repository();
    expect(await run('secrets run -- nx run-many -t test --output-style=static')).toContain('it is ***');
    expect(seen(shell)).toEqual(PACKAGES.map(() => values.join(' ')));
  });

  it('in front of the scripts: no cache holds a value', async () => {
    const { shell, values, run } = await repository();
    const script = JSON.stringify({ test: 'secrets run -- node note.cjs' });
    for (const name of PACKAGES)
      shell.project.write(`packages/${name}/package.json`, `{ "name": "${name}", "version": "1.0.0", "scripts": ${script} }\n`);
    await run('nx run-many -t test');
    await run('turbo run test --env-mode=loose');
    expect(seen(shell)).toHaveLength(4);
    for (const file of readdirSync(shell.dir, { recursive: true, withFileTypes: true }))
      if (file.isFile() && file.name !== 'seen') expect(readFileSync(join(file.parentPath, file.name), 'latin1')).not.toContain(values[0]);
  });
});
