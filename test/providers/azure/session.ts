/** Opens the adapter's session for a test, with the types that its capabilities give it. */
import provider from '../../../src/providers/azure-key-vault/index.ts';
import type { KeyVaultSession } from '../../../src/providers/azure-key-vault/session.ts';
import { SecretValue } from '../../../src/core/secret-value.ts';
import type { Outcome } from '../../../src/core/fault.ts';
import { Fault } from '../../../src/core/fault.ts';
import type { Host, Patch } from '../../../src/provider-kit/contract.ts';

export const openSession = async (options: Record<string, unknown>, host: Host): Promise<KeyVaultSession> => {
  const checked = await provider.options['~standard'].validate(options);
  if (checked.issues !== undefined) throw new Error(checked.issues.map(({ message }) => message).join('; '));
  return (await provider.open(checked.value, host)) as unknown as KeyVaultSession;
};

export const patch = (text: string, field?: string): Patch => ({
  value: SecretValue.fromText(text),
  rotatedAt: new Date('2026-01-02T03:04:05.000Z'),
  ...(field === undefined ? {} : { field }),
});

/** The text of an outcome's value; the fault's kind and message where there is none. */
export const shown = (outcome: Outcome<{ bytes: SecretValue }> | undefined): string =>
  outcome === undefined
    ? 'nothing'
    : outcome.ok
      ? outcome.value.bytes.reveal().toString('utf8')
      : `${outcome.fault.kind}: ${outcome.fault.message}`;

/** The fault that a call throws. */
export const faultOf = async (call: Promise<unknown>): Promise<Fault> => {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Fault) return thrown;
  throw new Error(`expected a fault, got ${thrown === undefined ? 'none' : 'something else'}`);
};
