/** Which addresses may be talked to. Pure; adapters reach it through `provider-kit/endpoint.ts`. */
import { Fault } from '../core/fault.ts';

export interface EndpointRules {
  /** Names the address in a message, such as `the address of vault`. */
  readonly what: string;
  /** Allows `http://` to a host that is not this machine. */
  readonly insecureHttp?: boolean | undefined;
}

/**
 * Reads an address that requests and credentials will be sent to.
 * @throws Fault 'options': not a URL, another scheme than https or http, a user or password in it, or plain http to
 * another machine. The text itself is never quoted: it may hold a password.
 */
export function checkEndpoint(url: string, { what, insecureHttp = false }: EndpointRules): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:\/\//i.test(url.trim())) {
    throw new Fault('options', { message: `${what} is not a web address`, hint: 'write it as https://HOST or https://HOST:PORT' });
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new Fault('options', {
      message: `${what} holds a user or password`,
      hint: 'take it out, and sign in by one of the auth methods',
    });
  }
  if (parsed.protocol === 'http:' && !insecureHttp && !isLoopback(parsed.hostname)) {
    throw new Fault('options', {
      message: `${what} is http://${parsed.host}, which would send secrets unencrypted`,
      hint: 'write https://, or set insecureHttp: true in the provider if the way there is safe',
    });
  }
  return parsed;
}

/** Whether a host name, as URL gives it, is this machine: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** @throws Fault 'options' where the environment switches the checking of certificates off */
export function checkTlsEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new Fault('options', {
      message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of every certificate, so no credential is sent',
      hint: 'unset NODE_TLS_REJECT_UNAUTHORIZED, and name a private CA with caFile or NODE_EXTRA_CA_CERTS',
    });
  }
}
