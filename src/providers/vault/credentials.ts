/** Which of the allowed sign-in methods there are credentials for. Reads variables and files, sends nothing. */
import { Fault, plainWord } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { AuthMethod } from './options.ts';
import { absolutePath } from './settings.ts';

/** A way to get a token. */
export type Credential =
  | { readonly kind: 'token'; readonly token: SecretValue; readonly from: string }
  | {
      readonly kind: 'login';
      readonly method: string;
      /** Mount of the auth method. */
      readonly mount: string;
      /** What the login sends besides the secret part. */
      readonly fields: Readonly<Record<string, string>>;
      /** Name of the field that takes the secret part. */
      readonly secretField: string;
      /** `github-actions` is fetched when it is needed. */
      readonly secret: SecretValue | { readonly from: 'github-actions'; readonly audience: string | undefined };
      /** The secret part is a token that is exchanged for it, once. */
      readonly isWrapped?: boolean;
      /** What to look at when the server refuses. */
      readonly check: string;
    };

/** A credential, or in words what is not there. */
type Looked = { readonly credential: Credential } | { readonly missing: string };

const KUBERNETES_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * The first method whose credentials are present; a later one never stands in for one that the server refuses.
 * @throws Fault 'unauthenticated' naming what each method lacks
 */
export async function findCredential(methods: readonly AuthMethod[], host: Host): Promise<Credential> {
  const missing: string[] = [];
  for (const method of methods) {
    const looked = await look(method, host);
    if ('credential' in looked) return looked.credential;
    missing.push(looked.missing);
  }
  throw new Fault('unauthenticated', {
    message: `${host.provider} has no credentials to sign in with: ${missing.join('; ')}`,
    hint: `set VAULT_TOKEN, or configure auth in the provider ${host.provider}`,
  });
}

function look(method: AuthMethod, host: Host): Promise<Looked> {
  if (method.method === 'token') return lookForToken(method, host);
  if (method.method === 'approle') return lookForAppRole(method, host);
  return method.method === 'kubernetes' ? lookForKubernetes(method, host) : lookForJwt(method, host);
}

type Method<M extends AuthMethod['method']> = Extract<AuthMethod, { readonly method: M }>;

async function lookForToken({ env, file }: Method<'token'>, host: Host): Promise<Looked> {
  const isDefault = env === undefined && file === undefined;
  const variables = isDefault ? ['VAULT_TOKEN', 'BAO_TOKEN'] : [env].filter((name) => name !== undefined);
  for (const name of variables) {
    const token = fromVariable(name, host);
    if (token !== undefined) return { credential: { kind: 'token', token, from: name } };
  }
  const path = isDefault ? '~/.vault-token' : file;
  const token = path === undefined ? undefined : await fromFile(path, host);
  if (token !== undefined && path !== undefined) return { credential: { kind: 'token', token, from: path } };
  return { missing: `token: no ${[...variables, path].filter((place) => place !== undefined).join(', ')}` };
}

async function lookForAppRole({ mount = 'approle', roleId, secretIdFile, wrapped }: Method<'approle'>, host: Host): Promise<Looked> {
  const role = roleId ?? host.env['VAULT_ROLE_ID'];
  if (role === undefined || role === '') return { missing: 'approle: no VAULT_ROLE_ID' };
  const secret = secretIdFile === undefined ? fromVariable('VAULT_SECRET_ID', host) : await fromFile(secretIdFile, host);
  if (secret === undefined) return { missing: `approle: no ${secretIdFile ?? 'VAULT_SECRET_ID'}` };
  const check = 'check that the role id belongs to this mount, and that the secret id has not expired or been used up';
  const login = { kind: 'login', method: 'approle', mount, fields: { role_id: role }, secretField: 'secret_id', secret, check } as const;
  return { credential: wrapped === true ? { ...login, isWrapped: true } : login };
}

async function lookForKubernetes(
  { mount = 'kubernetes', role, tokenFile = KUBERNETES_TOKEN }: Method<'kubernetes'>,
  host: Host,
): Promise<Looked> {
  const secret = await fromFile(tokenFile, host);
  if (secret === undefined) return { missing: `kubernetes: no ${tokenFile}` };
  const check = `check that the role ${role} allows this service account and namespace, and the audience of the token`;
  return { credential: { kind: 'login', method: 'kubernetes', mount, fields: { role }, secretField: 'jwt', secret, check } };
}

async function lookForJwt({ mount = 'jwt', role, from, audience }: Method<'jwt'>, host: Host): Promise<Looked> {
  const check = `check the role${role === undefined ? '' : ` ${role}`}: bound audience, claims and issuer must fit the token, which must not have expired`;
  const login = (secret: Extract<Credential, { kind: 'login' }>['secret']): Looked => ({
    credential: { kind: 'login', method: 'jwt', mount, fields: role === undefined ? {} : { role }, secretField: 'jwt', secret, check },
  });
  const missing: string[] = [];
  for (const source of from === undefined ? (['github-actions', { env: 'VAULT_ID_TOKEN' }] as const) : [from]) {
    if (source === 'github-actions') {
      const absent = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'].find((name) => (host.env[name] ?? '') === '');
      if (absent === undefined) return login({ from: source, audience });
      missing.push(host.env['GITHUB_ACTIONS'] === 'true' ? `${absent} (the job needs permissions: id-token: write)` : absent);
    } else {
      const secret = 'env' in source ? fromVariable(source.env, host) : await fromFile(source.file, host);
      if (secret !== undefined) return login(secret);
      missing.push('env' in source ? source.env : source.file);
    }
  }
  return { missing: `jwt: no ${missing.join(', ')}` };
}

/** The value of a variable, reported as used; undefined where it is not set. */
export function fromVariable(name: string, host: Host): SecretValue | undefined {
  const text = host.env[name];
  if (text === undefined || text === '') return undefined;
  const value = checked(text, name);
  host.credentialsUsed([name]);
  host.sensitive(value);
  return value;
}

async function fromFile(path: string, host: Host): Promise<SecretValue | undefined> {
  const found = absolutePath(path, host);
  if (found === undefined) return undefined;
  let text: string;
  try {
    const { readFile } = await import('node:fs/promises');
    text = (await readFile(found, 'utf8')).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Fault('unauthenticated', {
      message: `${path} cannot be read (${plainWord(code) ?? 'no code'})`,
      hint: `check the permissions of ${path}`,
    });
  }
  if (text === '') return undefined;
  const value = checked(text, path);
  host.sensitive(value);
  return value;
}

function checked(text: string, from: string): SecretValue {
  if (/[^\x21-\x7e]/.test(text)) {
    throw new Fault('unauthenticated', {
      message: `${from} holds a space, a line break or another character that no token has`,
      hint: `set ${from} again, without quotes and without a line break`,
    });
  }
  return SecretValue.fromText(text);
}
