/** Which way to sign in: the first whose needs are there. Never the next one after a denial. */
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { Method, Options } from './options.ts';

/** A way to sign in with everything it needs. */
export type SignIn =
  | { readonly method: 'client-secret'; readonly tenantId: string; readonly clientId: string; readonly secret: SecretValue }
  | {
      readonly method: 'client-certificate';
      readonly tenantId: string;
      readonly clientId: string;
      readonly file: string;
      readonly password: SecretValue | undefined;
    }
  | { readonly method: 'workload-identity'; readonly tenantId: string; readonly clientId: string; readonly tokenFile: string }
  | { readonly method: 'managed-identity'; readonly clientId: string | undefined }
  | { readonly method: 'cli'; readonly tenantId: string | undefined; readonly subscription: string | undefined };

/** A way that can be taken, and the environment variables whose values it uses up. */
export interface Chosen {
  readonly signIn: SignIn;
  readonly credentials: readonly string[];
}

/** Tried in this order where the provider has no `auth`: what the platform gives first, a person's own session last. */
const DEFAULT_METHODS: readonly Method[] = [
  { method: 'workload-identity' },
  { method: 'managed-identity' },
  { method: 'service-principal' },
  { method: 'cli' },
];

/** The methods of the host's role, as the options say. */
export const methodsFor = (options: Options, role: Host['role']): readonly Method[] =>
  (role === 'rotate' ? options.rotateAuth : undefined) ??
  (role === 'workload' ? undefined : options.operatorAuth) ??
  options.auth ??
  DEFAULT_METHODS;

/**
 * Takes the first method whose needs are there. `metadataAnswers` asks for a virtual machine's metadata service, and is
 * called only where nothing in the environment tells: for a managed identity that `auth` lists, and at the very end.
 * Throws Fault 'unauthenticated' that says of each method what it lacks.
 */
export async function chooseSignIn(options: Options, host: Host, metadataAnswers: () => Promise<boolean>): Promise<Chosen> {
  const methods = methodsFor(options, host.role);
  const missing: string[] = [];
  for (const entry of methods) {
    const found = lookAt(entry, options, host);
    if (typeof found !== 'string') return found;
    const unsure = entry.method === 'managed-identity' && methods !== DEFAULT_METHODS;
    if (unsure && (await metadataAnswers())) return managedIdentity(entry, options, host);
    missing.push(`${entry.method}: ${found}`);
  }
  if (methods === DEFAULT_METHODS && (await metadataAnswers())) return managedIdentity({ method: 'managed-identity' }, options, host);
  throw new Fault('unauthenticated', {
    message: `there is nothing to sign in to Azure with (${missing.join('; ')})`,
    hint:
      methods.length === 1 && methods[0]?.method !== 'cli'
        ? 'set what is missing, or add another method to auth'
        : 'az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET',
  });
}

/** The way with all it needs, or what is missing. */
function lookAt(entry: Method, options: Options, host: Host): Chosen | string {
  switch (entry.method) {
    case 'service-principal':
      return servicePrincipal(entry, options, host);
    case 'environment':
      return environment(host);
    case 'workload-identity':
      return workloadIdentity(entry, options, host);
    case 'managed-identity': {
      const { IDENTITY_ENDPOINT, MSI_ENDPOINT, AZURE_POD_IDENTITY_AUTHORITY_HOST } = host.env;
      const told = [IDENTITY_ENDPOINT, MSI_ENDPOINT, AZURE_POD_IDENTITY_AUTHORITY_HOST].some(
        (value) => value !== undefined && value !== '',
      );
      return told ? managedIdentity(entry, options, host) : 'no metadata service here';
    }
    case 'cli':
      return onPath('az', host)
        ? {
            signIn: { method: 'cli', tenantId: entry.tenantId ?? options.tenantId, subscription: entry.subscription },
            credentials: [],
          }
        : 'az is not installed';
  }
}

