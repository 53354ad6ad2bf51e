/** AWS Secrets Manager. */
import { defineProvider } from '../../provider-kit/contract.ts';
import { identityOf, secretsManagerOptions } from '../aws-common/options.ts';
import { formatRef, parseRef } from './reference.ts';

export default defineProvider({
  contract: 1,
  scheme: 'aws-secrets-manager',
  title: 'AWS Secrets Manager',
  options: secretsManagerOptions,
  needs: { network: true },
  limits: { valueBytes: 65_536, emptyValue: false },
  capabilities: ['describe', 'list', 'versions', 'put', 'remove', 'pending', 'rotate', 'changes'],
  parseRef,
  formatRef,
  identity: (options, host) => `${identityOf(options, host, 'SECRETS_MANAGER')} ${options.recoveryDays ?? 'default'}`,
  open: async (options, host) => (await import('./session.ts')).openSession(options, host),
});
