import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { proxyFor } from '../../src/platform/http-proxy.ts';

const https = new URL('https://vault.example.com');

describe('proxyFor', () => {
  it('takes the variable of the scheme, the lower-case name first', () => {
    expect(proxyFor(https, { HTTPS_PROXY: 'http://a:3128', HTTP_PROXY: 'http://b:3128' })).toMatchObject({
      host: 'a:3128',
      variable: 'HTTPS_PROXY',
    });
    expect(proxyFor(https, { HTTPS_PROXY: 'http://a:3128', https_proxy: 'http://c:3128' })).toMatchObject({
      host: 'c:3128',
      variable: 'https_proxy',
    });
    expect(proxyFor(new URL('http://vault.example.com'), { HTTP_PROXY: 'http://b:3128' })).toMatchObject({ host: 'b:3128' });
    expect(proxyFor(https, { HTTP_PROXY: 'http://b:3128' })).toBeUndefined();
    expect(proxyFor(https, { HTTPS_PROXY: '' })).toBeUndefined();
  });

  it('reads an address without a scheme as http', () => {
    expect(proxyFor(https, { HTTPS_PROXY: 'proxy.example.com:3128' })).toMatchObject({ host: 'proxy.example.com:3128', secure: false });
  });

  it('keeps the credentials for the connection only', () => {
    const proxy = proxyFor(https, { HTTPS_PROXY: 'http://user:canary-91c0@proxy.example.com:3128' });
    expect(proxy?.host).toBe('proxy.example.com:3128');
    expect(proxy?.url).toContain('canary-91c0');
  });

  it.each(['socks5://user:canary-77aa@proxy:1080', 'http://:canary-77aa@:x'])(
    'refuses what is no http proxy, without repeating it',
    (value) => {
      let fault: unknown;
      try {
        proxyFor(https, { HTTPS_PROXY: value });
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
      expect((fault as Fault).kind).toBe('options');
      expect(JSON.stringify([(fault as Fault).message, (fault as Fault).detail])).not.toContain('canary-77aa');
    },
  );

  it.each(['http://127.0.0.1:8200', 'http://localhost', 'https://[::1]'])('never sends %s through a proxy', (url) => {
    expect(proxyFor(new URL(url), { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'http://a:1' })).toBeUndefined();
  });

  it.each([
    ['vault.example.com', true],
    ['VAULT.EXAMPLE.COM', true],
    ['example.com', true],
    ['.example.com', true],
    ['*.example.com', true],
    ['other.org, example.com', true],
    ['other.org example.com', true],
    ['*', true],
    ['vault.example.com:443', true],
    ['vault.example.com:8200', false],
    ['ample.com', false],
    ['sub.vault.example.com', false],
    ['', false],
    [',', false],
  ])('NO_PROXY=%j: direct is %s', (list, direct) => {
    expect(proxyFor(https, { HTTPS_PROXY: 'http://a:1', NO_PROXY: list }) === undefined).toBe(direct);
  });

  it.each([
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://10.1.2.3', '10.1.2.3/33', false],
    ['https://11.1.2.3', '10.0.0.0/8', false],
    ['https://[fd00::1]', 'fd00::/8', true],
    ['https://[fd00::1]', 'fd00::1', true],
    ['https://[fd00::1]:8200', '[fd00::1]:8200', true],
    ['https://vault.example.com', '10.0.0.0/8', false],
  ])('%s with NO_PROXY=%s: direct is %s', (url, list, direct) => {
    expect(proxyFor(new URL(url), { HTTPS_PROXY: 'http://a:1', no_proxy: list }) === undefined).toBe(direct);
  });
});
