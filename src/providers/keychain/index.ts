/**
 * The OS keychain of this user: `keychain://SERVICE/ACCOUNT`.
 *
 * It has no versions and nothing that asks for an item without its value, so presence and dates are unknown, and a
 * write that expects a version can't be made.
 */
import { Fault } from '../../core/fault.ts';
import type { Reference } from '../../core/reference.ts';
import { OWN_KEYCHAIN_SERVICE } from '../../platform/keychain-names.ts';
import { defineProvider, type ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { refusePendingKey } from '../../provider-kit/pending.ts';
import { noOptions } from '../../provider-kit/standard-schema.ts';

export default defineProvider({
  contract: 1,
  scheme: 'keychain',
  title: 'OS keychain',
  options: noOptions('keychain'),
  needs: { network: false, packages: ['@github/keytar'] },
  // Windows limits a credential to 2,560 bytes.
  limits: { binary: false, emptyValue: false, ...(process.platform === 'win32' ? { valueBytes: 2_560 } : {}) },
  capabilities: ['describe', 'put', 'remove', 'pending'],
  parseRef,
  formatRef: ({ key, field }) => ({ path: key, options: {}, ...(field === undefined ? {} : { field }) }),
  identity: () => 'keychain',
  open: async (_options, host) => (await import('./session.ts')).openSession(host),
});

function parseRef({ path, options: extra, field }: Reference): ParsedRef {
  if (Object.keys(extra).length > 0)
    throw new Fault('ref', { message: 'a keychain item has no ?options', hint: 'write keychain://SERVICE/ACCOUNT' });
  const slash = path.indexOf('/');
  if (slash < 1 || slash === path.length - 1) {
    throw new Fault('ref', { message: 'a keychain item has a service and an account', hint: 'write keychain://SERVICE/ACCOUNT' });
  }
  if (path.slice(0, slash) === OWN_KEYCHAIN_SERVICE) {
    throw new Fault('ref', {
      message: `${OWN_KEYCHAIN_SERVICE} is where secrets keeps its own keys, which go to no program`,
      hint: 'name another service',
    });
  }
  refusePendingKey(path);
  checkField(field);
  return { key: path, ...(field === undefined ? {} : { field }) };
}
