/** Opens the adapter against a server of the test's choice, over the real HTTP. */
import { Fault } from '../../../src/core/fault.ts';
import type { Outcome } from '../../../src/core/fault.ts';
import { parseReference } from '../../../src/core/reference.ts';
import { createHttpClient } from '../../../src/platform/http.ts';
import type { Document, ParsedRef } from '../../../src/provider-kit/contract.ts';
import provider from '../../../src/providers/vault/index.ts';
import type { VaultSession } from '../../../src/providers/vault/session.ts';
import { testHost, type TestHost, type TestHostOverrides } from '../../support/host.ts';

export interface Opened {
  readonly session: VaultSession;
  readonly host: TestHost;
}

export interface OpenOptions {
  readonly address?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly host?: TestHostOverrides;
}

/** What the adapter's schema makes of options. Throws with its messages. */
export async function checked(options: Readonly<Record<string, unknown>>): Promise<unknown> {
  const result = await provider.options['~standard'].validate(options);
  if (result.issues === undefined) return result.value;
  throw new Error(result.issues.map(({ path = [], message }) => `${path.map(String).join('.')}: ${message}`).join('; '));
}

export async function openVault({ address, options = {}, env = {}, host: overrides = {} }: OpenOptions): Promise<Opened> {
  const host = testHost({ provider: 'vault', env, http: (http) => createHttpClient(http, env), ...overrides });
  const given = await checked({ ...(address === undefined ? {} : { address }), ...options });
  return { session: (await provider.open(given, host)) as VaultSession, host };
}

/** A reference as the adapter understands it. */
export function refOf(text: string): ParsedRef {
  const result = parseReference(text);
  if (!result.ok) throw new Error(result.message);
  return provider.parseRef(result.reference, {});
}

export const textOf = (outcome: Outcome<Document> | undefined): string => {
  if (outcome?.ok !== true) throw new Error(outcome === undefined ? 'no outcome' : `${outcome.fault.kind}: ${outcome.fault.message}`);
  return outcome.value.bytes.reveal().toString('utf8');
};

export function faultIn<T>(outcome: Outcome<T> | undefined): Fault {
  if (outcome?.ok === false) return outcome.fault;
  throw new Error('no fault');
}

export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no fault but ${String(error)}`);
}

/** Everything of a fault that may be printed. */
export const printed = (fault: Fault): string =>
  JSON.stringify([fault.kind, fault.message, fault.detail, fault.stack, String(fault.cause)]);
