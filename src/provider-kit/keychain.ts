/** The OS keychain as adapters see it. The platform layer implements it. */
import type { SecretValue } from '../core/secret-value.ts';

/**
 * `absent` is only said when the keychain is known to be open: on Linux a locked keyring also answers "nothing".
 */
export type KeychainItem = { readonly state: 'present'; readonly value: SecretValue } | { readonly state: 'absent' };

export interface Keychain {
  /** Each throws Fault: 'locked' (locked or no keyring yet), 'unavailable' (no service answers), 'unsupported' (no library). */
  get(service: string, account: string): Promise<KeychainItem>;
  set(service: string, account: string, value: SecretValue): Promise<void>;
  /** Whether there was one. */
  delete(service: string, account: string): Promise<boolean>;
  /** Whether it is there and open, without reading an item; never throws. */
  probe(): Promise<
    | { readonly state: 'open' }
    | { readonly state: 'locked' | 'no-keyring' | 'no-service' | 'no-library'; readonly message: string; readonly hint: string }
  >;
}
