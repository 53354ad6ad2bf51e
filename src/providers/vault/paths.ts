/** Names of documents, and the API paths made of them. */
import { Fault } from '../../core/fault.ts';
import type { Reference } from '../../core/reference.ts';
import type { ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { refusePendingKey } from '../../provider-kit/pending.ts';

const EXAMPLE = 'write vault://MOUNT/PATH#FIELD';

/**
 * Reads `MOUNT/PATH#FIELD?version=N`. Which part is the mount is only known to the server.
 * @throws Fault 'ref'
 */
export function parseVaultRef({ path, options, field }: Reference): ParsedRef {
  const segments = path.split('/');
  if (segments.includes('')) {
    throw new Fault('ref', { message: 'the path begins or ends with / or holds //', hint: `${EXAMPLE}, with one / between names` });
  }
  if (segments.length < 2) throw new Fault('ref', { message: 'the path needs a mount and a name', hint: EXAMPLE });
  refusePendingKey(path);
  const { version, ...others } = options;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Fault('ref', { message: `there is no option ${other}`, hint: 'the only option is ?version=N' });
  if (version !== undefined && !/^[1-9]\d{0,8}$/.test(version)) {
    throw new Fault('ref', {
      message: 'the version is not a number from 1 up',
      hint: 'write ?version=3, or leave it out for the current one',
    });
  }
  if (field === undefined) {
    throw new Fault('ref', {
      message: 'the reference names a whole secret, which holds several fields',
      hint: 'add the field: #FIELD, or #/a/b for a value inside one',
    });
  }
  checkField(field);
  return { key: path, field, ...(version === undefined ? {} : { version }) };
}

/** Escapes a path segment by segment. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** The parts of KV version 2's API. */
export type Kv2Part = 'data' | 'metadata' | 'detailed-metadata' | 'subkeys' | 'delete' | 'undelete' | 'destroy';

/** A secrets engine: where it is mounted, and how it is spoken to. */
export interface Mount {
  /** With a slash at the end: `secret/`, `team/kv/`. */
  readonly path: string;
  readonly engine: 'kv1' | 'kv2' | 'other';
}

/** The one of these mounts that a document is below, if any. */
export function covering(mounts: ReadonlyMap<string, Mount>, key: string): Mount | undefined {
  for (let end = key.indexOf('/'); end >= 0; end = key.indexOf('/', end + 1)) {
    const mount = mounts.get(key.slice(0, end + 1));
    if (mount !== undefined) return mount;
  }
  return undefined;
}

/** A document's name inside its mount. */
const nameIn = (mount: Mount, key: string): string => key.slice(mount.path.length);

/** The document that was probably meant where a name begins with a part of KV version 2's API, else undefined. */
export function withoutApiPart(mount: Mount, key: string): string | undefined {
  const meant = /^(?:data|metadata)\/(.+)$/s.exec(nameIn(mount, key))?.[1];
  return mount.engine !== 'kv2' || meant === undefined ? undefined : mount.path + meant;
}

/** The path of a policy rule for a document; also that of the API. */
export function apiPath(mount: Mount, key: string, part: Kv2Part = 'data'): string {
  return mount.engine === 'kv2' ? `${mount.path}${part}/${nameIn(mount, key)}` : key;
}
