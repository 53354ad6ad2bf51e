/**
 * References of Key Vault: `azure://VAULT/NAME`, or `azure://NAME` where the provider has a `vaultUrl`. Offline.
 *
 * A document's key is the same path: `VAULT/NAME`, or `NAME` alone for the provider's own vault.
 */
import { Fault } from '../../core/fault.ts';
import type { Reference } from '../../core/reference.ts';
import type { ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import type { Options } from './options.ts';

export const DEFAULT_VAULT_DOMAIN = 'vault.azure.net';

const SECRET_NAME = /^[0-9A-Za-z-]{1,127}$/;
const VAULT_NAME = /^[A-Za-z](?:[0-9A-Za-z]|-(?!-)){1,22}[0-9A-Za-z]$/;
const VERSION = /^[0-9a-f]{32}$/;

/** A document's place: the vault's address and the secret's name in it. */
interface Place {
  /** Origin, such as `https://team-kv.vault.azure.net`. */
  readonly vaultUrl: string;
  readonly name: string;
}

/** Reads a reference. Throws Fault 'ref' with what is wrong; the reference is never quoted. */
export function parseRef(reference: Reference, options: Options): ParsedRef {
  const { version, ...others } = reference.options;
  if (Object.keys(others).length > 0) throw wrong('a Key Vault reference takes one option, version', 'write ?version=ID or nothing');
  if (version !== undefined && !VERSION.test(version.toLowerCase())) {
    throw wrong('a version of Key Vault is 32 hexadecimal digits', 'secrets history NAME lists the versions');
  }
  checkField(reference.field);
  return {
    key: keyOf(reference.path, options),
    ...(version === undefined ? {} : { version: version.toLowerCase() }),
    ...(reference.field === undefined ? {} : { field: reference.field }),
  };
}

/** The reference's parts for a document. */
export function formatRef(ref: ParsedRef): { path: string; options: Readonly<Record<string, string>>; field?: string } {
  return {
    path: ref.key,
    options: ref.version === undefined ? {} : { version: ref.version },
    ...(ref.field === undefined ? {} : { field: ref.field }),
  };
}

/** Where a key of {@link parseRef} points to. */
export function placeOf(key: string, options: Options): Place {
  const [first = '', second] = key.split('/');
  if (second === undefined) return { vaultUrl: ownVault(options) ?? '', name: first };
  return { vaultUrl: vaultUrlOf(first, options), name: second };
}

/** The address of a vault by its short name. */
const vaultUrlOf = (vault: string, options: Options): string => `https://${vault}.${options.vaultDomain ?? DEFAULT_VAULT_DOMAIN}`;

/** The origin of the provider's own vault. */
export const ownVault = (options: Options): string | undefined =>
  options.vaultUrl === undefined ? undefined : new URL(options.vaultUrl).origin;

/** The vault and the beginning of a name that a listing is limited to, and what its keys begin with. */
export function listingOf(
  prefix: string,
  options: Options,
): { readonly vaultUrl: string; readonly name: string; readonly keyStart: string } {
  const slash = prefix.indexOf('/');
  if (slash >= 0) {
    const vault = vaultName(prefix.slice(0, slash));
    return { vaultUrl: vaultUrlOf(vault, options), name: prefix.slice(slash + 1), keyStart: `${vault}/` };
  }
  const own = ownVault(options);
  if (own !== undefined) return { vaultUrl: own, name: prefix, keyStart: '' };
  throw wrong('the listing names no vault', 'write VAULT/, or set vaultUrl in the provider');
}

function keyOf(path: string, options: Options): string {
  const parts = path.split('/');
  if (path.includes('://') || (parts.length > 1 && parts[0]?.includes('.') === true)) {
    throw wrong('a reference holds the short name of the vault, not an address', 'write VAULT/NAME, for example team-kv/db-password');
  }
  if (parts.length > 2) throw wrong('a reference has a vault and a name', 'write VAULT/NAME, with ?version=ID for one version');
  const [first = '', second] = parts;
  if (second === undefined) {
    if (options.vaultUrl === undefined) throw wrong('the reference names no vault', 'write VAULT/NAME, or set vaultUrl in the provider');
    return secretName(first);
  }
  const vault = vaultName(first);
  const name = secretName(second);
  // Both ways to name the provider's own vault are one document, so it is fetched once.
  return vaultUrlOf(vault, options) === ownVault(options) ? name : `${vault}/${name}`;
}

function secretName(name: string): string {
  if (SECRET_NAME.test(name)) return name;
  throw wrong('a secret of Key Vault has a name of 1 to 127 letters, digits and -', 'write - for _ and other characters');
}

function vaultName(name: string): string {
  if (VAULT_NAME.test(name)) return name.toLowerCase();
  throw wrong(
    'a vault has a name of 3 to 24 letters, digits and -, beginning with a letter',
    'write VAULT/NAME, for example team-kv/db-password',
  );
}

const wrong = (message: string, hint: string): Fault => new Fault('ref', { message, hint });
