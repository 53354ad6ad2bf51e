import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { checkEndpoint, checkTlsEnvironment } from '../../src/provider-kit/endpoint.ts';

const what = 'the address of vault';

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('checkEndpoint', () => {
  it.each(['https://vault.example.com', 'https://vault.example.com:8200/base', 'HTTPS://Vault.example.com'])('takes %s', (url) => {
    expect(checkEndpoint(url, { what }).protocol).toBe('https:');
  });

  it.each(['http://127.0.0.1:8200', 'http://127.9.8.7', 'http://127.1', 'http://[::1]:8200', 'http://localhost', 'http://LOCALHOST:1'])(
    'takes %s without encryption, because it is this machine',
    (url) => {
      expect(checkEndpoint(url, { what }).protocol).toBe('http:');
    },
  );

  it.each([
    'http://vault.example.com',
    'http://10.0.0.1:8200',
    'http://128.0.0.1',
    'http://[::2]',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
  ])('refuses %s', (url) => {
    const fault = faultOf(() => checkEndpoint(url, { what }));
    expect(fault.kind).toBe('options');
    expect(fault.message).toContain('the address of vault is http://');
    expect(fault.detail.hint).toContain('insecureHttp');
  });

  it('takes plain http to another machine where the provider says so', () => {
    expect(checkEndpoint('http://vault.example.com', { what, insecureHttp: true }).host).toBe('vault.example.com');
  });

  it.each(['vault.example.com', 'ftp://vault.example.com', 'unix:///run/vault.sock', 'https:vault.example.com', 'https://', ''])(
    'refuses %j as no web address',
    (url) => {
      expect(faultOf(() => checkEndpoint(url, { what })).message).toContain('is not a web address');
    },
  );

  it('refuses a user and password, and never repeats the address', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{8,20}$/), fc.constantFrom('https', 'http'), (secret, scheme) => {
        const fault = faultOf(() => checkEndpoint(`${scheme}://user:canary-${secret}@vault.example.com`, { what }));
        expect(fault.kind).toBe('options');
        expect(JSON.stringify([fault.message, fault.detail])).not.toContain(secret);
      }),
    );
  });
});

describe('checkTlsEnvironment', () => {
  it('refuses NODE_TLS_REJECT_UNAUTHORIZED=0 and says what to do instead', () => {
    const fault = faultOf(() => checkTlsEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }));
    expect(fault.kind).toBe('options');
    expect(fault.detail.hint).toMatch(/unset NODE_TLS_REJECT_UNAUTHORIZED.*caFile.*NODE_EXTRA_CA_CERTS/);
  });

  it.each([undefined, '', '1'])('takes %j', (value) => {
    expect(() => checkTlsEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: value })).not.toThrow();
  });
});
