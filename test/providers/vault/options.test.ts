import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReference, parseReference } from '../../../src/core/reference.ts';
import provider from '../../../src/providers/vault/index.ts';
import { vaultOptions } from '../../../src/providers/vault/options.ts';
import { settingsOf } from '../../../src/providers/vault/settings.ts';
import { testHost, type TestHostOverrides } from '../../support/host.ts';
import { checked, faultOf, refOf } from './vault.ts';

describe('references', () => {
  it('split into document, field and version', () => {
    expect(refOf('vault://secret/team/api#key')).toEqual({ key: 'secret/team/api', field: 'key' });
    expect(refOf('vault://secret/api?version=12#/a/b')).toEqual({ key: 'secret/api', field: '/a/b', version: '12' });
    expect(refOf('vault://secret/a%3Fb%20c#x')).toEqual({ key: 'secret/a?b c', field: 'x' });
  });

  it.each([
    ['vault://secret/api', /whole secret/, /#FIELD/],
    ['vault://secret#key', /needs a mount and a name/, /vault:\/\/MOUNT\/PATH#FIELD/],
    ['vault://secret//api#key', /holds \/\//, /one \/ between/],
    ['vault:///secret/api#key', /begins or ends with \//, /MOUNT/],
    ['vault://secret/api/#key', /begins or ends with \//, /MOUNT/],
    ['vault://secret/api?version=0#key', /version is not a number from 1 up/, /\?version=3/],
    ['vault://secret/api?version=latest#key', /version is not a number from 1 up/, /\?version=3/],
    ['vault://secret/api?stage=x#key', /no option stage/, /\?version=N/],
    ['vault://secret/api#/a~2', /not a JSON pointer/, /~1/],
  ])('%s is refused offline', async (text, message, hint) => {
    const fault = await faultOf((async () => refOf(text))());
    expect(fault.kind).toBe('ref');
    expect(fault.message).toMatch(message);
    expect(fault.detail.hint).toMatch(hint);
  });

  it('that can be read are written back the same', () => {
    const segment = fc
      .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
      .filter((text) => !/\p{Cc}|[/\u2028\u2029]/u.test(text) && text !== '.' && text !== '..');
    const field = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.startsWith('/') && !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 2, maxLength: 5 }),
        field,
        fc.option(fc.integer({ min: 1, max: 999_999_999 })),
        (segments, name, version) => {
          const ref = { key: segments.join('/'), field: name, ...(version === null ? {} : { version: String(version) }) };
          const formatted = provider.formatRef?.(ref);
          if (formatted === undefined) throw new Error('it cannot write references');
          const text = formatReference({ provider: 'vault', ...formatted });
          const parsed = parseReference(text);
          if (!parsed.ok) throw new Error(parsed.message);
          expect(provider.parseRef(parsed.reference, {})).toEqual(ref);
        },
      ),
    );
  });
});

describe('options', () => {
  it.each([
    [{ adress: 'x' }, ': there is no option adress; known are address, namespace,'],
    [{ address: 1 }, 'address: must be text'],
    [{ address: '' }, 'address: must not be empty'],
    [{ token: 'x' }, ': a token must not stand in a manifest'],
    [{ insecureHttp: 'yes' }, 'insecureHttp: must be true or false'],
    [{ auth: [] }, 'auth: must not be empty'],
    [{ auth: 'jwt' }, 'auth.0: must be a mapping with a method'],
    [{ auth: { method: 'magic' } }, 'auth.0.method: must be one of kubernetes, jwt, approle, token'],
    [{ auth: { method: 'kubernetes' } }, 'auth.0.role: is missing'],
    [{ auth: [{ method: 'token' }, { method: 'approle', secretId: 'x' }] }, 'auth.1: a secret id must not stand in a manifest'],
    [{ auth: { method: 'token', token: 'x' } }, 'auth.0: a token must not stand in a manifest'],
    [{ auth: { method: 'jwt', from: 'gitlab' } }, "auth.0.from: must be 'github-actions'"],
    [{ auth: { method: 'jwt', mount: '/jwt/' } }, 'auth.0.mount: must be a path'],
    [{ auth: { method: 'jwt', mount: 'a/../b' } }, 'auth.0.mount: must be a path'],
    [{ auth: { method: 'jwt', constructor: 'x' } }, 'auth.0: there is no option constructor'],
    [{ operatorAuth: { method: 'x' } }, 'operatorAuth.0.method: must be one of'],
    ['x', ': must be a mapping of options'],
  ])('%j is refused in words', async (options, message) => {
    await expect(checked(options as Record<string, unknown>)).rejects.toThrow(message);
  });

  it('never repeat a value that is refused', () => {
    const canary = 'canary-2f9d';
    for (const options of [
      { token: canary },
      { auth: { method: canary } },
      { auth: canary },
      { address: [canary] },
      { auth: { method: 'approle', secretId: canary } },
    ]) {
      const result = vaultOptions['~standard'].validate(options);
      if (result instanceof Promise || result.issues === undefined) throw new Error('it is taken');
      expect(JSON.stringify(result.issues.map(({ message, path }) => [message, path]))).not.toContain(canary);
    }
  });
});

describe('settings', () => {
  const settings = async (options: Record<string, unknown>, env: Record<string, string>, host: TestHostOverrides = {}) =>
    settingsOf(
      (await checked(options)) as Parameters<typeof settingsOf>[0],
      testHost({ provider: 'vault', env, baseDir: '/repo', ...host }),
    );

  it('come from the entry, then from VAULT_, then from BAO_ variables', async () => {
    const bao = {
      BAO_ADDR: 'https://bao',
      BAO_NAMESPACE: 'b',
      BAO_CACERT: '/bao.pem',
      BAO_CLIENT_CERT: '/c.pem',
      BAO_CLIENT_KEY: '/k.pem',
      BAO_TLS_SERVER_NAME: 'bao.name',
    };
    const vault = { VAULT_ADDR: 'https://vault', VAULT_NAMESPACE: 'v', VAULT_CACERT: '/vault.pem', VAULT_CLIENT_CERT: '/vc.pem' };
    const entry = { address: 'https://entry', namespace: '/e/f/', caFile: 'ca.pem', serverName: 'entry.name' };
    expect(await settings({}, bao)).toMatchObject({
      namespace: 'b',
      http: { baseUrl: 'https://bao', caFile: '/bao.pem', clientCertFile: '/c.pem', clientKeyFile: '/k.pem', serverName: 'bao.name' },
    });
    expect(await settings({}, { ...bao, ...vault })).toMatchObject({
      namespace: 'v',
      http: { baseUrl: 'https://vault', caFile: '/vault.pem', clientCertFile: '/vc.pem', clientKeyFile: '/k.pem' },
    });
    expect(await settings(entry, { ...bao, ...vault })).toMatchObject({
      namespace: 'e/f',
      http: { baseUrl: 'https://entry', caFile: '/repo/ca.pem', serverName: 'entry.name' },
    });
  });

  it('find ~/ in the home folder, and say where there is none', async () => {
    expect((await settings({ address: 'https://a', caFile: '~/ca.pem' }, { HOME: '/home/u' })).http.caFile).toBe('/home/u/ca.pem');
    expect((await faultOf(settings({ address: 'https://a', caFile: '~/ca.pem' }, {}))).message).toContain('HOME is not set');
  });

  it.each([
    [{}, {}, /vault has no address/],
    [{ address: 'http://vault.example.com' }, {}, /unencrypted/],
    [{}, { VAULT_ADDR: 'unix:///run/agent.sock' }, /not a web address/],
    [{ address: 'https://u:p@vault' }, {}, /user or password/],
    [{ address: 'https://vault' }, { VAULT_SKIP_VERIFY: 'true' }, /VAULT_SKIP_VERIFY switches off/],
    [{ address: 'https://vault' }, { BAO_SKIP_VERIFY: '1' }, /BAO_SKIP_VERIFY switches off/],
    [{ address: 'https://vault' }, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, /NODE_TLS_REJECT_UNAUTHORIZED/],
  ])('%j with %j are refused before anything is sent', async (options, env, message) => {
    const fault = await faultOf(settings(options, env));
    expect(fault.kind).toBe('options');
    expect(fault.message).toMatch(message);
    expect(fault.detail.hint).toBeDefined();
  });

  it('take plain http where the entry says so', async () => {
    expect((await settings({ address: 'http://vault.example.com', insecureHttp: true }, {})).http.insecureHttp).toBe(true);
  });
});
