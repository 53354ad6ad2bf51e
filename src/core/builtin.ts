/** The names that providers have without an entry in the manifest, and the adapters that exist. */

/** Name of a provider (and what `use` may say) to the id of its adapter. Look names up with {@link adapterOf}. */
export const BUILT_IN: Readonly<Record<string, string>> = {
  local: 'local',
  env: 'env',
  keychain: 'keychain',
  vault: 'vault',
  'aws-secrets-manager': 'aws-secrets-manager',
  aws: 'aws-secrets-manager',
  'aws-parameter-store': 'aws-parameter-store',
  ssm: 'aws-parameter-store',
  'azure-key-vault': 'azure-key-vault',
  azure: 'azure-key-vault',
};

const NOT_AVAILABLE: ReadonlySet<string> = new Set(['gcp-secret-manager', 'gcp', 'exec']);

/** Id of the adapter of a built-in name or alias, else undefined. */
export function adapterOf(name: string): string | undefined {
  return Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
}

/** Whether the name is that of an adapter which this version does not have. */
export function isNotAvailable(name: string): boolean {
  return NOT_AVAILABLE.has(name) || name.startsWith('npm:');
}
