/** The identity token that GitHub Actions gives to a job with `permissions: id-token: write`. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { checkEndpoint } from '../../provider-kit/endpoint.ts';
import { fromVariable } from './credentials.ts';
import { parseObject, stringAt } from './json.ts';

/** @throws Fault 'options' for a request address that is not https, 'unauthenticated' where GitHub refuses */
export async function githubIdToken(audience: string | undefined, host: Host, op: Operation): Promise<SecretValue> {
  const url = checkEndpoint(host.env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '', { what: 'ACTIONS_ID_TOKEN_REQUEST_URL' });
  const bearer = fromVariable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', host);
  if (audience !== undefined) url.searchParams.set('audience', audience);
  const http = host.http({ baseUrl: url.origin, headers: { 'user-agent': host.userAgent, accept: 'application/json' } });
  try {
    const { status, body } = await op.call({ what: 'get an identity token from GitHub Actions' }, async (signal) => {
      const headers = { authorization: `Bearer ${bearer?.reveal().toString('latin1') ?? ''}` };
      const response = await http.request({ method: 'GET', path: url.pathname + url.search, headers, signal });
      if (response.status < 500 && response.status !== 429) return response;
      throw new Fault('unavailable', {
        message: `GitHub Actions answered ${response.status} for an identity token`,
        status: response.status,
      });
    });
    const value = stringAt(parseObject(body.toString('utf8')), 'value');
    if (status === 200 && value !== undefined && value !== '') {
      const token = SecretValue.fromText(value);
      host.sensitive(token);
      return token;
    }
    throw new Fault('unauthenticated', {
      message: `GitHub Actions answered ${status} without an identity token`,
      hint: 'give the job permissions: id-token: write',
      status,
    });
  } finally {
    http.close();
  }
}
