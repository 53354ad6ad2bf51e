/**
 * An OIDC issuer that mints tokens with any claims.
 *
 *   GET  /.well-known/openid-configuration, /jwks
 *   POST /mint    {claims, header?, expiresIn?, key?: "unknown"} -> {token}; the key "unknown" is not in the key set
 *   POST /rotate  adds a signing key; tokens minted from then on use it
 */
import { createServer } from 'node:http';
import { jsonOf, listener, readSettings } from './http.ts';
import { makeToken, newKey, publicJwk } from './jwt.ts';

interface MintRequest {
  readonly claims: object;
  readonly header: object;
  /** Seconds from now; negative for a token that has ended. */
  readonly expiresIn: number;
  readonly key: 'unknown';
}

const { port } = readSettings() as { port: number };
const issuer = `http://127.0.0.1:${port}`;
const keys = [newKey('bed-1')];
const stranger = newKey('bed-unknown');

const configuration = {
  issuer,
  jwks_uri: `${issuer}/jwks`,
  token_endpoint: `${issuer}/token`,
  authorization_endpoint: `${issuer}/authorize`,
  response_types_supported: ['code', 'id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
};

const serve = listener((request) => {
  switch (`${request.method} ${request.url.pathname}`) {
    case 'GET /health':
      return { status: 200, body: { issuer } };
    case 'GET /.well-known/openid-configuration':
      return { status: 200, body: configuration };
    case 'GET /jwks':
      return { status: 200, body: { keys: keys.map(publicJwk) } };
    case 'POST /rotate':
      keys.unshift(newKey(`bed-${keys.length + 1}`));
      return { status: 200, body: { kid: keys[0]?.id } };
    case 'POST /mint': {
      const { claims, header, expiresIn = 300, key } = jsonOf<MintRequest>(request);
      const now = Math.floor(Date.now() / 1_000);
      const signer = key === 'unknown' ? stranger : (keys[0] ?? stranger);
      return {
        status: 200,
        body: { token: makeToken(signer, { iss: issuer, iat: now, nbf: now - 10, exp: now + expiresIn, ...claims }, header) },
      };
    }
    default:
      return { status: 404, body: { error: 'unknown' } };
  }
});

createServer(serve).listen(port, '127.0.0.1');
