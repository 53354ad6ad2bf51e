/** The test bed's vault and Entra ID: where they are, a host for them, and a way past the adapter. */
import { readFileSync } from 'node:fs';

import { createHttpClient } from '../../../src/platform/http.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';
import type { HttpClient } from '../../../src/provider-kit/http.ts';
import type { AzureFacts, BedFacts } from '../../bed/facts.ts';
import { testHost, type TestHost } from '../../support/host.ts';

const file = process.env['BED_JSON'];
const components = file === undefined ? {} : (JSON.parse(readFileSync(file, 'utf8')) as { components: Partial<BedFacts> }).components;

export const azure = components.azure;
export const oidc = components.oidc;
/** Ends the title of what is skipped. */
export const why = azure === undefined ? ' (skipped: BED_JSON names no azure)' : '';

const nowhere: AzureFacts = {
  authorityHost: 'https://127.0.0.1',
  vaultUrl: 'https://127.0.0.1',
  tenantId: '',
  clientId: '',
  clientSecret: '',
  imdsUrl: '',
  identityEndpoint: '',
  identityHeader: '',
  controlUrl: '',
  caFile: '/',
};
export const facts = azure ?? nowhere;

export const app = { AZURE_TENANT_ID: facts.tenantId, AZURE_CLIENT_ID: facts.clientId };
export const signedIn = { ...app, AZURE_CLIENT_SECRET: facts.clientSecret };
export const options = {
  vaultUrl: facts.vaultUrl,
  authorityHost: facts.authorityHost,
  disableInstanceDiscovery: true,
  disableChallengeResourceVerification: true,
  caFile: facts.caFile,
};

/** A host with real HTTP. */
export const bedHost = (env: Readonly<Record<string, string>> = signedIn, http?: Host['http']): TestHost =>
  testHost({ env, http: http ?? ((client) => createHttpClient(client, env)) });

/** Everything that the bed was asked since it started, by this and other tests. */
export const requests = async (): Promise<readonly { readonly method: string; readonly path: string; readonly status: number }[]> =>
  (await (await fetch(`${facts.controlUrl}/_bed/requests`)).json()) as { method: string; path: string; status: number }[];

let token: Promise<string> | undefined;
let vault: HttpClient | undefined;

/** A request to the vault past the adapter; gives the status. */
export async function ask(method: string, path: string, body?: object): Promise<number> {
  token ??= signIn();
  vault ??= createHttpClient({ baseUrl: facts.vaultUrl, caFile: facts.caFile }, {});
  const answer = await vault.request({
    method,
    path: `${path}?api-version=7.6`,
    headers: { authorization: `Bearer ${await token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: new AbortController().signal,
  });
  return answer.status;
}

async function signIn(): Promise<string> {
  const authority = createHttpClient({ baseUrl: facts.authorityHost, caFile: facts.caFile }, {});
  const form = {
    grant_type: 'client_credentials',
    client_id: facts.clientId,
    client_secret: facts.clientSecret,
    scope: 'https://vault.azure.net/.default',
  };
  const answer = await authority.request({
    method: 'POST',
    path: `/${facts.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    signal: new AbortController().signal,
  });
  authority.close();
  return (JSON.parse(answer.body.toString()) as { access_token: string }).access_token;
}
