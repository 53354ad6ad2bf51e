/** The Entra ID token endpoint: client secret, or a federated token whose issuer's keys are really fetched. */
import { randomUUID } from 'node:crypto';
import type { Reply, Request } from '../http.ts';
import { decodeToken, isSignedByIssuer, publicJwk } from '../jwt.ts';
import type { Token } from '../jwt.ts';
import { ENTRA, issueToken, key, now, settings, state } from './state.ts';

class Refusal extends Error {
  readonly status: number;
  readonly error: string;
  readonly code: number;

  constructor(status: number, error: string, code: number, text: string) {
    super(`AADSTS${code}: ${text}`);
    this.status = status;
    this.error = error;
    this.code = code;
  }
}

const badClient = (code: number, text: string): Refusal => new Refusal(401, 'invalid_client', code, text);

async function checkAssertion(assertion: string): Promise<void> {
  let token: Token;
  try {
    token = decodeToken(assertion);
  } catch {
    throw badClient(50027, 'JWT token is invalid or malformed.');
  }
  const { iss, sub, aud, exp } = token.claims;
  const none = `No matching federated identity record found for presented assertion`;
  const sameIssuer = state.federated.filter((one) => one.issuer === iss);
  if (sameIssuer.length === 0) throw badClient(700211, `${none} issuer '${String(iss)}'.`);
  const match = sameIssuer.find((one) => one.subject === sub);
  if (match === undefined) {
    const otherCase = sameIssuer.some((one) => one.subject.toLowerCase() === String(sub).toLowerCase());
    throw otherCase
      ? badClient(7002138, `${none} subject '${String(sub)}'. Matching is case-sensitive.`)
      : badClient(700213, `${none} subject '${String(sub)}'.`);
  }
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(match.audience ?? 'api://AzureADTokenExchange')) throw badClient(700212, `${none} audience '${String(aud)}'.`);
  if (!(Number(exp) > now())) throw badClient(700024, 'Client assertion is not within its valid time range.');
  let signed: boolean;
  try {
    signed = await isSignedByIssuer(token, match.issuer);
  } catch {
    throw badClient(50166, "The issuer's keys could not be fetched.");
  }
  if (!signed) throw badClient(700027, 'Client assertion failed signature validation.');
}

export async function entra(request: Request): Promise<Reply> {
  const [, tenant, ...rest] = request.url.pathname.split('/');
  const route = rest.join('/');
  const known = tenant === settings.tenantId;
  if (route.endsWith('.well-known/openid-configuration')) {
    if (!known) return refusalReply(new Refusal(400, 'invalid_tenant', 90002, `Tenant '${tenant}' not found.`));
    const base = `${ENTRA}/${tenant}`;
    return {
      status: 200,
      body: {
        issuer: `${base}/v2.0`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
        response_types_supported: ['code'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
      },
    };
  }
  if (route === 'discovery/v2.0/keys') return { status: 200, body: { keys: [publicJwk(key)] } };
  if (request.method !== 'POST' || route !== 'oauth2/v2.0/token') return { status: 404, body: { error: 'not_found' } };
  try {
    if (!known) throw new Refusal(400, 'invalid_request', 90002, `Tenant '${tenant}' not found.`);
    return { status: 200, body: await tokenFor(new URLSearchParams(request.body)) };
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(error);
    throw error;
  }
}

async function tokenFor(form: URLSearchParams): Promise<object> {
  const client = form.get('client_id');
  if (client !== settings.clientId) {
    throw new Refusal(400, 'unauthorized_client', 700016, `Application with identifier '${client}' was not found in the directory.`);
  }
  if (form.get('grant_type') !== 'client_credentials') {
    throw new Refusal(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
  }
  const assertion = form.get('client_assertion');
  if (assertion !== null) await checkAssertion(assertion);
  else if (form.get('client_secret') !== settings.clientSecret) {
    throw badClient(
      7000215,
      'Invalid client secret provided. Ensure the secret being sent is the client secret value, not the client secret ID.',
    );
  }
  const scope = form.get('scope') ?? '';
  const resource = scope.split(' ').find((one) => one.endsWith('/.default'));
  if (resource === undefined) throw new Refusal(400, 'invalid_scope', 1002012, `The provided value for scope ${scope} is not valid.`);
  const token = issueToken(resource.slice(0, -'/.default'.length), settings.clientId);
  return { token_type: 'Bearer', expires_in: state.lifetime, ext_expires_in: state.lifetime, access_token: token };
}

function refusalReply(refusal: Refusal): Reply {
  const id = randomUUID();
  const timestamp = new Date().toISOString();
  return {
    status: refusal.status,
    body: {
      error: refusal.error,
      error_codes: [refusal.code],
      timestamp,
      trace_id: id,
      correlation_id: id,
      error_description: `${refusal.message} Trace ID: ${id} Correlation ID: ${id} Timestamp: ${timestamp}`,
    },
  };
}

/** What an injected fault answers. */
export function entraFault(status: number): Reply {
  return refusalReply(
    status === 429
      ? new Refusal(status, 'temporarily_unavailable', 50196, 'A transient error has occurred.')
      : new Refusal(status, 'server_error', 90033, 'A transient error has occurred.'),
  );
}
