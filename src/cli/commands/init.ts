/**
 * `secrets init`: a manifest for this project, and what is personal ignored by git. Asks at a terminal; options and
 * --yes say it otherwise. Never writes over a manifest.
 *
 * --json: `{ manifest, project, provider, ignored: [name], next: [command] }`, and what
 * `secrets import` shows as `import` if a file was imported.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import { PLAIN_NAME } from '../../manifest/shape.ts';
import { loadAdapter } from '../../run/plan.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { importFile, type ImportOptions } from '../import-file.ts';
import { readEnvFile } from '../import-plan.ts';
import { shortPath } from '../output.ts';
import { askChoice, askConfirm, askText } from '../prompts.ts';
import { checkNoManifest, starterPath, starterProject, startProject } from '../starter.ts';

interface InitOptions {
  readonly project?: string;
  readonly provider?: string;
  readonly option?: readonly string[];
  readonly import?: string;
  readonly yes?: boolean;
}

interface Offered {
  readonly name: string;
  readonly adapter: string;
  readonly title: string;
  readonly example: string;
  /** What its entry in the manifest usually says. */
  readonly option?: { readonly key: string; readonly question: string };
}

const OFFERED: readonly Offered[] = [
  { name: 'local', adapter: 'local', title: 'this machine, encrypted (no server needed)', example: 'local://api-key' },
  {
    name: 'vault',
    adapter: 'vault',
    title: 'HashiCorp Vault or OpenBao',
    example: 'vault://secret/api#key',
    option: { key: 'address', question: 'Address (empty: VAULT_ADDR)' },
  },
  {
    name: 'aws',
    adapter: 'aws-secrets-manager',
    title: 'AWS Secrets Manager',
    example: 'aws://api/key',
    option: { key: 'region', question: 'Region (empty: AWS_REGION or the profile)' },
  },
  {
    name: 'ssm',
    adapter: 'aws-parameter-store',
    title: 'AWS Parameter Store',
    example: 'ssm:///api/key',
    option: { key: 'region', question: 'Region (empty: AWS_REGION or the profile)' },
  },
  {
    name: 'azure',
    adapter: 'azure-key-vault',
    title: 'Azure Key Vault',
    example: 'azure://team-kv/api-key',
    option: { key: 'vaultUrl', question: 'Address of the vault (empty: named in each reference)' },
  },
  { name: 'keychain', adapter: 'keychain', title: 'the keychain of this user', example: 'keychain://api/key' },
];

const PROJECT_RULE = 'letters, digits, dot, - and _, not beginning with a sign';

