/** A throw-away CA, a server certificate for localhost and 127.0.0.1, and a client certificate. */
import { join } from 'node:path';

export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** Makes them in a folder, by the program openssl, which `run` runs. */
export async function makeCertificates(
  dir: string,
  run: (program: string, args: readonly string[]) => Promise<void>,
): Promise<Certificates> {
  const at = (name: string): string => join(dir, name);
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3'];
  const extensions = (...list: readonly string[]): readonly string[] => list.flatMap((one) => ['-addext', one]);
  const authority = extensions('basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign');
  await run('openssl', [...request, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Secrets test bed CA', ...authority]);
  const leaf = async (name: string, subject: string, ...list: readonly string[]): Promise<void> => {
    const files = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
    await run('openssl', [...request, ...files, '-subj', `/CN=${subject}`, ...extensions('basicConstraints=critical,CA:FALSE', ...list)]);
  };
  await leaf('server', 'localhost', 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1', 'extendedKeyUsage=serverAuth');
  await leaf('client', 'bed-client', 'extendedKeyUsage=clientAuth');
  return {
    caFile: at('ca.pem'),
    certFile: at('server.pem'),
    keyFile: at('server.key'),
    clientCertFile: at('client.pem'),
    clientKeyFile: at('client.key'),
  };
}
