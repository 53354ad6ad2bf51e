/** What an entry's options and the environment say together. Offline. */
import { isAbsolute, join, resolve } from 'node:path';
import { Fault } from '../../core/fault.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { checkEndpoint, checkTlsEnvironment } from '../../provider-kit/endpoint.ts';
import type { HttpClientOptions } from '../../provider-kit/http.ts';
import type { AuthMethod, VaultOptions } from './options.ts';

export interface Settings {
  readonly http: HttpClientOptions;
  readonly namespace: string | undefined;
  /** In the order of preference. */
  readonly methods: readonly AuthMethod[];
}

/**
 * What signs in where the entry names no method: a token that was set on purpose, an AppRole of two variables, and
 * last what `vault login` or `bao login` left behind.
 */
const DEFAULT_METHODS: readonly AuthMethod[] = [
  { method: 'token', env: 'VAULT_TOKEN' },
  { method: 'token', env: 'BAO_TOKEN' },
  { method: 'approle' },
  { method: 'token', file: '~/.vault-token' },
];

/** @throws Fault 'options': no address, one that may not be used, or certificate checks switched off */
export function settingsOf(options: VaultOptions, host: Host): Settings {
  const env = (name: string): string | undefined => host.env[`VAULT_${name}`] || host.env[`BAO_${name}`] || undefined;
  refuseSkipVerify(host);
  checkTlsEnvironment(host.env);
  const address = options.address ?? env('ADDR');
  if (address === undefined) {
    throw new Fault('options', {
      message: `${host.provider} has no address`,
      hint: `set address in the provider ${host.provider}, or the variable VAULT_ADDR`,
    });
  }
  checkEndpoint(address, { what: `the address of ${host.provider}`, insecureHttp: options.insecureHttp });
  const file = (option: string | undefined, variable: string): string | undefined => {
    const path = option ?? env(variable);
    const found = path === undefined ? undefined : absolutePath(path, host);
    if (path === undefined || found !== undefined) return found;
    throw new Fault('options', { message: `${path} cannot be found: HOME is not set`, hint: 'write the whole path, or set HOME' });
  };
  return {
    http: {
      baseUrl: address,
      headers: { 'user-agent': host.userAgent },
      ...whenSet('insecureHttp', options.insecureHttp),
      ...whenSet('caFile', file(options.caFile, 'CACERT')),
      ...whenSet('clientCertFile', file(options.clientCertFile, 'CLIENT_CERT')),
      ...whenSet('clientKeyFile', file(options.clientKeyFile, 'CLIENT_KEY')),
      ...whenSet('serverName', options.serverName ?? env('TLS_SERVER_NAME')),
    },
    namespace: (options.namespace ?? env('NAMESPACE'))?.replace(/^\/+|\/+$/g, '') || undefined,
    methods: methodsOf(options, host.role) ?? DEFAULT_METHODS,
  };
}

function methodsOf(options: VaultOptions, role: Host['role']): readonly AuthMethod[] | undefined {
  if (role === 'workload') return options.auth;
  const operator = options.operatorAuth ?? options.auth;
  return role === 'operator' ? operator : (options.rotateAuth ?? operator);
}

function refuseSkipVerify(host: Host): void {
  // What Go's ParseBool takes for false; everything else that is set would be a yes, or a mistake.
  const off = ['', '0', 'f', 'F', 'false', 'FALSE', 'False'];
  const variable = ['VAULT_SKIP_VERIFY', 'BAO_SKIP_VERIFY'].find((name) => !off.includes(host.env[name] ?? ''));
  if (variable === undefined) return;
  throw new Fault('options', {
    message: `${variable} switches off the check of the server's certificate, so no credential is sent`,
    hint: `unset ${variable}, and name a private CA with caFile or VAULT_CACERT`,
  });
}

/** A path of an option: `~/` is the home folder, else relative to the folder of the entry's file. Undefined without a home. */
export function absolutePath(path: string, host: Host): string | undefined {
  if (!path.startsWith('~/')) return isAbsolute(path) ? path : resolve(host.baseDir, path);
  const home = host.env['HOME'] || host.env['USERPROFILE'];
  return home === undefined || home === '' ? undefined : join(home, path.slice(2));
}

function whenSet<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
