/**
 * What is used of Azure's client libraries, in one module that is imported when a session opens. Names instead of the
 * packages as a whole: a bundler then drops the other credentials, which halves what has to be loaded.
 */
export {
  AzureCliCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
export { SecretClient } from '@azure/keyvault-secrets';
export { setLogLevel } from '@azure/logger';
