/** What a provider entry of a Vault or OpenBao server may say. */
import * as z from 'zod/mini';

const text = z
  .string({ error: (issue) => (issue.input === undefined ? 'is missing' : 'must be text') })
  .check(z.minLength(1, { error: 'must not be empty' }));

/** A mount of an auth method, such as `jwt` or `team/jwt`. */
const mount = text.check(
  z.refine((path) => path.split('/').every((segment) => /^[^\s/]+$/.test(segment) && segment !== '..'), {
    error: 'must be a path without empty segments, such as jwt or team/jwt',
  }),
);

/**
 * A mapping that takes exactly these options.
 * @param refused options that somebody may well try, each with the reason why it is not taken
 */
function object<T extends z.core.$ZodLooseShape>(shape: T, refused: Readonly<Record<string, string>> = {}) {
  const unknown = (keys: readonly string[]): string => `there is no option ${keys.join(', ')}; known are ${Object.keys(shape).join(', ')}`;
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return 'must be a mapping of options';
      const tried = issue.keys.find((key) => Object.hasOwn(refused, key));
      return tried === undefined ? unknown(issue.keys) : refused[tried];
    },
  });
}

const kubernetes = object({
  method: z.literal('kubernetes'),
  role: text,
  mount: z.optional(mount),
  tokenFile: z.optional(text),
});

const jwtSource = z.union([z.literal('github-actions'), object({ env: text }), object({ file: text })], {
  error: "must be 'github-actions', { env: NAME } or { file: PATH }",
});

const jwt = object({
  method: z.literal('jwt'),
  role: z.optional(text),
  mount: z.optional(mount),
  from: z.optional(jwtSource),
  audience: z.optional(text),
});

const approle = object(
  {
    method: z.literal('approle'),
    mount: z.optional(mount),
    roleId: z.optional(text),
    secretIdFile: z.optional(text),
    wrapped: z.optional(z.boolean({ error: 'must be true or false' })),
  },
  { secretId: 'a secret id must not stand in a manifest: use the variable VAULT_SECRET_ID or secretIdFile' },
);

const token = object(
  {
    method: z.literal('token'),
    env: z.optional(text),
    file: z.optional(text),
  },
  { token: 'a token must not stand in a manifest: use the variable VAULT_TOKEN, or env or file' },
);

const method = z.discriminatedUnion('method', [kubernetes, jwt, approle, token], {
  error: (issue) => (issue.code === 'invalid_union' ? 'must be one of kubernetes, jwt, approle, token' : 'must be a mapping with a method'),
});

/** One method or a list; a list first, so that mistakes are named in detail. */
const auth = z.pipe(
  z.transform((value: unknown): unknown => (Array.isArray(value) ? value : [value])),
  z.array(method).check(z.minLength(1, { error: 'must not be empty' })),
);

export const vaultOptions = object(
  {
    address: z.optional(text),
    namespace: z.optional(text),
    auth: z.optional(auth),
    operatorAuth: z.optional(auth),
    rotateAuth: z.optional(auth),
    caFile: z.optional(text),
    serverName: z.optional(text),
    clientCertFile: z.optional(text),
    clientKeyFile: z.optional(text),
    insecureHttp: z.optional(z.boolean({ error: 'must be true or false' })),
  },
  { token: 'a token must not stand in a manifest: use the variable VAULT_TOKEN' },
);

export type VaultOptions = z.infer<typeof vaultOptions>;
export type AuthMethod = z.infer<typeof method>;
