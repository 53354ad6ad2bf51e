/** The two managed identity endpoints: IMDS of a virtual machine, and App Service's. */
import type { Reply, Request } from '../http.ts';
import { issueToken, now, settings, state } from './state.ts';

const bad = (description: string): Reply => ({ status: 400, body: { error: 'invalid_request', error_description: description } });

export function identity(request: Request): Reply {
  const isAppService = request.url.pathname.replace(/\/$/, '') === '/msi/token';
  if (isAppService && request.headers['x-identity-header'] !== settings.identityHeader) {
    return { status: 401, body: { statusCode: 401, message: 'The identity header does not match.' } };
  }
  if (!isAppService && request.headers['metadata'] !== 'true') return bad('Required metadata header not specified');
  const query = request.url.searchParams;
  if (query.get('api-version') === null) return bad('Required query variable api-version is missing');
  const resource = query.get('resource');
  if (resource === null) return bad('Required query variable resource is missing');
  const clientId = query.get('client_id') ?? settings.clientId;
  if (clientId !== settings.clientId) return bad('Identity not found');
  return {
    status: 200,
    body: {
      access_token: issueToken(resource, clientId),
      client_id: clientId,
      expires_in: String(state.lifetime),
      ext_expires_in: String(state.lifetime),
      expires_on: String(now() + state.lifetime),
      not_before: String(now()),
      resource,
      token_type: 'Bearer',
    },
  };
}
