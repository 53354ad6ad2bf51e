/** Sets up a real server for a test, with the root token. */
import { randomBytes } from 'node:crypto';
import type { OpenBaoFacts } from '../../bed/facts.ts';
import { afterwards } from './fake.ts';
import { openVault, type Opened, type OpenOptions } from './vault.ts';

interface ApiAnswer {
  readonly status: number;
  readonly body: { readonly data?: Record<string, unknown>; readonly auth?: { readonly client_token: string; readonly accessor: string } };
  readonly text: string;
}

export interface Bao {
  readonly facts: OpenBaoFacts;
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
  /** The same, but anything except a success is an error. */
  must: Bao['api'];
  /** Mounts a KV engine under a name of its own and gives its path, with a slash at the end. */
  mountKv(version: 1 | 2, path?: string): Promise<string>;
  /** A token with these rules only. */
  token(rules: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A session with the root token, or what else the options say. */
  open(options?: OpenOptions): Promise<Opened>;
}

export const unique = (): string => randomBytes(5).toString('hex');

export function baoAt(facts: OpenBaoFacts, namespace?: string): Bao {
  const api: Bao['api'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${facts.url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': facts.token, ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as ApiAnswer['body'], text };
  };
  const must: Bao['api'] = async (...args) => {
    const answer = await api(...args);
    if (answer.status >= 300) throw new Error(`${args[0]} ${args[1]}: ${answer.status} ${answer.text}`);
    return answer;
  };
  return {
    facts,
    api,
    must,
    mountKv: async (version, path = `kv-${unique()}`) => {
      await must('POST', `sys/mounts/${path}`, { type: 'kv', options: { version: String(version) } });
      return `${path}/`;
    },
    token: async (rules, more = {}) => {
      const name = `policy-${unique()}`;
      await must('POST', `sys/policies/acl/${name}`, { policy: rules });
      const { body } = await must('POST', 'auth/token/create', { policies: [name], no_default_policy: true, ...more });
      return body.auth?.client_token ?? '';
    },
    open: async ({ options = {}, ...rest } = {}) => {
      const opened = await openVault({
        address: facts.url,
        env: { VAULT_TOKEN: facts.token },
        options: { ...(namespace === undefined ? {} : { namespace }), ...options },
        ...rest,
      });
      afterwards(() => opened.session.close());
      return opened;
    },
  };
}

export const rule = (path: string, ...capabilities: readonly string[]): string =>
  `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;
