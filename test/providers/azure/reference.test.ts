import { assert, option, property, stringMatching } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Fault } from '../../../src/core/fault.ts';
import { parseReference, type Reference } from '../../../src/core/reference.ts';
import type { ParsedRef } from '../../../src/provider-kit/contract.ts';
import { formatRef, listingOf, parseRef, placeOf } from '../../../src/providers/azure-key-vault/reference.ts';
import { canary } from './fake-azure.ts';

const reference = (text: string): Reference => {
  const result = parseReference(text);
  if (!result.ok) throw new Error(result.message);
  return result.reference;
};
const parse = (text: string, options = {}): ParsedRef => parseRef(reference(text), options);
const fault = (text: string, options = {}): Fault => {
  try {
    parse(text, options);
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  throw new Error('no fault');
};
const own = { vaultUrl: 'https://team-kv.vault.azure.net' };
const version = '0123456789abcdef0123456789abcdef';

describe('references of azure-key-vault', () => {
  it('reads vault, name, version and field', () => {
    expect(parse('azure://Team-KV/Db-Password')).toEqual({ key: 'team-kv/Db-Password' });
    expect(parse(`azure://team-kv/db?version=${version.toUpperCase()}#/a/b`)).toEqual({ key: 'team-kv/db', version, field: '/a/b' });
    expect(parse('azure://db', own)).toEqual({ key: 'db' });
  });

  it('gives one key to the two ways of naming the own vault', () => {
    expect(parse('azure://team-kv/db', own)).toEqual(parse('azure://db', own));
    expect(parse('azure://other-kv/db', own).key).toBe('other-kv/db');
    expect(parse('azure://team-kv/db', { ...own, vaultDomain: 'vault.azure.cn' }).key).toBe('team-kv/db');
  });

  it('points to the vault of the right cloud', () => {
    expect(placeOf('team-kv/db', {})).toEqual({ vaultUrl: 'https://team-kv.vault.azure.net', name: 'db' });
    expect(placeOf('team-kv/db', { vaultDomain: 'vault.azure.cn' }).vaultUrl).toBe('https://team-kv.vault.azure.cn');
    expect(placeOf('db', { vaultUrl: 'https://127.0.0.1:8443/' })).toEqual({ vaultUrl: 'https://127.0.0.1:8443', name: 'db' });
  });

  it.each([
    ['azure://db', /names no vault/],
    ['azure://team-kv/a_b', /letters, digits and -/],
    [`azure://team-kv/${'a'.repeat(128)}`, /1 to 127/],
    ['azure://kv/db', /3 to 24/],
    ['azure://1team/db', /beginning with a letter/],
    ['azure://team--kv/db', /3 to 24/],
    ['azure://team-/db', /3 to 24/],
    ['azure://team-kv/db/extra', /a vault and a name/],
    ['azure://https://team-kv.vault.azure.net/secrets/db', /not an address/],
    ['azure://team-kv.vault.azure.net/db', /not an address/],
    ['azure://team-kv/db?version=1', /32 hexadecimal digits/],
    ['azure://team-kv/db?stage=x', /one option, version/],
    ['azure://team-kv/db#/a~2', /JSON pointer/],
  ])('refuses %s offline', (text, message) => {
    expect(fault(text).kind).toBe('ref');
    expect(fault(text).message).toMatch(message);
    expect(fault(text).detail.hint).toBeTruthy();
  });

  it('never quotes what was written', () => {
    const secret = canary();
    for (const text of [
      `azure://team-kv/a_${secret}`,
      `azure://x.${secret}/y`,
      `azure://team-kv/db?version=${secret}`,
      `azure://${secret}${secret}/db`,
    ]) {
      expect(`${fault(text).message} ${fault(text).detail.hint ?? ''}`).not.toContain(secret);
    }
  });

  it('finds the vault of a listing', () => {
    expect(listingOf('', own)).toEqual({ vaultUrl: 'https://team-kv.vault.azure.net', name: '', keyStart: '' });
    expect(listingOf('other-kv/db', {})).toEqual({ vaultUrl: 'https://other-kv.vault.azure.net', name: 'db', keyStart: 'other-kv/' });
    expect(() => listingOf('db', {})).toThrow(/names no vault/);
  });

  it('formats what it parses', () => {
    const name = stringMatching(/^[0-9A-Za-z-]{1,127}$/);
    const vault = stringMatching(/^[a-z][0-9a-z]{1,22}[0-9a-z]$/);
    const id = stringMatching(/^[0-9a-f]{32}$/);
    assert(
      property(option(vault, { nil: undefined }), name, option(id, { nil: undefined }), (inVault, secret, pinned) => {
        const key = inVault === undefined ? secret : `${inVault}/${secret}`;
        const options = inVault === undefined ? { vaultUrl: 'https://own.example' } : {};
        const ref = { key, ...(pinned === undefined ? {} : { version: pinned }) };
        const { path, options: written } = formatRef(ref);
        expect(parseRef({ provider: 'azure', path, options: written, text: '' }, options)).toEqual(ref);
      }),
    );
  });
});
