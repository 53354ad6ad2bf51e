/** One Key Vault, secrets only: versions, tags, paging, states, soft delete, permissions, limits. */
import { randomUUID } from 'node:crypto';
import { jsonOf } from '../http.ts';
import type { Reply, Request } from '../http.ts';
import { badToken, ENTRA, now, settings, state, VAULT, vaultError } from './state.ts';
import type { Secret, Version } from './state.ts';

const API_VERSIONS = ['7.0', '7.1', '7.2', '7.3', '7.4', '7.5', '7.6', '2025-07-01', '2026-04-01'];
const LIMIT_BYTES = 25_600;
const DAY_S = 86_400;

interface Body {
  readonly value: unknown;
  readonly contentType: unknown;
  readonly tags: unknown;
  readonly attributes: Record<string, unknown>;
}

const notFound = (name: string): Reply =>
  vaultError(
    404,
    'SecretNotFound',
    `A secret with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command.`,
  );
const badParameter = (message: string): Reply => vaultError(400, 'BadParameter', message);
const forbidden = (message: string, inner: string): Reply => vaultError(403, 'Forbidden', message, inner);
const denied = (permission: string): Reply =>
  forbidden(
    `The user, group or application 'appid=${settings.clientId}' does not have secrets ${permission} permission on the key vault.`,
    'AccessDenied',
  );

export function vault(request: Request): Reply {
  const bad = badToken(request.headers.authorization);
  if (bad !== undefined) {
    const challenge = `Bearer authorization="${ENTRA}/${settings.tenantId}", resource="${VAULT}"`;
    return { ...vaultError(401, 'Unauthorized', bad), headers: { 'www-authenticate': challenge } };
  }
  const version = request.url.searchParams.get('api-version');
  if (version === null) return badParameter('api-version must be specified.');
  if (!API_VERSIONS.includes(version)) return badParameter(`The specified version (${version}) is not recognized.`);
  const [, collection, name, third] = request.url.pathname.split('/');
  if (collection !== 'secrets' && collection !== 'deletedsecrets') return vaultError(404, 'NotFound', 'No such resource.');
  if (name === undefined || name === '') return listAll(request, collection);
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) return badParameter(`The request URI contains an invalid name: ${name}`);
  return collection === 'deletedsecrets' ? deletedSecret(request, name, third) : secretRequest(request, name, third);
}

const hostOf = (request: Request): string => `https://${request.headers.host}`;

/** A version as the service shows it: with its value, without it, or (in lists of names) without its version too. */
function shown(request: Request, secret: Secret, version: Version, form: 'value' | 'version' | 'name'): Record<string, unknown> {
  return {
    ...(form === 'value' ? { value: version.value } : {}),
    id: `${hostOf(request)}/secrets/${secret.name}${form === 'name' ? '' : `/${version.version}`}`,
    contentType: version.contentType,
    tags: version.tags,
    attributes: { ...version.attributes, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 },
  };
}

function latest(secret: Secret): Version {
  const version = secret.versions.at(-1);
  if (version === undefined) throw new Error('a secret without a version');
  return version;
}

function tombstone(request: Request, secret: Secret, form: 'value' | 'name'): Record<string, unknown> {
  const deletedDate = secret.deletedAt ?? 0;
  return {
    ...shown(request, secret, latest(secret), form),
    recoveryId: `${hostOf(request)}/deletedsecrets/${secret.name}`,
    deletedDate,
    scheduledPurgeDate: deletedDate + 90 * DAY_S,
  };
}

function page(request: Request, items: readonly object[]): Reply {
  const query = request.url.searchParams;
  const size = Math.min(Number(query.get('maxresults') ?? 25), 25);
  if (!(size >= 1)) return badParameter('maxresults must be between 1 and 25.');
  const from = Number(query.get('$skiptoken') ?? 0);
  const next = `${hostOf(request)}${request.url.pathname}?api-version=${query.get('api-version')}&$skiptoken=${from + size}&maxresults=${size}`;
  return { status: 200, body: { value: items.slice(from, from + size), nextLink: from + size < items.length ? next : null } };
}

