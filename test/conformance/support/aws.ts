/** What the conformance of both AWS adapters has in common: an emulator behind a proxy that counts and refuses. */
import { createHttpClient } from '../../../src/platform/http.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';
import type { AwsFacts } from '../../bed/facts.ts';
import { testHost } from '../../support/host.ts';
import { observingProxy } from './proxy.ts';
import type { Intercept, Passing, Proxy } from './proxy.ts';

/** The emulators check no rights, so the proxy does; denied by a part of the name. */
export interface AwsBackend {
  readonly proxy: Proxy;
  readonly denied: Set<string>;
}

/** The operation that a request is for, such as `GetSecretValue`. */
export const operationOf = ({ headers }: Passing): string =>
  String(headers['x-amz-target'] ?? '')
    .split('.')
    .at(-1) ?? '';

/** As AWS refuses: a status, and the error's name in the body. */
export const accessDenied = {
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': 'AccessDeniedException' },
  body: JSON.stringify({ __type: 'AccessDeniedException', Message: 'User is not authorized to perform this operation on this resource' }),
};

export async function awsBackend(facts: AwsFacts, refuse: (denied: ReadonlySet<string>) => Intercept): Promise<AwsBackend> {
  const denied = new Set<string>();
  return { proxy: await observingProxy(facts.url, refuse(denied)), denied };
}

export function awsHost(facts: AwsFacts, url: string): Host {
  const env = { AWS_ACCESS_KEY_ID: facts.accessKeyId, AWS_SECRET_ACCESS_KEY: facts.secretAccessKey, AWS_ENDPOINT_URL_STS: url };
  return testHost({ provider: 'aws', env, http: (options) => createHttpClient(options, env) });
}

/** Settings of the SDK's own clients, for seeding past the adapter. */
export const clientSettings = (facts: AwsFacts) => ({
  endpoint: facts.url,
  region: facts.region,
  credentials: { accessKeyId: facts.accessKeyId, secretAccessKey: facts.secretAccessKey },
});

/** Counts the requests for some operations. */
export const counterOf = (proxy: Proxy, operations: ReadonlySet<string>) => ({
  reset: () => void proxy.requests.splice(0),
  values: () => proxy.requests.filter((request) => operations.has(operationOf(request))).length,
});
