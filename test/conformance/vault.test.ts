import { randomBytes } from 'node:crypto';
import { beforeAll, describe, it } from 'vitest';
import { createHttpClient } from '../../src/platform/http.ts';
import { CASES, conformance } from '../../src/provider-kit/conformance/index.ts';
import type { ConformanceHarness } from '../../src/provider-kit/conformance/index.ts';
import vault from '../../src/providers/vault/index.ts';
import type { OpenBaoFacts } from '../bed/facts.ts';
import { describeWith } from '../bed/use.ts';
import { testHost } from '../support/host.ts';
import { closedPort, silentUrl } from './support/nobody.ts';
import { observingProxy } from './support/proxy.ts';
import type { Proxy } from './support/proxy.ts';

const FIELD = 'value';

/** The server's own API as its administrator. */
async function admin(openbao: OpenBaoFacts, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${openbao.url}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': openbao.token, 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

for (const version of [1, 2] as const) {
  describeWith('openbao', `vault, KV version ${version}`, (openbao) => {
    const mount = `conf${version}-${randomBytes(4).toString('hex')}`;
    const policy = mount;
    const denied: string[] = [];
    let token = '';
    let proxy: Proxy;
    let nobody = 0;

    const pathOf = (name: string): string => (version === 2 ? `${mount}/data/${name}` : `${mount}/${name}`);
    const writePolicy = (): Promise<unknown> => {
      const allow = `path "${mount}/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }`;
      const rules = [allow, ...denied.map((name) => `path "${pathOf(name)}" { capabilities = ["deny"] }`)];
      return admin(openbao, 'PUT', `sys/policies/acl/${policy}`, { policy: rules.join('\n') });
    };
    const store = (name: string, fields: object): Promise<unknown> =>
      admin(openbao, 'POST', pathOf(name), version === 2 ? { data: fields } : fields);

    beforeAll(async () => {
      await admin(openbao, 'POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: String(version) } });
      await writePolicy();
      const created = await admin(openbao, 'POST', 'auth/token/create', { policies: [policy], ttl: '10m' });
      token = String((created['auth'] as Record<string, unknown>)['client_token']);
      proxy = await observingProxy(openbao.url);
      nobody = await closedPort();
    });

    const harness: ConformanceHarness = {
      get options() {
        return { address: proxy.url };
      },
      host: () => {
        const env = { VAULT_TOKEN: token };
        return testHost({ provider: 'vault', env, http: (options) => createHttpClient(options, env) });
      },
      reference: (name, field = FIELD) => `vault://${mount}/${name}#${field}`,
      seed: async (name, value) => {
        await store(name, { [FIELD]: Buffer.from(value).toString('utf8') });
      },
      seedFields: async (name, fields) => {
        await store(name, fields);
      },
      ...(version === 1
        ? {}
        : {
            foreignPending: async (name: string, value: Uint8Array) => {
              await store(`${name}.pending`, { [FIELD]: Buffer.from(value).toString('utf8') });
            },
          }),
      remove: async (name) => {
        for (const one of version === 2 ? [`${mount}/metadata/${name}`, `${mount}/metadata/${name}.pending`] : [pathOf(name)])
          await admin(openbao, 'DELETE', one);
      },
      deny: async (name) => {
        denied.push(name);
        await writePolicy();
      },
      unreachable: () => ({ address: `http://127.0.0.1:${nobody}` }),
      silent: async () => {
        const { url, asked } = await silentUrl();
        return { options: { address: url }, asked };
      },
      countRequests: () => ({
        reset: () => void proxy.requests.splice(0),
        values: () => proxy.requests.filter(({ method, path }) => method === 'GET' && isValuePath(path)).length,
      }),
      get sensitive() {
        return [token];
      },
      skip:
        version === 2
          ? []
          : [
              ...(['version-pin', 'two-versions', 'changes', 'versions', 'versions-absent', 'stale-write', 'set-state'] as const).map(
                (test) => ({
                  test,
                  reason: 'KV version 1 keeps no versions',
                }),
              ),
              ...CASES.filter((test) => test.startsWith('pending-')).map((test) => ({
                test,
                reason: 'KV version 1 has no check-and-set, which keeps two rotations apart',
              })),
            ],
    };
    const isValuePath = (path: string): boolean => {
      const url = new URL(path, 'http://any');
      if (url.searchParams.has('list')) return false;
      return url.pathname.startsWith(`/v1/${version === 2 ? `${mount}/data` : mount}/`);
    };

    conformance(vault, { describe, it }, harness);
  });
}
