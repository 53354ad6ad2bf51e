/** The options of an `azure-key-vault` provider, as its entry in the manifest may say them. */
import * as z from 'zod/mini';

import { isLoopback } from '../../provider-kit/endpoint.ts';

/** Versions of the service's API that the client library knows. */
const SERVICE_VERSIONS = ['7.0', '7.1', '7.2', '7.3', '7.4', '7.5', '7.6', '2025-07-01', '2026-04-01'] as const;

const text = z.string('must be text').check(z.minLength(1, 'must not be empty'));
const flag = z.boolean('must be true or false');
const variable = z
  .string('must be the name of an environment variable')
  .check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable'));
const tenant = z.string('must be text').check(z.regex(/^[0-9A-Za-z.-]+$/, 'must be the id or the domain of a tenant'));
const client = z.string('must be text').check(z.regex(/^[0-9A-Za-z-]+$/, 'must be the client id (application id) of an app or identity'));
const domain = z
  .string('must be text')
  .check(z.regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'must be the domain that vaults have in your cloud, such as vault.azure.cn'));

const vaultAddress = z
  .string('must be an address')
  .check(
    z.refine((address) => isOrigin(address, true), 'must be an address such as https://NAME.vault.azure.net, with nothing behind the host'),
  );
const authority = z
  .string('must be an address')
  .check(
    z.refine(
      (address) => isOrigin(address, false),
      'must be an address such as https://login.microsoftonline.com, with nothing behind the host',
    ),
  );

/** Whether it is an https address with nothing behind host and port; `local` allows http to this machine. */
function isOrigin(address: string, local: boolean): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  const safe = url.protocol === 'https:' || (local && url.protocol === 'http:' && isLoopback(url.hostname));
  return safe && url.pathname === '/' && `${url.search}${url.hash}${url.username}${url.password}` === '';
}

/** A key that is refused with the reason: a manifest is committed, so it holds no credential. */
const notHere = z.optional(
  z.never('a client secret does not belong into a manifest; put it into the environment variable AZURE_CLIENT_SECRET and take it out here'),
);
const noSecret = { clientSecret: notHere, client_secret: notHere, secret: notHere, password: notHere } as const;

const strict = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(
    { ...shape, ...noSecret },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown option ${issue.keys.join(', ')}` : 'must be names with values') },
  );

const methods = z.discriminatedUnion(
  'method',
  [
    strict({
      method: z.literal('service-principal'),
      tenantId: z.optional(tenant),
      clientId: z.optional(client),
      clientSecretEnv: z.optional(variable),
      clientCertificateFile: z.optional(text),
      clientCertificatePasswordEnv: z.optional(variable),
    }),
    strict({ method: z.literal('environment') }),
    strict({ method: z.literal('cli'), tenantId: z.optional(tenant), subscription: z.optional(text) }),
    strict({
      method: z.literal('workload-identity'),
      tenantId: z.optional(tenant),
      clientId: z.optional(client),
      tokenFile: z.optional(text),
    }),
    strict({ method: z.literal('managed-identity'), clientId: z.optional(client) }),
  ],
  'needs a method: service-principal, environment, cli, workload-identity or managed-identity',
);
const methodList = z.array(methods, 'must be a list of sign-in methods').check(z.minLength(1, 'must name at least one sign-in method'));

export const optionsSchema = strict({
  vaultUrl: z.optional(vaultAddress),
  vaultDomain: z.optional(domain),
  tenantId: z.optional(tenant),
  clientId: z.optional(client),
  authorityHost: z.optional(authority),
  disableInstanceDiscovery: z.optional(flag),
  disableChallengeResourceVerification: z.optional(flag),
  additionallyAllowedTenants: z.optional(
    z.array(z.string('must be text').check(z.regex(/^(?:\*|[0-9A-Za-z.-]+)$/, 'must be a tenant id or *')), 'must be a list of tenants'),
  ),
  serviceVersion: z.optional(z.enum(SERVICE_VERSIONS, `must be one of ${SERVICE_VERSIONS.join(', ')}`)),
  caFile: z.optional(text),
  auth: z.optional(methodList),
  operatorAuth: z.optional(methodList),
  rotateAuth: z.optional(methodList),
});

export type Options = z.infer<typeof optionsSchema>;

/** One entry of `auth`: a way to sign in, taken when what it needs is there. */
export type Method = z.infer<typeof methods>;
