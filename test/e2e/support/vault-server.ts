/** A fault server that is a Vault with a KV version 2 engine at `secret/`, except where a test says otherwise. */
import { faultServer } from './fault-server.ts';
import type { Answer, FaultServer, SeenRequest } from './fault-server.ts';

export interface VaultServer extends FaultServer {
  /** Method and path of each request so far, without `/v1/`. */
  asked(): readonly string[];
  /** How often a document below `secret/` was read. */
  reads(document?: string): number;
}

/** The answer to a request by its method and path without `/v1/`; undefined leaves it to the defaults. */
export type VaultRule = (asked: string, request: SeenRequest) => Answer | undefined;

/** The answer with a document of a KV version 2 engine. */
export const kv2 = (data: unknown): Answer => ({
  body: {
    request_id: '7f3c2f6e-1111-2222-3333-444455556666',
    data: { data, metadata: { version: 1, created_time: '2026-01-02T03:04:05.678Z', deletion_time: '', destroyed: false } },
  },
});

/** The answer to a sign-in. */
export const signedIn = (token: string): Answer => ({ body: { auth: { client_token: token, token_type: 'service' } } });

/** The server's own words for an error, as JSON. */
export const refusal = (status: number, ...errors: readonly string[]): Answer => ({ status, body: { errors } });

/** Starts one; every document has a field `value`, which says where it is from, until something else is written. */
export async function vaultServer(rule: VaultRule = () => undefined, tls?: Parameters<typeof faultServer>[1]): Promise<VaultServer> {
  const written = new Map<string, object>();
  const server = await faultServer((request) => {
    const asked = askedBy(request);
    return rule(asked, request) ?? byDefault(asked, request, written);
  }, tls);
  const asked = (): readonly string[] => server.requests.map(askedBy);
  return {
    ...server,
    asked,
    reads: (document) => asked().filter((one) => one === `GET secret/data/${document}` || (document === undefined && isRead(one))).length,
  };
}

/** A provider entry for a manifest, signing in by VAULT_TOKEN. */
export const vaultEntry = (server: Pick<FaultServer, 'url'>): string => `vault: { address: "${server.url}", auth: { method: token } }`;

const askedBy = ({ method, path }: SeenRequest): string => `${method} ${path.replace('/v1/', '')}`;
const isRead = (asked: string): boolean => asked.startsWith('GET secret/data/');

function byDefault(asked: string, { body }: SeenRequest, written: Map<string, object>): Answer {
  if (asked.startsWith('GET sys/internal/ui/mounts/secret'))
    return { body: { data: { path: 'secret/', type: 'kv', options: { version: '2' } } } };
  if (asked === 'GET sys/internal/ui/mounts' || asked === 'GET auth/token/lookup-self') return { body: { data: {} } };
  if (asked === 'GET sys/health') return { body: { initialized: true, sealed: false } };
  const [method, path = ''] = asked.split(' ');
  if (path.startsWith('secret/data/') && (method === 'POST' || method === 'PATCH')) {
    const { data } = JSON.parse(body) as { readonly data: object };
    written.set(path, method === 'PATCH' ? { ...written.get(path), ...data } : data);
    return { body: { data: { version: 2 } } };
  }
  if (isRead(asked)) return kv2(written.get(path) ?? { value: `of ${asked}` });
  if (asked === 'POST auth/token/revoke-self') return { status: 204 };
  return refusal(404);
}
