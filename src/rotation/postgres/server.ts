/** Talking to a PostgreSQL server: logging in, and giving a user another password. Its own words never leave. */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import type { Client, ClientConfig } from 'pg';
import { Fault, plainWord, type FaultKind } from '../../core/fault.ts';
import type { Login } from './login.ts';
import { prepared, scramVerifier } from './verifier.ts';

const CONNECT_MS = 10_000;
const QUERY_MS = 20_000;
const DEFAULT_PORT = 5432;

/** `not-asked`: the server let the user in without asking for a password, so that nothing is known of it. */
export type LoginAnswer = { readonly state: 'in'; readonly client: Client } | { readonly state: 'refused' | 'not-asked' };

/** Logs in. @throws Fault where it can't be told whether the password is right */
export async function logIn(login: Login, password: string, ca: string | undefined): Promise<LoginAnswer> {
  const { default: pg } = await import('pg');
  let asked = false;
  const client = new pg.Client({
    ...configOf(login, ca),
    password: () => {
      asked = true;
      return prepared(password);
    },
  });
  // An idle connection that breaks is noticed by the next query.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    const code = sqlState(error);
    if (code === '28P01' || code === '28000') return { state: 'refused' };
    throw faultOfServer(error, login);
  }
  if (asked) return { state: 'in', client };
  await client.end().catch(() => undefined);
  return { state: 'not-asked' };
}

/** Sets or, with undefined, takes away the password of a user; of the one that is logged in where none is named. @throws Fault */
export async function setPassword(client: Client, user: string | undefined, password: string | undefined, login: Login): Promise<void> {
  const { default: pg } = await import('pg');
  const role = user === undefined ? 'CURRENT_USER' : pg.escapeIdentifier(user);
  const stored = password === undefined ? 'NULL' : pg.escapeLiteral(scramVerifier(password));
  await query(client, `ALTER ROLE ${role} WITH PASSWORD ${stored}`, login);
}

/** Whether there is a user that may log in. @throws Fault */
export async function mayLogIn(client: Client, user: string, login: Login): Promise<boolean> {
  const { rows } = await query(client, 'SELECT rolcanlogin FROM pg_catalog.pg_roles WHERE rolname = $1', login, [user]);
  return (rows[0] as { readonly rolcanlogin?: boolean } | undefined)?.rolcanlogin === true;
}

async function query(
  client: Client,
  text: string,
  login: Login,
  values: readonly string[] = [],
): Promise<{ readonly rows: readonly unknown[] }> {
  try {
    return await client.query(text, [...values]);
  } catch (error) {
    throw faultOfServer(error, login);
  }
}

function configOf(login: Login, ca: string | undefined): ClientConfig {
  const { host, port = DEFAULT_PORT, database, user } = login;
  if (host === undefined || user === undefined)
    throw new Fault('options', {
      message: `nothing says ${host === undefined ? 'where the database server is' : 'which user of the database it is'}`,
      hint: `add rotate.${host === undefined ? 'host' : 'user'} to the manifest, or store the value as a URL`,
    });
  return {
    host,
    port,
    user,
    database: database ?? user,
    ssl: sslOf(login.sslmode, host, ca),
    application_name: 'secrets',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: false,
  };
}

/** Encrypted and checked wherever the network begins, unless the manifest or the stored URL says otherwise. */
function sslOf(mode: string | undefined, host: string, ca: string | undefined): NonNullable<ClientConfig['ssl']> {
  const isLocal = host.startsWith('/') || host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
  switch (mode ?? (isLocal ? 'disable' : 'verify-full')) {
    case 'disable':
      return false;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return { ...authority(ca), checkServerIdentity: () => undefined };
    default:
      return { ...authority(ca), ...(net.isIP(host) === 0 ? { servername: host } : {}) };
  }
}

function authority(ca: string | undefined): { readonly ca?: string } {
  if (ca === undefined) return {};
  try {
    return { ca: readFileSync(ca, 'utf8') };
  } catch {
    throw new Fault('options', { message: 'the file of rotate.ca cannot be read', hint: 'check its path and permissions' });
  }
}

function sqlState(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? plainWord(error.code) : undefined;
}

const KINDS: Readonly<Record<string, FaultKind>> = {
  '42501': 'denied',
  '42704': 'denied',
  '0LP01': 'denied',
  '22023': 'denied',
  '3D000': 'options',
  '25006': 'denied',
};

/** A failure by its code alone: the text of an error may quote the statement. */
function faultOfServer(error: unknown, { host = '' }: Login): Fault {
  const code = sqlState(error);
  const detail = code === undefined ? {} : { backendCode: code };
  if (error instanceof Fault) return error;
  const kind: FaultKind = code === undefined ? 'timeout' : (KINDS[code] ?? (/^(?:22|42|28|0L|P0)/.test(code) ? 'denied' : 'unavailable'));
  const where = plainWord(host) ?? 'its host';
  if (kind === 'denied') return new Fault(kind, { ...detail, message: `PostgreSQL refused the change (${code ?? ''})` });
  if (kind === 'options')
    return new Fault(kind, { ...detail, message: 'PostgreSQL has no such database', hint: 'add rotate.database to the manifest' });
  const told = code === undefined ? '' : ` (${code})`;
  return new Fault(kind, {
    ...detail,
    message: `PostgreSQL at ${where} did not answer as it should${told}`,
    hint: 'check that the server can be reached from here',
  });
}