function servicePrincipal(entry: Extract<Method, { method: 'service-principal' }>, options: Options, host: Host): Chosen | string {
  const app = appOf(entry, options, host);
  if (entry.clientCertificateFile !== undefined) {
    const file = resolve(host.baseDir, entry.clientCertificateFile);
    if (!existsSync(file)) return 'the file of clientCertificateFile is not there';
    return typeof app === 'string' ? app : certificate(app, file, entry.clientCertificatePasswordEnv, host);
  }
  return withSecret(app, entry.clientSecretEnv ?? 'AZURE_CLIENT_SECRET', host);
}

/** The rules of the libraries' EnvironmentCredential, without its user name and password: Entra ID has ended those. */
function environment(host: Host): Chosen | string {
  const app = appOf({}, {}, host);
  const file = host.env.AZURE_CLIENT_CERTIFICATE_PATH;
  if (isSet(host.env.AZURE_CLIENT_SECRET) || !isSet(file)) return withSecret(app, 'AZURE_CLIENT_SECRET', host);
  return typeof app === 'string' ? app : certificate(app, file, 'AZURE_CLIENT_CERTIFICATE_PASSWORD', host);
}

function workloadIdentity(entry: Extract<Method, { method: 'workload-identity' }>, options: Options, host: Host): Chosen | string {
  const tokenFile = entry.tokenFile === undefined ? host.env.AZURE_FEDERATED_TOKEN_FILE : resolve(host.baseDir, entry.tokenFile);
  if (!isSet(tokenFile)) return 'AZURE_FEDERATED_TOKEN_FILE is not set';
  if (entry.tokenFile !== undefined && !existsSync(tokenFile)) return 'the file of tokenFile is not there';
  const app = appOf(entry, options, host);
  return typeof app === 'string' ? app : { signIn: { method: 'workload-identity', ...app, tokenFile }, credentials: [] };
}

function managedIdentity(entry: Extract<Method, { method: 'managed-identity' }>, options: Options, host: Host): Chosen {
  // Azure's own services hand the header's value to each process: whoever has it gets tokens.
  const credentials = ['IDENTITY_HEADER', 'MSI_SECRET'].filter((name) => isSet(host.env[name]));
  return {
    signIn: { method: 'managed-identity', clientId: entry.clientId ?? options.clientId ?? nonEmpty(host.env.AZURE_CLIENT_ID) },
    credentials,
  };
}

interface App {
  readonly tenantId: string;
  readonly clientId: string;
}

function appOf(entry: { tenantId?: string | undefined; clientId?: string | undefined }, options: Options, host: Host): App | string {
  const tenantId = entry.tenantId ?? options.tenantId ?? nonEmpty(host.env.AZURE_TENANT_ID);
  const clientId = entry.clientId ?? options.clientId ?? nonEmpty(host.env.AZURE_CLIENT_ID);
  if (tenantId === undefined) return 'AZURE_TENANT_ID is not set';
  return clientId === undefined ? 'AZURE_CLIENT_ID is not set' : { tenantId, clientId };
}

function withSecret(app: App | string, variable: string, host: Host): Chosen | string {
  const secret = host.env[variable];
  if (!isSet(secret)) return `${variable} is not set`;
  if (typeof app === 'string') return app;
  return { signIn: { method: 'client-secret', ...app, secret: SecretValue.fromText(secret) }, credentials: [variable] };
}

function certificate(app: App, file: string, passwordVariable: string | undefined, host: Host): Chosen {
  const password = passwordVariable === undefined ? undefined : nonEmpty(host.env[passwordVariable]);
  return {
    signIn: {
      method: 'client-certificate',
      ...app,
      file,
      password: password === undefined ? undefined : SecretValue.fromText(password),
    },
    credentials: passwordVariable === undefined || password === undefined ? [] : [passwordVariable],
  };
}

function onPath(command: string, host: Host): boolean {
  const names = process.platform === 'win32' ? [`${command}.cmd`, `${command}.exe`] : [command];
  const folders = (host.env.PATH ?? host.env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';
const nonEmpty = (value: string | undefined): string | undefined => (isSet(value) ? value : undefined);
