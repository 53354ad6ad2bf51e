/** The built-in adapters, each loaded only when a provider uses it. */
import type { Provider } from '../provider-kit/contract.ts';

type Loader = () => Promise<{ readonly default: Provider }>;

export const LOADERS: Readonly<Record<string, Loader>> = {
  local: () => import('./local/index.ts'),
  env: () => import('./env/index.ts'),
  keychain: () => import('./keychain/index.ts'),
  vault: () => import('./vault/index.ts'),
  'aws-secrets-manager': () => import('./aws-secrets-manager/index.ts'),
  'aws-parameter-store': () => import('./aws-parameter-store/index.ts'),
  'azure-key-vault': () => import('./azure-key-vault/index.ts'),
};
