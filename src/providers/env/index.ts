/**
 * Variables of the environment that `secrets` was started with: `env://NAME`.
 *
 * A variable that is set to nothing is present and empty. Node reads the environment as UTF-8, so bytes that are
 * none arrive as U+FFFD: such a value can't be passed on exactly.
 */
import { done, failed, Fault } from '../../core/fault.ts';
import type { Reference } from '../../core/reference.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { defineProvider, type Host, type ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { noOptions } from '../../provider-kit/standard-schema.ts';

/** The keys of the local store never reach a child, not even by reference. */
const RESERVED: ReadonlySet<string> = new Set(['SECRETS_PASSPHRASE', 'SECRETS_IDENTITY_FILE']);

export default defineProvider({
  contract: 1,
  scheme: 'env',
  title: 'Environment variables',
  options: noOptions('env'),
  needs: { network: false },
  limits: { binary: false },
  capabilities: ['describe', 'list'],
  parseRef,
  formatRef: ({ key, field }) => ({ path: key, options: {}, ...(field === undefined ? {} : { field }) }),
  identity: () => 'env',
  open: (_options, host) => Promise.resolve(openSession(host)),
});

function parseRef({ path, options: extra, field }: Reference): ParsedRef {
  if (Object.keys(extra).length > 0) throw new Fault('ref', { message: 'a variable has no ?options', hint: 'write env://NAME' });
  if (path.includes('=') || path.includes('/')) {
    throw new Fault('ref', { message: "the name of a variable holds no '=' and no '/'", hint: 'write env://NAME' });
  }
  if (RESERVED.has(path.toUpperCase())) {
    throw new Fault('ref', {
      message: `${path.toUpperCase()} is the key of the local store and goes to no program`,
      hint: 'use a reference of its own',
    });
  }
  checkField(field);
  return { key: path, ...(field === undefined ? {} : { field }) };
}

function openSession(host: Host) {
  const valueOf = (name: string): string | undefined => (Object.hasOwn(host.env, name) ? host.env[name] : undefined);
  return {
    resolve: (keys: readonly ParsedRef[]) =>
      Promise.resolve(
        keys.map(({ key }) => {
          const value = valueOf(key);
          if (value !== undefined) return done({ bytes: SecretValue.fromText(value) });
          return failed(
            new Fault('not-found', { message: `the variable ${key} is not set`, hint: `export ${key}, or give the reference a default` }),
          );
        }),
      ),
    describe: (refs: readonly ParsedRef[]) =>
      Promise.resolve(refs.map(({ key, field }) => done({ presence: presenceOf(valueOf(key), field) }))),
    list: (prefix: string) =>
      Promise.resolve(
        Object.keys(host.env)
          .filter((name) => name.startsWith(prefix) && valueOf(name) !== undefined && !RESERVED.has(name.toUpperCase()))
          .sort()
          .map((key) => ({ key })),
      ),
    doctor: () => Promise.resolve({ checks: [] }),
    close: () => Promise.resolve(),
  };
}

/** Whether a field is there would take reading the value. */
function presenceOf(value: string | undefined, field: string | undefined): 'present' | 'absent' | 'unknown' {
  if (value === undefined) return 'absent';
  return field === undefined ? 'present' : 'unknown';
}
