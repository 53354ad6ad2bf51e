/** Opens an AWS adapter against a server of the test's choice, over the real HTTP. */
import { createHttpClient } from '../../../src/platform/http.ts';
import type { ParsedRef, Provider } from '../../../src/provider-kit/contract.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';
import { parseReference } from '../../../src/core/reference.ts';
import { testHost } from '../../support/host.ts';
import type { TestHost, TestHostOverrides } from '../../support/host.ts';
import manager from '../../../src/providers/aws-secrets-manager/index.ts';
import store from '../../../src/providers/aws-parameter-store/index.ts';
import type { Session as ManagerSession } from '../../../src/providers/aws-secrets-manager/session.ts';
import type { Session as StoreSession } from '../../../src/providers/aws-parameter-store/session.ts';

export interface Opened<S> {
  readonly session: S;
  readonly host: TestHost;
}

export interface OpenOptions {
  readonly url?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly host?: TestHostOverrides;
}

/** Made-up credentials, which no emulator checks. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'canary-access-key', AWS_SECRET_ACCESS_KEY: 'canary-secret-key' };

export const awsHost = (env: Host['env'], overrides: TestHostOverrides = {}): TestHost =>
  testHost({ provider: 'aws', env, http: (options) => createHttpClient(options, env), ...overrides });

/** What the adapter's schema makes of options. Throws with its messages. */
export async function checked(provider: Provider, options: Readonly<Record<string, unknown>>): Promise<unknown> {
  const result = await provider.options['~standard'].validate(options);
  if (result.issues === undefined) return result.value;
  throw new Error(result.issues.map(({ path = [], message }) => `${path.map(String).join('.')}: ${message}`).join('; '));
}

async function open(provider: Provider, { url, options, env = CREDENTIALS, host: overrides }: OpenOptions) {
  const host = awsHost(env, overrides);
  const given = await checked(provider, { region: 'us-east-1', ...(url === undefined ? {} : { endpoint: url }), ...options });
  return { session: await provider.open(given, host), host };
}

export const openManager = async (options: OpenOptions): Promise<Opened<ManagerSession>> =>
  (await open(manager, options)) as Opened<ManagerSession>;
export const openStore = async (options: OpenOptions): Promise<Opened<StoreSession>> =>
  (await open(store, options)) as Opened<StoreSession>;

/** A reference as its adapter understands it. */
export function refOf(provider: Provider, text: string, options: unknown = {}): ParsedRef {
  const result = parseReference(text);
  if (!result.ok) throw new Error(result.message);
  return provider.parseRef(result.reference, options);
}

export { manager, store };
