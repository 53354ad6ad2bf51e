/**
 * Entra ID and vaults in memory, behind the host's HTTP: no sockets, so that every answer and every failure can be
 * made at will. Default: signing in works, and every vault holds what `secrets` says.
 */
import { randomBytes } from 'node:crypto';

import type { HttpClientOptions, HttpRequest, HttpResponse } from '../../../src/provider-kit/http.ts';
import type { Host } from '../../../src/provider-kit/contract.ts';

export const TENANT = '11111111-1111-4111-8111-111111111111';
export const CLIENT = '22222222-2222-4222-8222-222222222222';
export const canary = (): string => `canary-${randomBytes(12).toString('hex')}`;
export const clientSecret = canary();
export const SIGN_IN_ENV = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: clientSecret };

export interface Sent extends HttpRequest {
  /** Origin that it went to. */
  readonly origin: string;
  readonly client: HttpClientOptions;
}

type Answer = HttpResponse | Error;
/** What to answer; undefined leaves it to the next rule. */
export type Rule = (sent: Sent) => Answer | Promise<Answer> | undefined;

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'x-ms-request-id': 'request-1', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

export const vaultError = (
  status: number,
  code: string,
  inner?: string,
  headers: Record<string, string> = {},
  text = 'text',
): HttpResponse =>
  json(status, { error: { code, message: text, ...(inner === undefined ? {} : { innererror: { code: inner } }) } }, headers);

export const entraError = (status: number, number: number, headers: Record<string, string> = {}, text = 'text'): HttpResponse =>
  json(status, { error: 'invalid_client', error_codes: [number], error_description: `AADSTS${number}: ${text}` }, headers);

export const isToken = (sent: Sent): boolean => sent.method === 'POST' && sent.path.includes('/oauth2/v2.0/token');
export const isVault = (sent: Sent): boolean => /\.vault\./.test(sent.origin);
export const hasToken = (sent: Sent): boolean => Object.keys(sent.headers ?? {}).some((name) => name.toLowerCase() === 'authorization');

export class FakeAzure {
  readonly sent: Sent[] = [];
  /** Asked before the default answers, first to last. */
  readonly rules: Rule[] = [];
  readonly secrets = new Map<string, string>();
  tokens = 0;
  /** Of the tokens issued from now on, in seconds. */
  lifetime = 3599;
  tenant = TENANT;

  readonly http: Host['http'] = (client) => ({
    request: async (request) => {
      const sent = { ...request, client, origin: new URL(client.baseUrl).origin };
      this.sent.push(sent);
      request.signal.throwIfAborted();
      const answer = await (this.rules.map((rule) => rule(sent)).find((found) => found !== undefined) ?? this.#answer(sent));
      if (answer instanceof Error) throw answer;
      return answer;
    },
    close: () => undefined,
  });

  paths(of: (sent: Sent) => boolean): readonly string[] {
    return this.sent.filter(of).map((sent) => `${sent.method} ${sent.path.split('?')[0] ?? ''}`);
  }

  #answer(sent: Sent): HttpResponse {
    if (isVault(sent)) return hasToken(sent) ? this.#vault(sent) : this.#challenge(sent);
    if (sent.path.includes('/.well-known/openid-configuration')) {
      const base = sent.path.split('/')[1] ?? '';
      const at = `${sent.origin}/${base}`;
      return json(200, {
        issuer: `${at}/v2.0`,
        token_endpoint: `${at}/oauth2/v2.0/token`,
        authorization_endpoint: `${at}/oauth2/v2.0/authorize`,
        jwks_uri: `${at}/discovery/v2.0/keys`,
      });
    }
    if (!isToken(sent)) return json(404, {});
    this.tokens++;
    const claims = { aud: 'https://vault.azure.net', appid: CLIENT, oid: CLIENT, tid: TENANT };
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${canary()}`;
    return json(200, { token_type: 'Bearer', expires_in: this.lifetime, ext_expires_in: this.lifetime, access_token: token });
  }

  #challenge(sent: Sent): HttpResponse {
    const domain = sent.origin.split('.').slice(1).join('.');
    const challenge = `Bearer authorization="https://login.microsoftonline.com/${this.tenant}", resource="https://${domain}"`;
    return { ...vaultError(401, 'Unauthorized'), headers: { 'www-authenticate': challenge, 'content-type': 'application/json' } };
  }

  #vault(sent: Sent): HttpResponse {
    const [, , name = '', third = ''] = (sent.path.split('?')[0] ?? '').split('/');
    const value = this.secrets.get(name);
    if (name === '')
      return json(200, { value: [...this.secrets.keys()].map((known) => ({ id: `${sent.origin}/secrets/${known}`, attributes: {} })) });
    if (value === undefined) return vaultError(404, 'SecretNotFound');
    const bundle = { id: `${sent.origin}/secrets/${name}/${'0'.repeat(32)}`, attributes: { enabled: true, created: 1_700_000_000 } };
    return third === 'versions' ? json(200, { value: [bundle] }) : json(200, { ...bundle, value });
  }
}
