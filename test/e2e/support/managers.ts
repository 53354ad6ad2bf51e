/** A project with one secret in each manager that is built in. */
import { join } from 'node:path';
import type { BedFacts } from '../../bed/facts.ts';
import { canary } from './canary.ts';
import { project, type Project } from './project.ts';
import { vaultEntry, vaultServer } from './vault-server.ts';

/** The components of the bed that stand behind it; Vault is a server of the test's own. */
export const MANAGERS = ['moto', 'azure', 'keychain'] as const;

export interface EveryManager {
  readonly one: Project;
  /** For the program: how to sign in everywhere. */
  readonly env: Readonly<Record<string, string>>;
  /** Value by name; FROM_ENV is in `env`, the others have to be set. */
  readonly values: Readonly<Record<string, string>>;
  /** The names whose values can be written. */
  readonly writable: readonly string[];
  /** What was given for signing in, by variable. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** The entry of a manifest for the bed's Azure. */
export const azureEntry = (facts: BedFacts['azure'], vaultUrl = facts.vaultUrl): string =>
  `azure: { vaultUrl: "${vaultUrl}", authorityHost: "${facts.authorityHost}", disableInstanceDiscovery: true, disableChallengeResourceVerification: true, caFile: ${facts.caFile} }`;

/** Variables for signing in to the bed's Azure. */
export const azureCredentials = (facts: BedFacts['azure']): Readonly<Record<string, string>> => ({
  AZURE_TENANT_ID: facts.tenantId,
  AZURE_CLIENT_ID: facts.clientId,
  AZURE_CLIENT_SECRET: facts.clientSecret,
});

/** Variables for the bed's keychain. */
export const keychainEnvironment = (facts: BedFacts['keychain']): Readonly<Record<string, string>> => ({
  DBUS_SESSION_BUS_ADDRESS: facts.busAddress,
  XDG_RUNTIME_DIR: facts.runtimeDir,
});

export async function everyManager({ moto, azure, keychain }: Pick<BedFacts, (typeof MANAGERS)[number]>): Promise<EveryManager> {
  const vault = await vaultServer();
  const mark = canary().slice(0, 15);
  const references = {
    FROM_LOCAL: 'local://from-local',
    FROM_ENV: 'env://SOURCE',
    FROM_VAULT: `vault://secret/${mark}#value`,
    FROM_AWS: `aws://${mark}`,
    FROM_SSM: `ssm:///${mark}/value`,
    FROM_AZURE: `azure://${mark}`,
    FROM_KEYCHAIN: `keychain://${mark}/value`,
  };
  const endpoint = `region: ${moto.region}, endpoint: "${moto.url}"`;
  const one = await project({
    manifest: `version: 1
project: every-manager
providers:
  ${vaultEntry(vault)}
  aws: { use: aws-secrets-manager, ${endpoint} }
  ssm: { use: aws-parameter-store, ${endpoint} }
  ${azureEntry(azure)}
secrets:
${Object.entries(references)
  .map(([name, reference]) => `  ${name}: ${reference}\n`)
  .join('')}`,
  });
  const values = Object.fromEntries(Object.keys(references).map((name) => [name, canary()]));
  const { AZURE_CLIENT_SECRET = '', ...azureSelectors } = azureCredentials(azure);
  const credentials = {
    VAULT_TOKEN: canary(),
    AWS_ACCESS_KEY_ID: canary(),
    AWS_SECRET_ACCESS_KEY: canary(),
    AZURE_CLIENT_SECRET,
  };
  return {
    one,
    values,
    writable: Object.keys(references).filter((name) => name !== 'FROM_ENV'),
    credentials,
    env: {
      ...credentials,
      ...azureSelectors,
      ...keychainEnvironment(keychain),
      SECRETS_STORE: join(one.home.dir, 'store'),
      SOURCE: values['FROM_ENV'] ?? '',
    },
  };
}
