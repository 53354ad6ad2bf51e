import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { createHttpClient } from '../../src/platform/http.ts';
import type { HttpClientOptions, HttpResponse } from '../../src/provider-kit/http.ts';
import { makeCertificates, type Certificates } from '../bed/certificates.ts';
import { startTlsServer, type TestServer } from './http-server.ts';

const PROGRAM = 'openssl';
const hasOpenssl = (() => {
  try {
    execFileSync(PROGRAM, ['version']);
    return true;
  } catch {
    return false;
  }
})();

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const openssl = (...args: string[]): void => void execFileSync(PROGRAM, args, { stdio: 'ignore' });
const at = (name: string): string => join(dir, name);

const TOKEN = 'canary-token-77d0b6e1';
const closers: (() => unknown)[] = [];
let dir: string;
let files: Certificates;

async function ask(url: string, options: Partial<HttpClientOptions>, env: Record<string, string> = {}): Promise<HttpResponse> {
  const http = createHttpClient({ baseUrl: url, ...options }, env);
  try {
    return await http.request({ method: 'GET', path: '/', headers: { 'x-vault-token': TOKEN }, signal: new AbortController().signal });
  } finally {
    http.close();
  }
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no fault but ${String(error)}`);
}

async function serve(certFile: string, keyFile: string, more: object = {}): Promise<TestServer> {
  const server = await startTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ...more }, (_, response) =>
    response.end('ok'),
  );
  closers.push(() => server.close());
  return server;
}

describe.skipIf(!hasOpenssl)(`TLS${hasOpenssl ? '' : ' (skipped: there is no openssl)'}`, () => {
  let good: TestServer;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'secrets-http-tls-'));
    const run = async (program: string, args: readonly string[]): Promise<void> => void (await promisify(execFile)(program, [...args]));
    files = await makeCertificates(dir, run);
    good = await serve(files.certFile, files.keyFile);
  });
  afterAll(async () => {
    for (const close of closers) await close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('trusts the CA of caFile besides the built-in ones', async () => {
    expect((await ask(good.url, { caFile: files.caFile })).status).toBe(200);
  });

  it('refuses a server of an unknown CA once and for all, and sends it no token', async () => {
    const fault = await faultOf(ask(good.url, {}));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
    expect(fault.message).toContain('comes from an authority that is not trusted; trusted are the built-in authorities');
    expect(fault.detail.hint).toContain('caFile');
    expect(good.received.filter(({ headers }) => headers['x-vault-token'] === TOKEN)).toHaveLength(1);
  });

  it('says which CA files were in use', async () => {
    const fault = await faultOf(ask(good.url, { caFile: files.clientCertFile }, { NODE_EXTRA_CA_CERTS: '/etc/extra.pem' }));
    expect(fault.message).toContain(`trusted are the built-in authorities and ${files.clientCertFile}, /etc/extra.pem`);
    expect(fault.detail.hint).toContain(files.clientCertFile);
  });

  it('refuses a certificate for another name, unless serverName gives the right one', async () => {
    const names = ['-addext', 'subjectAltName=DNS:vault.example.com'];
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-days',
      '3',
      '-CA',
      files.caFile,
      '-CAkey',
      at('ca.key'),
      '-keyout',
      at('other.key'),
      '-out',
      at('other.pem'),
      '-subj',
      '/CN=x',
      ...names,
    );
    const server = await serve(at('other.pem'), at('other.key'));
    const fault = await faultOf(ask(server.url, { caFile: files.caFile }));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
    expect(fault.message).toContain('its certificate is not for 127.0.0.1');
    expect(fault.detail.hint).toContain('serverName');
    expect(server.received).toEqual([]);
    expect((await ask(server.url, { caFile: files.caFile, serverName: 'vault.example.com' })).status).toBe(200);
  });

  it('refuses an expired certificate', async () => {
    openssl('req', '-new', ...NEW_KEY, '-keyout', at('old.key'), '-out', at('old.csr'), '-subj', '/CN=localhost');
    openssl('x509', '-req', '-in', at('old.csr'), '-CA', files.caFile, '-CAkey', at('ca.key'), '-days', '-1', '-out', at('old.pem'));
    const server = await serve(at('old.pem'), at('old.key'));
    const fault = await faultOf(ask(server.url, { caFile: files.caFile }));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
    expect(fault.message).toContain('has expired');
    expect(server.received).toEqual([]);
  });

  it('shows a client certificate to a server that asks for one', async () => {
    const server = await serve(files.certFile, files.keyFile, {
      requestCert: true,
      rejectUnauthorized: true,
      ca: readFileSync(files.caFile),
    });
    const options = { caFile: files.caFile, clientCertFile: files.clientCertFile, clientKeyFile: files.clientKeyFile };
    expect((await ask(server.url, options)).status).toBe(200);
    const fault = await faultOf(ask(server.url, { caFile: files.caFile }));
    expect(fault.kind).toBe('unavailable');
  });

  it('tells a port that speaks no TLS', async () => {
    const plain = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => plain.close(resolve)));
    const fault = await faultOf(ask(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`, {}));
    expect([fault.kind, fault.retryable]).toEqual(['unavailable', false]);
    expect(fault.message).toContain('no TLS connection');
  });

  it.each([
    ['that is not there', { caFile: '/nowhere/ca.pem' }, 'caFile cannot be read: /nowhere/ca.pem (ENOENT)'],
    ['that is no PEM', { caFile: 'empty.pem' }, 'caFile is not a PEM file'],
    ['without its key', { clientCertFile: 'client.pem' }, 'needs both clientCertFile and clientKeyFile'],
    ['with the key of another', { clientCertFile: 'client.pem', clientKeyFile: 'server.key' }, 'the certificates cannot be used'],
  ] as const)('refuses a file %s', async (_, given, message) => {
    writeFileSync(at('empty.pem'), '');
    const options = Object.fromEntries(Object.entries(given).map(([name, file]) => [name, file.startsWith('/') ? file : at(file)]));
    const fault = await faultOf(ask(good.url, options));
    expect(fault.kind).toBe('options');
    expect(fault.message).toContain(message);
  });

  it('goes through the tunnel of a proxy, with the same checks', async () => {
    const asked: string[] = [];
    const proxy = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        asked.push(data.toString().split('\r\n')[0] ?? '');
        const onward = connect(good.port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(onward).pipe(socket);
        });
        onward.on('error', () => {});
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => proxy.close(resolve)));
    const env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    const url = 'https://vault.example.com';
    expect((await ask(url, { caFile: files.caFile, serverName: 'localhost' }, env)).status).toBe(200);
    expect(asked).toEqual(['CONNECT vault.example.com:443 HTTP/1.1']);
    expect((await faultOf(ask(url, { caFile: files.caFile }, env))).message).toContain('its certificate is not for vault.example.com');
    expect((await faultOf(ask(url, { serverName: 'localhost' }, env))).message).toMatch(
      /through the proxy 127\.0\.0\.1:\d+\).*not trusted/,
    );
  });

  it('keeps tokens and keys out of the debug output of Node', async () => {
    const script = `
      import { createHttpClient } from ${JSON.stringify(new URL('../../src/platform/http.ts', import.meta.url).href)};
      const http = createHttpClient(${JSON.stringify({ baseUrl: good.url, caFile: files.caFile, clientCertFile: files.clientCertFile, clientKeyFile: files.clientKeyFile })}, {});
      const signal = new AbortController().signal;
      await http.request({ method: 'POST', path: '/', headers: { 'x-vault-token': ${JSON.stringify(TOKEN)} }, body: 'canary-body-1d2e', signal });
      http.close();
    `;
    const env = { ...process.env, NODE_DEBUG: 'http,https,net,tls,stream,child_process,fetch,undici', DEBUG: '*' };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(stderr).toMatch(/HTTP/);
    const key = readFileSync(files.clientKeyFile, 'utf8').split('\n')[1] ?? '';
    for (const secret of [TOKEN, 'canary-body-1d2e', key.slice(24)]) expect((stdout + stderr).includes(secret)).toBe(false);
  });
});
