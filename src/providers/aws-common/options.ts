/** The options that both AWS adapters share, as a provider's entry in the manifest may say them. */
import * as z from 'zod/mini';

import type { Host } from '../../provider-kit/contract.ts';

const text = z.string('must be text').check(z.minLength(1, 'must not be empty'));
const matching = (pattern: RegExp, message: string): z.ZodMiniString => z.string('must be text').check(z.regex(pattern, message));

const region = matching(/^[a-z0-9-]{1,40}$/, 'must be a region, such as eu-west-1');
const roleArn = matching(
  /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
  'must be the ARN of a role, such as arn:aws:iam::123456789012:role/api',
);
const sessionName = matching(/^[\w+=,.@-]{2,64}$/, 'must be 2 to 64 letters, digits and +=,.@-');
const externalId = matching(/^[\w+=,.@:/-]{2,1224}$/, 'must be 2 or more letters, digits and +=,.@:/-');
const endpoint = z
  .string('must be an address')
  .check(z.refine(isOrigin, 'must be an address such as https://localhost:4566, with nothing behind the host'));

function isOrigin(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return /^https?:$/.test(url.protocol) && url.pathname === '/' && `${url.search}${url.hash}${url.username}${url.password}` === '';
}

/** A key that is refused with the reason: a manifest is committed, so it holds no credential. */
const notHere = z.optional(
  z.never('an access key does not belong into a manifest; use a profile, a role or environment variables, and take it out here'),
);
const noSecret = { accessKeyId: notHere, secretAccessKey: notHere, sessionToken: notHere, credentials: notHere } as const;

const strict = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(
    { ...shape, ...noSecret },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown option ${issue.keys.join(', ')}` : 'must be names with values') },
  );

/** Whether the parts that only go with a role have one. */
const hasRole = (entry: { roleArn?: string | undefined; externalId?: string | undefined; sessionName?: string | undefined }): boolean =>
  entry.roleArn !== undefined || (entry.externalId === undefined && entry.sessionName === undefined);
const NEEDS_ROLE = 'externalId and sessionName go with a roleArn';

const signInShape = {
  profile: z.optional(text),
  roleArn: z.optional(roleArn),
  externalId: z.optional(externalId),
  sessionName: z.optional(sessionName),
} as const;
const signIn = strict(signInShape).check(z.refine(hasRole, NEEDS_ROLE));

/** One way to sign in, or a list of them; always a list afterwards. */
const signIns = z.pipe(
  z.transform((value: unknown) => (Array.isArray(value) ? value : [value])),
  z.array(signIn).check(z.minLength(1, 'must name at least one way to sign in')),
);

const shared = {
  ...signInShape,
  region: z.optional(region),
  endpoint: z.optional(endpoint),
  caFile: z.optional(text),
  insecureHttp: z.optional(z.boolean('must be true or false')),
  auth: z.optional(signIns),
  operatorAuth: z.optional(signIns),
  rotateAuth: z.optional(signIns),
} as const;

/** The options of Parameter Store. */
export const parameterStoreOptions = strict(shared).check(z.refine(hasRole, NEEDS_ROLE));

/** The options of Secrets Manager: days until a removed secret is gone for good, 7 to 30. */
export const secretsManagerOptions = strict({
  ...shared,
  recoveryDays: z.optional(z.int('must be a number of days').check(z.gte(7, 'must be 7 or more'), z.lte(30, 'must be 30 or less'))),
}).check(z.refine(hasRole, NEEDS_ROLE));

/** Which credentials to use: the SDK's chain, for a profile or not, and a role to assume with them. */
export type SignIn = z.infer<typeof signIn>;

export type AwsOptions = z.infer<typeof parameterStoreOptions>;

export type SecretsManagerOptions = z.infer<typeof secretsManagerOptions>;

/**
 * The ways to sign in for a host's role, best first. A way without a profile of its own takes that of the entry;
 * a role to assume is never inherited, so an operator does not become the workload by accident.
 */
export function signInsFor(options: AwsOptions, role: Host['role']): readonly [SignIn, ...SignIn[]] {
  const { profile, roleArn: entryRole, externalId: entryExternal, sessionName: entrySession } = options;
  const operator = options.operatorAuth ?? options.auth;
  const listed = role === 'workload' ? options.auth : role === 'operator' ? operator : (options.rotateAuth ?? operator);
  const [first, ...others] = (listed ?? []).map((way) => (profile === undefined ? way : { profile, ...way }));
  if (first !== undefined) return [first, ...others];
  return [{ profile, roleArn: entryRole, externalId: entryExternal, sessionName: entrySession }];
}

/** A variable's value; AWS's tools take an empty one as not set. */
export const variable = (env: Host['env'], name: string): string | undefined => env[name] || undefined;

/** The region by option or environment; undefined leaves it to the profile in the shared config files. */
export const regionOf = (options: AwsOptions, env: Host['env']): string | undefined =>
  options.region ?? variable(env, 'AWS_REGION') ?? variable(env, 'AWS_DEFAULT_REGION');

/** The address to use instead of AWS's own, from the options or the variables that every AWS tool knows. */
export function endpointOf(options: AwsOptions, env: Host['env'], service: 'SECRETS_MANAGER' | 'SSM' | 'STS'): string | undefined {
  if (options.endpoint !== undefined && service !== 'STS') return options.endpoint;
  if (variable(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') === 'true') return undefined;
  return variable(env, `AWS_ENDPOINT_URL_${service}`) ?? variable(env, 'AWS_ENDPOINT_URL');
}

/** Equal for entries that sign in alike at the same place; holds no credential. */
export function identityOf(options: AwsOptions, host: Host, service: 'SECRETS_MANAGER' | 'SSM'): string {
  return JSON.stringify([
    signInsFor(options, host.role),
    variable(host.env, 'AWS_PROFILE'),
    regionOf(options, host.env),
    endpointOf(options, host.env, service),
    options.caFile,
    options.insecureHttp === true,
  ]);
}
