import { afterAll, beforeAll, describe, it } from 'vitest';
import { createHttpClient } from '../../src/platform/http.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import type { HttpClient, HttpResponse } from '../../src/provider-kit/http.ts';
import azure from '../../src/providers/azure-key-vault/index.ts';
import type { AzureFacts } from '../bed/facts.ts';
import { describeWith } from '../bed/use.ts';
import { testHost } from '../support/host.ts';
import { closedPort, silentUrl } from './support/nobody.ts';

/** The service's own API, past the adapter. */
class Vault {
  readonly #facts: AzureFacts;
  readonly #clients = new Map<string, HttpClient>();
  #token: Promise<string> | undefined;

  constructor(facts: AzureFacts) {
    this.#facts = facts;
  }

  async request(method: string, path: string, body?: object): Promise<number> {
    this.#token ??= this.#signIn();
    const headers = { authorization: `Bearer ${await this.#token}`, 'content-type': 'application/json' };
    return (await this.#send(this.#facts.vaultUrl, method, `${path}?api-version=7.6`, headers, JSON.stringify(body ?? {}))).status;
  }

  async control<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.#facts.controlUrl}/_bed/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as T;
  }

  async #signIn(): Promise<string> {
    const { tenantId, clientId, clientSecret, authorityHost } = this.#facts;
    const form = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://vault.azure.net/.default',
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { body } = await this.#send(
      authorityHost,
      'POST',
      `/${tenantId}/oauth2/v2.0/token`,
      headers,
      new URLSearchParams(form).toString(),
    );
    return (JSON.parse(body.toString()) as { access_token: string }).access_token;
  }

  #send(baseUrl: string, method: string, path: string, headers: Readonly<Record<string, string>>, body: string): Promise<HttpResponse> {
    const client = this.#clients.get(baseUrl) ?? createHttpClient({ baseUrl, caFile: this.#facts.caFile }, {});
    this.#clients.set(baseUrl, client);
    return client.request({ method, path, headers, body, signal: AbortSignal.timeout(5_000) });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}

interface SeenRequest {
  readonly target: string;
  readonly method: string;
  readonly path: string;
}

describeWith('azure', 'azure-key-vault', (facts) => {
  const vault = new Vault(facts);
  let nobody = 0;
  let seen = 0;
  beforeAll(async () => {
    nobody = await closedPort();
  });
  afterAll(() => vault.close());

  const options = {
    vaultUrl: facts.vaultUrl,
    authorityHost: facts.authorityHost,
    disableInstanceDiscovery: true,
    disableChallengeResourceVerification: true,
    caFile: facts.caFile,
  };
  const set = async (name: string, value: string): Promise<void> => {
    const status = await vault.request('PUT', `/secrets/${name}`, { value });
    if (status !== 200) throw new Error(`setting ${name}: ${status}`);
  };
  // Other tests use the same vault; names of this suite begin alike.
  const reads = async (): Promise<number> => {
    const requests = await vault.control<readonly SeenRequest[]>('GET', 'requests');
    return requests.filter(
      ({ method, path }) => method === 'GET' && /^\/secrets\/conf-[0-9a-f]+(?:-pending)?(?:\/(?!versions)[^/?]*)?\/?(?:\?|$)/.test(path),
    ).length;
  };

  conformance(
    azure,
    { describe, it },
    {
      options,
      host: () => {
        const env = { AZURE_TENANT_ID: facts.tenantId, AZURE_CLIENT_ID: facts.clientId, AZURE_CLIENT_SECRET: facts.clientSecret };
        return testHost({ provider: 'azure', env, http: (client) => createHttpClient(client, env) });
      },
      reference: (name, field) => `azure://${name}${field === undefined ? '' : `#${field}`}`,
      seed: (name, value) => set(name, Buffer.from(value).toString('utf8')),
      seedFields: (name, fields) => set(name, JSON.stringify(fields)),
      foreignPending: (name, value) => set(`${name}-pending`, Buffer.from(value).toString('utf8')),
      remove: async (name) => {
        for (const one of [name, `${name}-pending`]) {
          await vault.request('DELETE', `/secrets/${one}`);
          await vault.request('DELETE', `/deletedsecrets/${one}`);
        }
      },
      deny: async (name) => {
        await vault.control('POST', 'deny', { name });
      },
      unreachable: () => ({ ...options, vaultUrl: `https://127.0.0.1:${nobody}` }),
      silent: async () => {
        const { url, asked } = await silentUrl();
        return { options: { ...options, vaultUrl: url }, asked };
      },
      countRequests: () => ({
        reset: async () => {
          seen = await reads();
        },
        values: async () => (await reads()) - seen,
      }),
      sensitive: [facts.clientSecret],
      skip: [],
    },
  );
});
