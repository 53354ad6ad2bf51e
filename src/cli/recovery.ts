/** What becomes of a value that is removed, by manager: can it be had back, and how. Pure. */
import type { PlannedReference } from '../run/plan.ts';

/** Days of AWS Secrets Manager where its entry in the manifest says nothing else. */
const AWS_DAYS = 30;
/** Keep a document's older versions when one of its fields goes. */
const KEEPS_OLD_FIELDS = new Set(['vault', 'aws-secrets-manager', 'aws-parameter-store', 'azure-key-vault', 'local']);

/** A sentence without its stop, in the present: `all its versions are deleted for good`. */
export function recoveryOf({ configured, parsed }: PlannedReference): string {
  const { use, options } = configured.config;
  const { key, field } = parsed;
  if (field !== undefined) {
    return KEEPS_OLD_FIELDS.has(use)
      ? `the field ${field} goes; older versions of ${key} still hold it where the manager keeps them`
      : `the field ${field} goes for good`;
  }
  switch (use) {
    case 'aws-secrets-manager': {
      const days = typeof options['recoveryDays'] === 'number' ? options['recoveryDays'] : AWS_DAYS;
      return `AWS deletes it in ${days} days; until then: aws secretsmanager restore-secret --secret-id ${key}`;
    }
    case 'azure-key-vault':
      return `the vault keeps it for its retention time: az keyvault secret recover --vault-name VAULT --name ${key.split('/').at(-1) ?? key}`;
    case 'local':
    case 'vault':
    case 'aws-parameter-store':
      return 'all its versions are deleted for good';
    default:
      return 'it is deleted for good';
  }
}
