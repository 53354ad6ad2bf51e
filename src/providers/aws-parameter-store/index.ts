/** AWS Systems Manager Parameter Store. */
import { defineProvider } from '../../provider-kit/contract.ts';
import { identityOf, parameterStoreOptions } from '../aws-common/options.ts';
import { formatRef, parseRef } from './reference.ts';

export default defineProvider({
  contract: 1,
  scheme: 'aws-parameter-store',
  title: 'AWS Parameter Store',
  options: parameterStoreOptions,
  needs: { network: true },
  limits: { valueBytes: 8192, binary: false, emptyValue: false },
  // No `versions`: the only request for the history, GetParameterHistory, returns every value.
  capabilities: ['describe', 'list', 'put', 'remove', 'pending'],
  parseRef,
  formatRef,
  identity: (options, host) => identityOf(options, host, 'SSM'),
  open: async (options, host) => (await import('./session.ts')).openSession(options, host),
});
