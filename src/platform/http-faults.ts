/** What went wrong with a connection, in words. Nothing that Node or a server said is repeated. */
import { Fault, plainWord } from '../core/fault.ts';
import type { Proxy } from './http-proxy.ts';

export interface ConnectionContext {
  /** Host and port of the server. */
  readonly host: string;
  /** The name that its certificate is checked against. */
  readonly checkedName: string;
  readonly caFile: string | undefined;
  /** NODE_EXTRA_CA_CERTS, if set. */
  readonly extraCaFile: string | undefined;
  readonly proxy: Proxy | undefined;
}

/** Turns an error of a request into a {@link Fault}. */
export function connectionFault(error: unknown, context: ConnectionContext): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  if (code === 'ERR_PROXY_TUNNEL') return proxyStatusFault(statusOf(error), context);
  const failedCheck = certificateCheck(code, context);
  if (failedCheck !== undefined) return failedCheck;
  const dialled = dialFault(code, context);
  if (dialled !== undefined) return dialled;
  if (
    /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|NO_CERTIFICATE|UNSUPPORTED_CERTIFICATE)|HANDSHAKE_FAILURE/.test(code)
  ) {
    return new Fault('unavailable', {
      message: `${context.host} refused the TLS connection (${code})`,
      hint: 'check clientCertFile and clientKeyFile: the server may want another client certificate',
      retryable: false,
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new Fault('unavailable', {
      message: `no TLS connection to ${context.host} (${code})`,
      hint: 'check the address: https:// and the port of the TLS listener',
      retryable: false,
    });
  }
  if (code.startsWith('HPE_')) return new Fault('protocol', `${context.host} answered something that is not HTTP (${code})`);
  return new Fault('unavailable', `the connection to ${context.host}${via(context)} failed (${code})`);
}

/** The proxy itself answered instead of opening a way to the server; 407 is about credentials. */
export function proxyStatusFault(status: number | undefined, { host, proxy }: ConnectionContext): Fault {
  const name = `the proxy ${proxy?.host ?? ''}`;
  const variable = proxy?.variable ?? 'HTTPS_PROXY';
  if (status === 407) {
    return new Fault('unavailable', {
      message: `${name} asks for other credentials (407)`,
      hint: `check the user and password in ${variable}, or add the host to NO_PROXY`,
      status,
      retryable: false,
    });
  }
  return new Fault('unavailable', {
    message: `${name} opened no connection to ${host} (${status ?? 'no status'})`,
    hint: `check ${variable} and the proxy's rules, or add the host to NO_PROXY`,
    retryable: status === undefined || status >= 500,
    ...(status === undefined ? {} : { status }),
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EHOSTDOWN: 'host down',
  ENETDOWN: 'network down',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  ENOTFOUND: 'its name does not exist',
};

/** With a proxy in use only the proxy is dialled, so these are about it; a reset may come from either. */
function dialFault(code: string, context: ConnectionContext): Fault | undefined {
  const reason = REASONS[code];
  if (reason === undefined) return undefined;
  const { proxy, host } = context;
  const either = code === 'ECONNRESET' || code === 'EPIPE';
  const whom = proxy === undefined || either ? `${host}${via(context)}` : `the proxy ${proxy.host}`;
  const hint =
    proxy === undefined ? 'check the address, and that the server is running' : `check ${proxy.variable}, or add the host to NO_PROXY`;
  return new Fault('unavailable', { message: `cannot connect to ${whom}: ${reason}`, hint, retryable: code !== 'ENOTFOUND' });
}

const NOT_TRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);
const OTHER_CHECK = /^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|ERR_TLS_CERT_)/;

function certificateCheck(code: string, context: ConnectionContext): Fault | undefined {
  const { caFile, extraCaFile, host } = context;
  const fault = (check: string, hint: string): Fault =>
    new Fault('unavailable', { message: `${host}${via(context)}: the TLS check failed: ${check}`, hint, retryable: false });
  const extra = [caFile, extraCaFile].filter((file) => file !== undefined);
  const trusted = extra.length === 0 ? 'the built-in authorities' : `the built-in authorities and ${extra.join(', ')}`;
  if (NOT_TRUSTED.has(code)) {
    const kind =
      code === 'DEPTH_ZERO_SELF_SIGNED_CERT'
        ? 'its certificate is self-signed and not trusted'
        : 'its certificate comes from an authority that is not trusted';
    return fault(
      `${kind}; trusted are ${trusted}`,
      `name the PEM file of the server's CA with caFile${caFile === undefined ? '' : `: ${caFile} is not it`}`,
    );
  }
  if (code === 'CERT_HAS_EXPIRED')
    return fault(
      'a certificate of its chain has expired',
      "renew the server's certificate or the one in caFile, and check this machine's clock",
    );
  if (code === 'CERT_NOT_YET_VALID') return fault('a certificate of its chain is not valid yet', "check this machine's clock");
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return fault(
      `its certificate is not for ${context.checkedName}`,
      'correct the address, or set serverName to a name in the certificate',
    );
  }
  if (OTHER_CHECK.test(code))
    return fault(
      `its certificate is not accepted (${code}); trusted are ${trusted}`,
      'check the certificate chain of the server, and caFile',
    );
  return undefined;
}

const via = ({ proxy }: ConnectionContext): string => (proxy === undefined ? '' : ` (through the proxy ${proxy.host})`);

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return plainWord(code) ?? 'no code';
}

function statusOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && Number.isInteger(status) ? status : undefined;
}
