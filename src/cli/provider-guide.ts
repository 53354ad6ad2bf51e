/** What `secrets providers NAME` says about each adapter besides its options: references and signing in. */

export interface ProviderGuide {
  /** Forms of a reference and what each means; every example is one that the adapter reads. */
  readonly references: readonly { readonly form: string; readonly example: string; readonly where?: string }[];
  /** How it signs in, in the order in which it tries. */
  readonly signIn: readonly string[];
}

export const GUIDES: Readonly<Record<string, ProviderGuide>> = {
  local: {
    references: [
      { form: 'local://NAME', example: 'local://db/password' },
      { form: 'local://NAME?version=N', example: 'local://db/password?version=3' },
    ],
    signIn: [
      'the key of the store is where it was put when the store was made: the OS keychain, a passphrase, or an identity file',
      'SECRETS_IDENTITY_FILE or SECRETS_PASSPHRASE open it without a person',
      'secrets providers rekey local --to keychain|passphrase|identity moves it',
    ],
  },
  env: {
    references: [{ form: 'env://NAME', example: 'env://AWS_REGION' }],
    signIn: ["none: these are the parent's own variables"],
  },
  keychain: {
    references: [{ form: 'keychain://SERVICE/ACCOUNT', example: 'keychain://api/deploy' }],
    signIn: ['the OS keychain of this user, unlocked as usual'],
  },
  vault: {
    references: [
      { form: 'vault://MOUNT/PATH#FIELD', example: 'vault://secret/api#key' },
      { form: 'vault://MOUNT/PATH?version=N#FIELD', example: 'vault://secret/api?version=3#key' },
    ],
    signIn: [
      'auth in the entry, a list: the first method whose needs are there',
      'kubernetes: role; the service account token of the pod',
      'jwt: role; from: github-actions, { env: NAME } or { file: PATH }',
      'approle: VAULT_ROLE_ID and VAULT_SECRET_ID, or roleId and secretIdFile; wrapped: true for one of secrets bootstrap',
      'token: VAULT_TOKEN, or ~/.vault-token as the vault program leaves it',
      'the address is in the entry, else VAULT_ADDR',
    ],
  },
  'aws-secrets-manager': {
    references: [
      { form: 'aws://NAME', example: 'aws://prod/db' },
      { form: 'aws://NAME#FIELD', example: 'aws://prod/db#/password' },
      { form: 'aws://NAME?stage=LABEL', example: 'aws://prod/db?stage=AWSPREVIOUS' },
      { form: 'aws://ARN', example: 'aws://arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-a1b2c3' },
    ],
    signIn: [
      'the chain of the AWS SDK: environment, web identity, SSO and profiles, container and instance roles',
      'profile, roleArn and externalId in the entry, or in a list under auth',
      'the region is in the entry, else AWS_REGION, else that of the profile',
    ],
  },
  'aws-parameter-store': {
    references: [
      { form: 'ssm:///PATH', example: 'ssm:///prod/db' },
      { form: 'ssm://NAME', example: 'ssm://db' },
      { form: 'ssm:///PATH?version=N', example: 'ssm:///prod/db?version=3' },
      { form: 'ssm:///PATH?label=LABEL', example: 'ssm:///prod/db?label=blue' },
    ],
    signIn: [
      'the chain of the AWS SDK: environment, web identity, SSO and profiles, container and instance roles',
      'profile, roleArn and externalId in the entry, or in a list under auth',
      'the region is in the entry, else AWS_REGION, else that of the profile',
    ],
  },
  'azure-key-vault': {
    references: [
      { form: 'azure://VAULT/NAME', example: 'azure://team-kv/tls-key' },
      { form: 'azure://VAULT/NAME#FIELD', example: 'azure://team-kv/db#/password' },
      { form: 'azure://NAME', example: 'azure://tls-key', where: 'the entry has vaultUrl' },
    ],
    signIn: [
      'auth in the entry, a list: the first method whose needs are there; without it, in this order:',
      'workload identity (AZURE_FEDERATED_TOKEN_FILE)',
      'a managed identity that the environment announces',
      'a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET',
      'the Azure CLI, after az login',
    ],
  },
};
