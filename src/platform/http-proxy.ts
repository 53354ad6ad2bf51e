/** Which proxy a request goes through, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
import { BlockList, isIP } from 'node:net';
import { Fault } from '../core/fault.ts';
import { isLoopback } from './http-endpoint.ts';

export interface Proxy {
  /** With its credentials: for the connection only. */
  readonly url: string;
  /** Host and port: safe to print. */
  readonly host: string;
  /** Whether the connection to the proxy itself is encrypted. */
  readonly secure: boolean;
  /** The environment variable that named it. */
  readonly variable: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an address, undefined where it is reached directly. Loopback never goes through one. As curl and Go
 * do, the lower-case name wins and a name in NO_PROXY covers its subdomains; address ranges are written 10.0.0.0/8.
 * @throws Fault 'options' for a proxy that is not http or https; it is not quoted, it may hold a password
 */
export function proxyFor(target: URL, env: Env): Proxy | undefined {
  if (isLoopback(target.hostname)) return undefined;
  const names = target.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY'];
  const variable = names.find((name) => (env[name] ?? '') !== '');
  if (variable === undefined || isExcepted(target, env['no_proxy'] || env['NO_PROXY'] || '')) return undefined;
  const text = env[variable] ?? '';
  const parsed = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new Fault('options', {
      message: `${variable} is not the address of an http or https proxy`,
      hint: `set ${variable} to http://HOST:PORT, or unset it`,
    });
  }
  return { url: parsed.href, host: parsed.host, secure: parsed.protocol === 'https:', variable };
}

function isExcepted(target: URL, list: string): boolean {
  const host = target.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (isIP(entry) !== 0) return entry === host;
  const range = /^([^/]+)\/(\d{1,3})$/.exec(entry);
  if (range !== null) return isInRange(range[1] ?? '', Number(range[2]), host);
  const [, name = '', onlyPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry.replaceAll(/[[\]]/g, '')) ?? [];
  if (name === '' || (onlyPort !== undefined && onlyPort !== port)) return false;
  return host === name || host.endsWith(`.${name}`);
}

function isInRange(network: string, bits: number, host: string): boolean {
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || bits > (family === 4 ? 32 : 128)) return false;
  const version = family === 4 ? 'ipv4' : 'ipv6';
  const range = new BlockList();
  range.addSubnet(network, bits, version);
  return range.check(host, version);
}