export const define: CommandModule['define'] = (command, open) => {
  command
    .option('--project <name>', 'namespace of the local store (the folder and four random digits)')
    .option('--provider <name>', 'where new secrets go: local, vault, aws, ssm, azure or keychain (local)')
    .addOption(
      new Option('--option <key=value>', "an option of the provider's entry, such as address=https://vault.example.com").argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option('--import <file>', 'move the values of an env file into the store')
    .option('-y, --yes', 'do not ask')
    .action(async (options: InitOptions, self: Command) => init(open(self), options));
};

async function init(context: Context, options: InitOptions): Promise<void> {
  checkNoManifest(context);
  checkImport(context, options);
  const asks = context.interactive && options.yes !== true;
  const project = projectOf(
    options.project ??
      (asks ? await askText('Project (its name in the local store)', starterProject(context), checkProject) : starterProject(context)),
  );
  const offered = await offeredOf(options.provider, asks);
  const entry = await entryOf(context, offered, options, asks);
  const provider =
    offered.name === 'local' && Object.keys(entry).length === 0
      ? undefined
      : { name: offered.name, use: offered.adapter, options: entry, example: offered.example };
  const { file, ignored } = await startProject(context, { project, ...(provider === undefined ? {} : { provider }) });
  const { output } = context;
  const shown = shortPath(file, context.cwd);
  const envFile = options.import ?? (await envFileToImport(context, asks));
  const next = [
    ...(envFile === undefined && existsSync(path.join(path.dirname(file), '.env')) ? ['secrets import .env'] : []),
    ...(envFile === undefined ? ['secrets set API_KEY'] : []),
    'secrets run -- npm start',
    `git add ${shown} .gitignore`,
  ];
  if (!output.json) output.result(`wrote ${shown}\n`);
  const imported = envFile === undefined ? undefined : await importFile(context, envFile, importOptions(offered, options));
  if (output.json) {
    output.resultJson({ manifest: shown, project, provider: offered.name, ignored, next, import: imported });
    return;
  }
  output.notice('next:');
  for (const line of next) output.notice(`  ${line}`);
}

const importOptions = (offered: Offered, { yes }: InitOptions): ImportOptions => ({
  ...(offered.name === 'local' ? {} : { to: offered.name }),
  ...(yes === undefined ? {} : { yes }),
});

/** What would stop the import stops before anything is written. */
function checkImport(context: Context, { import: file, yes }: InitOptions): void {
  if (file === undefined) return;
  if (yes !== true && !context.interactive) {
    throw new SecretsError({
      code: 'USAGE',
      message: 'nobody can be asked here which entries are secrets',
      hint: `secrets import ${file} --dry-run shows what they look like; --yes agrees`,
    });
  }
  readEnvFile(path.resolve(context.cwd, file), file);
}

const checkProject = (text: string): true | string => PLAIN_NAME.test(text) || `Use ${PROJECT_RULE}`;

function projectOf(text: string): string {
  if (PLAIN_NAME.test(text)) return text;
  throw new SecretsError({ code: 'USAGE', message: `a project's name has ${PROJECT_RULE}`, hint: 'secrets init --project api' });
}

async function offeredOf(name: string | undefined, asks: boolean): Promise<Offered> {
  if (name === undefined) {
    const [local] = OFFERED;
    if (!asks && local !== undefined) return local;
    return askChoice(
      'Where do new secrets go?',
      OFFERED.map((offered) => ({ name: `${offered.name.padEnd(9)} ${offered.title}`, value: offered })),
    );
  }
  const found = OFFERED.find((offered) => offered.name === name || offered.adapter === name);
  if (found !== undefined) return found;
  const names = OFFERED.map((offered) => offered.name);
  throw new SecretsError({
    code: 'PROVIDER_UNKNOWN',
    message: 'new secrets cannot go to a provider of that name',
    hint: didYouMean(name, names) ?? `one of ${names.join(', ')}`,
  });
}

/** The provider's entry: what --option says, else at a terminal the answer to one question. Checked by its adapter. */
async function entryOf(context: Context, offered: Offered, options: InitOptions, asks: boolean): Promise<Readonly<Record<string, string>>> {
  const given = (options.option ?? []).map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    throw new SecretsError({
      code: 'USAGE',
      message: '--option takes KEY=VALUE',
      hint: 'secrets init --provider vault --option address=https://vault.example.com',
    });
  });
  if (given.length > 0 || !asks || offered.option === undefined) {
    const entry = Object.fromEntries(given);
    const problem = await problemOf(offered, entry);
    if (problem === undefined) return entry;
    throw new SecretsError({
      code: 'PROVIDER_OPTIONS',
      provider: offered.name,
      message: problem,
      hint: `secrets providers ${offered.adapter}`,
    });
  }
  const { key, question } = offered.option;
  const asEntry = (text: string): Readonly<Record<string, string>> => (text.trim() === '' ? {} : { [key]: text.trim() });
  for (;;) {
    const entry = asEntry(await askText(question));
    const problem = await problemOf(offered, entry);
    if (problem === undefined) return entry;
    context.output.notice(problem);
  }
}

async function problemOf(offered: Offered, entry: Readonly<Record<string, string>>): Promise<string | undefined> {
  const adapter = await loadAdapter(offered.adapter);
  const result = await adapter?.options['~standard'].validate(entry);
  const issue = result?.issues?.[0];
  return issue === undefined
    ? undefined
    : [...(issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)), issue.message].join(' ');
}

/** An env file beside the new manifest, if the person wants it moved. */
async function envFileToImport(context: Context, asks: boolean): Promise<string | undefined> {
  const file = path.join(path.dirname(starterPath(context)), '.env');
  if (!asks || !existsSync(file)) return undefined;
  const shown = shortPath(file, context.cwd);
  return (await askConfirm(`Move the secrets of ${shown} into the store?`, true)) ? shown : undefined;
}