function listAll(request: Request, collection: 'secrets' | 'deletedsecrets'): Reply {
  if (!state.permissions.includes('list')) return denied('list');
  if (collection === 'deletedsecrets') {
    return page(
      request,
      [...state.deleted.values()].map((secret) => tombstone(request, secret, 'name')),
    );
  }
  const secrets = [...state.secrets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return page(
    request,
    secrets.map((secret) => shown(request, secret, latest(secret), 'name')),
  );
}

/** Names are case-insensitive. */
const keyOf = (name: string): string => name.toLowerCase();
const may = (permission: string, name: string): boolean => state.permissions.includes(permission) && !state.denied.has(keyOf(name));

function deletedSecret(request: Request, name: string, third: string | undefined): Reply {
  const permission = request.method === 'DELETE' ? 'purge' : third === 'recover' ? 'recover' : 'get';
  if (!may(permission, name)) return denied(permission);
  const secret = state.deleted.get(keyOf(name));
  if (secret === undefined) return notFound(name);
  if (permission === 'get') return { status: 200, body: tombstone(request, secret, 'name') };
  state.deleted.delete(keyOf(name));
  if (permission === 'purge') return { status: 204 };
  state.secrets.set(keyOf(name), secret);
  return { status: 200, body: shown(request, secret, latest(secret), 'version') };
}

const PERMISSION_OF: Readonly<Record<string, string>> = { PUT: 'set', PATCH: 'set', DELETE: 'delete' };

function secretRequest(request: Request, name: string, third: string | undefined): Reply {
  const permission = third === 'versions' ? 'list' : (PERMISSION_OF[request.method] ?? 'get');
  if (!may(permission, name)) return denied(permission);
  const secret = state.secrets.get(keyOf(name));
  if (request.method === 'PUT') return setSecret(request, name, secret);
  if (secret === undefined) return notFound(name);
  if (request.method === 'DELETE') {
    state.secrets.delete(keyOf(name));
    secret.deletedAt = now();
    state.deleted.set(keyOf(name), secret);
    return { status: 200, body: tombstone(request, secret, 'value') };
  }
  if (third === 'versions') {
    return page(
      request,
      secret.versions.map((version) => shown(request, secret, version, 'version')),
    );
  }
  const version = third === undefined || third === '' ? latest(secret) : secret.versions.find((one) => one.version === third);
  if (version === undefined) return notFound(`${name}/${third}`);
  if (request.method === 'PATCH') {
    const body = jsonOf<Body>(request);
    Object.assign(version.attributes, body.attributes, { updated: now() });
    if (body.contentType !== undefined) version.contentType = body.contentType;
    if (body.tags !== undefined) version.tags = body.tags;
    return { status: 200, body: shown(request, secret, version, 'version') };
  }
  if (version.attributes['enabled'] !== true) return forbidden('Operation get is not allowed on a disabled secret.', 'SecretDisabled');
  // Expired and not yet valid secrets are served: their dates are only information.
  return { status: 200, body: shown(request, secret, version, 'value') };
}

function setSecret(request: Request, name: string, present: Secret | undefined): Reply {
  if (state.deleted.has(keyOf(name))) {
    const message = `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`;
    return vaultError(409, 'Conflict', message, 'ObjectIsDeletedButRecoverable');
  }
  const body = jsonOf<Body>(request);
  if (typeof body.value !== 'string') return badParameter('The secret value is missing.');
  if (Buffer.byteLength(body.value) > LIMIT_BYTES)
    return badParameter(`The secret value is larger than the limit of ${LIMIT_BYTES} bytes.`);
  const version: Version = {
    value: body.value,
    version: randomUUID().replaceAll('-', ''),
    contentType: body.contentType,
    tags: body.tags,
    attributes: { enabled: true, ...body.attributes, created: now(), updated: now() },
  };
  const secret: Secret = present ?? { name, versions: [] };
  secret.versions.push(version);
  state.secrets.set(keyOf(name), secret);
  return { status: 200, body: shown(request, secret, version, 'value') };
}
