/** The options of the rotator `postgres`, checked. */
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import type { Login } from './login.ts';
import { fromUrl } from './login.ts';

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

export interface PostgresOptions {
  /** One user whose password changes, or two that take turns. */
  readonly users: 'single' | 'alternate';
  /** The two users; undefined: NAME and NAME_clone. */
  readonly names: readonly [string, string] | undefined;
  /** Where the server is and who logs in, over what the stored values say. */
  readonly login: Login;
  readonly adminUser: string | undefined;
  /** Absolute path of the certificate authority's file. */
  readonly ca: string | undefined;
}

/** @throws Fault 'options' */
export function postgresOptions(options: Readonly<Record<string, unknown>>, baseDir: string): PostgresOptions {
  const text = (key: string): string | undefined => {
    const value = options[key];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '') throw wrong(key, 'text');
    return value;
  };
  const users = text('users') ?? 'single';
  if (users !== 'single' && users !== 'alternate') throw wrong('users', 'single or alternate');
  const port = options['port'];
  if (port !== undefined && (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535))
    throw wrong('port', 'a port number');
  const url = text('url');
  const server = url === undefined ? {} : fromUrl(url);
  if (server.password !== undefined)
    throw new Fault('options', { message: 'rotate.url must not hold a password', hint: 'take it out and name the value by rotate.admin' });
  const sslmode = text('sslmode') ?? server.sslmode;
  if (sslmode !== undefined && !SSL_MODES.some((mode) => mode === sslmode)) throw wrong('sslmode', `one of ${SSL_MODES.join(', ')}`);
  const ca = text('ca');
  const given: Login = { host: text('host'), port, database: text('database'), user: text('user'), sslmode };
  return {
    users,
    names: namesOf(options['names']),
    login: { ...server, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) },
    adminUser: text('adminUser'),
    ca: ca === undefined ? undefined : path.resolve(baseDir, ca),
  };
}

function namesOf(given: unknown): readonly [string, string] | undefined {
  if (given === undefined) return undefined;
  const [one, other, ...rest] = Array.isArray(given) ? (given as readonly unknown[]) : [];
  if (typeof one !== 'string' || typeof other !== 'string' || rest.length > 0 || one === other || one === '' || other === '')
    throw wrong('names', 'two different names of users');
  return [one, other];
}

const wrong = (key: string, expected: string): Fault =>
  new Fault('options', { message: `rotate.${key} must be ${expected}`, hint: 'change it in the manifest' });
