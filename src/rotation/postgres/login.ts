/**
 * The forms in which a log-in is stored: a URL, a JSON document with its parts, or the password alone. Read, and
 * written anew with another user or password while everything else keeps its text.
 */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { extractField, replaceField } from '../../provider-kit/json-document.ts';

/** What a stored value says; what it does not say is undefined. */
export interface Login {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly sslmode?: string | undefined;
}

/** Names of the fields in a document, the usual one first. */
const FIELDS = {
  host: ['host', 'hostname'],
  port: ['port'],
  database: ['dbname', 'database'],
  user: ['username', 'user'],
  password: ['password'],
  sslmode: ['sslmode'],
} as const;

const URL_SHAPE = /^(postgres(?:ql)?:\/\/)(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

const isUrl = (text: string): boolean => /^postgres(?:ql)?:\/\//.test(text);
const isDocument = (text: string): boolean => text.trimStart().startsWith('{');

/** @throws Fault 'options' for a URL that can't be read */
export function loginOf(value: SecretValue): Login {
  const text = value.reveal().toString('utf8');
  if (isUrl(text)) return fromUrl(text.trim());
  if (!isDocument(text)) return { password: text };
  const field = (names: readonly string[]): string | undefined => {
    for (const name of names) {
      const found = extractField(value, name);
      if (found.ok) return found.value.reveal().toString('utf8');
    }
    return undefined;
  };
  const url = field(['url', 'uri']);
  const base = url !== undefined && isUrl(url) ? fromUrl(url) : {};
  const port = field(FIELDS.port);
  return defined({
    ...base,
    host: field(FIELDS.host) ?? base.host,
    port: port === undefined ? base.port : portOf(port),
    database: field(FIELDS.database) ?? base.database,
    user: field(FIELDS.user) ?? base.user,
    password: field(FIELDS.password) ?? base.password,
    sslmode: field(FIELDS.sslmode) ?? base.sslmode,
  });
}

/** Reads a URL such as `postgres://user:password@host:5432/database?sslmode=verify-full`. @throws Fault 'options' */
export function fromUrl(text: string): Login {
  const match = URL_SHAPE.exec(text);
  if (match === null) throw unreadable();
  const [, , user, password, place = '', database, query] = match;
  const socket = new URLSearchParams(query).get('host');
  const port = /:(\d+)$/.exec(place)?.[1];
  const host = place.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return defined({
    host: host === '' ? (socket ?? undefined) : decode(host),
    port: port === undefined ? undefined : portOf(port),
    database: database === undefined || database === '' ? undefined : decode(database),
    user: user === undefined || user === '' ? undefined : decode(user),
    password: password === undefined ? undefined : decode(password),
    sslmode: new URLSearchParams(query).get('sslmode') ?? undefined,
  });
}

/**
 * The stored value with another password, and another user where one is given.
 * @throws Fault 'options' where a user is given and the form has no place for one
 */
export function withLogin(value: SecretValue, change: { readonly password: string; readonly user?: string }): SecretValue {
  const text = value.reveal().toString('utf8');
  if (isUrl(text)) return SecretValue.fromText(urlWith(text.trim(), change));
  if (isDocument(text)) return documentWith(value, change);
  if (change.user !== undefined)
    throw new Fault('options', {
      message: 'alternating users need a value that has the name of the user: a URL, or a document with the field username',
      hint: 'store postgres://USER:PASSWORD@HOST/DATABASE, or take users: alternate out of the manifest',
    });
  return SecretValue.fromText(change.password);
}

function urlWith(text: string, { user, password }: { readonly password: string; readonly user?: string }): string {
  const match = URL_SHAPE.exec(text);
  const [whole, scheme = '', before] = match ?? [];
  if (match === null || whole === undefined || before === undefined) throw unreadable();
  const rest = text.slice(text.indexOf('@') + 1);
  return `${scheme}${user === undefined ? before : encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}`;
}

function documentWith(value: SecretValue, { user, password }: { readonly password: string; readonly user?: string }): SecretValue {
  const has = (name: string): boolean => extractField(value, name).ok;
  const put = (document: SecretValue, names: readonly string[], text: string): SecretValue => {
    const name = names.find(has);
    if (name === undefined) return document;
    const replaced = replaceField(document, name, SecretValue.fromText(text));
    if (!replaced.ok) throw replaced.fault;
    return replaced.value;
  };
  const url = extractField(value, 'url');
  const change = { password, ...(user === undefined ? {} : { user }) };
  const withUrl =
    url.ok && isUrl(url.value.reveal().toString('utf8'))
      ? put(value, ['url'], urlWith(url.value.reveal().toString('utf8'), change))
      : value;
  if (withUrl === value && !FIELDS.password.some(has))
    throw new Fault('options', {
      message: 'the document has neither a field password nor a field url',
      hint: 'name the field in the reference',
    });
  const withUser = user === undefined ? withUrl : put(withUrl, FIELDS.user, user);
  return put(withUser, FIELDS.password, password);
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Fault('options', 'the port of the database is no port number');
  return port;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable();
  }
}

const unreadable = (): Fault =>
  new Fault('options', {
    message: 'the URL of the database cannot be read',
    hint: 'write postgres://USER:PASSWORD@HOST:5432/DATABASE, with % in front of special characters of the password encoded',
  });

const defined = <T extends object>(all: T): T => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as T;
