/**
 * Azure Key Vault secrets, with Azure's own client libraries.
 *
 * Signing in takes the first method whose needs are there: those of `auth`, else workload identity
 * (AZURE_FEDERATED_TOKEN_FILE), a managed identity that the environment announces, a service principal
 * (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET), the Azure CLI, and last a virtual machine's metadata.
 */
import { defineProvider } from '../../provider-kit/contract.ts';
import { optionsSchema } from './options.ts';
import { formatRef, parseRef } from './reference.ts';
import { methodsFor } from './sign-in-method.ts';

export default defineProvider({
  contract: 1,
  scheme: 'azure-key-vault',
  title: 'Azure Key Vault',
  options: optionsSchema,
  needs: { network: true },
  limits: { valueBytes: 25_600, binary: false },
  capabilities: ['describe', 'list', 'versions', 'put', 'remove', 'setState', 'pending'],
  parseRef,
  formatRef,
  identity: (options, host) => {
    const { auth: _auth, operatorAuth: _operatorAuth, rotateAuth: _rotateAuth, ...rest } = options;
    return JSON.stringify([rest, methodsFor(options, host.role), host.baseDir]);
  },
  open: async (options, host) => (await import('./session.ts')).openSession(options, host),
});
